//! Scanners: finding bytes, reading digits, telling addresses.
//!
//! All of them look at the first sixteen bytes outside of any loop, because most fields end there, and because a loop costs more in a guest, where its header checks the clock.

mod address;
mod block;
mod cut;
mod digits;
mod path;

pub use address::{is_ip, is_ipv4};
pub use cut::{between, cut, cut_last, cut_text, int};
pub use digits::{digits, two_digits};
pub use path::{extension, find_url_special};

pub(crate) use block::{BLOCK_BYTES, Block, Hits};
pub(crate) use digits::sixteen_digits;

/// The sixteen bytes from `at` on, where there are as many.
#[inline(always)]
fn block_at(bytes: &[u8], at: usize) -> Option<Block> {
    Some(Block::load(bytes.get(at..)?.first_chunk::<BLOCK_BYTES>()?))
}

/// Two blocks from `at` on, where there are as many: a bit for each byte that was met.
#[inline(always)]
pub(crate) fn two_blocks(bytes: &[u8], at: usize, hits: impl Fn(Block) -> Hits) -> Option<u32> {
    let two = bytes.get(at..)?.first_chunk::<{ 2 * BLOCK_BYTES }>()?;
    let (first, second) = two.split_at(BLOCK_BYTES);
    let [first, second] = [first, second].map(|half| half.first_chunk().map(|half| hits(Block::load(half)).bits()));
    Some(first? | second? << BLOCK_BYTES)
}

/// Where the first byte at or after `from` is for which `hits` (sixteen bytes at once) or `is` (one) says so.
#[inline(always)]
fn search(bytes: &[u8], from: usize, hits: impl Fn(Block) -> Hits, is: impl Fn(u8) -> bool) -> Option<usize> {
    let mut at = from;
    if let Some(block) = block_at(bytes, at) {
        let mask = hits(block).bits();
        if mask != 0 {
            return Some(at + mask.trailing_zeros() as usize);
        }
        at += BLOCK_BYTES;
        while let Some(mask) = two_blocks(bytes, at, &hits) {
            if mask != 0 {
                return Some(at + mask.trailing_zeros() as usize);
            }
            at += 2 * BLOCK_BYTES;
        }
        if let Some(block) = block_at(bytes, at) {
            let mask = hits(block).bits();
            if mask != 0 {
                return Some(at + mask.trailing_zeros() as usize);
            }
            at += BLOCK_BYTES;
        }
    }
    search_tail(bytes, at, hits, is)
}

/// The last, incomplete block: read together with bytes before it, which are masked out.
#[inline(always)]
fn search_tail(bytes: &[u8], at: usize, hits: impl Fn(Block) -> Hits, is: impl Fn(u8) -> bool) -> Option<usize> {
    if at >= bytes.len() {
        return None;
    }
    if let Some(last) = bytes.last_chunk::<BLOCK_BYTES>() {
        let start = bytes.len() - BLOCK_BYTES;
        let mask = hits(Block::load(last)).bits() >> (at - start);
        return (mask != 0).then(|| at + mask.trailing_zeros() as usize);
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|&b| is(b)).map(|i| at + i)
}

/// Where `byte` is, at or after `from`.
#[inline(always)]
#[must_use]
pub fn find(bytes: &[u8], from: usize, byte: u8) -> Option<usize> {
    search(bytes, from, |v| v.equal(byte), |b| b == byte)
}

/// Where the first of two bytes is, at or after `from`.
#[inline(always)]
#[must_use]
pub fn find2(bytes: &[u8], from: usize, x: u8, y: u8) -> Option<usize> {
    search(bytes, from, |v| v.equal(x) | v.equal(y), |b| b == x || b == y)
}

/// Whether one of two bytes is in a text, several blocks at a time: for long texts that mostly have neither.
#[must_use]
pub fn has_either(bytes: &[u8], x: u8, y: u8) -> bool {
    const STEP: usize = 4;
    let hits = |block: &[u8; BLOCK_BYTES]| {
        let block = Block::load(block);
        block.equal(x) | block.equal(y)
    };
    let (blocks, rest) = bytes.as_chunks::<BLOCK_BYTES>();
    let (steps, blocks) = blocks.as_chunks::<STEP>();
    let is_before = steps.iter().any(|[a, b, c, d]| (hits(a) | hits(b) | (hits(c) | hits(d))).bits() != 0);
    is_before
        || blocks.iter().any(|block| hits(block).bits() != 0)
        || match bytes.last_chunk() {
            Some(last) => hits(last).bits() != 0,
            None => rest.iter().any(|&byte| byte == x || byte == y),
        }
}

/// Where the first of three bytes is, at or after `from`.
#[inline(always)]
#[must_use]
pub fn find3(bytes: &[u8], from: usize, x: u8, y: u8, z: u8) -> Option<usize> {
    search(bytes, from, |v| v.equal(x) | v.equal(y) | v.equal(z), |b| b == x || b == y || b == z)
}

/// Where the first decimal digit is, at or after `from`.
#[inline(always)]
#[must_use]
pub fn find_digit(bytes: &[u8], from: usize) -> Option<usize> {
    search(bytes, from, Block::digits, |b| b.is_ascii_digit())
}

/// Where the characters of a JSON string stop being plain, at or after `from`: a quote, a backslash, or a control character.
#[inline(always)]
#[must_use]
pub fn find_json_special(bytes: &[u8], from: usize) -> Option<usize> {
    #[inline(always)]
    fn hits(v: Block) -> Hits {
        // One bit turned puts the quote right behind the control characters.
        v.below(b'"' ^ b' ', 0x21) | v.equal(b'\\')
    }
    #[inline(never)]
    fn far(bytes: &[u8], from: usize) -> Option<usize> {
        search(bytes, from, hits, |b| b == b'"' || b == b'\\' || b < 0x20)
    }
    search_near(bytes, from, hits).or_else(|| far(bytes, from))
}

/// Where a bare key or value of `key=value` ends, at or after `from`: white space or another control character, a quote, or `=`.
#[inline(always)]
#[must_use]
pub fn find_pair_special(bytes: &[u8], from: usize) -> Option<usize> {
    #[inline(never)]
    fn far(bytes: &[u8], from: usize) -> Option<usize> {
        search(bytes, from, pair_special, |b| b <= b' ' || b == b'=' || b == b'"')
    }
    search_near(bytes, from, pair_special).or_else(|| far(bytes, from))
}

/// Which bytes end a bare key or value.
#[inline(always)]
pub(crate) fn pair_special(v: Block) -> Hits {
    v.below(b'"' ^ b' ', 0x21) | v.equal(b' ') | v.equal(b'=')
}

/// As [`search`] within the next two blocks, if there are as many: without a loop, and without a branch for which of them it is.
#[inline(always)]
fn search_near(bytes: &[u8], from: usize, hits: impl Fn(Block) -> Hits) -> Option<usize> {
    let mask = two_blocks(bytes, from, hits)?;
    (mask != 0).then(|| from + mask.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests;
