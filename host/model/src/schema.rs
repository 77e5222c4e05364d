//! Field names of a worker, and the sequences of fields (shapes) that it has met.
/// Field names and shapes.
#[derive(Default)]
pub struct Schema;
