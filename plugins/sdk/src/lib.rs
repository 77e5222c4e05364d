//! What the author of a plugin uses: traits, typed configuration, scanners, times, a test harness.
//!
//! A plugin parses lines ([`Parser`]) or treats events ([`Filter`]). It is compiled for WebAssembly and run by the collector over whole
//! batches; the same source runs natively in its tests. It is a **pure function** of its configuration and the event: no clock, no
//! randomness, no memory of other lines that shows. `collector plugin new NAME` makes a crate to begin with; this is the tour of what
//! is in it.
//!
//! # A parser
//!
//! Declare the fields, say what is read and written, and set each field as soon as it is found:
//!
//! ```
//! use collector_plugin::{Event, Manifest, Parser, Reject, scan};
//!
//! collector_plugin::fields! { LEVEL = "log.level", TEXT = "message" }
//!
//! /// `warn: the text`
//! struct Levels;
//!
//! impl Parser for Levels {
//!     type Config = ();
//!
//!     fn open((): ()) -> Result<Self, String> {
//!         Ok(Self)
//!     }
//!
//!     fn manifest(&self) -> Manifest {
//!         Manifest::reading(["message"]).writing(FIELDS.iter().copied())
//!     }
//!
//!     fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
//!         let (level, text) = scan::cut(line, b':').ok_or(Reject("no level"))?;
//!         event.text(LEVEL, level);
//!         event.text(TEXT, text.trim_ascii());
//!         Ok(())
//!     }
//! }
//!
//! # use collector_plugin::{Parsing, testing::Session};
//! let mut session = Session::<Parsing<Levels>>::open("").unwrap();
//! let kept = session.line("warn: disk is full").kept();
//! assert_eq!(kept["log.level"], "warn");
//! assert_eq!(kept["message"], "disk is full");
//! assert_eq!(session.line("something else").rejected(), "no level");
//! ```
//!
//! A part of the line goes to the collector as what it is, a part of the line, without being copied; a text that the plugin made is
//! copied. The line is UTF-8: cut it between characters, as all of [`scan`] does. `Err(Reject(…))` takes back what was set, and the
//! reason becomes the event's `error.message`; it names what was missing.
//!
//! In a crate of its own one line makes it a plugin; natively that gives the type `Plugin` for [`testing::Session`]:
//!
//! ```text
//! collector_plugin::export!(Levels as Parser, samples = "../samples/samples.json");
//! ```
//!
//! # Configuration
//!
//! The chain entry's `config` is a type of the plugin's. No configuration is its `Default`; an unknown key is an error that names it;
//! what [`Parser::open`] refuses, it refuses in words for the operator.
//!
//! ```
//! # use collector_plugin::{Event, Manifest, Parser, Parsing, Reject, testing::Session};
//! #[derive(Default, serde::Deserialize)]
//! #[serde(default)]
//! struct Config {
//!     /// The least length of a line.
//!     least: usize,
//! }
//!
//! struct LongEnough {
//!     least: usize,
//! }
//!
//! impl Parser for LongEnough {
//!     type Config = Config;
//!
//!     fn open(config: Config) -> Result<Self, String> {
//!         match config.least {
//!             0 => Err("least is 0: every line is that long; give a number of bytes".to_owned()),
//!             least => Ok(Self { least }),
//!         }
//!     }
//! #   fn manifest(&self) -> Manifest {
//! #       Manifest::reading(["message"])
//! #   }
//! #   fn parse<'a>(&mut self, line: &'a [u8], _: &mut Event<'a>) -> Result<(), Reject> {
//! #       if line.len() < self.least { Err(Reject("too short")) } else { Ok(()) }
//! #   }
//!     // …
//! }
//!
//! let refused = |config| Session::<Parsing<LongEnough>>::open(config).err().unwrap();
//! assert!(refused("{}").starts_with("least is 0"));
//! assert!(refused(r#"{"leats": 3}"#).contains("unknown key `leats`"));
//! ```
//!
//! # Fields, times, names from the data
//!
//! [`Event`] sets texts, numbers, times, JSON, and grows arrays. Field names are those of the Elastic Common Schema where it has one.
//! [`time`] reads timestamps; for those without a zone or a year a plugin reads `@meta.timezone` and `@meta.day`, which are columns
//! behind the line. A name that is met in the data becomes a field by [`Event::name`].
//!
//! ```
//! use collector_plugin::{Event, Manifest, Parser, Reject, scan, time};
//!
//! collector_plugin::fields! { TIME = "@timestamp", LABELS = "labels", TAGS = "tags" }
//!
//! /// `2026-01-31 12:00:00 #web user=ann` in the zone of the machine that wrote it
//! struct Labels;
//!
//! impl Parser for Labels {
//! #   type Config = ();
//! #   fn open((): ()) -> Result<Self, String> {
//! #       Ok(Self)
//! #   }
//!     fn manifest(&self) -> Manifest {
//!         Manifest::reading(["message", time::Zone::META]).writing(FIELDS.iter().copied())
//!     }
//!
//!     fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
//!         let (clock, words) = line.split_at_checked(19).ok_or(Reject("no time"))?;
//!         let zone_min = time::Zone::Local.minutes(event.input().value(1));
//!         let (ns, _) = time::rfc3339_in(clock, zone_min).ok_or(Reject("no time"))?;
//!         event.time_ns(TIME, ns);
//!         for word in words.split(|byte| *byte == b' ') {
//!             if let Some(tag) = word.strip_prefix(b"#") {
//!                 event.append(TAGS, tag);
//!             } else if let Some((key, value)) = scan::cut(word, b'=') {
//!                 let label = event.name(Some(LABELS), key)?;
//!                 event.text(label, value);
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # use collector_plugin::{Parsing, testing::Session};
//! let mut session = Session::<Parsing<Labels>>::open("").unwrap().knowing("@meta.timezone", 60);
//! let kept = session.line("2026-01-31 12:00:00 #web #eu user=ann").kept();
//! assert_eq!(kept["@timestamp"], time::rfc3339(b"2026-01-31T11:00:00Z").unwrap());
//! assert_eq!(kept["tags"], serde_json::json!(["web", "eu"]));
//! assert_eq!(kept["labels.user"], "ann");
//! ```
//!
//! # A filter
//!
//! It says which fields it reads, gets those and no others, and keeps or drops the event. Exact names are columns, in the order of the
//! manifest; what matches `*` or `prefix.*` comes by [`Input::matched`]. Both may depend on the configuration.
//!
//! ```
//! use collector_plugin::{Event, Filter, Input, Manifest, Reject, Value, Verdict};
//!
//! collector_plugin::fields! { OUTCOME = "event.outcome" }
//!
//! struct Failures;
//!
//! impl Filter for Failures {
//! #   type Config = ();
//! #   fn open((): ()) -> Result<Self, String> {
//! #       Ok(Self)
//! #   }
//!     fn manifest(&self) -> Manifest {
//!         Manifest::reading(["http.response.status_code"]).writing(FIELDS.iter().copied())
//!     }
//!
//!     fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
//!         match input.value(0) {
//!             Value::Int(500..) => event.constant(OUTCOME, "failure"),
//!             _ => return Ok(Verdict::Drop),
//!         }
//!         Ok(Verdict::Keep)
//!     }
//! }
//!
//! # use collector_plugin::{Filtering, testing::{Outcome, Session}};
//! let mut session = Session::<Filtering<Failures>>::open("").unwrap();
//! let status = |code: i64| [("http.response.status_code".to_owned(), code.into())].into_iter().collect();
//! assert_eq!(session.event("a line", &status(503)).kept()["event.outcome"], "failure");
//! assert_eq!(session.event("a line", &status(200)), Outcome::Dropped);
//! ```
//!
//! [`Manifest::required`] says that nothing may pass that the filter could not treat; [`Manifest::forking`] that one line may become
//! several events ([`Event::fork`]). Data files come from [`host::asset`] while the plugin is opened.
//!
//! # Tests
//!
//! [`testing::Session`] gives a plugin lines and checks what a collector would check; [`testing::check_samples`] runs the samples, which
//! are packed into the plugin and tried by a collector before it takes a new version. `collector plugin test` does the rest: purity,
//! random bytes, long lines, little memory.
//!
//! Whoever wants to know what crosses the boundary finds it in `wit/v0.1/README.md`; [`abi`] has it as constants. A plugin needs neither.

pub mod abi;
pub mod applog;
mod constants;
pub mod container;
mod driver;
mod event;
mod export;
mod field;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;
pub mod host;
mod input;
pub mod kv;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod mem;
pub mod members;
mod names;
mod plugin;
pub mod scan;
pub mod syslog;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod time;
pub mod weblog;

pub use constants::{Bundle, Constants};
pub use driver::{Changes, Driver};
pub use event::Event;
pub use field::Field;
pub use input::{Input, Value};
pub use names::check_name as check_field_name;
pub use plugin::{Filter, Filtering, Manifest, Parser, Parsing, Plugin, Reject, Verdict};

/// Compiles and runs the examples of the guide for authors.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Guide;
