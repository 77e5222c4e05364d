//! The first line, item by item: time, level, logger, thread, process, place, and where the message begins.

use crate::name::{is_certain, is_module, is_name, is_thread};
use collector_plugin::applog::{Moment, Moments, is_level};
use collector_plugin::scan;
use collector_plugin::syslog::Clues;

/// What the first line says. Texts that are not there are empty.
#[derive(Default)]
pub(crate) struct Head<'a> {
    pub(crate) moment: Option<Moment>,
    pub(crate) level: &'a [u8],
    /// The level, where the line has but a letter for it.
    pub(crate) letter: Option<&'static str>,
    pub(crate) logger: &'a [u8],
    pub(crate) thread: &'a [u8],
    pub(crate) process: &'a [u8],
    pub(crate) function: &'a [u8],
    pub(crate) file: &'a [u8],
    pub(crate) line: Option<i64>,
    pub(crate) pid: Option<i64>,
    /// Where the message begins.
    pub(crate) message: usize,
}

/// Whether there may be another item.
enum Step {
    /// It may, from here on.
    Next(usize),
    /// The message begins here.
    Message(usize),
}

/// Reads the first line of an event.
#[inline]
pub(crate) fn read<'a>(line: &'a [u8], moments: &mut Moments, clues: Clues<'_>) -> Head<'a> {
    let mut head = Head::default();
    let mut at = 0;
    loop {
        let start = at + blanks(line, at);
        match head.step(line, start, moments, clues) {
            Step::Next(next) if next > start && next <= line.len() => at = next,
            Step::Next(_) => return head,
            Step::Message(start) => {
                head.message = start.min(line.len());
                return head;
            }
        }
    }
}

impl<'a> Head<'a> {
    fn step(&mut self, line: &'a [u8], at: usize, moments: &mut Moments, clues: Clues<'_>) -> Step {
        if self.moment.is_none()
            && let Some(moment) = moments.read(line, at, clues)
        {
            self.moment = Some(moment);
            return Step::Next(moment.end + usize::from(line.get(moment.end) == Some(&b':')));
        }
        match &line[at..] {
            [] => Step::Message(at),
            [b'[', ..] => self.bracket(line, at, moments, clues),
            [b'{', ..] => self.brace(line, at),
            [b'(', ..] => self.parenthesis(line, at),
            [b'-' | b'|', b' ', ..] if self.moment.is_some() || self.has_level() || !self.logger.is_empty() => {
                Step::Next(at + 2)
            }
            _ if self.has_level() => self.behind_level(line, at),
            _ => self.before_level(line, at),
        }
    }

    fn has_level(&self) -> bool {
        !self.level.is_empty() || self.letter.is_some()
    }

    /// `[2026-02-12 14:10:21,123]`, `[INFO]`, `[4711]`, `[app.models]`, `[app.models:42]`, `[MainThread]`, `[I 260212 14:10:21 web:42]`
    fn bracket(&mut self, line: &'a [u8], at: usize, moments: &mut Moments, clues: Clues<'_>) -> Step {
        let Some(end) = scan::find(line, at, b']') else {
            return Step::Message(at);
        };
        let (raw, next) = (&line[at + 1..end], Step::Next(end + 1));
        let content = raw.trim_ascii();
        if self.moment.is_none() {
            if let Some(level) = tornado_level(raw) {
                self.letter = Some(level);
                self.tornado(&line[..end], at + 3, moments, clues);
                return Step::Message(end + 1);
            }
            if let Some(moment) = moments.read(line, at + 1, clues).filter(|moment| moment.end <= end) {
                self.moment = Some(moment);
                self.celery(line[moment.end..end].trim_ascii());
                return next;
            }
        }
        if !self.has_level() && is_level(content) {
            self.level = content;
        } else if self.moment.is_none() && !self.has_level() || !self.context(content) {
            return Step::Message(at);
        }
        next
    }

    /// A process id, a thread, or a logger with its line. Says whether it was one of these.
    fn context(&mut self, content: &'a [u8]) -> bool {
        if let Some(pid) = scan::int(content).filter(|_| self.pid.is_none()) {
            self.pid = Some(pid);
        } else if is_thread(content) && self.thread.is_empty() {
            self.thread = content;
        } else if self.logger.is_empty() && is_name(content) {
            self.logger = content;
        } else if let Some((name, line)) = scan::cut_last(content, b':')
            && self.logger.is_empty()
            && is_name(name)
            && let Some(line) = scan::int(line)
        {
            self.place(name, line);
        } else {
            return content.is_empty();
        }
        true
    }

    /// `: INFO/MainProcess`, which Celery has behind the time.
    fn celery(&mut self, rest: &'a [u8]) {
        let rest = rest.strip_prefix(b":").map_or(rest, <[u8]>::trim_ascii_start);
        if let Some((level, process)) = scan::cut(rest, b'/')
            && is_level(level)
        {
            (self.level, self.process) = (level, process);
        }
    }

    /// `260212 14:10:21 web:42`, or `2026-02-12 14:10:21.123 ServerApp`
    fn tornado(&mut self, line: &'a [u8], at: usize, moments: &mut Moments, clues: Clues<'_>) {
        let (date, rest) = match moments.read(line, at, clues) {
            Some(moment) => (Some(moment), &line[moment.end..]),
            None => (None, line.get(at + 15..).unwrap_or_default()),
        };
        self.moment = date.or_else(|| short_date(line, at, moments, clues));
        let rest = rest.trim_ascii();
        match scan::cut_last(rest, b':').map(|(name, line)| (name, scan::int(line))) {
            Some((name, Some(line))) => self.place(name, line),
            _ if is_name(rest) => self.logger = rest,
            _ => {}
        }
    }

    /// `{views.py:42}` of Airflow, `{app.web:42}`
    fn brace(&mut self, line: &'a [u8], at: usize) -> Step {
        let place = scan::find(line, at, b'}').and_then(|end| Some((end, scan::cut_last(&line[at + 1..end], b':')?)));
        match place.and_then(|(end, (name, number))| Some((end, name, scan::int(number)?))) {
            Some((end, name, number)) if self.moment.is_some() => {
                self.place(name, number);
                Step::Next(end + 1)
            }
            _ => Step::Message(at),
        }
    }

    fn place(&mut self, name: &'a [u8], line: i64) {
        self.line = Some(line);
        if name.ends_with(b".py") {
            self.file = name;
        } else {
            self.logger = name;
        }
    }

    /// `(MainThread)`
    fn parenthesis(&mut self, line: &'a [u8], at: usize) -> Step {
        match scan::find(line, at, b')') {
            Some(end) if self.thread.is_empty() && is_thread(&line[at + 1..end]) => {
                self.thread = &line[at + 1..end];
                Step::Next(end + 1)
            }
            _ => Step::Message(at),
        }
    }

    /// A level, `INFO:root:text`, a process id, or a logger that a level follows.
    fn before_level(&mut self, line: &'a [u8], at: usize) -> Step {
        let end = scan::find(line, at, b' ').unwrap_or(line.len());
        let word = &line[at..end];
        if is_level(word) {
            self.level = word;
            return Step::Next(end);
        }
        if let Some((level, rest)) = scan::cut(word, b':')
            && is_level(level)
        {
            self.level = level;
            return self.basic(line, at + level.len() + 1, rest);
        }
        if let Some(pid) = scan::int(word).filter(|_| self.moment.is_some() && self.pid.is_none()) {
            self.pid = Some(pid);
            return Step::Next(end);
        }
        let (name, pid) = numbered(word);
        if self.logger.is_empty() && is_name(name) && level_follows(&line[end..]) {
            (self.logger, self.pid) = (name, pid.or(self.pid));
            return Step::Next(end);
        }
        Step::Message(at)
    }

    /// `root:text`, which is behind the level and a colon where nobody has set a layout.
    fn basic(&mut self, line: &'a [u8], at: usize, word: &'a [u8]) -> Step {
        let name = scan::find(line, at, b':').map(|colon| &line[at..colon]);
        match name {
            Some(name) if !word.is_empty() && is_name(name) => {
                self.logger = name;
                Step::Message(at + name.len() + 1)
            }
            _ => Step::Message(at),
        }
    }

    /// A logger, or the message.
    fn behind_level(&mut self, line: &'a [u8], at: usize) -> Step {
        let end = scan::find(line, at, b' ').unwrap_or(line.len());
        let word = &line[at..end];
        if !self.logger.is_empty() || !self.file.is_empty() {
            return Step::Message(at);
        }
        if word == b"in"
            && let Some((module, _)) =
                scan::cut_text(&line[end..], b": ").filter(|(name, _)| is_name(name.trim_ascii()))
        {
            self.logger = module.trim_ascii();
            return Step::Message(end + module.len() + 2);
        }
        if let Some(name) = word.strip_suffix(b":").filter(|name| is_module(name)) {
            self.logger = name;
            return Step::Message(end);
        }
        let separated = matches!(line.get(end..end + 3), Some(b" - " | b" | "));
        if let Some((name, number)) = scan::cut_last(word, b':').and_then(|(name, line)| Some((name, scan::int(line)?)))
            && is_certain(name)
        {
            self.place(name, number);
            return Step::Next(end);
        }
        if separated && is_certain(word) {
            self.logger = word;
            return Step::Message(end + 3);
        }
        if separated && let Some((module, function, number)) = loguru(word) {
            (self.logger, self.function, self.line) = (module, function, Some(number));
            return Step::Message(end + 3);
        }
        // Odoo has the name of the database before the logger.
        if self.pid.is_some()
            && let Some((name, _)) =
                scan::cut(&line[(end + 1).min(line.len())..], b':').filter(|(name, _)| is_certain(name))
        {
            self.logger = name;
            return Step::Message(end + name.len() + 2);
        }
        Step::Message(at)
    }
}

fn blanks(line: &[u8], at: usize) -> usize {
    line[at..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// The level of `I 260212 …`, which Tornado and Jupyter have in brackets.
fn tornado_level(content: &[u8]) -> Option<&'static str> {
    match content {
        [letter, b' ', b'0'..=b'9', ..] => Some(match letter {
            b'D' => "DEBUG",
            b'I' => "INFO",
            b'W' => "WARNING",
            b'E' => "ERROR",
            b'C' => "CRITICAL",
            _ => return None,
        }),
        _ => None,
    }
}

/// `260212 14:10:21`
fn short_date(line: &[u8], at: usize, moments: &mut Moments, clues: Clues<'_>) -> Option<Moment> {
    let text = line.get(at..at + 15)?;
    let mut long = *b"2000-00-00 00:00:00";
    long[2..4].copy_from_slice(&text[..2]);
    long[5..7].copy_from_slice(&text[2..4]);
    long[8..10].copy_from_slice(&text[4..6]);
    long[10..].copy_from_slice(&text[6..]);
    moments.read(&long, 0, clues).map(|moment| Moment { end: at + 15, ..moment })
}

/// `name[4711]`
fn numbered(word: &[u8]) -> (&[u8], Option<i64>) {
    let number = word.strip_suffix(b"]").and_then(|word| scan::cut(word, b'['));
    match number.and_then(|(name, number)| Some((name, scan::int(number)?))) {
        Some((name, number)) => (name, Some(number)),
        None => (word.strip_suffix(b":").unwrap_or(word), None),
    }
}

/// Whether a level comes next, behind blanks and separators.
fn level_follows(rest: &[u8]) -> bool {
    let begins = rest.iter().take_while(|b| matches!(b, b' ' | b'-' | b'|' | b'[' | b':')).count();
    let rest = &rest[begins..];
    let length = rest.iter().take(10).take_while(|b| b.is_ascii_alphabetic()).count();
    is_level(&rest[..length])
}

/// `module:function:42`
fn loguru(word: &[u8]) -> Option<(&[u8], &[u8], i64)> {
    let (rest, line) = scan::cut_last(word, b':')?;
    let (module, function) = scan::cut_last(rest, b':')?;
    Some((module, function, scan::int(line)?))
}
