//! Every line, and how often it was found.

use std::collections::BTreeMap;

use crate::{
    script,
    writers::{Claim, Written},
};

/// How many examples of each mistake are kept.
const EXAMPLES_MAX: usize = 10;

/// How often the halves of one line were found in the indices, and whether the dead letters have it.
#[derive(Clone, Copy, Default)]
struct Times {
    first: u8,
    second: u8,
    buried: bool,
}

impl Times {
    fn is_missing(self) -> bool {
        (self.first == 0 || self.second == 0) && !self.buried
    }
}

/// What is claimed of a text that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// A document: what is not UTF-8 is replaced in it.
    Document,
    /// A dead letter: its bytes are those that were written.
    Letter,
    /// A record in Kafka: its bytes are those that were written, and it is not counted.
    Record,
}

/// The lines of a run.
pub struct Tally {
    writers: Vec<Written>,
    times: Vec<Vec<Times>>,
    /// Documents found.
    pub found: u64,
    /// Dead letters found.
    pub letters: u64,
    /// Claimed lines that nobody has.
    pub lost: u64,
    /// Lines, or halves of lines, that a search finds more than once.
    pub doubled: u64,
    /// Texts that nobody wrote so.
    pub strange: u64,
    /// Documents in another index than that of their id's day.
    pub misplaced: u64,
    /// Documents that were refused in their own form, and are there in the safe one.
    pub safe: u64,
    examples: BTreeMap<&'static str, Vec<String>>,
}

impl Tally {
    /// Nothing found yet.
    pub fn new(writers: Vec<Written>) -> Tally {
        // A writer that ended in the middle of a burst has written a little more than it said.
        let times = writers.iter().map(|written| vec![Times::default(); written.lines as usize]).collect();
        let (found, letters, lost, doubled, strange, misplaced, safe) = (0, 0, 0, 0, 0, 0, 0);
        Tally { writers, times, found, letters, lost, doubled, strange, misplaced, safe, examples: BTreeMap::new() }
    }

    /// How many lines were written.
    pub fn lines(&self) -> u64 {
        self.writers.iter().map(|written| written.lines).sum()
    }

    /// Counts a text.
    pub fn count(&mut self, find: Find, text: &[u8], whence: &str) {
        match find {
            Find::Document => self.found += 1,
            Find::Letter => self.letters += 1,
            Find::Record => {}
        }
        if !self.recognize(find, text) {
            self.strange += 1;
            self.remember("strange", || format!("{whence}: {}", beginning(text)));
        }
    }

    fn recognize(&mut self, find: Find, text: &[u8]) -> bool {
        let Some(number) = script::writer_of(text).filter(|number| *number < self.writers.len()) else { return false };
        let writer = &self.writers[number];
        let sighting = match find {
            Find::Document => {
                writer.script.recognize(text, |text, line| text == String::from_utf8_lossy(line).as_bytes())
            }
            Find::Letter | Find::Record => writer.script.recognize(text, |text, line| text == line),
        };
        // A truncating writer cuts its own lines, wherever it happens to.
        let Some(sighting) = sighting else { return matches!(writer.claim, Claim::Only(_)) };
        let Some(times) = self.times[number].get_mut(sighting.sequence as usize) else { return false };
        match find {
            Find::Document => {
                times.first = times.first.saturating_add(u8::from(sighting.first));
                times.second = times.second.saturating_add(u8::from(sighting.second));
            }
            Find::Letter => times.buried = true,
            Find::Record => {}
        }
        true
    }

    /// A document lies in another index than its id says.
    pub fn misplace(&mut self, id: &str, index: &str) {
        self.misplaced += 1;
        self.remember("misplaced", || format!("{id} in {index}"));
    }

    /// How many claimed lines nobody has so far.
    pub fn missing(&self) -> u64 {
        let of_writer = |(number, times): (usize, &Vec<Times>)| {
            let missing = times.iter().zip(0..).filter(|(times, _)| times.is_missing());
            missing.filter(|(_, sequence)| self.writers[number].claim.has(*sequence)).count() as u64
        };
        self.times.iter().enumerate().map(of_writer).sum()
    }

    /// Counts what is missing and what is there twice; to be called once, after everything was counted.
    pub fn finish(&mut self) {
        let (mut lost, mut doubled) = (vec![], vec![]);
        for (number, times) in self.times.iter().enumerate() {
            for (sequence, times) in times.iter().enumerate() {
                if times.is_missing() && self.writers[number].claim.has(sequence as u64) {
                    lost.push((number, sequence));
                }
                if times.first > 1 || times.second > 1 {
                    doubled.push((number, sequence));
                }
            }
        }
        (self.lost, self.doubled) = (lost.len() as u64, doubled.len() as u64);
        for (number, sequence) in lost.into_iter().take(EXAMPLES_MAX) {
            self.remember("lost", || format!("writer {number} line {sequence}"));
        }
        for (number, sequence) in doubled.into_iter().take(EXAMPLES_MAX) {
            self.remember("doubled", || format!("writer {number} line {sequence}"));
        }
    }

    fn remember(&mut self, what: &'static str, example: impl FnOnce() -> String) {
        let examples = self.examples.entry(what).or_default();
        if examples.len() < EXAMPLES_MAX {
            examples.push(example());
        }
    }

    /// Promises that do not hold, with examples. A line that is missing is lost only where collection is at rest.
    pub fn broken(&self, is_at_rest: bool) -> Vec<String> {
        let examples = |what| self.examples.get(what).map_or_else(String::new, |examples| examples.join(" | "));
        let missing = if is_at_rest { "I1: lines are lost" } else { "I7: lines have not arrived" };
        let promises = [
            (self.lost, missing, "lost"),
            (self.doubled, "I2: lines are found twice", "doubled"),
            (self.strange, "I3: texts are not as they were written", "strange"),
            (self.misplaced, "I2: documents are not in the index of their day", "misplaced"),
        ];
        let broken = promises.into_iter().filter(|(count, ..)| *count > 0);
        broken.map(|(count, promise, what)| format!("{promise}: {count} ({})", examples(what))).collect()
    }
}

fn beginning(text: &[u8]) -> String {
    String::from_utf8_lossy(&text[..text.len().min(120)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    fn tally() -> (Tally, Script) {
        let script = Script::new("run", 0, 3);
        (Tally::new(vec![Written { script: script.clone(), lines: 20, claim: Claim::All }]), script)
    }

    fn counted(find: impl Fn(&Script, u64) -> Vec<Vec<u8>>) -> Tally {
        let (mut tally, script) = tally();
        for sequence in 0..20 {
            for text in find(&script, sequence) {
                let text = String::from_utf8_lossy(&text).into_owned();
                tally.count(Find::Document, text.as_bytes(), "here");
            }
        }
        tally.finish();
        tally
    }

    #[test]
    fn lines_found_once_whole_or_in_halves_are_well() {
        let whole = counted(|script, n| vec![script.line(n)]);
        assert!(whole.broken(true).is_empty(), "{:?}", whole.broken(true));
        let halves = counted(|script, n| {
            let (first, second) = script.halves(n);
            if second.is_empty() { vec![first] } else { vec![first, second] }
        });
        assert!(halves.broken(true).is_empty(), "{:?}", halves.broken(true));
    }

    #[test]
    fn a_line_that_is_missing_twice_there_or_changed_is_noticed() {
        let lost = counted(|script, n| if n == 7 { vec![] } else { vec![script.line(n)] });
        assert_eq!((lost.lost, lost.doubled), (1, 0));
        let doubled = counted(|script, n| vec![script.line(n); if n == 7 { 2 } else { 1 }]);
        assert_eq!((doubled.lost, doubled.doubled), (0, 1));
        let changed = counted(|script, n| vec![[script.line(n), if n == 7 { b"!".to_vec() } else { vec![] }].concat()]);
        assert_eq!((changed.strange, changed.lost), (1, 1));
    }

    #[test]
    fn of_a_writer_that_truncates_only_what_was_acknowledged_before_has_to_be_found() {
        let missing = |ranges: &[(u64, u64)]| {
            let (mut tally, script) = tally();
            tally.writers[0].claim = Claim::Only(ranges.iter().map(|(from, to)| *from..*to).collect());
            tally.count(Find::Document, &script.line(4), "here");
            tally.count(Find::Document, &script.line(5)[..30], "here");
            tally.finish();
            assert_eq!(tally.missing(), tally.lost);
            (tally.lost, tally.strange)
        };
        assert_eq!((missing(&[]), missing(&[(4, 5)]), missing(&[(0, 5), (10, 12)])), ((0, 0), (0, 0), (6, 0)));
    }

    #[test]
    fn half_of_a_line_is_a_loss_and_a_half_beside_the_whole_is_a_double() {
        let (_, script) = tally();
        let halting = (0..20).find(|&n| !script.halves(n).1.is_empty()).unwrap();
        let half = counted(|script, n| vec![if n == halting { script.halves(n).0 } else { script.line(n) }]);
        assert_eq!((half.lost, half.doubled), (1, 0));
        let more = counted(|script, n| match n == halting {
            true => vec![script.halves(n).0, script.line(n)],
            false => vec![script.line(n)],
        });
        assert_eq!((more.lost, more.doubled), (0, 1));
    }

    #[test]
    fn a_dead_letter_stands_for_a_document_and_must_have_every_byte() {
        let (mut tally, script) = tally();
        (0..20).for_each(|n| tally.count(Find::Letter, &script.line(n), "there"));
        tally.finish();
        assert!(tally.broken(true).is_empty(), "{:?}", tally.broken(true));
        tally.count(Find::Letter, &script.line(3)[1..], "there");
        assert_eq!(tally.strange, 1);
    }
}
