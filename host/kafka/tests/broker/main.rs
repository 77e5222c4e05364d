//! Producer and consumer against a real broker: `COLLECTOR_TEST_KAFKA=host:port` names it.

mod choosing;
mod reading;
mod sending;
mod support;
