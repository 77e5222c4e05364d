//! A harness for a plugin's own tests: lines in, fields out, with the checks of a host. Native only.

mod apply;
mod meta;
mod samples;
#[doc(hidden)]
pub mod speed;

pub use samples::check_samples;

use crate::abi::{self, CELL_WORDS, halves};
use crate::{Driver, Manifest, Plugin, host::with_assets, plugin::is_pattern};
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

    /// The fields of the events that were kept, in order: those of a line that forks.
    ///
    /// # Panics
    /// It was dropped or rejected.
    #[must_use]
    pub fn forked(self) -> Vec<Fields> {
        match self {
            Self::Kept(events) => events,
            other => panic!("expected events, got {other:?}"),
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
    known: Fields,
}

impl<P: Plugin> Session<P> {
    /// Opens the plugin with a configuration as JSON text; empty means the defaults.
    ///
    /// # Errors
    /// What the plugin says of its configuration.
    pub fn open(config: &str) -> Result<Self, String> {
        let driver = Driver::open(config)?;
        let guest_names = driver.manifest().writes().to_vec();
        Ok(Self { driver, guest_names, host_names: 0, known: Fields::new() })
    }

    /// Opens the plugin with data files by the names under which it asks for them.
    ///
    /// # Errors
    /// What the plugin says of its configuration, or of a data file.
    pub fn open_with<'n>(config: &str, assets: impl IntoIterator<Item = (&'n str, Vec<u8>)>) -> Result<Self, String> {
        let assets = assets.into_iter().map(|(name, bytes)| (name.to_owned(), bytes));
        with_assets(assets, || Self::open(config))
    }

    /// The same with something that the host knows of every line from here on, by its name below `@meta`, as in [`event`](Self::event).
    #[must_use]
    pub fn knowing(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.known.insert(name.to_owned(), value.into());
        self
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

    /// Treats an event of this line with fields that earlier plugins set. What a host knows of the line is given among them, by
    /// the names below `@meta`, as samples have it: `"@meta.day": "2026-01-31"`, `"@meta.timezone": -120` (minutes), texts as
    /// `@meta.host`, `@meta.path` and `@meta.topic`. What is not given is absent, and none of it is a field of the event.
    ///
    /// # Panics
    /// The plugin breaks the contract of `wit/v0.1/README.md`, or what is given below `@meta` is none of these.
    pub fn event(&mut self, line: &str, fields: &Fields) -> Outcome {
        let mut given = self.known.clone();
        given.extend(fields.clone());
        let (meta, fields) = &meta::split(&given);
        let input = Batch::new(line, fields, meta, self.driver.manifest().reads(), self.host_names);
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
    fn new(line: &str, fields: &Fields, meta: &Fields, reads: &[String], known_names: usize) -> Self {
        let mut batch = Self { text: String::new(), cells: Vec::new(), names: Vec::new(), sparse: Vec::new() };
        let line = Value::from(line);
        for name in reads.iter().filter(|name| !is_pattern(name)) {
            if name == meta::DAY {
                batch.cells.extend(meta::day_cell(meta));
                continue;
            }
            let value = match name.as_str() {
                _ if meta::is_meta(name) => meta.get(name),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, Filter, Input, Reject, Verdict};

    crate::fields! { DAY = "day", TIMEZONE = "timezone", PATH = "path", SEEN = "seen" }

    /// Tells what it reads.
    struct Telling;

    impl Filter for Telling {
        type Config = ();

        fn open((): ()) -> Result<Self, String> {
            Ok(Self)
        }

        fn manifest(&self) -> Manifest {
            let reads = ["@meta.day", "@meta.timezone", "@meta.path", "*"];
            Manifest::reading(reads).writing(FIELDS.iter().copied())
        }

        fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
            if let crate::Value::TimeNs(ns) = input.value(0) {
                event.time_ns(DAY, ns);
            }
            if let crate::Value::Int(minutes) = input.value(1) {
                event.int(TIMEZONE, minutes);
            }
            if let Some(path) = input.text(2) {
                event.text(PATH, path);
            }
            event.int(SEEN, input.matched().count() as i64);
            Ok(Verdict::Keep)
        }
    }

    #[test]
    fn what_the_host_knows_is_read_by_exact_names_and_is_no_field() {
        let mut session = Session::<crate::Filtering<Telling>>::open("").unwrap();
        let given = serde_json::json!({"@meta.day": "2026-02-28", "@meta.timezone": -120, "@meta.path": "/a", "x": 1});
        let kept = session.event("line", given.as_object().unwrap()).kept();
        let expected =
            serde_json::json!({"day": 1_772_236_800_000_000_000i64, "timezone": -120, "path": "/a", "seen": 2, "x": 1});
        assert_eq!(Value::from(kept), expected);
        assert_eq!(Value::from(session.line("line").kept()), serde_json::json!({"seen": 1}));
    }

    #[test]
    fn what_a_session_knows_holds_for_every_line_and_a_line_may_say_otherwise() {
        let mut session = Session::<crate::Filtering<Telling>>::open("").unwrap().knowing("@meta.timezone", 60);
        assert_eq!(session.line("line").kept()["timezone"], 60);
        let other = serde_json::json!({"@meta.timezone": -60});
        assert_eq!(session.event("line", other.as_object().unwrap()).kept()["timezone"], -60);
        assert_eq!(session.line("line").forked().len(), 1);
    }

    /// Asks for a data file.
    struct Asking(Vec<u8>);

    impl Filter for Asking {
        type Config = ();

        fn open((): ()) -> Result<Self, String> {
            crate::host::asset("table").map(Self)
        }

        fn manifest(&self) -> Manifest {
            Manifest::reading(["message"]).writing(["day"])
        }

        fn filter<'a>(&mut self, _: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
            event.text(DAY, &self.0);
            Ok(Verdict::Keep)
        }
    }

    #[test]
    fn a_session_has_the_data_files_that_a_test_gives_it() {
        type Asked = Session<crate::Filtering<Asking>>;
        let mut session = Asked::open_with("", [("table", b"data".to_vec())]).unwrap();
        assert_eq!(session.line("line").kept()["day"], "data");
        assert!(Asked::open("").err().unwrap().contains("`table`"));
    }

    #[test]
    #[should_panic(expected = "@meta.dya")]
    fn a_name_that_no_host_knows_is_refused() {
        let mut session = Session::<crate::Filtering<Telling>>::open("").unwrap();
        session.event("line", serde_json::json!({"@meta.dya": "2026-02-28"}).as_object().unwrap());
    }
}
