//! Hides e-mail addresses, card numbers, IP addresses and tokens in the texts of an event, the original line included.
//!
//! `{"fields":["*"],"patterns":["email","credit_card"],"replacement":"[redacted]"}` is the default: every field is looked at. `"mask":true` or a `"hash_key"` hide in other ways. Naming the fields is faster, and then nothing else is.
//! `message` and `event.original` are two places for the same line, so whoever names one of them gets both. Values are looked at, wherever they are: texts, integers, arrays; names of fields are not.
//!
//! The manifest says `required`: an event that this plugin could not treat goes to the dead letters, not to the index.

mod config;
mod hide;
mod json;
mod patterns;
mod token;

pub use config::{Config, PatternName};

use collector_plugin::{Constants, Event, Field, Filter, Input, Manifest, Reject, Value, Verdict};
use hide::Hide;
use patterns::{Patterns, Spans};

/// Column and id of the line as `message`, where the line is looked at.
const MESSAGE: u32 = 0;
/// Column and id of the line as `event.original`, where the line is looked at.
const ORIGINAL: u32 = 1;
/// The two names of the line, at their columns.
const LINE: [&str; 2] = ["message", "event.original"];
/// Digits of the shortest card number, as the smallest integer that has them.
const CARD_INT_MIN: u64 = 1_000_000_000_000;

/// The filter.
pub struct Redact {
    /// Exact names: columns and ids alike. The line's come first, where they are there.
    columns: Vec<String>,
    /// `*` and `prefix.*`.
    wildcards: Vec<String>,
    line: bool,
    patterns: Patterns,
    hide: Hide,
    /// For each column what stands for a value that is hidden as a whole, where that is always the same.
    wholes: Vec<Constants>,
    spans: Spans,
}

impl Filter for Redact {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        config.check()?;
        let (patterns, hide) = (Patterns::new(&config.patterns), Hide::new(&config)?);
        let (wildcards, named): (Vec<String>, Vec<String>) = config.fields.into_iter().partition(|f| f.ends_with('*'));
        let is_line = |name: &String| LINE.contains(&name.as_str());
        let line = wildcards.iter().any(|w| w == "*" || w == "event.*") || named.iter().any(is_line);
        let mut columns: Vec<String> = if line { LINE.map(str::to_owned).into() } else { Vec::new() };
        columns.extend(named.into_iter().filter(|name| !is_line(name)));
        let wholes = wholes(&hide, columns.len());
        Ok(Self { columns, wildcards, line, patterns, hide, wholes, spans: Spans::default() })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(self.columns.iter().chain(&self.wildcards)).writing(&self.columns).required()
    }

    fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        let (mut first, mut harmless) = (0, &[][..]);
        if self.line {
            harmless = self.line(input, event);
            first = LINE.len();
        }
        for column in first..self.columns.len() {
            self.column(column, input, harmless, event);
        }
        for (name, value) in input.matched() {
            if !self.columns.iter().any(|column| column == name) && self.finds(value) {
                let field = event.name(None, name.as_bytes())?;
                self.value(field, value, event);
            }
        }
        Ok(Verdict::Keep)
    }
}

impl Redact {
    /// Hides in the line, under both of its names. Gives the line where nothing that is a part of it can be something to hide.
    fn line<'a>(&mut self, input: Input<'a>, event: &mut Event<'_>) -> &'a [u8] {
        let (message, original) = (input.value(MESSAGE as usize), input.value(ORIGINAL as usize));
        let mut is_same = false;
        if let (Value::Text(line), Value::Text(original)) = (message, original) {
            is_same = std::ptr::eq(line, original);
            if is_same && !self.patterns.may_be_in(line) {
                return line;
            }
        }
        if !is_same && message != original {
            self.value(Field::nth(MESSAGE), message, event);
            self.value(Field::nth(ORIGINAL), original, event);
        } else if self.value(Field::nth(MESSAGE), message, event) {
            // The line as it was would come back under its second name.
            event.remove(Field::nth(ORIGINAL));
        }
        &[]
    }

    /// Hides in the value of a column, which has nothing to hide where it is a part of what is `harmless`.
    #[inline]
    fn column(&mut self, column: usize, input: Input<'_>, harmless: &[u8], event: &mut Event<'_>) {
        if let Some((around, start, end)) = input.text_within(column) {
            if is_part(&around[start..end], harmless) {
                return;
            }
            if self.patterns.is_all(around, start, end)
                && let Some(whole) = self.wholes.get_mut(column)
            {
                return event.constants(whole);
            }
        }
        self.value(Field::nth(column as u32), input.value(column), event);
    }

    /// Sets the field anew where there is something to hide; says whether there was.
    fn value(&mut self, field: Field, value: Value<'_>, event: &mut Event<'_>) -> bool {
        let found = self.finds(value);
        let Self { patterns, hide, spans, .. } = self;
        match value {
            _ if !found => {}
            Value::Text(text) => event.build(field, |arena| spans.write(text, hide, arena)),
            Value::Json(text) => event.build_json(field, |arena| json::write(text, patterns, hide, arena)),
            // Of numbers only whole ones are looked at.
            Value::Int(int) => event.build(field, |arena| hide.write(int.to_string().as_bytes(), arena)),
            _ => {}
        }
        found
    }

    /// Whether there is something to hide; leaves where it is, for a text.
    #[inline]
    fn finds(&mut self, value: Value<'_>) -> bool {
        match value {
            Value::Text(text) => self.patterns.find(text, &mut self.spans),
            Value::Json(text) => json::has(text, &self.patterns),
            Value::Int(int) if int.unsigned_abs() >= CARD_INT_MIN => {
                self.patterns.find(int.to_string().as_bytes(), &mut self.spans)
            }
            _ => false,
        }
    }
}

/// For each column the text that hides a whole value, unless it depends on the value.
fn wholes(hide: &Hide, columns: usize) -> Vec<Constants> {
    match hide {
        Hide::Text(text) => (0..columns).map(|id| Constants::new().text(Field::nth(id as u32), text)).collect(),
        Hide::Mask | Hide::Hash(_) => Vec::new(),
    }
}

/// Whether a text lies within another one, as a part of a line does within the line.
#[inline(always)]
fn is_part(text: &[u8], whole: &[u8]) -> bool {
    let (text, whole) = (text.as_ptr_range(), whole.as_ptr_range());
    whole.start <= text.start && text.end <= whole.end
}

collector_plugin::export!(Redact as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
