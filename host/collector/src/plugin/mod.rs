//! `collector plugin …`: for whoever writes a plugin, or wants to know what one does.

mod arguments;
mod bench;
mod build;
mod check;
mod crate_folder;
mod new;
mod opening;
mod run;
mod run_command;
mod toolchain;
mod trial;

pub use arguments::{BenchArgs, BuildArgs, CheckArgs, NewArgs, OpeningArgs, TestArgs};
pub use bench::bench;
pub use build::build;
pub use check::check;
pub use new::new;
pub use run_command::run;
pub use trial::test;
