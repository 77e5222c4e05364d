//! What the chain entry may say.

use serde::Deserialize;

/// Something to hide.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum PatternName {
    /// `name@example.com`, also with the at sign as `%40`.
    Email,
    /// A card number of 13 to 19 digits that begins as one and whose check digit is right; in groups with spaces or dashes, or without.
    CreditCard,
    /// `192.0.2.7`. A field of type `ip` does not take the replacement: name other fields than `source.ip`, or drop it.
    Ipv4,
    /// `2001:db8::7`.
    Ipv6,
    /// Addresses of both versions.
    Ip,
    /// Credentials that are known by their form (JSON Web Tokens, keys of AWS, GitHub, Slack, Stripe), what follows `Bearer` or `Basic`, and the values of
    /// `password=`, `token=`, `secret=`, `api_key=` and their like.
    Token,
}

/// Configuration of the filter.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Fields to look at: names, `prefix.*`, or `*` for all of them.
    pub fields: Vec<String>,
    /// What to hide.
    pub patterns: Vec<PatternName>,
    /// What to write instead; `[redacted]` where nothing is said.
    pub replacement: Option<String>,
    /// Or: a star for each letter and digit.
    pub mask: bool,
    /// Or: a hash with this key, so that the same value can still be told to be the same.
    pub hash_key: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            fields: vec!["*".to_owned()],
            patterns: vec![PatternName::Email, PatternName::CreditCard],
            replacement: None,
            mask: false,
            hash_key: None,
        }
    }
}

impl Config {
    /// # Errors
    /// What would make the filter hide nothing, or fail.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.fields.is_empty() {
            return Err("`fields` is empty: name the fields to look at, or leave it out for all of them".to_owned());
        }
        if self.patterns.is_empty() {
            return Err(
                "`patterns` is empty: give some of \"email\", \"credit_card\", \"ip\", \"ipv4\", \"ipv6\", \"token\""
                    .to_owned(),
            );
        }
        match self.fields.iter().find(|field| !is_legal(field)) {
            Some(field) => {
                Err(format!("`fields`: `{field}` is no name; use one such as `user.email`, `user.*` or `*`"))
            }
            None => Ok(()),
        }
    }
}

fn is_legal(field: &str) -> bool {
    let name = match field.strip_suffix(".*") {
        _ if field == "*" => return true,
        Some(prefix) => prefix,
        None => field,
    };
    let writable = !matches!(name.split('.').next(), Some("_id" | "@meta" | "collector"));
    let sized = name.len() <= collector_plugin::abi::NAME_BYTES_MAX
        && name.split('.').count() <= collector_plugin::abi::NAME_SEGMENTS_MAX;
    writable && sized && !name.contains('*') && name.split('.').all(|segment| !segment.is_empty())
}
