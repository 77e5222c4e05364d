//! Loads, verifies, limits and runs chains of WebAssembly plugins, and swaps them while lines flow.
//!
//! A [`PluginHost`] turns a chain as it is written into a [`Generation`] that was compiled, opened and tried. A [`ChainSlot`] holds
//! what runs for one task; a [`ChainWorker`] runs it on one thread and never fails: what a plugin cannot treat goes where the
//! chain's `on_error` says. The host trusts nothing that a plugin says; `wit/v0.1/README.md` has the rules.

mod apply;
mod artifact;
mod assets;
mod cache;
mod clock;
mod describe;
mod error;
mod file;
mod flatten;
mod flight;
mod foreign;
mod generation;
mod guest;
mod host;
mod kept_chain;
mod last_good;
mod limits;
mod log;
mod memory;
mod meta;
mod names;
mod outcome;
mod reads;
mod samples;
mod slot;
mod solo;
mod stage;
#[cfg(test)]
mod tests;
mod wasi;
mod watch;
mod worker;
mod writers;

pub use describe::Description;
pub use error::{LoadError, LoadProblem};
pub use generation::Generation;
pub use guest::{Answer, Manifest, NativeOpen, NativePlugin, Request};
pub use host::{EngineError, PluginDirs, PluginHost};
pub use limits::Limits;
pub use outcome::{event_fields, same};
pub use slot::{ChainSlot, ChainStatus, PluginStatus};
pub use solo::Solo;
pub use watch::FileWatch;
pub use worker::{ChainWorker, Output};
