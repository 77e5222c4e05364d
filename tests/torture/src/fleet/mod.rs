//! The program under test: its processes, as an operator runs them.

mod program;
mod settings;

pub use program::{Program, Role, Usage};
pub use settings::{Paths, agent, standalone, transfer};
