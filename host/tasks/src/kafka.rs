//! What a task's `kafka` means.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    Defaults, KafkaOptions, Partitioning, RecordForm,
    error::{At, Trouble},
    explain::one_of,
    task::Acks,
    written::WrittenKafka,
};

const PARTITION: &[(&str, Partitioning)] =
    &[("sticky", Partitioning::Sticky), ("random", Partitioning::Random), ("round_robin", Partitioning::RoundRobin)];
const FORM: &[(&str, RecordForm)] = &[("line", RecordForm::Line), ("batch", RecordForm::Batch)];
/// What can be the key of a record on a machine that runs no plugins on the line.
pub const HOST_FIELDS: [&str; 4] = ["message", "log.file.path", "host.name", "host.ip"];
/// The longest name of a field, in bytes.
const FIELD_BYTES_MAX: usize = 512;

/// What is written under `kafka`; complaints where it means nothing.
pub(crate) fn options(
    written: &WrittenKafka,
    has_plugins: bool,
    defaults: &Defaults,
    at: &mut At<'_>,
) -> Option<KafkaOptions> {
    let acks = at.key("acks").take(acks(written.acks.as_ref()));
    let form = at.key("form").take(form(written.form.as_ref()));
    let of_partition = written.partition.as_ref().and_then(|value| value.get("key"));
    let key = match (&written.key, of_partition) {
        (Some(key), Some(other)) if key != other => {
            let fix = "write the field once: {\"partition\": {\"key\": FIELD}}";
            at.key("key").complain(format!("the partition follows from another key, {other}"), fix);
            None
        }
        (Some(key), _) => at.key("key").take(field(key, has_plugins)).map(Some),
        (None, Some(key)) => at.key("partition").key("key").take(field(key, has_plugins)).map(Some),
        (None, None) => Some(None),
    };
    let partitioning = at.key("partition").take(partitioning(written, defaults));
    if form == Some(RecordForm::Batch) && (written.key.is_some() || of_partition.is_some()) {
        let fix = "take the key away, or write \"form\": \"line\"";
        at.key("form").complain("a record of many lines has no key that is a field of one of them", fix);
    }
    if written.compression.is_some() {
        let fix = "set compression under [kafka] in the settings of this machine";
        at.key("compression").complain("compression is not a task's: one producer serves several tasks", fix);
    }
    Some(KafkaOptions { partitioning: partitioning?, acks: acks?, form: form?, key: key? })
}

fn partitioning(written: &WrittenKafka, defaults: &Defaults) -> Result<Partitioning, Trouble> {
    let fix = || "write \"sticky\", \"random\", \"round_robin\", a partition's number or {\"key\": FIELD}".to_owned();
    match &written.partition {
        // As every Kafka client does where a record has a key.
        None if written.key.is_some() => Ok(Partitioning::Key),
        None => Ok(defaults.partitioning),
        Some(Value::String(word)) => one_of(word, PARTITION),
        Some(Value::Number(number)) => {
            let fits = number.as_i64().and_then(|n| i32::try_from(n).ok()).filter(|n| *n >= 0);
            fits.map(Partitioning::Number).ok_or_else(|| (format!("{number} is not a partition's number"), fix()))
        }
        Some(Value::Object(map)) if map.len() == 1 && map.contains_key("key") => Ok(Partitioning::Key),
        Some(other) => Err((format!("{other} does not name a partition"), fix())),
    }
}

/// A field that is to be the key of records.
fn field(written: &Value, has_plugins: bool) -> Result<Arc<str>, Trouble> {
    let known = || format!("without plugins there are {}", HOST_FIELDS.join(", "));
    let Some(name) = written.as_str().filter(|name| !name.is_empty() && name.len() <= FIELD_BYTES_MAX) else {
        return Err((format!("{written} is not the name of a field"), "write a name, like \"client.ip\"".into()));
    };
    if !has_plugins && !HOST_FIELDS.contains(&name) {
        let fix = format!("name a plugin that finds it in the line; {}", known());
        return Err((format!("no plugin of the task makes a field {name:?}"), fix));
    }
    Ok(name.into())
}

fn form(written: Option<&Value>) -> Result<RecordForm, Trouble> {
    match written {
        None => Ok(RecordForm::Line),
        Some(Value::String(word)) => one_of(word, FORM),
        Some(other) => Err((format!("{other} is not a form"), "write \"line\" or \"batch\"".into())),
    }
}

fn acks(written: Option<&Value>) -> Result<Acks, Trouble> {
    let text = written.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    match text.as_deref() {
        None | Some("all" | "-1") => Ok(Acks::All),
        Some("1") => Ok(Acks::Leader),
        Some("0") => Ok(Acks::None),
        Some(other) => Err((format!("{other} is not a number of acknowledgements"), "write 0, 1 or \"all\"".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bounds, parse_tasks};

    fn read(kafka: &str, plugins: &str) -> Result<KafkaOptions, String> {
        let json = format!(r#"[{{"path":"/var/log/x","topic":"t","kafka":{kafka},"plugins":{plugins}}}]"#);
        let tasks = parse_tasks(&json, "x", &Bounds::open(vec!["/p".into()]), &Defaults::modern("/".into()));
        tasks.map(|tasks| tasks[0].kafka.clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_chooses_the_partition_unless_another_choice_is_written() {
        let by_key = read(r#"{"partition":{"key":"message"}}"#, "[]").unwrap();
        assert_eq!((by_key.partitioning, by_key.key.as_deref()), (Partitioning::Key, Some("message")));
        assert_eq!(read(r#"{"key":"message"}"#, "[]").unwrap(), by_key);
        let random = read(r#"{"key":"host.name","partition":"random"}"#, "[]").unwrap();
        assert_eq!((random.partitioning, random.key.as_deref()), (Partitioning::Random, Some("host.name")));
    }

    #[test]
    fn the_forms_are_line_and_batch() {
        assert_eq!(read("{}", "[]").unwrap().form, RecordForm::Line);
        assert_eq!(read(r#"{"form":"batch"}"#, "[]").unwrap().form, RecordForm::Batch);
        let error = read(r#"{"form":"bach"}"#, "[]").unwrap_err();
        assert!(error.contains("did you mean \"batch\""), "{error}");
        let error = read(r#"{"form":"batch","key":"message"}"#, "[]").unwrap_err();
        assert!(error.contains("a record of many lines has no key"), "{error}");
    }

    #[test]
    fn what_cannot_be_a_key_is_told_with_what_can() {
        let error = read(r#"{"partition":{"key":"client.ip"}}"#, "[]").unwrap_err();
        assert!(
            error.contains("[0].kafka.partition.key: no plugin of the task makes a field \"client.ip\""),
            "{error}"
        );
        assert!(error.contains("message, log.file.path, host.name, host.ip"), "{error}");
        for (kafka, problem) in [
            (r#"{"key":7}"#, "7 is not the name of a field"),
            (r#"{"key":""}"#, "is not the name of a field"),
            (r#"{"key":"host.ip","partition":{"key":"message"}}"#, "the partition follows from another key"),
            (r#"{"partition":{"field":"message"}}"#, "does not name a partition"),
        ] {
            let error = read(kafka, "[]").unwrap_err();
            assert!(error.contains(problem), "{kafka}: {error}");
        }
    }
}
