//! Times as documents have them. Consecutive events mostly share their second, so its text is kept.

use collector_model::cell::rfc3339;

use crate::writer::{Padded, Writer};

const NS_PER_S: i64 = 1_000_000_000;
const NS_PER_MS: i64 = 1_000_000;
/// Where the fraction begins in `"2024-01-31T12:34:56.789Z"`.
const FRACTION_AT: usize = 21;

/// Writes times in RFC 3339: milliseconds, or nanoseconds where there are any.
#[derive(Debug, Default)]
pub(crate) struct TimeWriter {
    second: Option<i64>,
    text: Padded,
}

impl TimeWriter {
    /// Appends the time with its quotes.
    #[inline]
    pub(crate) fn put(&mut self, ns: i64, out: &mut Writer<'_>) {
        let second = ns.div_euclid(NS_PER_S);
        if self.second != Some(second) {
            self.remember(second);
        }
        let fraction = ns.rem_euclid(NS_PER_S);
        if fraction == 0 {
            out.put_padded(&self.text, 0..self.text.len());
        } else {
            self.put_fraction(fraction, out);
        }
    }

    #[cold]
    fn remember(&mut self, second: i64) {
        // The first second that an i64 of nanoseconds reaches into begins before the first nanosecond.
        let text = rfc3339(second.saturating_mul(NS_PER_S));
        let text = if second.checked_mul(NS_PER_S).is_some() { text } else { "1677-09-21T00:12:43.000Z".to_owned() };
        self.text = Padded::new(format!("\"{text}\"").into_bytes());
        self.second = Some(second);
    }

    fn put_fraction(&self, fraction: i64, out: &mut Writer<'_>) {
        out.put_padded(&self.text, 0..FRACTION_AT.min(self.text.len()));
        let (mut rest, digits) = if fraction % NS_PER_MS == 0 { (fraction / NS_PER_MS, 3) } else { (fraction, 9) };
        let mut text = *b"000000000Z\"";
        for digit in text[..digits].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        out.put(&text[..digits]);
        out.put(b"Z\"");
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
