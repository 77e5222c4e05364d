//! Finding what is to be hidden.

use crate::config::PatternName;
use crate::hide::Hide;
use crate::token;
use collector_plugin::scan;
use std::net::Ipv6Addr;

/// Bytes of the longest IPv6 address, with an IPv4 address at its end.
const IPV6_BYTES_MAX: usize = 45;

/// Digits of a card number.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Which patterns are looked for.
#[derive(Clone, Copy)]
pub(crate) struct Patterns {
    email: bool,
    card: bool,
    ipv4: bool,
    ipv6: bool,
    token: bool,
}

/// Where a text has something to hide: begin and end, in order, apart from each other.
#[derive(Default)]
pub(crate) struct Spans(Vec<(usize, usize)>);

impl Spans {
    /// Appends the text with each span replaced.
    pub(crate) fn write(&self, text: &[u8], hide: &Hide, out: &mut Vec<u8>) {
        let mut at = 0;
        for &(start, end) in &self.0 {
            out.extend_from_slice(&text[at..start]);
            hide.write(&text[start..end], out);
            at = end;
        }
        out.extend_from_slice(&text[at..]);
    }

    /// Brings spans of several patterns into order; those that overlap become one.
    fn merge(&mut self) {
        self.0.sort_unstable();
        self.0.dedup_by(|next, kept| {
            let overlap = next.0 < kept.1;
            if overlap {
                kept.1 = kept.1.max(next.1);
            }
            overlap
        });
    }
}

impl Patterns {
    pub(crate) fn new(names: &[PatternName]) -> Self {
        let has = |name| names.contains(&name);
        let ip = has(PatternName::Ip);
        Self {
            email: has(PatternName::Email),
            card: has(PatternName::CreditCard),
            ipv4: ip || has(PatternName::Ipv4),
            ipv6: ip || has(PatternName::Ipv6),
            token: has(PatternName::Token),
        }
    }

    /// Whether all of a text, which lies within another one, is to be hidden, where that is seen at once: an address.
    #[inline(always)]
    pub(crate) fn is_all(&self, around: &[u8], start: usize, end: usize) -> bool {
        self.ipv4 && scan::is_ipv4(around, start, end)
    }

    /// Whether something to hide may be in the text or in a part of it: false where bytes are missing that it would have. To be asked of a long text, of which the answer is
    /// mostly that.
    #[inline(always)]
    pub(crate) fn may_be_in(&self, text: &[u8]) -> bool {
        let Self { email: _, card, ipv4, ipv6, token } = *self;
        card || ipv4 || ipv6 || token || scan::has_either(text, b'@', b'%')
    }

    /// Finds all there is to hide; says whether there is anything.
    pub(crate) fn find(&self, text: &[u8], spans: &mut Spans) -> bool {
        spans.0.clear();
        if self.email {
            emails(text, &mut spans.0);
        }
        if self.card || self.ipv4 {
            self.numbers(text, &mut spans.0);
        }
        if self.ipv6 {
            ipv6(text, &mut spans.0);
        }
        if self.token {
            token::find(text, &mut spans.0);
        }
        if spans.0.len() > 1 {
            spans.merge();
        }
        !spans.0.is_empty()
    }

    /// Looks at each run of digits.
    fn numbers(&self, text: &[u8], spans: &mut Vec<(usize, usize)>) {
        let mut from = 0;
        while let Some(start) = scan::find_digit(text, from) {
            let run_end = end_of_digits(text, start);
            let found = (self.card.then(|| card(text, start)).flatten())
                .or_else(|| self.ipv4.then(|| ipv4(text, start)).flatten());
            if let Some(end) = found {
                spans.push((start, end));
            }
            from = found.unwrap_or(run_end);
        }
    }
}

#[inline(always)]
fn end_of_digits(text: &[u8], start: usize) -> usize {
    let mut end = start;
    while text.get(end).is_some_and(u8::is_ascii_digit) {
        end += 1;
    }
    end
}

fn emails(text: &[u8], spans: &mut Vec<(usize, usize)>) {
    let (mut from, mut free) = (0, 0);
    while let Some(at) = scan::find2(text, from, b'@', b'%') {
        let domain = match text[at..] {
            [b'@', ..] => at + 1,
            [b'%', b'4', b'0', ..] => at + 3,
            _ => {
                from = at + 1;
                continue;
            }
        };
        from = domain;
        let local = text[free..at].iter().rev().take_while(|b| is_local(**b)).count();
        // Directly behind an address, the address itself is what stands before the at sign.
        let follows = free == at && at > 0;
        if let Some(end) = end_of_domain(text, domain).filter(|_| local > 0 || follows) {
            spans.push((at - local, end));
            (from, free) = (end, end);
        }
    }
}

/// A byte of the part before the at sign; those of other alphabets belong to it as a whole.
fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"._%+-!#$*^`{|}~".contains(&byte)
}

/// Where a domain ends: labels with dots between them, the last one of two letters or more.
fn end_of_domain(text: &[u8], start: usize) -> Option<usize> {
    let is_label = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-' || *b >= 0x80;
    let mut end = None;
    let mut at = start;
    let mut labels = 0;
    loop {
        let length = text[at..].iter().take_while(|b| is_label(b)).count();
        if length == 0 {
            return end;
        }
        labels += 1;
        let label = &text[at..at + length];
        if labels > 1 && length > 1 && label.iter().any(|b| !b.is_ascii_digit()) {
            end = Some(at + length);
        }
        at += length;
        if text.get(at) != Some(&b'.') {
            return end;
        }
        at += 1;
    }
}

/// Where the card number that begins at `start` ends: whole groups of digits, with a space or a dash between them.
fn card(text: &[u8], start: usize) -> Option<usize> {
    if start > 0 && text[start - 1].is_ascii_alphanumeric() {
        return None;
    }
    let mut digits = [0; *CARD_DIGITS.end()];
    let (mut count, mut at, mut found) = (0, start, None);
    loop {
        let end = end_of_digits(text, at);
        let group = digits.get_mut(count..count + (end - at))?;
        group.copy_from_slice(&text[at..end]);
        count += end - at;
        let glued = text.get(end).is_some_and(u8::is_ascii_alphanumeric);
        if !glued && CARD_DIGITS.contains(&count) && is_card(&digits[..count]) {
            found = Some(end);
        }
        let goes_on = matches!(text.get(end), Some(b' ' | b'-')) && text.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !goes_on || count + end_of_digits(text, end + 1) - (end + 1) > digits.len() {
            return found;
        }
        at = end + 1;
    }
}

/// Whether the number begins as those of an issuer, has as many digits, and ends with the right check digit.
fn is_card(digits: &[u8]) -> bool {
    let first = |n: usize| digits[..n].iter().fold(0u32, |value, digit| value * 10 + u32::from(digit - b'0'));
    let issued = match digits.len() {
        13 => first(1) == 4,
        14 => matches!(first(2), 30 | 36 | 38 | 39),
        15 => matches!(first(2), 34 | 37),
        16 => {
            matches!(first(2), 35 | 51..=55 | 60 | 62 | 64 | 65) || first(1) == 4 || (2221..=2720).contains(&first(4))
        }
        length => first(1) == 4 && length == 19 || matches!(first(2), 60 | 62 | 64 | 65),
    };
    issued && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = (digits.iter().rev().enumerate())
        .map(|(i, digit)| {
            let value = u32::from(digit - b'0') << (i % 2);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Where the IPv4 address that begins at `start` ends. A dot or a digit on either side makes it something else, but for the dot that ends a sentence.
fn ipv4(text: &[u8], start: usize) -> Option<usize> {
    if start > 0 && (text[start - 1].is_ascii_alphanumeric() || text[start - 1] == b'.') {
        return None;
    }
    let length = text[start..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let mut end = start + length;
    if text[end - 1] == b'.' {
        end -= 1;
    }
    let glued = text.get(end).is_some_and(u8::is_ascii_alphanumeric);
    (!glued && scan::is_ipv4(text, start, end)).then_some(end)
}

/// Finds IPv6 addresses: runs of what they are made of, with two colons at least.
fn ipv6(text: &[u8], spans: &mut Vec<(usize, usize)>) {
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b':' || *byte == b'.';
    let mut from = 0;
    while let Some(colon) = scan::find(text, from, b':') {
        let start = colon - text[from..colon].iter().rev().take_while(|byte| is_part(byte)).count();
        let run = &text[start..start + text[start..].iter().take_while(|byte| is_part(byte)).count()];
        from = start + run.len();
        let glued = start > 0 && text[start - 1].is_ascii_alphanumeric()
            || text.get(from).is_some_and(|next| next.is_ascii_alphanumeric());
        if !glued && let Some(length) = ipv6_length(run) {
            spans.push((start, start + length));
        }
    }
}

/// How much of a run is an address: all of it, or all but the mark at its end (`::1.`, `fe80::1:`).
fn ipv6_length(run: &[u8]) -> Option<usize> {
    let is_address = |length: &usize| {
        let text = std::str::from_utf8(&run[..*length]).ok();
        // `::` alone is more often a path of a programming language.
        *length > 2 && text.is_some_and(|text| text.parse::<Ipv6Addr>().is_ok())
    };
    let shorter = run.len().saturating_sub(1);
    [run.len(), shorter].into_iter().filter(|length| *length <= IPV6_BYTES_MAX).find(is_address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hide(text: &str) -> String {
        let mut spans = Spans::default();
        Patterns { email: true, card: true, ipv4: true, ipv6: true, token: false }.find(text.as_bytes(), &mut spans);
        let mut out = Vec::new();
        spans.write(text.as_bytes(), &Hide::Text("#".to_owned()), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn addresses_are_hidden_and_what_is_around_them_stays() {
        for (text, expected) in [
            ("mail from <bob.smith+x@mail.example.com>, thanks", "mail from <#>, thanks"),
            ("GET /?mail=bob%40example.org&x=1", "GET /?mail=#&x=1"),
            ("a@b.de,c@d.org.", "#,#."),
            ("a@b.de@c.org x", "## x"),
            ("jos\u{e9}@ex\u{e4}mple.com", "#"),
            ("root@localhost user@10.0 @x.com a@", "root@localhost user@10.0 @x.com a@"),
            ("100%40 of", "100%40 of"),
            ("", ""),
        ] {
            assert_eq!(hide(text), expected, "{text}");
        }
    }

    #[test]
    fn card_numbers_are_hidden_and_other_numbers_stay() {
        for (text, expected) in [
            ("card=4111111111111111;", "card=#;"),
            ("4111 1111 1111 1111 200", "# 200"),
            ("17 5500-0000-0000-0004", "17 #"),
            ("amex 378282246310005.", "amex #."),
            ("4111111111111112", "4111111111111112"),
            ("1700000000000 1767323045678", "1700000000000 1767323045678"),
            ("a4111111111111111 4111111111111111b", "a4111111111111111 4111111111111111b"),
            ("41111111111111114111111111111111", "41111111111111114111111111111111"),
        ] {
            assert_eq!(hide(text), expected, "{text}");
        }
    }

    #[test]
    fn ipv4_addresses_are_hidden_and_versions_stay() {
        for (text, expected) in [
            ("192.0.2.7 - - 10.0.0.1:80, 1.1.1.1.", "# - - #:80, #."),
            ("Chrome/70.0.3538.102 1.2.3 1.2.3.4.5 v1.2.3.4", "Chrome/70.0.3538.102 1.2.3 1.2.3.4.5 v1.2.3.4"),
            ("256.1.1.1", "256.1.1.1"),
        ] {
            assert_eq!(hide(text), expected, "{text}");
        }
    }

    #[test]
    fn ipv6_addresses_are_hidden_and_times_and_paths_stay() {
        for (text, expected) in [
            ("from 2001:db8::7 and [fe80::1]:80, ::1.", "from # and [#]:80, #."),
            ("::ffff:192.0.2.7 x", "# x"),
            ("at 11:05:07 in std::vec::Vec ::", "at 11:05:07 in std::vec::Vec ::"),
            ("00:1a:2b:3c:4d:5e", "00:1a:2b:3c:4d:5e"),
        ] {
            assert_eq!(hide(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_left_to_hide(text in "[a-z0-9@.% é-]{0,60}") {
            let once = hide(&text);
            prop_assert_eq!(hide(&once), once);
        }

        #[test]
        fn a_card_number_between_words_is_found(digits in "4[0-9]{14}", before in "[a-z ]{0,8}", after in "[ ,;][a-z]{0,8}") {
            let check = (0..10).map(|d| format!("{digits}{d}")).find(|n| luhn(n.as_bytes())).unwrap();
            prop_assert_eq!(hide(&format!("{before} {check}{after}")), format!("{before} #{after}"));
        }
    }
}
