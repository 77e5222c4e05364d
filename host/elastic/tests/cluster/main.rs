//! The sink against a faked cluster that misbehaves on purpose, and against the real servers.

mod blocked;
mod days;
mod fake;
mod faults;
mod fields;
mod outcomes;
mod probing;
mod real;
mod support;
