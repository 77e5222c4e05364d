//! The field that a task wants as the key of its records.

use collector_model::{
    Batch, Line, Schema, Table, Value,
    schema::{Action, FieldId},
    table::Event,
};

/// Writes the field of an event into `out`, which was empty; false where the event lacks it.
pub(super) fn of_event(
    name: &str,
    batch: &Batch,
    table: &Table,
    schema: &Schema,
    event: &Event,
    out: &mut Vec<u8>,
) -> bool {
    let mut found = None;
    for cell in table.cells_of(event) {
        let step = cell.step();
        let is_it = schema.name(step.field()) == name;
        match step.action() {
            Action::Set if is_it => found = Some(*cell),
            Action::Append if is_it => found = found.or(Some(*cell)),
            Action::Remove if is_it || is_below(name, schema.name(step.field())) => found = None,
            _ => {}
        }
    }
    match found.map(|cell| cell.value(&batch.text, table.arena())) {
        Some(Value::Null) | None => name != schema.name(FieldId::MESSAGE) && of_host(name, batch, event.line, out),
        Some(Value::Text(text)) => {
            out.extend_from_slice(text);
            true
        }
        Some(value) => {
            value.write_json(out);
            true
        }
    }
}

/// Writes what is known of a line that no plugin treated.
pub(super) fn of_line(name: &str, batch: &Batch, line: &Line, out: &mut Vec<u8>) -> bool {
    let origin = batch.origin_of(line);
    let value: &[u8] = match name {
        "message" => batch.raw_of(line),
        "log.file.path" => origin.path.as_bytes(),
        "host.name" => origin.host_name.as_bytes(),
        "host.ip" => origin.host_ip.as_bytes(),
        _ => return false,
    };
    out.extend_from_slice(value);
    true
}

fn of_host(name: &str, batch: &Batch, line: u32, out: &mut Vec<u8>) -> bool {
    of_line(name, batch, &batch.lines[line as usize], out)
}

/// Whether `name` lies below `above`, as `url.path` does below `url`.
fn is_below(name: &str, above: &str) -> bool {
    name.strip_prefix(above).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use collector_model::{
        BucketDay, Cell, EventId, FileUid, ForkPath, Kind, LineFlags, Origin, Span, TaskKey, Ticket, Topic,
        batch::RawLine, schema::Step,
    };

    use super::*;

    fn batch() -> Batch {
        let raw = Bytes::from_static(b"10.0.0.1 GET");
        let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(1), 0, &raw);
        let line = RawLine {
            raw: Span::between(0, raw.len()),
            id,
            fork: ForkPath::NONE,
            flags: LineFlags::default(),
            origin: 0,
        };
        let origin = Origin { host_name: "web-1".into(), path: "/var/log/x".into(), ..Origin::default() };
        let topic = Topic::new("t").unwrap();
        let key = TaskKey::of_topic(&topic);
        Batch::new(key, topic, raw, vec![line], vec![Arc::new(origin)], Ticket::untracked())
    }

    type MakeStep = fn(FieldId) -> Step;

    fn key_of(name: &str, cells: &[(&str, MakeStep, Kind, u32, u32)]) -> Option<String> {
        let (batch, mut table, mut schema) = (batch(), Table::default(), Schema::default());
        let mut event = table.begin(0, Span::between(0, 12));
        for (name, step, kind, a, b) in cells {
            let step = step(schema.field(name).unwrap());
            let cell =
                if step.action() == Action::Remove { Cell::removal(step) } else { Cell::new(step, *kind, *a, *b) };
            table.push_cell(&mut event, &mut schema, cell);
        }
        let mut out = vec![];
        of_event(name, &batch, &table, &schema, &event, &mut out).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_value_that_the_document_will_have_is_the_key() {
        let ip = ("client.ip", Step::set as MakeStep, Kind::Text, 0, 8);
        let status = ("status", Step::set as MakeStep, Kind::Int, 200, 0);
        assert_eq!(key_of("client.ip", &[ip, status]).as_deref(), Some("10.0.0.1"));
        assert_eq!(key_of("status", &[ip, status]).as_deref(), Some("200"));
        assert_eq!(key_of("message", &[ip]).as_deref(), Some("10.0.0.1 GET"));
        assert_eq!(key_of("client.ip", &[ip, ("client.ip", Step::set, Kind::Text, 9, 3)]).as_deref(), Some("GET"));
    }

    #[test]
    fn a_field_that_is_absent_null_or_was_removed_is_no_key() {
        let ip = ("client.ip", Step::set as MakeStep, Kind::Text, 0, 8);
        assert_eq!(key_of("user.name", &[ip]), None);
        assert_eq!(key_of("client.ip", &[ip, ("client", Step::remove, Kind::Null, 0, 0)]), None);
        assert_eq!(key_of("client.ip", &[("client.ip", Step::set, Kind::Null, 0, 0)]), None);
        assert_eq!(key_of("message", &[("message", Step::remove, Kind::Null, 0, 0)]), None);
    }

    #[test]
    fn what_the_host_knows_is_a_key_too() {
        assert_eq!(key_of("log.file.path", &[]).as_deref(), Some("/var/log/x"));
        let own = ("host.name", Step::set as MakeStep, Kind::Text, 9, 3);
        assert_eq!(
            (key_of("host.name", &[]).as_deref(), key_of("host.name", &[own]).as_deref()),
            (Some("web-1"), Some("GET"))
        );
        let (batch, mut out) = (batch(), vec![]);
        assert!(of_line("message", &batch, &batch.lines[0], &mut out) && out == b"10.0.0.1 GET");
    }
}
