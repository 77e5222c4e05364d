//! Credentials that are known by their form, or by the word before them.

/// A form: what it begins with, and how many characters of a token come behind that at least.
const FORMS: [(&[u8], usize); 16] = [
    (b"AKIA", 16),
    (b"ASIA", 16),
    (b"ghp_", 30),
    (b"gho_", 30),
    (b"ghu_", 30),
    (b"ghs_", 30),
    (b"ghr_", 30),
    (b"github_pat_", 30),
    (b"glpat-", 20),
    (b"xoxb-", 10),
    (b"xoxp-", 10),
    (b"xoxa-", 10),
    (b"xoxr-", 10),
    (b"sk_live_", 16),
    (b"rk_live_", 16),
    (b"AIza", 30),
];

/// Words of which the value is a secret, in small letters; a `=` or `:` comes behind them.
const NAMES: [&[u8]; 14] = [
    b"password",
    b"passwd",
    b"pwd",
    b"secret",
    b"client_secret",
    b"token",
    b"access_token",
    b"refresh_token",
    b"id_token",
    b"api_key",
    b"apikey",
    b"api-key",
    b"x-api-key",
    b"private_key",
];

/// Words of HTTP's `Authorization` before a credential.
const SCHEMES: [&[u8]; 2] = [b"bearer ", b"basic "];
/// Characters of a credential behind such a word, at least.
const CREDENTIAL_BYTES_MIN: usize = 8;

/// Finds tokens; appends where they begin and end.
pub(crate) fn find(text: &[u8], spans: &mut Vec<(usize, usize)>) {
    let mut at = 0;
    while at < text.len() {
        if !is_word(text[at]) {
            at += 1;
            continue;
        }
        let found = json_web_token(text, at).or_else(|| known_form(text, at)).or_else(|| after_a_name(text, at));
        if let Some((start, end)) = found {
            spans.push((start, end));
            at = end.max(at + 1);
            continue;
        }
        at += text[at..].iter().take_while(|byte| is_word(**byte)).count();
    }
}

/// A byte of the words that can begin a secret; others stand between words.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn is_base64url(byte: u8) -> bool {
    is_word(byte)
}

/// `eyJ….eyJ….…`
fn json_web_token(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let part = |from: usize, beginning: &[u8]| {
        let part = text.get(from..).filter(|part| part.starts_with(beginning))?;
        let length = part.iter().take_while(|byte| is_base64url(**byte)).count();
        (length >= CREDENTIAL_BYTES_MIN).then_some(from + length)
    };
    let header = part(at, b"eyJ")?;
    let claims = part(header + 1, b"eyJ").filter(|_| text.get(header) == Some(&b'.'))?;
    // A token without a signature has nothing behind its second dot.
    let signature = (text.get(claims) == Some(&b'.')).then(|| part(claims + 1, b"").unwrap_or(claims + 1))?;
    Some((at, signature))
}

fn known_form(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = &text[at..];
    let (prefix, least) = FORMS.iter().find(|(prefix, _)| rest.starts_with(prefix))?;
    let length = rest[prefix.len()..].iter().take_while(|byte| is_word(**byte)).count();
    (length >= *least).then_some((at, at + prefix.len() + length))
}

/// `password=…`, `"token": "…"`, `Bearer …`
fn after_a_name(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = &text[at..];
    let begins = |word: &[u8]| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if let Some(scheme) = SCHEMES.iter().find(|scheme| begins(scheme)) {
        let start = at + scheme.len();
        let length = text[start..].iter().take_while(|byte| is_base64url(**byte) || b".~+/=".contains(byte)).count();
        return (length >= CREDENTIAL_BYTES_MIN).then_some((start, start + length));
    }
    let length = rest.iter().take_while(|byte| is_word(**byte)).count();
    NAMES.iter().any(|name| name.len() == length && begins(name)).then(|| value(text, at + length)).flatten()
}

/// The value behind a name: `=v`, `: v`, `":"v"`, `%3Dv`.
fn value(text: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let rest = |at: usize| text.get(at..).unwrap_or_default();
    at += usize::from(matches!(rest(at).first(), Some(b'"' | b'\'')));
    at += match rest(at) {
        [b'=' | b':', ..] => 1,
        [b'%', b'3', b'D' | b'd', ..] => 3,
        _ => return None,
    };
    at += rest(at).iter().take_while(|byte| **byte == b' ').count();
    let quote = rest(at).first().copied().filter(|byte| matches!(byte, b'"' | b'\''));
    at += usize::from(quote.is_some());
    let length = match quote {
        Some(quote) => rest(at).iter().take_while(|byte| **byte != quote).count(),
        None => rest(at).iter().take_while(|byte| !byte.is_ascii_whitespace() && !b"&;,\"'}])".contains(byte)).count(),
    };
    (length > 0).then_some((at, at + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> String {
        let (mut spans, mut out, mut at) = (Vec::new(), String::new(), 0);
        find(text.as_bytes(), &mut spans);
        for (start, end) in spans {
            out += &text[at..start];
            out.push('#');
            at = end;
        }
        out + &text[at..]
    }

    #[test]
    fn credentials_of_known_forms_are_found() {
        for (text, expected) in [
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-bmF0_dXJl done", "jwt # done"),
            ("key AKIAIOSFODNN7EXAMPLE.", "key #."),
            ("git clone https://ghp_0123456789abcdefghijABCDEFGHIJ012345@host", "git clone https://#@host"),
            ("xoxb-1234567890-abc", "#"),
            ("AKIA is short, eyJ.eyJ too, ghp_short", "AKIA is short, eyJ.eyJ too, ghp_short"),
        ] {
            assert_eq!(hidden(text), expected, "{text}");
        }
    }

    #[test]
    fn values_of_telling_names_are_found() {
        for (text, expected) in [
            ("GET /x?user=eve&password=hunter2&y=1", "GET /x?user=eve&password=#&y=1"),
            ("{\"token\": \"a b\", \"n\":1}", "{\"token\": \"#\", \"n\":1}"),
            ("Authorization: Bearer abc.def-123=", "Authorization: Bearer #"),
            ("PASSWORD='x y' ok", "PASSWORD='#' ok"),
            ("X-Api-Key: 12345", "X-Api-Key: #"),
            ("tokens=5 the password is wrong; secret:", "tokens=5 the password is wrong; secret:"),
            ("basic facts", "basic facts"),
        ] {
            assert_eq!(hidden(text), expected, "{text}");
        }
    }

    #[test]
    fn a_long_line_takes_linear_time() {
        let text = "eyJ.".repeat(100_000) + &"password".repeat(50_000);
        assert!(hidden(&text) == text);
    }
}
