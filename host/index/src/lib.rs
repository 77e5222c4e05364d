//! The embedded index: one tantivy partition a day, positions committed with the documents.
