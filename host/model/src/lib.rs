//! What flows through the collector, and the rules that hold wherever it flows. No I/O.
//!
//! Every hop has one type, and the position travels inside the value:
//!
//! * a source (a file, a Kafka partition) yields a [`Batch`]: lines with their [`EventId`], and one [`Ticket`];
//! * a chain of plugins turns the lines of a batch into a [`Table`] of events;
//! * a sink completes the batch's ticket when everything made of it is safe, and only then;
//! * the [`Ledger`] of the source advances over the contiguous prefix of completed positions.

pub mod batch;
pub mod budget;
pub mod cell;
pub mod dead;
pub mod encoding;
pub mod envelope;
pub mod fields;
pub mod id;
pub mod index_name;
pub mod json;
pub mod ledger;
pub mod metrics;
pub mod names;
pub mod schema;
pub mod search;
pub mod table;
pub mod ticket;

pub use batch::{Batch, Line, LineFlags, Origin, Span};
pub use budget::{Budget, Permit};
pub use cell::{Cell, Kind, Value};
pub use dead::{DeadLetter, DeadLetters, Stage};
pub use encoding::Encoding;
pub use envelope::Envelope;
pub use id::{BucketDay, EventId, FileUid, ForkPath};
pub use index_name::IndexName;
pub use ledger::Ledger;
pub use metrics::Metrics;
pub use names::{TaskKey, Topic};
pub use schema::Schema;
pub use table::Table;
pub use ticket::{Acknowledge, Position, Source, Ticket};
