//! What the host knows of a line besides its bytes, for plugins that read `@meta.*`.

use collector_model::{Batch, Kind};

/// Names below which only the host says something.
pub(crate) const META: &str = "@meta";

/// One of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetaName {
    Day,
    Timezone,
    Host,
    Path,
    Topic,
}

impl MetaName {
    /// The one that is read by that name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name.strip_prefix(META)?.strip_prefix('.')? {
            "day" => MetaName::Day,
            "timezone" => MetaName::Timezone,
            "host" => MetaName::Host,
            "path" => MetaName::Path,
            "topic" => MetaName::Topic,
            _ => return None,
        })
    }
}

/// Whether a name is `@meta` or below it: never a field of an event.
pub(crate) fn is_meta(name: &str) -> bool {
    name.strip_prefix(META).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What is known of one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meta<'a> {
    /// Midnight, UTC, of the day on which the line was first read, in nanoseconds since 1970.
    pub(crate) day_ns: Option<i64>,
    pub(crate) timezone_minutes: Option<i64>,
    /// Empty where it is not known; so are the others.
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) topic: &'a str,
}

/// A value of [`Meta`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetaValue<'a> {
    /// The words of a cell that needs no text.
    Words([u32; 3]),
    Text(&'a str),
}

impl<'a> Meta<'a> {
    #[inline]
    pub(crate) fn value(&self, name: MetaName) -> MetaValue<'a> {
        let whole = |kind: Kind, value: Option<i64>| {
            MetaValue::Words(value.map_or([0; 3], |value| [kind as u32, value as u32, (value >> 32) as u32]))
        };
        let text = |text: &'a str| if text.is_empty() { MetaValue::Words([0; 3]) } else { MetaValue::Text(text) };
        match name {
            MetaName::Day => whole(Kind::Time, self.day_ns),
            MetaName::Timezone => whole(Kind::Int, self.timezone_minutes),
            MetaName::Host => text(self.host),
            MetaName::Path => text(self.path),
            MetaName::Topic => text(self.topic),
        }
    }
}

/// The lines that events are made of: their text, and what is known of each.
#[derive(Clone, Copy)]
pub(crate) struct Lines<'a> {
    pub(crate) text: &'a [u8],
    /// Documents have `event.original`.
    pub(crate) keep_original: bool,
    known: Known<'a>,
}

#[derive(Clone, Copy)]
enum Known<'a> {
    Batch(&'a Batch),
    All(&'a Meta<'a>),
}

impl<'a> Lines<'a> {
    /// The lines of a batch.
    pub(crate) fn of(batch: &'a Batch) -> Self {
        Lines { text: &batch.text, keep_original: true, known: Known::Batch(batch) }
    }

    /// The same for documents that have `event.original`, or have not.
    pub(crate) fn keeping_original(self, keep_original: bool) -> Self {
        Lines { keep_original, ..self }
    }

    /// Lines of which the same is known.
    pub(crate) fn with(text: &'a [u8], meta: &'a Meta<'a>) -> Self {
        Lines { text, keep_original: true, known: Known::All(meta) }
    }

    /// What is known of a line.
    #[inline]
    pub(crate) fn meta(&self, line: u32) -> Meta<'a> {
        match self.known {
            Known::All(meta) => meta.clone(),
            Known::Batch(batch) => {
                let line = &batch.lines[line as usize];
                let origin = batch.origin_of(line);
                Meta {
                    // A day after the year 2262 has no such number.
                    day_ns: line.id.day().start_unix_ms().checked_mul(1_000_000),
                    timezone_minutes: Some(origin.timezone_minutes.into()),
                    host: &origin.host_name,
                    path: &origin.path,
                    topic: batch.topic.as_str(),
                }
            }
        }
    }
}
