//! The first line, item by item: time, level, thread, logger, and where the message begins.

use crate::class::{is_camel, is_class, is_class_of_package, is_dotted, is_method, method};
use collector_plugin::applog::{Moment, Moments, first_line, is_level};
use collector_plugin::scan;
use collector_plugin::syslog::Clues;
use std::ops::Range;

/// Characters to which Spring Boot pads or cuts the name of a thread.
const SPRING_THREAD_BYTES: usize = 15;

/// How long the name of a thread may be that has brackets.
const NAME_BYTES_MAX: usize = 256;

/// What the first line says. Texts that are not there are empty.
#[derive(Default)]
pub(crate) struct Head<'a> {
    pub(crate) moment: Option<Moment>,
    pub(crate) level: &'a [u8],
    pub(crate) logger: &'a [u8],
    pub(crate) thread: &'a [u8],
    pub(crate) function: &'a [u8],
    pub(crate) file: &'a [u8],
    pub(crate) line: Option<i64>,
    pub(crate) pid: Option<i64>,
    /// The number of a server of ZooKeeper, the name of one of Elasticsearch.
    pub(crate) node: &'a [u8],
    /// Where the message is.
    pub(crate) message: Range<usize>,
    /// The time was in brackets, and the level not.
    bracketed_time: bool,
    /// Three dashes have been met.
    spring: bool,
    /// Where the last item in brackets ended.
    bracket_end: usize,
}

/// Whether there may be another item.
#[derive(PartialEq, Eq)]
enum Step {
    /// It may, from here on.
    Next(usize),
    /// The message begins here.
    Message(usize),
}

/// Reads the first line of an event.
#[inline]
pub(crate) fn read<'a>(line: &'a [u8], moments: &mut Moments, clues: Clues<'_>) -> Head<'a> {
    let mut head = Head { message: 0..line.len(), ..Head::default() };
    let mut at = 0;
    loop {
        let start = at + line[at..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        match head.step(line, start, moments, clues) {
            Step::Next(next) if next > start && next <= line.len() => at = next,
            Step::Next(_) => break,
            Step::Message(start) => {
                head.message.start = start.min(line.len());
                break;
            }
        }
    }
    head.logger_at_the_end(line);
    head.bars_at_the_end(line);
    head
}

impl<'a> Head<'a> {
    fn step(&mut self, line: &'a [u8], at: usize, moments: &mut Moments, clues: Clues<'_>) -> Step {
        if self.moment.is_none()
            && let Some(moment) = moments.read(line, at, clues)
        {
            self.moment = Some(moment);
            return if line[moment.end..].starts_with(b":") {
                self.jetty(line, moment.end)
            } else {
                Step::Next(moment.end)
            };
        }
        match &line[at..] {
            [] => Step::Message(at),
            [b'[', ..] => self.bracket(line, at, moments, clues),
            [b'(', ..] => self.parenthesis(line, at),
            [b'-', b'-', b'-', b' ', ..] => {
                self.spring = true;
                Step::Next(at + 4)
            }
            [b'-', b' ', ..] if self.is_complete() => Step::Message(at + 2),
            [b'-' | b'|', b' ', ..] if self.moment.is_some() || !self.level.is_empty() => Step::Next(at + 2),
            _ => self.word(line, at),
        }
    }

    /// Whether a dash may stand before the message.
    fn is_complete(&self) -> bool {
        !self.level.is_empty() && (!self.logger.is_empty() || !self.thread.is_empty() || !self.file.is_empty())
    }

    /// `[2026-02-12 14:10:21,123]`, `[INFO ]`, `[main]`, `[org.example.Main]`, `[NIOWorkerThread-3:NIOServerCnxn@514]`
    fn bracket(&mut self, line: &'a [u8], at: usize, moments: &mut Moments, clues: Clues<'_>) -> Step {
        let Some(end) = closing(line, at) else {
            return Step::Message(at);
        };
        let (raw, joined) = (&line[at + 1..end], self.bracket_end == at && at > 0);
        let content = raw.trim_ascii();
        self.bracket_end = end + 1;
        if self.moment.is_none()
            && let Some(moment) = moments.read(line, at + 1, clues).filter(|moment| moment.end == end)
        {
            self.moment = Some(moment);
            self.bracketed_time = true;
        } else if self.level.is_empty() && (is_level(content) || joined && content == b"DEPRECATION") {
            self.level = content;
            self.bracketed_time = false;
        } else if self.bracketed_time && !self.level.is_empty() {
            // Kafka's messages may begin with brackets.
            return Step::Message(at);
        } else if self.level.is_empty() && self.moment.is_none() && !before_level(line, end + 1) {
            return Step::Message(at);
        } else if joined && self.logger.is_empty() {
            // The servers of Elastic: behind the logger there is nothing but the message.
            self.logger = content;
            return Step::Message(self.elastic_node(line, end + 1));
        } else {
            self.context(raw);
        }
        Step::Next(end + 1)
    }

    /// ` [node-1] text`, as Elasticsearch has it behind the logger: gives where the message begins.
    fn elastic_node(&mut self, line: &'a [u8], at: usize) -> usize {
        match line[at..].strip_prefix(b" [").and_then(|rest| scan::cut(rest, b']')) {
            Some((node, _)) if !self.logger.starts_with(b"logstash.") && !node.contains(&b'[') => {
                self.node = node;
                at + node.len() + 3
            }
            _ => at,
        }
    }

    /// A logger, a thread, or something else that the layout adds.
    fn context(&mut self, raw: &'a [u8]) {
        let content = raw.trim_ascii();
        if let Some((rest, number)) = scan::cut_last(content, b'@')
            && let Some(number) = scan::int(number)
            && let Some((thread, class)) = scan::cut_last(rest, b':')
        {
            (self.thread, self.logger, self.line) = (thread, class, Some(number));
        } else if self.logger.is_empty() && is_dotted(content) {
            self.logger = content;
        } else if let Some(node) = content.strip_prefix(b"myid:") {
            self.node = node;
        } else if !content.is_empty() {
            let padded = self.spring && raw.len() == SPRING_THREAD_BYTES;
            if self.thread.is_empty() || padded {
                self.thread = content;
            }
        }
    }

    /// `(main)`, a thread where the level is known.
    fn parenthesis(&mut self, line: &'a [u8], at: usize) -> Step {
        match scan::find(line, at, b')') {
            Some(end) if is_file(&line[at + 1..end]) && self.place(&line[at + 1..end]) => Step::Next(end + 1),
            Some(end) if !self.level.is_empty() && self.thread.is_empty() && !self.bracketed_time => {
                self.thread = &line[at + 1..end];
                if self.logger.is_empty() { Step::Next(end + 1) } else { Step::Message(end + 1) }
            }
            _ => Step::Message(at),
        }
    }

    /// A level, a process id, a logger, or the message.
    fn word(&mut self, line: &'a [u8], at: usize) -> Step {
        let end = scan::find2(line, at, b' ', b'\t').unwrap_or(line.len());
        let word = &line[at..end];
        let plain = word.strip_suffix(b":").unwrap_or(word);
        if self.level.is_empty() && is_level(plain) {
            self.level = plain;
            self.bracketed_time &= last_logger(line).is_some();
            return if plain.len() < word.len() { Step::Message(end) } else { Step::Next(end) };
        }
        if at == 0 && scan::int(word).is_some() && line[end..].starts_with(b" [") {
            // Milliseconds since the program began.
            return Step::Next(end);
        }
        if let Some(pid) = scan::int(word)
            && self.moment.is_some()
            && line[end..].trim_ascii_start().starts_with(b"--- ")
        {
            self.pid = Some(pid);
            return Step::Next(end);
        }
        let known = self.moment.is_some() || !self.level.is_empty();
        if !known || !self.logger.is_empty() || self.bracketed_time {
            return Step::Message(at);
        }
        self.logger(line, at, end)
    }

    /// A logger, which a colon, a dash, or nothing but its own look tells from a message.
    fn logger(&mut self, line: &'a [u8], at: usize, end: usize) -> Step {
        let word = &line[at..end];
        let rest = line[end..].trim_ascii_start();
        let behind = line.len() - rest.len();
        if let Some(name) = word.strip_suffix(b":").filter(|name| is_dotted(name) || is_camel(name)) {
            self.named(name);
            return Step::Message(end);
        }
        if rest.starts_with(b": ") && (self.spring || is_class(word)) {
            self.named(word);
            return Step::Message(behind + 2);
        }
        if let Some(at) = dash(line, behind)
            && self.place(word)
        {
            return Step::Message(at);
        }
        if is_class_of_package(word) || !self.thread.is_empty() && is_dotted(word) {
            self.named(word);
            // java.util.logging has the method behind the class, and the level in the second line.
            if self.level.is_empty() && is_method(rest) {
                self.function = rest;
                return Step::Message(line.len());
            }
            // log4j's level may come last.
            return if self.level.is_empty() { Step::Next(end) } else { Step::Message(end) };
        }
        Step::Message(at)
    }

    /// `org.example.Main`, `org.example.Main.run`
    fn named(&mut self, word: &'a [u8]) {
        (self.logger, self.function) = if self.spring { (word, &word[..0]) } else { method(word) };
    }

    /// What stands before a dash: `Main`, `Main:42`, `Main(42)`, `Main.java:42`. Says whether it is one of these.
    fn place(&mut self, word: &'a [u8]) -> bool {
        let word = word.strip_suffix(b":").unwrap_or(word);
        let (name, line) = match scan::cut_last(word.strip_suffix(b")").unwrap_or(word), b':') {
            Some((name, line)) => (name, scan::int(line)),
            None => match word.strip_suffix(b")").and_then(|word| scan::cut(word, b'(')) {
                Some((name, line)) => (name, scan::int(line)),
                None => (word, None),
            },
        };
        // Tomcat's containers are no classes: `o.a.c.c.C.[.[.[/].[dispatcherServlet]`.
        let is_container = line.is_none() && scan::cut_text(name, b".[").is_some_and(|(class, _)| is_dotted(class));
        if !is_class(name) && !is_container {
            return false;
        }
        self.line = line;
        if is_file(name) {
            self.file = name;
        } else {
            self.logger = name;
        }
        true
    }

    /// `:INFO :oejs.Server:main: text`, as Jetty has it behind the time.
    fn jetty(&mut self, line: &'a [u8], at: usize) -> Step {
        let mut parts = line[at + 1..].splitn(4, |b| *b == b':');
        let (Some(level), Some(logger), Some(thread), Some(text)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Step::Message(at + 1);
        };
        if !is_level(level.trim_ascii()) {
            return Step::Message(at + 1);
        }
        (self.level, self.logger, self.thread) = (level.trim_ascii(), logger.trim_ascii(), thread.trim_ascii());
        Step::Message(line.len() - text.len())
    }

    /// ActiveMQ's layout ends with logger and thread: `time | INFO | text | org.example.Main | main`.
    fn bars_at_the_end(&mut self, line: &'a [u8]) {
        if !self.logger.is_empty() || self.level.is_empty() || !line[..self.message.start].ends_with(b"| ") {
            return;
        }
        let thread = scan::cut_last(line, b'|').map(|(rest, thread)| (rest, thread.trim_ascii()));
        let Some((rest, thread)) = thread else { return };
        if let Some((rest, logger)) = scan::cut_last(rest, b'|')
            && is_dotted(logger.trim_ascii())
        {
            (self.logger, self.thread) = (logger.trim_ascii(), thread);
            self.message.end = rest.len().max(self.message.start);
        }
    }

    /// Kafka's layout ends with the logger: `[time] INFO text (kafka.server.KafkaServer)`.
    fn logger_at_the_end(&mut self, line: &'a [u8]) {
        if !self.bracketed_time || !self.logger.is_empty() {
            return;
        }
        if let Some(name) = last_logger(line) {
            self.logger = name;
            self.message.end = (line.len() - name.len() - 2).max(self.message.start);
        }
    }

    /// `INFO: text` in the second line, as java.util.logging has it.
    pub(crate) fn level_of_second_line(&mut self, text: &'a [u8], second_at: usize) {
        let (second, _) = first_line(text.get(second_at..).unwrap_or_default());
        if let Some((level, _)) = scan::cut(second, b':')
            && is_level(level)
            && !self.logger.is_empty()
        {
            self.level = level;
            self.message = second_at + level.len() + 1..text.len();
        }
    }
}

/// Whether a word is a file's name, with a line behind it or not.
fn is_file(word: &[u8]) -> bool {
    let name = scan::cut(word, b':').map_or(word, |(name, _)| name);
    [&b".java"[..], b".scala", b".kt", b".groovy"].iter().any(|end| name.ends_with(end))
}

/// The bracket that closes the one at `at`, or the next one where they are not balanced nearby.
fn closing(line: &[u8], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (index, byte) in line[at..].iter().take(NAME_BYTES_MAX).enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' if depth == 1 => return Some(at + index),
            b']' => depth -= 1,
            _ => {}
        }
    }
    scan::find(line, at, b']')
}

/// The logger in parentheses at the end of a line.
fn last_logger(line: &[u8]) -> Option<&[u8]> {
    let (_, name) = scan::cut_last(line, b'(')?;
    name.strip_suffix(b")").filter(|name| is_dotted(name))
}

/// Whether a level is behind the space at `at`.
fn before_level(line: &[u8], at: usize) -> bool {
    let word = line.get(at + 1..).map_or(&[][..], |rest| scan::cut(rest, b' ').map_or(rest, |(word, _)| word));
    is_level(word)
}

/// Where the message begins behind a dash at `at`, with brackets of a context before it or not: `[] - text`.
fn dash(line: &[u8], at: usize) -> Option<usize> {
    let at = match line.get(at)? {
        b'[' => {
            let end = scan::find(line, at, b']')?;
            end + 1 + line[end + 1..].iter().take_while(|b| **b == b' ').count()
        }
        _ => at,
    };
    let dashes = line[at..].iter().take(3).take_while(|b| **b == b'-').count();
    // logback has what the program added between two dashes, mostly nothing.
    (matches!(dashes, 1 | 2) && line.get(at + dashes) == Some(&b' ')).then_some(at + dashes + 1)
}
