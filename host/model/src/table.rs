//! What a chain of plugins makes of the lines of a batch.
/// Events and cells.
#[derive(Default)]
pub struct Table;
