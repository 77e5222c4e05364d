//! The program under test: its processes, as an operator runs them.

mod program;
mod settings;
mod usage;

pub use program::{Program, Role};
pub(crate) use settings::OPEN_FILES_MAX;
pub use settings::{Paths, agent, standalone, transfer};
pub(crate) use usage::descriptors;
pub use usage::{Usage, Watched};
