//! `2020-04-15 12:02:55.244 CEST`: the server writes the abbreviation of its zone.

use crate::{TIME, TIMESTAMP, TIMEZONE, abbreviation};
use collector_plugin::time::{Midnight, SECOND_NS, days, fraction, offset, second_of_day, zone_text};
use collector_plugin::{Event, scan::two_digits};

/// Bytes of a date.
const DATE: usize = 10;
/// Bytes of a zone that is remembered; longer ones are read anew.
const ZONE: usize = 8;
/// Bytes of a date, a zone, and the local zone.
const KEY: usize = DATE + ZONE + 8;

/// A time as it was found.
#[derive(Clone, Copy)]
pub(crate) struct Stamp<'a> {
    /// Nanoseconds since the epoch.
    pub(crate) ns: i64,
    /// All of it.
    pub(crate) text: &'a [u8],
    /// Its zone; nothing where it has none.
    pub(crate) zone: &'a [u8],
}

/// Reads times; neighbouring lines have the same date and zone.
#[derive(Default)]
pub(crate) struct Clock {
    midnight: Midnight<KEY>,
    /// Minutes east of UTC where a line does not say.
    pub(crate) local_min: i64,
}

impl Clock {
    /// The time at the beginning of `text`.
    pub(crate) fn read<'a>(&mut self, text: &'a [u8]) -> Option<Stamp<'a>> {
        let date: &[u8; DATE] = text.first_chunk()?;
        if text.get(DATE) != Some(&b' ') {
            return None;
        }
        let clock: &[u8; 8] = text.get(DATE + 1..)?.first_chunk()?;
        let (fraction_ns, clock_end) = fraction(text, DATE + 9)?;
        let zone = zone(text.get(clock_end..)?);
        let end = clock_end + if zone.is_empty() { 0 } else { zone.len() + 1 };
        let second = self.midnight(date, zone)? + second_of_day(clock)?;
        let ns = second.checked_mul(SECOND_NS)?.checked_add(fraction_ns)?;
        Some(Stamp { ns, text: &text[..end], zone })
    }

    fn midnight(&mut self, date: &[u8; DATE], zone: &[u8]) -> Option<i64> {
        let local_min = self.local_min;
        if zone.len() > ZONE {
            return midnight(date, zone, local_min);
        }
        let mut key = [0; KEY];
        key[..DATE].copy_from_slice(date);
        key[DATE..DATE + zone.len()].copy_from_slice(zone);
        key[DATE + ZONE..].copy_from_slice(&local_min.to_le_bytes());
        self.midnight.of(&key, |_| midnight(date, zone, local_min))
    }

    /// The time that is all of `text`.
    pub(crate) fn whole<'a>(&mut self, text: &'a [u8]) -> Option<Stamp<'a>> {
        self.read(text).filter(|stamp| stamp.text.len() == text.len())
    }

    /// Sets the time of the event, as instant and as it was written.
    pub(crate) fn emit(&self, stamp: &Stamp<'_>, event: &mut Event<'_>) {
        event.time_ns(TIME, stamp.ns);
        event.text(TIMESTAMP, stamp.text);
        if stamp.zone.is_empty() {
            event.build(TIMEZONE, |arena| arena.extend_from_slice(&zone_text(self.local_min)));
        } else {
            event.text(TIMEZONE, stamp.zone);
        }
    }
}

/// ` CEST` or ` +0530` at the beginning of what follows a time of day: without the space.
fn zone(rest: &[u8]) -> &[u8] {
    let Some((b' ', word)) = rest.split_first() else {
        return &[];
    };
    let signed = usize::from(matches!(word.first(), Some(b'+' | b'-')));
    let is_part = |b: &&u8| if signed == 1 { b.is_ascii_digit() } else { b.is_ascii_alphabetic() };
    let length = signed + word[signed..].iter().take_while(is_part).count();
    // `LOG:  ` behind a time is no zone.
    let is_level = word.get(length..length + 3).is_some_and(|after| after == b":  ");
    if length == signed || is_level { &[] } else { &word[..length] }
}

fn midnight(date: &[u8; DATE], zone: &[u8], local_min: i64) -> Option<i64> {
    if [date[4], date[7]] != *b"--" {
        return None;
    }
    let year = two_digits(date, 0)? * 100 + two_digits(date, 2)?;
    let days = days(year, two_digits(date, 5)?, two_digits(date, 8)?)?;
    let east_s = match zone.first() {
        None => local_min * 60,
        Some(b'+' | b'-') => offset(zone)?,
        Some(_) => abbreviation::minutes(zone, local_min) * 60,
    };
    Some(days * 86_400 - east_s)
}
