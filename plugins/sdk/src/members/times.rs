//! A member's value as the time of the event.

use super::TimeFormat;
use super::config::unix_in;
use crate::time::{DateTimes, Zone, unix, zone_text};
use crate::{Event, Field, Value};

/// Columns of what is read, behind the line.
const ZONE_COLUMN: usize = 1;
const DAY_COLUMN: usize = 2;

/// Reads times in the format and the zone of the configuration.
pub struct Times {
    format: TimeFormat,
    zone: Zone,
    date_times: DateTimes,
    time: Field,
    zone_name: Field,
}

impl Times {
    /// `time` becomes the time, and `zone_name` (`event.timezone`) the zone of one that names none.
    #[must_use]
    pub fn new(format: TimeFormat, zone: Zone, time: Field, zone_name: Field) -> Self {
        Self { format, zone, date_times: DateTimes::default(), time, zone_name }
    }

    /// What the manifest reads for it, right behind the line.
    pub fn reads(&self) -> impl Iterator<Item = &'static str> + use<> {
        let day = self.format.lacks_year().then_some("@meta.day");
        std::iter::once(Zone::META).chain(day)
    }

    /// Sets the time; says whether the text is one.
    #[inline(always)]
    pub fn set(&mut self, text: &[u8], event: &mut Event<'_>) -> bool {
        let input = event.input();
        let local = input.value(ZONE_COLUMN);
        let east_min = self.zone.minutes(local);
        let Some((time_ns, has_zone)) = self.read(text, east_min, input.value(DAY_COLUMN)) else {
            return false;
        };
        event.time_ns(self.time, time_ns);
        if !has_zone && (self.zone != Zone::Local || local != Value::Absent) {
            event.text(self.zone_name, &zone_text(east_min));
        }
        true
    }

    #[inline(always)]
    fn read(&mut self, text: &[u8], east_min: i64, day: Value<'_>) -> Option<(i64, bool)> {
        let with_zone = |time_ns| (time_ns, true);
        match &self.format {
            TimeFormat::Auto => self.date_times.read(text, east_min).or_else(|| unix(text).map(with_zone)),
            TimeFormat::Rfc3339 => self.date_times.read(text, east_min),
            TimeFormat::Unix(unit_ns) => unix_in(text, *unit_ns).map(with_zone),
            TimeFormat::Pattern(pattern) => pattern.read(text, east_min, day),
        }
    }
}
