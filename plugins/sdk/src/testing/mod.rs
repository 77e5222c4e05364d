//! A harness for a plugin's own tests: lines in, fields out, with the checks of a host. Native only.

mod apply;
mod samples;

pub use samples::check_samples;

use crate::abi::{self, CELL_WORDS, halves};
use crate::{Driver, Manifest, Plugin, plugin::is_pattern};
use serde_json::{Map, Value};

/// Fields of an event by dotted name. Times are numbers of nanoseconds here.
pub type Fields = Map<String, Value>;

/// What became of a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The events that go on: one, unless the plugin forks.
    Kept(Vec<Fields>),
    /// Filtered out.
    Dropped,
    /// Could not be treated, for this reason.
    Rejected(String),
}

impl Outcome {
    /// The fields of the one event that was kept.
    ///
    /// # Panics
    /// Anything else happened.
    #[must_use]
    pub fn kept(self) -> Fields {
        match self {
            Self::Kept(mut events) if events.len() == 1 => events.remove(0),
            other => panic!("expected one event, got {other:?}"),
        }
    }

    /// The reason for which the line was rejected.
    ///
    /// # Panics
    /// Anything else happened.
    #[must_use]
    pub fn rejected(self) -> String {
        match self {
            Self::Rejected(reason) => reason,
            other => panic!("expected a rejection, got {other:?}"),
        }
    }
}

/// An opened plugin that is given line after line, as a host would.
pub struct Session<P> {
    driver: Driver<P>,
    guest_names: Vec<String>,
    host_names: usize,
}

impl<P: Plugin> Session<P> {
    /// Opens the plugin with a configuration as JSON text; empty means the defaults.
    ///
    /// # Errors
    /// What the plugin says of its configuration.
    pub fn open(config: &str) -> Result<Self, String> {
        let driver = Driver::open(config)?;
        let guest_names = driver.manifest().writes().to_vec();
        Ok(Self { driver, guest_names, host_names: 0 })
    }

    /// What the plugin reads and writes.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.driver.manifest()
    }

    /// Treats one line that nothing treated before.
    ///
    /// # Panics
    /// The plugin breaks the contract of `wit/v0.1/README.md`.
    pub fn line(&mut self, line: &str) -> Outcome {
        self.event(line, &Fields::new())
    }

    /// Treats an event of this line with fields that earlier plugins set.
    ///
    /// # Panics
    /// The plugin breaks the contract of `wit/v0.1/README.md`.
    pub fn event(&mut self, line: &str, fields: &Fields) -> Outcome {
        let input = Batch::new(line, fields, self.driver.manifest().reads(), self.host_names);
        self.host_names += input.names.len();
        let forks = self.driver.manifest().is_forking();
        let changes = self
            .driver
            .process(1, input.text.as_bytes(), &input.cells, &input.names, &input.sparse)
            .unwrap_or_else(|error| panic!("the plugin failed: {error}"));
        self.guest_names.extend_from_slice(changes.names);
        apply::apply(&changes, &self.guest_names, &input.text, fields, forks)
            .unwrap_or_else(|fault| panic!("the plugin broke the contract at {line:?}: {fault}"))
    }
}

/// One event as the host hands it over.
struct Batch {
    text: String,
    cells: Vec<u32>,
    names: Vec<String>,
    sparse: Vec<u32>,
}

impl Batch {
    fn new(line: &str, fields: &Fields, reads: &[String], known_names: usize) -> Self {
        let mut batch = Self { text: String::new(), cells: Vec::new(), names: Vec::new(), sparse: Vec::new() };
        let line = Value::from(line);
        for name in reads.iter().filter(|name| !is_pattern(name)) {
            let value = match name.as_str() {
                "message" | "event.original" => fields.get(name).or(Some(&line)),
                _ => fields.get(name),
            };
            let cell = batch.cell(value);
            batch.cells.extend(cell);
        }
        let implicit = if fields.contains_key("message") { "event.original" } else { "message" };
        let mut present: Vec<(&str, &Value)> = fields.iter().map(|(name, value)| (name.as_str(), value)).collect();
        if !fields.contains_key(implicit) {
            present.push((implicit, &line));
        }
        for (name, value) in present {
            if reads.iter().any(|pattern| matches(pattern, name)) {
                let cell = batch.cell(Some(value));
                batch.sparse.extend([0, (known_names + batch.names.len()) as u32]);
                batch.sparse.extend(cell);
                batch.names.push(name.to_owned());
            }
        }
        batch
    }

    fn cell(&mut self, value: Option<&Value>) -> [u32; CELL_WORDS] {
        let long = |kind, bits| {
            let [a, b] = halves(bits);
            [kind, a, b]
        };
        match value {
            None => [abi::ABSENT, 0, 0],
            Some(Value::Null) => [abi::NULL, 0, 0],
            Some(Value::Bool(value)) => [abi::BOOL, u32::from(*value), 0],
            Some(Value::String(text)) => self.span(abi::TEXT, text),
            Some(Value::Number(n)) if n.is_i64() => long(abi::I64, n.as_i64().unwrap_or_default().cast_unsigned()),
            Some(Value::Number(n)) if n.is_f64() => long(abi::F64, n.as_f64().unwrap_or_default().to_bits()),
            Some(other) => self.span(abi::JSON, &other.to_string()),
        }
    }

    fn span(&mut self, kind: u32, text: &str) -> [u32; CELL_WORDS] {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        [kind, start, text.len() as u32]
    }
}

/// Whether `pattern` is a pattern, and `name` one of its fields.
fn matches(pattern: &str, name: &str) -> bool {
    pattern == "*" || pattern.strip_suffix('*').is_some_and(|prefix| prefix.ends_with('.') && name.starts_with(prefix))
}
