//! Times as documents have them. Consecutive events mostly share their second, so its text is kept.

use collector_model::cell::rfc3339;

use crate::writer::{Padded, Writer};

const NS_PER_S: i64 = 1_000_000_000;
const NS_PER_MS: i64 = 1_000_000;
const S_PER_DAY: i64 = 86_400;
/// Where the hour begins in `"2024-01-31T12:34:56.789Z"`.
const HOUR_AT: usize = 12;

/// Writes times in RFC 3339: milliseconds, or nanoseconds where there are any.
#[derive(Debug)]
pub(crate) struct TimeWriter {
    day: i64,
    second: i64,
    /// The second, without a fraction.
    text: Padded,
}

impl Default for TimeWriter {
    fn default() -> Self {
        TimeWriter { day: 0, second: 0, text: Padded::new(b"\"1970-01-01T00:00:00.000Z\"".to_vec()) }
    }
}

impl TimeWriter {
    /// Appends the time with its quotes.
    #[inline]
    pub(crate) fn put(&mut self, ns: i64, out: &mut Writer<'_>) {
        let second = ns.div_euclid(NS_PER_S);
        if self.second != second {
            self.remember(second);
        }
        out.put_padded(&self.text, 0..self.text.len());
        let fraction = ns.rem_euclid(NS_PER_S);
        if fraction != 0 {
            put_fraction(fraction, out);
        }
    }

    /// Writes the second into the text.
    #[inline(never)]
    fn remember(&mut self, second: i64) {
        let day = second.div_euclid(S_PER_DAY);
        if self.day != day {
            self.remember_day(day);
        }
        let of_day = second.rem_euclid(S_PER_DAY) as u32;
        let parts = [of_day / 3_600, of_day / 60 % 60, of_day % 60];
        let text = self.text.bytes_mut();
        for (part, digits) in parts.iter().zip(text[HOUR_AT..].chunks_mut(3)) {
            digits[0] = b'0' + (part / 10) as u8;
            digits[1] = b'0' + (part % 10) as u8;
        }
        self.second = second;
    }

    /// Writes the date into the text.
    #[cold]
    fn remember_day(&mut self, day: i64) {
        // The first day that an i64 of nanoseconds reaches into begins before the first nanosecond: its noon does not.
        let noon = rfc3339((day * S_PER_DAY + S_PER_DAY / 2) * NS_PER_S);
        self.text.bytes_mut()[1..HOUR_AT].copy_from_slice(&noon.as_bytes()[..HOUR_AT - 1]);
        self.day = day;
    }
}

/// Writes the fraction over that of the whole second, which was written.
#[inline]
fn put_fraction(fraction: i64, out: &mut Writer<'_>) {
    let (rest, digits) = if fraction % NS_PER_MS == 0 { (fraction / NS_PER_MS, 3) } else { (fraction, 9) };
    let mut rest = rest as u32;
    let mut text = *b"000000000Z\"";
    for digit in text[..digits].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.take_back("000Z\"".len());
    if digits == 3 {
        out.put(&[text[0], text[1], text[2], b'Z', b'"']);
    } else {
        out.put(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(times: &[i64]) -> String {
        let (mut out, mut writer) = (vec![], TimeWriter::default());
        let mut bytes = Writer::new(&mut out);
        times.iter().for_each(|&time| writer.put(time, &mut bytes));
        drop(bytes);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn times_are_written_as_the_plain_way_writes_them(ns: i64, ms in -1_000_000i64..1_000_000) {
            let times = [ns, ns / 1000 * 1000, ms * NS_PER_MS, ms / 1000 * NS_PER_S];
            let expected: String = times.iter().map(|&time| format!("\"{}\"", rfc3339(time))).collect();
            prop_assert_eq!(text(&times), expected);
        }
    }

    #[test]
    fn the_ends_of_the_range_are_written() {
        for ns in [i64::MIN, i64::MIN + 1, i64::MAX] {
            assert_eq!(text(&[ns]), format!("\"{}\"", rfc3339(ns)));
        }
    }
}
