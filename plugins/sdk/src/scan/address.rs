//! IP addresses: what Elasticsearch accepts as type `ip`.

use super::block::{BLOCK_BYTES, Block};
use std::net::Ipv6Addr;

/// Bytes of the longest IPv4 address.
const IPV4_BYTES_MAX: usize = 15;

/// Whether `bytes[from..to]` is an IP address, of either version.
#[inline(always)]
#[must_use]
pub fn is_ip(bytes: &[u8], from: usize, to: usize) -> bool {
    is_ipv4(bytes, from, to) || bytes.get(from..to).is_some_and(is_ipv6)
}

#[inline(never)]
fn is_ipv6(address: &[u8]) -> bool {
    address.contains(&b':') && std::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// Whether `bytes[from..to]` is an IPv4 address: four numbers up to 255, without leading zeros.
///
/// It looks at all of it at once, without a branch: where the dots of an address are is what a processor cannot foretell.
#[inline(always)]
#[must_use]
pub fn is_ipv4(bytes: &[u8], from: usize, to: usize) -> bool {
    let Some(length) = to.checked_sub(from).filter(|n| *n <= IPV4_BYTES_MAX) else {
        return false;
    };
    match bytes.get(from..).and_then(|b| b.first_chunk::<BLOCK_BYTES>()) {
        Some(block) => ipv4_block(Block::load(block), length),
        None => ipv4_short(bytes, from, to),
    }
}

/// An address within the last bytes of its text.
#[inline(never)]
fn ipv4_short(bytes: &[u8], from: usize, to: usize) -> bool {
    let Some(address) = bytes.get(from..to) else {
        return false;
    };
    let (mut block, length) = ([0; BLOCK_BYTES], address.len());
    match (address.first_chunk::<8>(), address.last_chunk::<8>()) {
        // Two copies that overlap, each of a known size: one of any size is a call in a guest.
        (Some(first), Some(last)) => {
            block[..8].copy_from_slice(first);
            block[length - 8..length].copy_from_slice(last);
        }
        _ => block[..length].copy_from_slice(address),
    }
    ipv4_block(Block::load(&block), length)
}

#[inline(always)]
fn ipv4_block(block: Block, length: usize) -> bool {
    let all = (1u32 << length) - 1;
    let dots = block.equal(b'.').bits() & all;
    let digits = block.digits().bits() & all;
    let (starts, ends) = (dots << 1 | 1, dots | 1 << length);
    let (one, two) = (ends >> 1, ends >> 2);
    let three = ends >> 3 & !(one | two);
    let zero_first = starts & block.equal(b'0').bits() & !one;
    let unending = starts & !(one | two | three);
    let over_2 = !block.at_most(b'2').bits();
    let (is_2, is_5) = (block.equal(b'2').bits(), block.equal(b'5').bits());
    let over_5 = !block.at_most(b'5').bits();
    let over_255 = over_2 | is_2 & (over_5 >> 1 | is_5 >> 1 & over_5 >> 2);
    dots.count_ones() == 3
        && dots | digits == all
        && starts & ends | unending | zero_first | starts & three & over_255 == 0
}
