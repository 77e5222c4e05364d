//! What is written instead of what is hidden.

use crate::Config;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Bytes of a hash that are written, as two hexadecimal digits each.
const HASH_BYTES: usize = 8;
/// A shorter key could be guessed.
const KEY_BYTES_MIN: usize = 16;

/// How a secret is hidden.
pub(crate) enum Hide {
    /// This text stands for it.
    Text(String),
    /// A star for each letter and digit.
    Mask,
    /// Its keyed hash.
    Hash(Box<Hmac<Sha256>>),
}

impl Hide {
    /// # Errors
    /// Two ways at once, or a key that is too short.
    pub(crate) fn new(config: &Config) -> Result<Self, String> {
        match (&config.replacement, config.mask, &config.hash_key) {
            (Some(text), false, None) => Ok(Self::Text(text.clone())),
            (None, true, None) => Ok(Self::Mask),
            (None, false, Some(key)) if key.len() < KEY_BYTES_MIN => Err(format!(
                "`hash_key` has {} bytes: take at least {KEY_BYTES_MIN}, or the values can be guessed",
                key.len()
            )),
            (None, false, Some(key)) => match Hmac::new_from_slice(key.as_bytes()) {
                Ok(hash) => Ok(Self::Hash(Box::new(hash))),
                Err(error) => Err(format!("`hash_key`: {error}")),
            },
            (None, false, None) => Ok(Self::Text("[redacted]".to_owned())),
            _ => Err("give one of `replacement`, `mask` and `hash_key`".to_owned()),
        }
    }

    /// Appends what stands for the secret.
    pub(crate) fn write(&self, secret: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::Mask => mask(secret, out),
            Self::Hash(keyed) => {
                let mut hash = Hmac::clone(keyed);
                hash.update(secret);
                out.push(b'[');
                for byte in &hash.finalize().into_bytes()[..HASH_BYTES] {
                    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).map_or(b'0', |c| c as u8);
                    out.extend([digit(byte >> 4), digit(byte & 15)]);
                }
                out.push(b']');
            }
        }
    }
}

/// Letters of other alphabets get one star, whatever their length in bytes.
fn mask(secret: &[u8], out: &mut Vec<u8>) {
    let is_continued = |byte: u8| byte & 0xc0 == 0x80;
    let stars = secret.iter().filter(|byte| !is_continued(**byte));
    out.extend(stars.map(|byte| if byte.is_ascii_alphanumeric() || *byte >= 0x80 { b'*' } else { *byte }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(config: Config, secret: &str) -> String {
        let mut out = Vec::new();
        Hide::new(&config).unwrap().write(secret.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_mask_keeps_the_shape() {
        let config = Config { mask: true, ..Config::default() };
        assert_eq!(hidden(config, "jos\u{e9}@ex-1.org"), "****@**-*.***");
    }

    #[test]
    fn a_hash_tells_equal_from_different_and_depends_on_its_key() {
        let keyed = |key: &str| Config { hash_key: Some(key.to_owned()), ..Config::default() };
        let (one, other) = ("0123456789abcdef", "0123456789abcdeg");
        assert_eq!(hidden(keyed(one), "a@b.de"), hidden(keyed(one), "a@b.de"));
        assert_ne!(hidden(keyed(one), "a@b.de"), hidden(keyed(one), "a@c.de"));
        assert_ne!(hidden(keyed(one), "a@b.de"), hidden(keyed(other), "a@b.de"));
        // HMAC-SHA-256 of RFC 4231, test case 1.
        let rfc = Config { hash_key: Some("\u{b}".repeat(20)), ..Config::default() };
        assert_eq!(hidden(rfc, "Hi There"), "[b0344c61d8db3853]");
    }

    #[test]
    fn two_ways_at_once_and_short_keys_are_refused() {
        let both = Config { mask: true, replacement: Some("x".to_owned()), ..Config::default() };
        assert!(Hide::new(&both).err().unwrap().contains("one of"));
        let short = Config { hash_key: Some("short".to_owned()), ..Config::default() };
        assert!(Hide::new(&short).err().unwrap().contains("at least 16"));
    }
}
