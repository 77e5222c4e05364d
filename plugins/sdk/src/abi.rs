//! The words of ABI 0.1, as `wit/v0.1/README.md` defines them.

/// The event is done; keep it.
pub const NEXT: u32 = 0;
/// The field gets a value.
pub const SET: u32 = 1;
/// One more value of an array.
pub const APPEND: u32 = 2;
/// The field goes, and every field below it.
pub const REMOVE: u32 = 3;
/// The event is done; it was filtered out.
pub const DROP: u32 = 4;
/// The event is done; it could not be treated.
pub const REJECT: u32 = 5;
/// The event is done; one more of the same line follows.
pub const FORK: u32 = 6;

/// No such field (host to guest only).
pub const ABSENT: u32 = 0;
/// Text: a span of the batch's text.
pub const TEXT: u32 = 1;
/// Text: a span of the arena (guest to host only).
pub const ARENA: u32 = 2;
/// i64: low word, high word.
pub const I64: u32 = 3;
/// A finite f64: low word, high word of its bits.
pub const F64: u32 = 4;
/// bool: 0 or 1.
pub const BOOL: u32 = 5;
/// JSON null.
pub const NULL: u32 = 6;
/// Nanoseconds since 1970-01-01T00:00:00Z, an i64.
pub const TIME: u32 = 7;
/// One JSON value: a span of the batch's text.
pub const JSON: u32 = 8;
/// One JSON value: a span of the arena (guest to host only).
pub const ARENA_JSON: u32 = 9;

/// Words of one cell: kind, a, b.
pub const CELL_WORDS: usize = 3;
/// Words of one sparse row: event, name, kind, a, b.
pub const SPARSE_WORDS: usize = 5;
/// Bytes of a field's name, at most.
pub const NAME_BYTES_MAX: usize = 512;
/// Segments of a field's name, at most.
pub const NAME_SEGMENTS_MAX: usize = 20;
/// Names of one table, at most.
pub const NAMES_MAX: usize = 65_536;
/// Levels of a JSON value, at most.
pub const JSON_DEPTH_MAX: usize = 20;
/// Forks of one line, at most.
pub const FORKS_MAX: usize = 1_000;

/// The component type of the world `collector:plugin/plugin@0.1.0`, which every plugin carries in a custom section.
/// A test compares it with what `wit/v0.1/plugin.wit` encodes to.
pub const COMPONENT_TYPE: &[u8] = include_bytes!("component-type.bin");

/// The first word of an operation.
#[must_use]
pub const fn op_word(op: u32, kind: u32, name: u32) -> u32 {
    op | kind << 4 | name << 8
}

/// Low and high word of 64 bits.
pub(crate) const fn halves(bits: u64) -> [u32; 2] {
    [bits as u32, (bits >> 32) as u32]
}

/// The 64 bits of a low and a high word.
pub(crate) const fn whole(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}
