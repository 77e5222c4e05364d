//! The dead letters.

use super::{Find, Tally, order::read_all};

/// Counts every dead letter of a topic.
pub(super) fn count(kafka: &str, topic: &str, tally: &mut Tally) -> anyhow::Result<()> {
    read_all(kafka, &format!("{topic}.dead"), |record| {
        use rdkafka::Message as _;
        tally.count(Find::Letter, record.payload().unwrap_or_default(), "dead letters");
    })
}
