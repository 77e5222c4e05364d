//! The sink against a faked cluster that misbehaves on purpose, and against the real servers.

mod blocked;
mod fake;
mod faults;
mod probing;
mod real;
mod support;
