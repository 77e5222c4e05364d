//! The author's own examples, which travel inside of the plugin: a version that fails one does not take over.

use std::{collections::BTreeMap, sync::Arc};

use collector_model::{Cell, Kind, Schema, Span, Table, schema::Step, table::Event};
use serde_json::Value;

use crate::{
    error::LoadProblem,
    generation::LoadedPlugin,
    host::not_opened,
    meta::{Lines, Meta, MetaName, is_meta},
    names::check_writable,
    outcome::{event_fields, same},
    stage::Stage,
};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(default)]
    config: Option<Value>,
    input: String,
    #[serde(default)]
    fields: serde_json::Map<String, Value>,
    expect: Value,
}

/// Runs all samples.
pub(crate) fn run(samples: &str, plugin: &LoadedPlugin) -> Result<(), LoadProblem> {
    let failed = |number: usize, reason: String| LoadProblem::FailedSample { number, reason };
    let samples: Vec<Sample> = serde_json::from_str(samples)
        .map_err(|error| failed(0, format!("the section collector:samples is not as wit/v0.1 has it: {error}")))?;
    let mut stages: BTreeMap<String, (Stage, Schema)> = BTreeMap::new();
    for (index, sample) in samples.iter().enumerate() {
        let config = sample.config.as_ref().map_or_else(String::new, Value::to_string);
        let (stage, schema) = match stages.entry(config) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let config = entry.key().clone();
                let mut schema = Schema::default();
                let mut stage = Stage::with_config(Arc::new(plugin.twin()), config.clone());
                stage.open(&mut schema).map_err(|error| not_opened(&config, error))?;
                entry.insert((stage, schema))
            }
        };
        check(sample, stage, schema).map_err(|reason| failed(index + 1, reason))?;
    }
    Ok(())
}

fn check(sample: &Sample, stage: &mut Stage, schema: &mut Schema) -> Result<(), String> {
    let mut table = Table::default();
    let text = sample.input.as_bytes();
    let mut event = table.begin(0, Span::between(0, text.len()));
    let mut meta = Meta::default();
    for (name, value) in &sample.fields {
        let wrong = |reason| format!("its field {name:?}: {reason}");
        if is_meta(name) {
            know(&mut meta, name, value).map_err(wrong)?;
        } else {
            check_writable(name).map_err(wrong)?;
            set(&mut event, name, value, &mut table, schema);
        }
    }
    let time_max = stage.plugin().limits.process_time_max;
    let called = stage.call(&Lines::with(text, &meta), &[event], time_max, &mut table, schema);
    let outcome = match called {
        Err(fault) => return Err(fault.to_string()),
        Ok(()) if table.counts.rejected > 0 => Value::from("reject"),
        Ok(()) if table.events().is_empty() => Value::from("drop"),
        Ok(()) => {
            let events = table.events().iter();
            events.map(|event| event_fields(event, text, &table, schema).into_iter().collect::<Value>()).collect()
        }
    };
    let expected =
        if sample.expect.is_object() { Value::from(vec![sample.expect.clone()]) } else { sample.expect.clone() };
    if same(&expected, &outcome) { Ok(()) } else { Err(format!("expected {expected}, got {outcome}")) }
}

/// Takes what a sample says of `@meta`.
fn know<'a>(meta: &mut Meta<'a>, name: &str, value: &'a Value) -> Result<(), String> {
    let meta_name = MetaName::of(name).ok_or("there is no such name below @meta")?;
    match (meta_name, value) {
        (MetaName::Day, Value::String(day)) => {
            let day = day.parse::<jiff::civil::Date>().and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC));
            let day = day.map_err(|error| format!("a day is written as 2026-01-31: {error}"))?;
            meta.day_ns = i64::try_from(day.timestamp().as_nanosecond()).ok();
        }
        (MetaName::Timezone, Value::Number(minutes)) if minutes.is_i64() => meta.timezone_minutes = minutes.as_i64(),
        (MetaName::Host, Value::String(host)) => meta.host = host,
        (MetaName::Path, Value::String(path)) => meta.path = path,
        (MetaName::Topic, Value::String(topic)) => meta.topic = topic,
        _ => {
            return Err(
                "a day is a text as 2026-01-31, a timezone a whole number of minutes, the others are texts".into()
            );
        }
    }
    Ok(())
}

fn set(event: &mut Event, name: &str, value: &Value, table: &mut Table, schema: &mut Schema) {
    let words = |kind, bits: u64| (kind, bits as u32, (bits >> 32) as u32);
    let mut in_arena = |kind, bytes: &[u8]| {
        let span = table.push_arena(bytes).unwrap_or_default();
        (kind, span.start, span.len)
    };
    let (kind, a, b) = match value {
        Value::Null => (Kind::Null, 0, 0),
        Value::Bool(value) => (Kind::Bool, u32::from(*value), 0),
        Value::String(text) => in_arena(Kind::ArenaText, text.as_bytes()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => words(Kind::Int, int as u64),
            (None, Some(float)) if number.is_f64() => words(Kind::Float, float.to_bits()),
            _ => in_arena(Kind::ArenaJson, number.to_string().as_bytes()),
        },
        value => in_arena(Kind::ArenaJson, value.to_string().as_bytes()),
    };
    if let Some(field) = schema.field(name) {
        table.push_cell(event, schema, Cell::new(Step::set(field), kind, a, b));
    }
}
