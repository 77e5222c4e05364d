//! The redact plugin.
