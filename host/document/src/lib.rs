//! Cells to JSON: ECS documents, the seed's form, and the safe document.
//!
//! Keys, nesting and order are worked out once for each shape (sequence of fields); what is left for an event is to copy
//! constant text and to write its values.

mod constants;
mod id;
mod lanes;
mod plan;
mod render;
mod safe;
#[cfg(test)]
mod tests;
mod time;
mod writer;

pub use constants::join_chains;
pub use render::{DocumentSettings, DocumentSpan, Framing, Rendered, Renderer};
pub use safe::safe_document;
