//! Lines of values with a delimiter between them (RFC 4180), for files whose columns are known.
//!
//! A value may be in quotes; a quote in it is written twice. A line with more or fewer values than there are columns is rejected, unless the configuration says that lines are ragged.

mod config;
mod value;

pub use config::Config;

use collector_plugin::members::Times;
use collector_plugin::{Event, Field, Filter, Input, Manifest, Reject, Verdict, scan};
use config::{Empty, Type};
use value::{Format, Written};

collector_plugin::fields! { TIME = "@timestamp", ZONE = "event.timezone" }

/// The parser of delimited values. It is a filter because it takes the line with the names of the columns away.
pub struct Csv {
    format: Format,
    columns: Vec<Column>,
    /// The line with the names of the columns.
    header: Vec<u8>,
    field: String,
    writes: Vec<String>,
    times: Times,
    empty: Empty,
    nulls: Vec<Vec<u8>>,
    ragged: bool,
}

/// What becomes of the values of a column.
struct Column {
    field: Option<Field>,
    kind: Type,
}

impl Filter for Csv {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        config.check()?;
        let format = config.format()?;
        let mut writes: Vec<String> = FIELDS.iter().map(|name| (*name).to_owned()).collect();
        let mut column = |name: &String| {
            let field = (!name.is_empty()).then(|| {
                writes.push(config.full_name(name));
                Field::nth(writes.len() as u32 - 1)
            });
            Column { field, kind: config.kind(name) }
        };
        let columns = config.columns.iter().map(&mut column).collect();
        Ok(Self {
            format,
            columns,
            header: config.header().into_bytes(),
            field: config.field,
            writes,
            times: Times::new(config.timestamp_format, config.timezone, TIME, ZONE),
            empty: config.empty,
            nulls: config.nulls.into_iter().map(String::into_bytes).collect(),
            ragged: config.ragged,
        })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(std::iter::once(self.field.clone()).chain(self.times.reads().map(str::to_owned)))
            .writing(self.writes.iter().cloned())
    }

    fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        let line = input.text(0).ok_or(Reject("the field to parse is not a text"))?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if *line == *self.header && !line.is_empty() {
            return Ok(Verdict::Drop);
        }
        let (mut at, mut count) = (0, 0);
        loop {
            let value = self.format.read(line, at)?;
            match self.columns.get(count) {
                Some(column) => set(column, &value, self.empty, &self.nulls, &mut self.times, event)?,
                None if self.ragged => break,
                None => return Err(Reject("more values than columns")),
            }
            count += 1;
            if value.end >= line.len() {
                break;
            }
            at = value.end + 1;
        }
        if count < self.columns.len() && !self.ragged {
            return Err(Reject("fewer values than columns"));
        }
        Ok(Verdict::Keep)
    }
}

/// Sets the field of one column.
fn set<'a>(
    column: &Column,
    value: &Written<'a>,
    empty: Empty,
    nulls: &[Vec<u8>],
    times: &mut Times,
    event: &mut Event<'a>,
) -> Result<(), Reject> {
    let Some(field) = column.field else {
        return Ok(());
    };
    let raw = value.raw;
    let is_missing = !value.quoted && raw.is_empty() || nulls.iter().any(|null| **null == *raw);
    if is_missing || raw.is_empty() && column.kind != Type::Text {
        match empty {
            Empty::Skip => {}
            Empty::Null => event.null(field),
            Empty::Text if column.kind == Type::Text => event.text(field, raw),
            Empty::Text => event.null(field),
        }
        return Ok(());
    }
    let fits = match column.kind {
        Type::Text if value.escape.is_some() => {
            event.build(field, |arena| value.plain(arena));
            true
        }
        Type::Text => {
            event.text(field, raw);
            true
        }
        Type::Integer => scan::int(raw).map(|int| event.int(field, int)).is_some(),
        Type::Float => value::float(raw).map(|float| event.float(field, float)).is_some(),
        Type::Boolean => value::boolean(raw).map(|bool| event.bool(field, bool)).is_some(),
        Type::Timestamp => times.set(raw, event),
    };
    if fits { Ok(()) } else { Err(Reject("a value is not of the type of its column")) }
}

collector_plugin::export!(Csv as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
