//! Kafka: producing lines with acknowledgement, consuming as a group.
