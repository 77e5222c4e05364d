//! What a test says of a line besides its bytes: the names below `@meta`.

use super::Fields;
use crate::abi::{self, CELL_WORDS, halves};
use crate::time::{SECOND_NS, days};
use serde_json::Value;

/// The day on which the line was first read.
pub(super) const DAY: &str = "@meta.day";

/// Whether that is a name of the host.
pub(super) fn is_meta(name: &str) -> bool {
    name.strip_prefix("@meta").is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What the host knows, and the fields of the event.
///
/// # Panics
/// There is no such name below `@meta`, or its value is of the wrong kind.
pub(super) fn split(fields: &Fields) -> (Fields, Fields) {
    let (meta, fields): (Fields, Fields) = fields.clone().into_iter().partition(|(name, _)| is_meta(name));
    for (name, value) in &meta {
        let fits = match name.as_str() {
            DAY => day_ns(value).is_some(),
            "@meta.timezone" => value.is_i64(),
            "@meta.host" | "@meta.path" | "@meta.topic" => value.is_string(),
            _ => false,
        };
        assert!(
            fits,
            "{name} = {value}: give \"@meta.day\" as \"2026-01-31\", \"@meta.timezone\" as whole minutes, and \"@meta.host\", \
             \"@meta.path\", \"@meta.topic\" as texts"
        );
    }
    (meta, fields)
}

/// The day as a host hands it over.
pub(super) fn day_cell(meta: &Fields) -> [u32; CELL_WORDS] {
    let Some(ns) = meta.get(DAY).and_then(day_ns) else { return [abi::ABSENT, 0, 0] };
    let [a, b] = halves(ns.cast_unsigned());
    [abi::TIME, a, b]
}

/// Midnight, UTC, of a day that is written as `2026-01-31`.
fn day_ns(value: &Value) -> Option<i64> {
    let mut parts = value.as_str().filter(|text| text.len() == 10)?.split('-');
    let mut part = || parts.next()?.parse::<u32>().ok();
    days(part()?, part()?, part()?)?.checked_mul(86_400 * SECOND_NS)
}
