//! End-to-end tests: the collector's own program against real servers, module by behaviour.
//!
//! The servers' addresses come from the environment (`cargo xtask test` starts the servers and sets them). Where one is missing
//! the tests that need it say that they were skipped, or fail when `COLLECTOR_TEST_SERVERS=required`.

mod authoring;
mod collecting;
mod dead_letters;
mod failover;
mod forking;
mod forms;
mod given;
mod killing;
mod mistakes;
mod outage;
mod quarantining;
mod retaining;
mod rotating;
mod scaling;
mod searching;
mod standing_alone;
mod swapping;
mod tutorial;
