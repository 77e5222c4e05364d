use super::Plugin;
use collector_plugin::host::with_assets;
use collector_plugin::testing::{Outcome, Session, check_samples};
use serde_json::{Value, json};

const USERS: &str = "id,name,team\n7, Eve ,blue\n8,\"Doe, Jo\",\n";

fn open(config: &Value, table: &str) -> Result<Session<Plugin>, String> {
    with_assets([("table".to_owned(), table.as_bytes().to_vec())], || Session::open(&config.to_string()))
}

fn looked_up(config: &Value, table: &str, fields: &Value) -> Outcome {
    open(config, table).unwrap().event("line", fields.as_object().unwrap())
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn rows_of_a_csv_file_are_found() {
    let config = json!({"field": "u", "columns": {"name": "user.name", "team": "user.team"}});
    assert_eq!(
        Value::Object(looked_up(&config, USERS, &json!({"u": "7"})).kept()),
        json!({"u": "7", "user.name": "Eve", "user.team": "blue"})
    );
    assert_eq!(
        Value::Object(looked_up(&config, USERS, &json!({"u": 8})).kept()),
        json!({"u": 8, "user.name": "Doe, Jo"})
    );
    assert_eq!(Value::Object(looked_up(&config, USERS, &json!({"u": "9"})).kept()), json!({"u": "9"}));
    let by_team = json!({"field": "t", "key": "team", "columns": {"id": "user.id"}});
    assert_eq!(looked_up(&by_team, "id,team\n7,blue\n", &json!({"t": "blue"})).kept()["user.id"], "7");
}

#[test]
fn rows_of_a_json_file_keep_their_types() {
    let config = json!({"field": "u", "columns": {"a": "a", "b": "b", "c": "c", "d": "d", "e": "e", "f": "f"}});
    let table = r#" {"7":{"a":1,"b":1.5,"c":true,"d":[1],"e":null,"f":18446744073709551615}}"#;
    let kept = looked_up(&config, table, &json!({"u": "7"})).kept();
    assert_eq!(Value::Object(kept), json!({"u": "7", "a": 1, "b": 1.5, "c": true, "d": [1], "f": u64::MAX}));
}

#[test]
fn a_value_that_is_not_in_the_table_can_decide() {
    let config = |on_missing: &str| json!({"field": "u", "columns": {"name": "n"}, "on_missing": on_missing});
    let unknown = json!({"u": "9"});
    assert_eq!(looked_up(&config("drop"), USERS, &unknown), Outcome::Dropped);
    assert_eq!(looked_up(&config("reject"), USERS, &unknown).rejected(), "the value is not in the table");
    assert!(looked_up(&config("drop"), USERS, &json!({})).kept().is_empty());
}

#[test]
fn a_table_that_is_none_is_refused() {
    let config = json!({"field": "u", "columns": {"name": "n"}});
    for (table, part) in [
        ("id,title\n7,x\n", "no column `name`; there are: id, title"),
        ("id,name\n7,x\n7,y\n", "two rows have the key `7`"),
        ("id,name\n7\n", "a row cannot be read"),
        ("{\"7\":", "not one JSON object"),
    ] {
        let error = open(&config, table).err().unwrap();
        assert!(error.contains(part) && error.contains("`table`"), "{error}");
    }
    let without = Session::<Plugin>::open(&config.to_string()).err().unwrap();
    assert!(without.contains("asset"), "{without}");
    assert!(Session::<Plugin>::open("").err().unwrap().contains("`field` is missing"));
    assert!(open(&json!({"field": "u"}), USERS).err().unwrap().contains("`columns` is empty"));
}
