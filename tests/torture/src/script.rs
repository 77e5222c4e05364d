//! What writers write: every line follows from the run, the writer and its number, so that a ledger of numbers is enough.

use xxhash_rust::xxh3::xxh3_64;

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In one go.
    Plain,
    /// With bytes that are not UTF-8.
    Broken,
    /// Of many kilobytes.
    Long,
    /// Its first half, a pause, the rest: the pause may be long enough for the first half to be sent alone.
    Halting,
}

/// The lines of one writer.
#[derive(Clone, Debug)]
pub struct Script {
    run: String,
    writer: usize,
    /// One of so many lines halts; 0 for none.
    halting_of: u64,
}

/// A line found again: which one, and which of its halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The number of the line.
    pub sequence: u64,
    /// Whether its first half was there.
    pub first: bool,
    /// Whether its second half was there; a line that does not halt has none.
    pub second: bool,
}

impl Script {
    /// The lines of a writer in a run.
    pub fn new(run: &str, writer: usize, halting_of: u64) -> Script {
        Script { run: run.to_owned(), writer, halting_of }
    }

    /// How the line of a number is written.
    pub fn kind(&self, sequence: u64) -> Kind {
        let chance = self.hash(sequence, "kind");
        if self.halting_of > 0 && chance.is_multiple_of(self.halting_of) {
            return Kind::Halting;
        }
        match chance >> 32 & 0xff {
            0..=3 => Kind::Broken,
            4 if chance >> 40 & 3 == 0 => Kind::Long,
            _ => Kind::Plain,
        }
    }

    /// The bytes of a line, without its newline.
    pub fn line(&self, sequence: u64) -> Vec<u8> {
        let (mut line, second) = self.halves(sequence);
        line.extend_from_slice(&second);
        line
    }

    /// The two parts of a line; the second is empty unless it halts.
    pub fn halves(&self, sequence: u64) -> (Vec<u8>, Vec<u8>) {
        let name = format!("{}/{:02}/{sequence:09}", self.run, self.writer);
        let checksum = xxh3_64(name.as_bytes());
        let mut first = format!("{name}/{checksum:016x} ").into_bytes();
        let padding = "the quick brown fox jumps over the lazy dog ";
        let words = 1 + (checksum % 4) as usize;
        match self.kind(sequence) {
            Kind::Plain => first.extend_from_slice(padding.repeat(words).as_bytes()),
            Kind::Broken => first.extend_from_slice(b"not UTF-8: \xff\xfe\x80 \xc3( end"),
            Kind::Long => first.extend_from_slice(padding.repeat(400 * words).as_bytes()),
            Kind::Halting => {
                first.extend_from_slice(padding.as_bytes());
                return (first, format!("~{name}/{checksum:016x} the rest").into_bytes());
            }
        }
        (first, vec![])
    }

    /// Which line, or half of one, a text is. `None` where nobody of this script wrote it so.
    pub fn recognize(&self, text: &[u8], is_same: impl Fn(&[u8], &[u8]) -> bool) -> Option<Sighting> {
        let sequence = sequence_of(text)?;
        let (first, second) = self.halves(sequence);
        if is_same(text, &self.line(sequence)) {
            return Some(Sighting { sequence, first: true, second: true });
        }
        if second.is_empty() {
            return None;
        }
        let (is_first, is_second) = (is_same(text, &first), is_same(text, &second));
        (is_first || is_second).then_some(Sighting { sequence, first: is_first, second: is_second })
    }

    fn hash(&self, sequence: u64, of: &str) -> u64 {
        xxh3_64(format!("{}/{}/{sequence}/{of}", self.run, self.writer).as_bytes())
    }
}

/// Which writer a text is of, by what it says itself.
pub fn writer_of(text: &[u8]) -> Option<usize> {
    part(text, 1)?.parse().ok()
}

fn sequence_of(text: &[u8]) -> Option<u64> {
    part(text, 2)?.parse().ok()
}

fn part(text: &[u8], number: usize) -> Option<&str> {
    let text = text.strip_prefix(b"~").unwrap_or(text);
    let part = text.splitn(4, |byte| *byte == b'/').nth(number)?;
    std::str::from_utf8(part).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &[u8], b: &[u8]) -> bool {
        a == b
    }

    #[test]
    fn a_line_is_recognized_whole_and_in_halves_and_not_when_a_byte_is_wrong() {
        let script = Script::new("run", 3, 4);
        let halting = (0..).find(|&n| script.kind(n) == Kind::Halting).unwrap();
        let (first, second) = script.halves(halting);
        let sighting = |first, second| Some(Sighting { sequence: halting, first, second });
        assert_eq!(script.recognize(&script.line(halting), same), sighting(true, true));
        assert_eq!(script.recognize(&first, same), sighting(true, false));
        assert_eq!(script.recognize(&second, same), sighting(false, true));
        assert_eq!(script.recognize(&first[..first.len() - 1], same), None);
        assert_eq!(writer_of(&second), Some(3));
    }

    #[test]
    fn every_kind_of_line_is_written() {
        let script = Script::new("run", 0, 1000);
        let kinds: Vec<Kind> = (0..20_000).map(|n| script.kind(n)).collect();
        for kind in [Kind::Plain, Kind::Broken, Kind::Long, Kind::Halting] {
            assert!(kinds.contains(&kind), "{kind:?}");
        }
    }
}
