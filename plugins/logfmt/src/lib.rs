//! Lines of `key=value` pairs, as the loggers of Go, Heroku and Grafana write them: each key becomes a field.
//!
//! What is taken and what is refused is what go-logfmt takes and refuses. Of a key that comes twice, the last counts.

mod config;

pub use config::{Config, Valueless};

use collector_plugin::kv::{Bare, Quoted, Usual, unescape};
use collector_plugin::members::{Members, Scalar};
use collector_plugin::{Event, Field, Manifest, Parser, Reject, scan};

/// The parser of logfmt.
pub struct Logfmt {
    members: Members,
    types: bool,
    valueless: Valueless,
    usual: Usual,
}

/// A key that was read.
struct Key {
    field: Field,
    /// Where the pair goes on.
    at: usize,
    /// Whether a `=` came.
    equals: bool,
}

impl Parser for Logfmt {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let (types, valueless) = (config.types, config.valueless);
        let members = Members::open(config.members())?;
        let usual = Usual { fields_from: members.specials(), types };
        Ok(Self { members, types, valueless, usual })
    }

    fn manifest(&self) -> Manifest {
        self.members.manifest().ending_names(b"=")
    }

    #[inline(always)]
    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        self.members.begin();
        let mut at = skip_blanks(line, 0);
        let (mut words, mut pairs) = (0, 0);
        while at < line.len() {
            let usual_end = event.usual_pairs(line, at, self.usual);
            if usual_end > at {
                (words, pairs) = (words + 1, pairs + 1);
                at = skip_blanks(line, usual_end);
                continue;
            }
            let key = match event.foretold(None, &line[at..]) {
                Some((field, bytes)) => Key { field, at: at + bytes, equals: true },
                None => key(line, at, event)?,
            };
            pairs += usize::from(key.equals);
            words += 1;
            let end = if self.members.is_special(key.field) {
                self.special(line, &key, event)?
            } else {
                self.value(line, &key, event)?
            };
            at = skip_blanks(line, end);
        }
        match (words, pairs) {
            (0, _) => Err(Reject("the line is empty")),
            (2.., 0) => Err(Reject("no key=value in the line")),
            _ => Ok(()),
        }
    }
}

impl Logfmt {
    /// Sets one field from the value behind its key: gives where that ends.
    #[inline(always)]
    fn value<'a>(&self, line: &'a [u8], key: &Key, event: &mut Event<'a>) -> Result<usize, Reject> {
        let (field, at) = (key.field, key.at);
        match line.get(at) {
            Some(b'"') if key.equals => {
                let quoted = Quoted::at(line, at).ok_or(NO_END)?;
                if quoted.escaped {
                    escaped(field, quoted.raw, event)?;
                } else if quoted.raw.is_empty() {
                    event.null(field);
                } else {
                    event.text(field, quoted.raw);
                }
                Ok(quoted.end)
            }
            Some(byte) if key.equals && *byte > b' ' => {
                let end = bare_end(line, at)?;
                let value = &line[at..end];
                match if self.types { Bare::at(line, at, end) } else { Bare::Text } {
                    Bare::Text => event.text(field, value),
                    Bare::Int(int) => event.int(field, int),
                    Bare::Decimal => event.json(field, value),
                    Bare::Bool(bool) => event.bool(field, bool),
                }
                Ok(end)
            }
            _ => {
                match self.valueless {
                    Valueless::True if !key.equals => event.bool(field, true),
                    _ => event.null(field),
                }
                Ok(at)
            }
        }
    }

    /// Treats a member that is more than its name and value.
    #[inline(never)]
    fn special<'a>(&mut self, line: &'a [u8], key: &Key, event: &mut Event<'a>) -> Result<usize, Reject> {
        let at = key.at;
        let treated = match line.get(at) {
            Some(b'"') if key.equals => {
                let quoted = Quoted::at(line, at).ok_or(NO_END)?;
                let plain = quoted.plain().ok_or(NO_ESCAPE)?;
                let scalar = Scalar { bytes: &plain, bare: false };
                self.members.treat(key.field, Some(scalar), event)?.then_some(quoted.end)
            }
            Some(byte) if key.equals && *byte > b' ' => {
                let end = bare_end(line, at)?;
                let scalar = Scalar { bytes: &line[at..end], bare: true };
                self.members.treat(key.field, Some(scalar), event)?.then_some(end)
            }
            _ => self.members.treat(key.field, None, event)?.then_some(at),
        };
        treated.map_or_else(|| self.value(line, key, event), Ok)
    }
}

const NO_END: Reject = Reject("a quoted value has no end");
const NO_ESCAPE: Reject = Reject("a quoted value has a backslash that escapes nothing");

#[inline(never)]
fn escaped(field: Field, raw: &[u8], event: &mut Event<'_>) -> Result<(), Reject> {
    let mut valid = true;
    event.build(field, |arena| valid = unescape(raw, arena));
    if valid { Ok(()) } else { Err(NO_ESCAPE) }
}

/// Reads the key at `at`, and the `=` behind it.
#[inline(never)]
fn key(line: &[u8], at: usize, event: &mut Event<'_>) -> Result<Key, Reject> {
    let end = scan::find_pair_special(line, at).unwrap_or(line.len());
    let equals = match line.get(end) {
        Some(b'=') if end == at => return Err(Reject("a = without a key")),
        Some(b'=') => true,
        Some(b'"') => return Err(Reject("a quote in a key")),
        _ => false,
    };
    let key = &line[at..end];
    if key.windows(3).any(|char| char == "\u{fffd}".as_bytes()) {
        return Err(Reject("a key that is not UTF-8"));
    }
    Ok(Key { field: event.name(None, key)?, at: end + usize::from(equals), equals })
}

/// Where the value without quotes at `at` ends.
#[inline(always)]
fn bare_end(line: &[u8], at: usize) -> Result<usize, Reject> {
    let end = scan::find_pair_special(line, at).unwrap_or(line.len());
    match line.get(end) {
        Some(b'=') => Err(Reject("a = in a value without quotes")),
        Some(b'"') => Err(Reject("a quote in a value without quotes")),
        _ => Ok(end),
    }
}

/// Where the next key begins: one blank is usual.
#[inline(always)]
fn skip_blanks(line: &[u8], at: usize) -> usize {
    match line.get(at..) {
        Some([b' ', byte, ..]) if *byte > b' ' => at + 1,
        Some([byte, ..]) if *byte > b' ' => at,
        _ => skip_more(line, at),
    }
}

#[inline(never)]
fn skip_more(line: &[u8], at: usize) -> usize {
    let blanks = line.get(at..).unwrap_or_default().iter().take_while(|byte| **byte <= b' ').count();
    at + blanks
}

collector_plugin::export!(Logfmt as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
