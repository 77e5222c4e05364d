//! Parts of URLs.

use super::block::BLOCK_BYTES;
use super::{block_at, search};

/// Where a URL stops being plain, at or after `from`: a `?`, a byte up to `%` (a space, a quote, `#`, `!`, `$` among them), or the end.
#[inline(always)]
#[must_use]
pub fn find_url_special(bytes: &[u8], from: usize) -> Option<usize> {
    // The lowest bit turned leaves those up to `%` among themselves.
    search(bytes, from, |v| v.below(1, b'%' + 1) | v.equal(b'?'), |b| b <= b'%' || b == b'?')
}

/// Where the extension of the last segment of the path `bytes[from..to]` begins: behind its last dot. None where there is no dot, or nothing behind it.
///
/// ```
/// use collector_plugin::scan::extension;
/// assert_eq!(extension(b"/a.b/c.tar.gz", 0, 13), Some(11));
/// assert_eq!(extension(b"/a.b/c", 0, 6), None);
/// ```
#[inline(always)]
#[must_use]
pub fn extension(bytes: &[u8], from: usize, to: usize) -> Option<usize> {
    if let Some(start) = to.checked_sub(BLOCK_BYTES)
        && let Some(block) = block_at(bytes, start)
    {
        // What comes before the path is masked out; the highest bit is the last byte.
        let before = from.saturating_sub(start).min(BLOCK_BYTES) as u32;
        let path = u32::MAX << before;
        let (dots, slashes) = (block.equal(b'.').bits() & path, block.equal(b'/').bits() & path);
        if dots > slashes {
            let behind = start + (u32::BITS - dots.leading_zeros()) as usize;
            return (behind < to).then_some(behind);
        }
        if slashes != 0 || start <= from {
            return None;
        }
    }
    extension_by_one(bytes.get(from..to)?).map(|at| from + at)
}

/// A last segment that is long, or near the beginning of its text.
#[inline(never)]
fn extension_by_one(path: &[u8]) -> Option<usize> {
    let last = path.iter().rposition(|b| matches!(b, b'.' | b'/'))?;
    (path[last] == b'.' && last + 1 < path.len()).then_some(last + 1)
}
