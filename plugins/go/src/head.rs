//! The first line: a prefix, a time, a level, a logger, a place, and where the message begins.

use crate::word::{is_capital_level, is_name, letter, place, plain};
use collector_plugin::applog::{Moment, Moments, is_level};
use collector_plugin::scan;
use collector_plugin::syslog::Clues;

/// How long a prefix before the time may be.
const PREFIX_BYTES_MAX: usize = 48;

/// What the first line says. Texts that are not there are empty.
#[derive(Default)]
pub(crate) struct Head<'a> {
    pub(crate) moment: Option<Moment>,
    pub(crate) level: &'a [u8],
    /// The level, where the line has but a letter for it.
    pub(crate) letter: Option<&'static str>,
    pub(crate) logger: &'a [u8],
    pub(crate) place: Option<(&'a [u8], i64)>,
    /// Where the message begins.
    pub(crate) message: usize,
    /// The level was in brackets.
    bracketed: bool,
}

/// Reads the first line of an event.
#[inline]
pub(crate) fn read<'a>(line: &'a [u8], moments: &mut Moments, clues: Clues<'_>) -> Head<'a> {
    let mut head = Head::default();
    let mut at = head.time(line, moments, clues);
    if line.get(at) == Some(&b'\t') {
        head.tabbed(line, at + 1);
        return head;
    }
    loop {
        at += line[at..].iter().take_while(|b| **b == b' ').count();
        head.message = at;
        let end = scan::find2(line, at, b' ', b'\t').unwrap_or(line.len());
        if end == at || !head.word(line, at, end) {
            return head;
        }
        at = end;
        if line.get(at) == Some(&b'\t') && head.has_level() {
            head.tabbed(line, at + 1);
            return head;
        }
    }
}

impl<'a> Head<'a> {
    /// Whether the line has what tells a head from any text.
    pub(crate) fn is_one(&self) -> bool {
        self.moment.is_some() || self.has_level()
    }

    fn has_level(&self) -> bool {
        !self.level.is_empty() || self.letter.is_some()
    }

    /// The time, behind a prefix or not: gives where it ends, 0 where there is none.
    fn time(&mut self, line: &'a [u8], moments: &mut Moments, clues: Clues<'_>) -> usize {
        if let Some(moment) = moments.read(line, 0, clues).or_else(|| kitchen(line)) {
            self.moment = Some(moment);
            return moment.end;
        }
        let near = &line[..line.len().min(PREFIX_BYTES_MAX)];
        let Some(at) = scan::find_digit(near, 0).filter(|at| *at > 1 && near[at - 1] == b' ') else {
            return 0;
        };
        let Some(moment) = moments.read(line, at, clues) else {
            return 0;
        };
        let prefix = line[..at].trim_ascii();
        let inner = scan::between(prefix, b'[', b']').filter(|(_, rest)| rest.is_empty()).map(|(inner, _)| inner);
        let name = inner.unwrap_or_else(|| prefix.strip_suffix(b":").unwrap_or(prefix));
        if is_capital_level(name) {
            self.level = name;
        } else if is_name(name) {
            self.logger = name;
        } else {
            return 0;
        }
        self.moment = Some(moment);
        moment.end
    }

    /// What zap separates by tabs: level, logger, place, message.
    fn tabbed(&mut self, line: &'a [u8], mut at: usize) {
        while let Some(tab) = scan::find(line, at, b'\t') {
            let word = plain(&line[at..tab]);
            if !self.has_level() && is_level(word) {
                self.level = word;
            } else if self.place.is_none() && place(word).is_some() {
                self.place = place(word);
            } else if self.logger.is_empty() && self.place.is_none() && self.has_level() && is_name(word) {
                self.logger = word;
            } else {
                break;
            }
            at = tab + 1;
        }
        self.message = at;
    }

    /// Takes a word that is no part of the message; says whether it was one.
    fn word(&mut self, line: &'a [u8], at: usize, end: usize) -> bool {
        let word = plain(&line[at..end]);
        if !self.has_level() {
            return self.level(word, line, end) || self.is_place(word);
        }
        if word == b">" && self.place.is_some() || word == b"|" && self.letter.is_some() {
            return true;
        }
        if self.is_place(word) {
            return true;
        }
        if !self.bracketed || !self.logger.is_empty() {
            return false;
        }
        let bracketed =
            word.strip_prefix(b"[").and_then(|word| word.strip_suffix(b"]")).filter(|_| self.letter.is_some());
        match word.strip_suffix(b":").or(bracketed).filter(|name| is_name(name)) {
            Some(name) => self.logger = name,
            None => return false,
        }
        true
    }

    /// `INFO`, `[INFO]`, `INFO:`, `INFO[0012]`, `I!`, `I |`
    fn level(&mut self, word: &'a [u8], line: &[u8], end: usize) -> bool {
        let bare = word.strip_suffix(b":").unwrap_or(word);
        if is_capital_level(bare) {
            self.level = bare;
        } else if let Some(level) =
            word.strip_prefix(b"[").and_then(|word| word.strip_suffix(b"]")).filter(|w| is_level(w))
        {
            (self.level, self.bracketed) = (level, true);
        } else if let Some((level, since)) = scan::cut(word, b'[')
            && is_capital_level(level)
            && since.strip_suffix(b"]").is_some_and(|since| scan::int(since).is_some())
        {
            self.level = level;
        } else if let [first] | [first, b'!'] = word
            && let Some(level) = letter(*first)
            && self.moment.is_some()
            && (word.len() == 2 || line[end..].starts_with(b" | "))
        {
            (self.letter, self.bracketed) = (Some(level), true);
        } else {
            return false;
        }
        true
    }

    fn is_place(&mut self, word: &'a [u8]) -> bool {
        if self.place.is_some() || !self.is_one() {
            return false;
        }
        self.place = place(word);
        self.place.is_some()
    }
}

/// `2:10PM`, which has no date.
fn kitchen(line: &[u8]) -> Option<Moment> {
    let (hour, colon) = scan::digits(line, 0)?;
    let (minute, end) = scan::digits(line, colon + 1)?;
    let is_time = (1..=12).contains(&hour) && minute < 60 && line[colon] == b':' && end == colon + 3;
    (is_time && matches!(line.get(end..end + 3), Some(b"AM " | b"PM "))).then_some(Moment { ns: None, end: end + 2 })
}
