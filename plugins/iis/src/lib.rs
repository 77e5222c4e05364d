//! The logs of Microsoft IIS in the W3C format, and the error log of HTTP.sys, to the fields of ECS, named as Elastic's iis integration names them.
//!
//! A plugin knows nothing of earlier lines, `#Fields:` included: the columns are what the operator says, or are told from the shape of the line.

mod column;
mod decode;
mod emit;
mod event_fields;
mod shape;

use collector_plugin::scan::two_digits;
use collector_plugin::time::{Midnight, SECOND_NS, days, fraction, second_of_day};
use collector_plugin::weblog::{NAMES, TIME, own};
use collector_plugin::{Event, Field, Filter, Input, Manifest, Reject, Verdict};
use column::Column;
use emit::Entry;
use event_fields::EventFields;
use serde::Deserialize;
use shape::{COLUMNS_MAX, Shape};

/// Names of the fields that web servers do not have in common.
const OWN_NAMES: [&str; 12] = [
    "destination.address",
    "user.domain",
    "iis.access.site_name",
    "iis.access.server_name",
    "iis.access.sub_status",
    "iis.access.win32_status",
    "iis.access.cookie",
    "iis.access.session_id",
    "iis.access.full_path",
    "iis.error.site_id",
    "iis.error.reason_phrase",
    "iis.error.queue_name",
];
const DESTINATION_ADDRESS: Field = own(0);
const USER_DOMAIN: Field = own(1);
const SITE_NAME: Field = own(2);
const SERVER_NAME: Field = own(3);
const SUB_STATUS: Field = own(4);
const WIN32_STATUS: Field = own(5);
const COOKIE: Field = own(6);
const SESSION: Field = own(7);
const FULL_PATH: Field = own(8);
const SITE_ID: Field = own(9);
const REASON: Field = own(10);
const QUEUE: Field = own(11);
/// How many of them there are: the fields of columns without a name here come behind.
const OWN: u32 = OWN_NAMES.len() as u32;

/// Configuration of the parser.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What stands behind `#Fields:` in the log. Without it the usual columns are told from the shape of the line.
    pub fields: Option<String>,
    /// Also set `event.kind`, `event.category`, `event.type`, `event.outcome`, `event.module`, `event.dataset`, `service.type` and `related.*`.
    pub event_fields: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { fields: None, event_fields: true }
    }
}

/// The parser. It is a filter because it drops comments.
pub struct Iis {
    config: Config,
    columns: Vec<Column>,
    others: Vec<String>,
    is_error: bool,
    midnight: Midnight<10>,
    event_fields: EventFields,
}

impl Filter for Iis {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let (columns, others) = config.fields.as_deref().map(column::read).transpose()?.unwrap_or_default();
        if columns.len() > COLUMNS_MAX {
            return Err(format!("`fields` names {} columns; {COLUMNS_MAX} are read", columns.len()));
        }
        let is_error = columns.contains(&Column::Reason);
        Ok(Self {
            config,
            columns,
            others,
            is_error,
            midnight: Midnight::default(),
            event_fields: EventFields::default(),
        })
    }

    fn manifest(&self) -> Manifest {
        let others = self.others.iter().map(String::as_str);
        Manifest::reading(["message"]).writing(NAMES.iter().copied().chain(OWN_NAMES).chain(others))
    }

    fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        let line = input.text(0).ok_or(Reject("the field to parse is not a text"))?.trim_ascii_end();
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(Verdict::Drop);
        }
        let mut slots = [&b""[..]; COLUMNS_MAX];
        let values = split(line, &mut slots)?;
        let entry = if self.columns.is_empty() {
            let Shape { columns, is_error, .. } =
                shape::tell(values).ok_or(Reject("columns of no usual kind: name them in `fields`"))?;
            self.line(&columns, is_error, values, event)?
        } else {
            if values.len() != self.columns.len() {
                return Err(Reject("not as many columns as `fields` names"));
            }
            let columns = std::mem::take(&mut self.columns);
            let entry = self.line(&columns, self.is_error, values, event);
            self.columns = columns;
            entry?
        };
        if self.config.event_fields {
            self.event_fields.set(&entry, event);
        }
        Ok(Verdict::Keep)
    }
}

impl Iis {
    fn line<'a>(
        &mut self,
        columns: &[Column],
        is_error: bool,
        values: &[&'a [u8]],
        event: &mut Event<'a>,
    ) -> Result<Entry<'a>, Reject> {
        let mut entry = Entry { is_error, ..Entry::default() };
        let (mut date, mut time) = (None, None);
        for (column, value) in columns.iter().zip(values) {
            match column {
                Column::Date => date = Some(*value),
                Column::Time => time = Some(*value),
                _ => emit::set(*column, value, &mut entry, event),
            }
        }
        if let (Some(date), Some(time)) = (date, time) {
            event.time_ns(TIME, self.time(date, time).ok_or(Reject("no date and time such as `2018-01-01 08:09:10`"))?);
        }
        Ok(entry)
    }

    /// Nanoseconds of a date and a time, which are UTC.
    fn time(&mut self, date: &[u8], time: &[u8]) -> Option<i64> {
        let midnight = self.midnight.of(date.try_into().ok()?, midnight)?;
        let second = second_of_day(time.first_chunk()?)?;
        let (fraction_ns, end) = fraction(time, 8)?;
        let ns = (midnight + second).checked_mul(SECOND_NS)?.checked_add(fraction_ns)?;
        (end == time.len()).then_some(ns)
    }
}

fn midnight(date: &[u8; 10]) -> Option<i64> {
    if [date[4], date[7]] != *b"--" {
        return None;
    }
    let year = two_digits(date, 0)? * 100 + two_digits(date, 2)?;
    Some(days(year, two_digits(date, 5)?, two_digits(date, 8)?)? * 86_400)
}

/// The values of a line.
fn split<'a, 's>(line: &'a [u8], slots: &'s mut [&'a [u8]; COLUMNS_MAX]) -> Result<&'s [&'a [u8]], Reject> {
    let mut count = 0;
    for value in line.split(|b| *b == b' ') {
        *slots.get_mut(count).ok_or(Reject("more columns than a W3C log has"))? = value;
        count += 1;
    }
    Ok(&slots[..count])
}

collector_plugin::export!(Iis as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
