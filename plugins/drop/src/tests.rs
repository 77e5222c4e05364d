use super::Plugin;
use collector_plugin::testing::{Outcome, Session, check_samples};
use serde_json::{Value, json};

/// Whether the configuration drops an event of these fields.
fn drops(config: &Value, fields: &Value) -> bool {
    let mut session = Session::<Plugin>::open(&config.to_string()).unwrap();
    match session.event("line", fields.as_object().unwrap()) {
        Outcome::Dropped => true,
        Outcome::Kept(_) => false,
        Outcome::Rejected(reason) => panic!("{reason}"),
    }
}

fn refusal(config: &Value) -> String {
    Session::<Plugin>::open(&config.to_string()).err().unwrap()
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn each_operation_holds_where_it_should() {
    for (op, value, holding, failing) in [
        ("lt", json!(400), vec![json!(399), json!(-1.5)], vec![json!(400), json!("1"), json!(null)]),
        ("le", json!(400), vec![json!(400)], vec![json!(401), json!(400.5)]),
        ("gt", json!(0.5), vec![json!(1), json!(0.75), json!(1e30)], vec![json!(0), json!(0.5)]),
        ("ge", json!(400), vec![json!(400), json!(18_446_744_073_709_551_615u64)], vec![json!(399)]),
        ("eq", json!("a"), vec![json!("a")], vec![json!("b"), json!(["a"]), json!(1)]),
        ("eq", json!(true), vec![json!(true)], vec![json!(false), json!("true")]),
        ("ne", json!(200), vec![json!(404), json!("x"), json!(null)], vec![json!(200), json!(200.0)]),
        ("in", json!([200, "ok", null]), vec![json!(200), json!("ok"), json!(null)], vec![json!(201), json!("o")]),
        ("not_in", json!([200, "ok"]), vec![json!(404)], vec![json!(200), json!("ok")]),
        ("contains", json!("bot"), vec![json!("Googlebot/2"), json!(["a", "bot"])], vec![json!("b"), json!(["bots"])]),
        ("contains", json!(7), vec![json!([6, 7])], vec![json!([6]), json!(7)]),
        ("prefix", json!("/health"), vec![json!("/healthz")], vec![json!("/a/health"), json!(1)]),
        ("suffix", json!(".css"), vec![json!("/a.css")], vec![json!("/a.css?")]),
        ("lt", json!("b"), vec![json!("a"), json!("")], vec![json!("b"), json!(1)]),
    ] {
        let config = json!({"field": "a.b", "op": op, "value": value});
        for (values, expected) in [(holding, true), (failing, false)] {
            for value in values {
                assert_eq!(drops(&config, &json!({"a.b": value})), expected, "{op}: {config} of {value}");
            }
        }
        assert!(!drops(&config, &json!({"a.c": 1})), "{op} of a field that is not there");
    }
}

#[test]
fn presence_can_be_asked_for() {
    assert!(drops(&json!({"field": "a", "op": "exists"}), &json!({"a": null})));
    assert!(!drops(&json!({"field": "a", "op": "exists"}), &json!({"b": 1})));
    assert!(drops(&json!({"field": "a", "op": "missing"}), &json!({"b": 1})));
    assert!(!drops(&json!({"field": "a", "op": "missing"}), &json!({"a": null})));
}

#[test]
fn the_line_itself_can_decide() {
    assert!(drops(&json!({"field": "message", "op": "contains", "value": "in"}), &json!({})));
}

#[test]
fn conditions_combine() {
    let rules = json!([{"field": "a", "op": "eq", "value": 1}, {"field": "b", "op": "eq", "value": 2}]);
    let (any, all) = (json!({"any": rules}), json!({"all": rules}));
    let inverted = json!({"all": rules, "invert": true});
    for (fields, has_any, has_all) in
        [(json!({"a": 1, "b": 2}), true, true), (json!({"a": 1}), true, false), (json!({"c": 1}), false, false)]
    {
        assert_eq!(drops(&any, &fields), has_any);
        assert_eq!(drops(&all, &fields), has_all);
        assert_eq!(drops(&inverted, &fields), !has_all);
    }
}

#[test]
fn only_the_named_fields_are_read() {
    let rules = json!({"any": [
        {"field": "a", "op": "exists"}, {"field": "b", "op": "exists"}, {"field": "a", "op": "eq", "value": 1}]});
    assert_eq!(Session::<Plugin>::open(&rules.to_string()).unwrap().manifest().reads(), ["a", "b"]);
}

#[test]
fn a_configuration_that_says_nothing_or_too_much_is_refused() {
    for (config, part) in [
        (json!({}), "there is no condition"),
        (json!({"op": "exists"}), "`field`"),
        (json!({"field": "a"}), "`op`"),
        (json!({"field": "a", "op": "exists", "any": [{"field": "a", "op": "exists"}]}), "one of"),
        (json!({"field": "a", "op": "lt"}), "needs a `value`"),
        (json!({"field": "a", "op": "missing", "value": 1}), "takes no `value`"),
        (json!({"field": "a", "op": "in", "value": 1}), "must be a list"),
        (json!({"field": "a", "op": "eq", "value": {}}), "must be a text"),
        (json!({"field": "a", "op": "prefix", "value": 1}), "must be a text"),
        (json!({"field": "a.*", "op": "exists"}), "`a.*`"),
        (json!({"field": "a", "op": "less"}), "less"),
        (json!({"feild": "a"}), "`feild`"),
    ] {
        assert!(refusal(&config).contains(part), "{config}: {}", refusal(&config));
    }
    assert!(Session::<Plugin>::open("").is_err());
}
