//! Undoing what IIS and browsers do to texts with spaces and other characters.

use collector_plugin::{Event, Field, scan};

/// Sets a text with `+` for spaces and `%41` for characters, as what it stands for.
pub(crate) fn set_form<'a>(field: Field, text: &'a [u8], event: &mut Event<'a>) {
    set(field, text, scan::find2(text, 0, b'+', b'%').is_some(), true, event);
}

/// Sets a text with `%41` for characters, as what it stands for.
pub(crate) fn set_path<'a>(field: Field, text: &'a [u8], event: &mut Event<'a>) {
    set(field, text, scan::find(text, 0, b'%').is_some(), false, event);
}

fn set<'a>(field: Field, text: &'a [u8], coded: bool, plus: bool, event: &mut Event<'a>) {
    if coded && is_well_coded(text) {
        event.build(field, |arena| decode(text, plus, arena));
    } else {
        event.text(field, text);
    }
}

/// Whether every `%` has two hexadecimal digits behind it.
fn is_well_coded(text: &[u8]) -> bool {
    let mut from = 0;
    while let Some(at) = scan::find(text, from, b'%') {
        if byte(text, at).is_none() {
            return false;
        }
        from = at + 3;
    }
    true
}

/// The byte that `%41` at `at` stands for.
fn byte(text: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| text.get(at).and_then(|b| char::from(*b).to_digit(16));
    Some((digit(at + 1)? << 4 | digit(at + 2)?) as u8)
}

/// Appends the text; bytes that are no UTF-8 become U+FFFD.
fn decode(text: &[u8], plus: bool, out: &mut Vec<u8>) {
    let start = out.len();
    let mut at = 0;
    while let Some(next) = text.get(at) {
        let (byte, length) = match next {
            b'+' if plus => (b' ', 1),
            b'%' => byte(text, at).map_or((b'%', 1), |byte| (byte, 3)),
            other => (*other, 1),
        };
        out.push(byte);
        at += length;
    }
    if let Err(error) = std::str::from_utf8(&out[start..]) {
        let broken = out.split_off(start + error.valid_up_to());
        out.extend_from_slice(String::from_utf8_lossy(&broken).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str, plus: bool) -> String {
        let mut out = b"before".to_vec();
        decode(text.as_bytes(), plus, &mut out);
        String::from_utf8(out).unwrap()[6..].to_owned()
    }

    #[test]
    fn texts_are_decoded() {
        assert_eq!(decoded("a+b%20c%C3%a9", true), "a b cé");
        assert_eq!(decoded("a+b", false), "a+b");
        assert_eq!(decoded("é%ff%fe-", true), "é\u{fffd}\u{fffd}-");
    }

    #[test]
    fn what_is_not_well_coded_is_known() {
        assert!(is_well_coded(b"%41%5a"));
        for text in ["%", "a%4", "%4g", "%%41"] {
            assert!(!is_well_coded(text.as_bytes()), "{text}");
        }
    }
}
