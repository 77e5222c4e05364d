//! Lines that are JSON objects: each member becomes a field, nested objects by dotted names, arrays as they are.
//!
//! Strict JSON (RFC 8259): what another parser would refuse is rejected, so that no line means two things. Integers beyond i64 and numbers with a fraction keep their own text: nothing is
//! rounded. Half a surrogate pair becomes U+FFFD. Of a name that comes twice, the last counts.

mod object;
mod place;
mod string;
mod value;

use collector_plugin::members::{Config, Members};
use collector_plugin::{Event, Manifest, Parser, Reject};
use place::Place;

/// Rejected: the line is something else, or has something behind its end.
pub(crate) const NO_OBJECT: Reject = Reject("not one JSON object");

/// The parser of JSON lines.
pub struct Json {
    members: Members,
    place: Place,
}

impl Parser for Json {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        Members::open(config).map(|members| Self { members, place: Place::default() })
    }

    fn manifest(&self) -> Manifest {
        self.members.manifest().ending_names(object::KEY_END)
    }

    #[inline(always)]
    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        self.members.begin();
        let start = value::skip_space(line, 0);
        if line.get(start) != Some(&b'{') {
            return Err(NO_OBJECT);
        }
        let end = object::parse(&mut self.members, &mut self.place, line, start + 1, event)?;
        if value::skip_space(line, end) == line.len() { Ok(()) } else { Err(NO_OBJECT) }
    }
}

collector_plugin::export!(Json as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
