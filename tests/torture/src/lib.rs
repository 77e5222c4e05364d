//! The torture test: writers, the program under test among real servers, faults that strike it, and a checker.
//!
//! Writers append lines that name themselves, and rotate their files; agents, transfers and standalone collect them as in
//! operation, through proxies that cut, delay and swallow; faults strike by a seed's schedule. In the end everything is read back from
//! the indices, from Kafka and from the dead letters, and compared with what was written.

pub mod alone;
pub mod checker;
pub mod controls;
pub mod faults;
pub mod fleet;
pub mod ground;
mod half;
pub mod observer;
pub mod plan;
pub mod proxy;
pub mod random;
mod record;
pub mod report;
pub mod run;
pub mod scene;
pub mod script;
pub mod verdict;
pub mod wait;
pub mod watch;
pub mod writers;
