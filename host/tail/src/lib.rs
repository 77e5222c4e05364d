//! Files to batches: discovery, identity, rotation, framing, journal and checkpoint.
//!
//! [`Tail::start`] runs one reading thread that follows the files of all tasks, and a few small threads around it: one looks
//! for files, one waits for new tasks, one writes checkpoints. Decisions are pure functions (`identity`, `rotation`, `framer`,
//! and the records of `state`); `engine` does what they decide.
//!
//! Whatever a replay depends on is in the journal before it is sent: that a file is known, the day of its lines, where lines
//! end that have no newline. What was acknowledged is in the checkpoint within a second. Both together give every line the
//! same id again after a crash.

mod acknowledge;
mod content;
mod continuation;
mod discover;
mod disk;
mod emit;
mod engine;
mod framer;
mod gather;
mod gunzip;
mod identity;
mod inbox;
mod lag;
mod listing;
mod pace;
mod pattern;
mod reader;
mod reserve;
mod rotation;
mod settings;
mod state;
mod steps;
mod tail;
mod watch;
mod work;

#[cfg(test)]
mod tests;

pub use disk::{DirEntry, Disk, FileMeta, MachineDisk, OpenFile, OwnFile};
pub use settings::{Clock, TailSettings};
pub use state::{HolderPid, StateDir, StateError};
pub use steps::{Happening, Scene, Steps, checkpoint_positions};
pub use tail::{Coverage, Drained, FileStatus, NoCoverage, Outlets, Surroundings, Tail, TailError, TailHandle};
