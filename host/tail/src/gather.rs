//! Lines to events: those that a task says belong together become one. A pure function, as [`frame`] is: the same bytes and the same
//! plan give the same events, from whichever event's start the reading begins.

use std::{borrow::Cow, fmt, sync::Arc};

use collector_model::LineFlags;
use collector_tasks::{Multiline, MultilineRule};
use regex::bytes::Regex;

use crate::framer::{Frame, FramePlan, Stretch, frame};

/// Which lines make one event, ready to be asked.
#[derive(Clone)]
pub(crate) struct Gather(Arc<Rule>);

struct Rule {
    /// As the journal holds it.
    text: String,
    kind: Kind,
    lines_max: u32,
}

enum Kind {
    Start(Regex),
    Continue(Regex),
    Cri,
    Docker,
}

impl fmt::Debug for Gather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl PartialEq for Gather {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Gather {}

impl Gather {
    /// The rule of a task.
    pub(crate) fn of(multiline: &Multiline) -> Option<Self> {
        let lines_max = multiline.lines_max;
        Self::parse(&match &multiline.rule {
            MultilineRule::Start(pattern) => format!("start {lines_max} {pattern}"),
            MultilineRule::Continue(pattern) => format!("continue {lines_max} {pattern}"),
            MultilineRule::Cri => format!("cri {lines_max} "),
            MultilineRule::Docker => format!("docker {lines_max} "),
        })
    }

    /// The rule that was written so; none where it is no rule.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(3, ' ');
        let (kind, lines_max, pattern) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
        let kind = match kind {
            "start" => Kind::Start(Regex::new(pattern).ok()?),
            "continue" => Kind::Continue(Regex::new(pattern).ok()?),
            "cri" => Kind::Cri,
            "docker" => Kind::Docker,
            _ => return None,
        };
        Some(Gather(Arc::new(Rule { text: text.to_owned(), kind, lines_max })))
    }

    /// As the journal holds it.
    pub(crate) fn text(&self) -> &str {
        &self.0.text
    }

    /// Whether a line begins an event, whatever was before it.
    fn begins(&self, line: &[u8]) -> bool {
        match &self.0.kind {
            Kind::Start(pattern) => pattern.is_match(line),
            Kind::Continue(pattern) => !pattern.is_match(line),
            Kind::Cri | Kind::Docker => false,
        }
    }

    /// Whether an event ends with this line, whatever comes behind it. `open` remembers the streams whose parts are not all there.
    fn ends(&self, line: &[u8], open: &mut OpenStreams) -> bool {
        match self.0.kind {
            Kind::Start(_) | Kind::Continue(_) => false,
            Kind::Cri => open.note(cri_part(line)),
            Kind::Docker => open.note(docker_part(line)),
        }
    }
}

/// A line of a container: of which stream, and whether another part follows.
struct Part {
    is_error_stream: bool,
    goes_on: bool,
}

/// Streams of which the last part is still to come. Both streams of a container write to one file, part by part.
#[derive(Default)]
struct OpenStreams {
    output: bool,
    error: bool,
}

impl OpenStreams {
    /// Whether no part is awaited after this one. What is no line of a container stands for itself.
    fn note(&mut self, part: Option<Part>) -> bool {
        if let Some(Part { is_error_stream, goes_on }) = part {
            *(if is_error_stream { &mut self.error } else { &mut self.output }) = goes_on;
        }
        !self.output && !self.error
    }
}

/// `TIME stdout P TEXT`
fn cri_part(line: &[u8]) -> Option<Part> {
    let mut words = line.splitn(4, |byte| *byte == b' ');
    let (_time, stream, tags) = (words.next()?, words.next()?, words.next()?);
    let is_error_stream = match stream {
        b"stdout" => false,
        b"stderr" => true,
        _ => return None,
    };
    // Several tags are set apart by colons; the first one tells of parts.
    Some(Part { is_error_stream, goes_on: tags == b"P" || tags.starts_with(b"P:") })
}

/// `{"log":"TEXT\n","stream":"stdout",…}`, in the order in which Docker writes it.
fn docker_part(line: &[u8]) -> Option<Part> {
    let stream = memchr::memmem::rfind(line, b"\",\"stream\":\"")?;
    let is_error_stream = line[stream..].starts_with(b"\",\"stream\":\"stderr");
    line.starts_with(b"{\"log\":\"").then(|| Part { is_error_stream, goes_on: !line[..stream].ends_with(b"\\n") })
}

/// From an offset on, events are made by this rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GatherFrom {
    /// Events that begin here or later.
    pub(crate) from: u64,
    /// None: each line is an event.
    pub(crate) rule: Option<Gather>,
}

/// Finds the events, appends them to `frames`, and answers how many bytes they take. What follows is unfinished, or was not wanted.
pub(crate) fn events(stretch: &Stretch<'_>, plan: &FramePlan, frames: &mut Vec<Frame>) -> usize {
    if plan.gathers.iter().all(|gather| gather.rule.is_none()) {
        return frame(stretch, plan, frames);
    }
    let mut lines = Vec::new();
    let framed = frame(&Stretch { lines_max: usize::MAX, ..*stretch }, plan, &mut lines);
    let round = Round { stretch, plan, lines: &lines, framed };
    let (mut first, events_max) = (0, frames.len() + stretch.lines_max);
    while first < lines.len() && frames.len() < events_max {
        let Some((event, next)) = round.event(first) else {
            return lines[first].start as usize;
        };
        frames.push(event);
        first = next;
    }
    lines.get(first).map_or(framed, |line| line.start as usize)
}

/// The lines of one stretch.
struct Round<'a> {
    stretch: &'a Stretch<'a>,
    plan: &'a FramePlan,
    lines: &'a [Frame],
    /// How many bytes the lines take.
    framed: usize,
}

impl Round<'_> {
    /// The event that begins with a line, and the line behind it; none where it is not certain yet that it ends.
    fn event(&self, first: usize) -> Option<(Frame, usize)> {
        let mut event = self.lines[first];
        let rule = self.plan.gather_at(self.offset(event.start as usize));
        let Some(rule) = rule else {
            return Some((event, first + 1));
        };
        let limit = self.plan.limit_at(self.offset(event.start as usize));
        let (mut open, mut next) = (OpenStreams::default(), first + 1);
        loop {
            let line = self.lines[next - 1];
            let is_full = next - first >= rule.0.lines_max as usize;
            if rule.ends(&self.text(&line), &mut open) || self.is_ended_behind(next - 1) {
                return Some((event, next));
            }
            if is_full {
                event.flags = event.flags.with(LineFlags::CUT);
                return Some((event, next));
            }
            let following = self.lines.get(next)?;
            let end = following.start + following.len;
            if rule.begins(&self.text(following)) {
                return Some((event, next));
            }
            if end - event.start > limit {
                event.flags = event.flags.with(LineFlags::CUT);
                return Some((event, next));
            }
            event.flags = event.flags.with(following.flags);
            event.len = end - event.start;
            next += 1;
        }
    }

    /// Whether the journal ends an event behind that line, or what follows belongs to another day.
    fn is_ended_behind(&self, line: usize) -> bool {
        let behind = self.lines.get(line + 1).map_or(self.framed, |next| next.start as usize);
        let behind = self.offset(behind);
        let after = self.plan.event_ends.partition_point(|&at| at <= self.offset(self.lines[line].start as usize));
        behind >= self.stretch.stop_at || self.plan.event_ends.get(after).is_some_and(|&at| at <= behind)
    }

    /// What the rule looks at: the line's bytes, as UTF-8 where they are in another encoding.
    fn text(&self, line: &Frame) -> Cow<'_, [u8]> {
        let bytes = &self.stretch.bytes[line.start as usize..(line.start + line.len) as usize];
        let encoding = self.plan.encoding_at(self.stretch.base);
        if encoding.is_utf8() {
            return Cow::Borrowed(bytes);
        }
        Cow::Owned(encoding.decode(bytes).0.into_owned().into_bytes())
    }

    fn offset(&self, at: usize) -> u64 {
        self.stretch.base + at as u64
    }
}

#[cfg(test)]
mod tests;
