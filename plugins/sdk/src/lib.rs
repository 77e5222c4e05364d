//! What the author of a plugin uses: traits, typed configuration, scanners, a test harness.
//!
//! A plugin parses lines ([`Parser`]) or treats events ([`Filter`]). It is compiled for WebAssembly and run by the collector over whole batches, and the same source runs natively
//! in its tests. It is a pure function of its configuration and the event: no clock, no randomness, no memory that shows.
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
//!         let colon = scan::find(line, 0, b':').ok_or(Reject("no level"))?;
//!         event.text(LEVEL, &line[..colon]);
//!         event.text(TEXT, line[colon + 1..].trim_ascii());
//!         Ok(())
//!     }
//! }
//!
//! let mut session = collector_plugin::testing::Session::<collector_plugin::Parsing<Levels>>::open("").unwrap();
//! let kept = session.line("warn: disk is full").kept();
//! assert_eq!(kept["log.level"], "warn");
//! assert_eq!(kept["message"], "disk is full");
//! ```
//!
//! The words that cross the boundary are defined in `wit/v0.1/README.md`; [`abi`] has them as constants.

pub mod abi;
mod constants;
mod driver;
mod event;
mod export;
mod field;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;
pub mod host;
mod input;
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

pub use constants::Constants;
pub use driver::{Changes, Driver};
pub use event::Event;
pub use field::Field;
pub use input::{Input, Value};
pub use names::check_name;
pub use plugin::{Filter, Filtering, Manifest, Parser, Parsing, Plugin, Reject, Verdict};

/// Compiles and runs the examples of the guide for authors.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Guide;
