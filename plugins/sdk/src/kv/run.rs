//! Pairs such as most lines are made of, in one loop without a call.
//!
//! What lives across a call goes to the stack of a guest, even where the call is never made. So whatever is not usual ends the loop, and is left to code that can read any pair.

use crate::abi::{self, op_word};
use crate::names::Foretelling;
use crate::scan::{BLOCK_BYTES, Block, pair_special, sixteen_digits, two_blocks};

/// Bytes of two blocks, within which a value without quotes is to end.
const NEAR: usize = 2 * BLOCK_BYTES;
/// A key's block, and two behind the key.
const WINDOW: usize = BLOCK_BYTES + NEAR;

/// Words of one operation.
pub(crate) const OPERATION_WORDS: usize = 3;
/// A SET.
pub(crate) type Operation = [u32; OPERATION_WORDS];

/// What is usual in a line of pairs; see [`Event::usual_pairs`](crate::Event::usual_pairs).
#[derive(Clone, Copy, Debug)]
pub struct Usual {
    /// Fields below this id are more than their value.
    pub fields_from: u32,
    /// Values without quotes have types.
    pub types: bool,
}

/// How far a run of usual pairs went.
pub(crate) struct Run {
    /// Where it stopped in the text.
    pub(crate) at: usize,
    /// How many operations it put.
    pub(crate) operations: usize,
    /// What is foretold from there on.
    pub(crate) reached: (u32, u32),
}

/// A value: its kind and the two words behind that, and its bytes, with quotes.
struct Read {
    kind: u32,
    a: u32,
    b: u32,
    bytes: usize,
}

/// Puts the operations of the usual pairs of the line `text[at..end]`.
#[inline(never)]
pub(crate) fn run<const TYPES: bool>(
    text: &[u8],
    mut at: usize,
    end: usize,
    fields_from: u32,
    operations: &mut [Operation],
    mut foretelling: Foretelling<'_>,
) -> Run {
    let all = operations.len();
    let mut free = operations.iter_mut();
    while at < end
        && let Some(window) = text.get(at..).and_then(|rest| rest.first_chunk::<WINDOW>())
        && let Some(key) = window.first_chunk()
        && let Some((field, bytes)) = foretelling.met(key)
        && field >= fields_from
        && let Some(near) = window.get(bytes..).and_then(|rest| rest.first_chunk())
        && let start = at + bytes
        && let Some(read) = read::<TYPES>(text, near, start)
        && let stop = start + read.bytes
        && (stop == end || stop < end && text.get(stop) == Some(&b' '))
        && let Some(operation) = free.next()
    {
        *operation = [op_word(abi::SET, read.kind, field), read.a, read.b];
        foretelling.step();
        at = stop + 1;
    }
    Run { at: at.min(end), operations: all - free.len(), reached: foretelling.reached() }
}

/// The value at `start`, of which `near` are the first bytes; None where it is not usual.
#[inline(always)]
fn read<const TYPES: bool>(text: &[u8], near: &[u8; NEAR], start: usize) -> Option<Read> {
    let (first, second) = (near.first_chunk()?, near.last_chunk()?);
    let block = Block::load(first);
    let special = pair_special(block).bits();
    if special & 1 != 0 {
        return quoted(text, near, start);
    }
    if special != 0 {
        // The bits of the value's bytes, which are 1 to 15.
        let all = (special - 1) & !special;
        let bytes = special.trailing_zeros() as usize;
        let text = (abi::TEXT, start as u32, bytes as u32);
        let (kind, a, b) = if TYPES { typed(first, block, all, bytes, start)? } else { text };
        return Some(Read { kind, a, b, bytes });
    }
    let special = pair_special(Block::load(second)).bits();
    // Numbers have a sign and a dot at most.
    let may_be_number = TYPES && (first[0] == b'-' || (0xffff & !block.digits().bits()).count_ones() < 2);
    let bytes = BLOCK_BYTES + special.trailing_zeros() as usize;
    (special != 0 && !may_be_number).then_some(Read { kind: abi::TEXT, a: start as u32, b: bytes as u32, bytes })
}

/// The text in quotes at `start`.
#[inline(always)]
fn quoted(text: &[u8], near: &[u8; NEAR], start: usize) -> Option<Read> {
    if near[0] != b'"' {
        return None;
    }
    let mut at = start + 1;
    loop {
        let special = two_blocks(text, at, |block| block.equal(b'"') | block.equal(b'\\'))?;
        if special != 0 {
            at += special.trailing_zeros() as usize;
            break;
        }
        at += NEAR;
    }
    let bytes = at.wrapping_sub(start);
    let usual = bytes > 1 && text.get(at) == Some(&b'"');
    usual.then_some(Read { kind: abi::TEXT, a: start as u32 + 1, b: bytes as u32 - 1, bytes: bytes + 1 })
}

/// The type of a value of 1 to 15 bytes, with bits for those: what [`Bare`](super::Bare) says of it. None where it has a sign.
#[inline(always)]
fn typed(first: &[u8; BLOCK_BYTES], block: Block, all: u32, bytes: usize, start: usize) -> Option<(u32, u32, u32)> {
    let others = all & !block.digits().bits();
    if others == 0 && (first[0] != b'0' || bytes == 1) {
        let int = sixteen_digits(first, bytes);
        return Some((abi::I64, int as u32, (int >> 32) as u32));
    }
    let (a, b) = (start as u32, bytes as u32);
    // One dot, with digits around it: not the first byte, not the last; and no zeros in front.
    let dot = others & block.equal(b'.').bits() & all >> 1 & !1;
    if dot.is_power_of_two() && dot == others && (first[0] != b'0' || dot == 2) {
        return Some((abi::JSON, a, b));
    }
    let word = u32::from_le_bytes(*first.first_chunk()?);
    let is_true = word == u32::from_le_bytes(*b"true") && bytes == 4;
    let is_false = word == u32::from_le_bytes(*b"fals") && first[4] == b'e' && bytes == 5;
    if is_true | is_false {
        return Some((abi::BOOL, u32::from(is_true), 0));
    }
    (first[0] != b'-').then_some((abi::TEXT, a, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::halves;
    use crate::kv::{Bare, Quoted};
    use crate::names::Names;
    use crate::plugin::Naming;
    use crate::scan::find_pair_special;
    use proptest::prelude::*;

    const KEYS: [&str; 4] = ["level", "user.id", "fifteen_letters", "k"];

    /// Knows the keys, and that the first of them follows the last.
    fn names() -> Names {
        let mut names = Names::new(&[], &Naming { key_end: b"=", ..Naming::default() });
        for key in KEYS.iter().chain(&KEYS).chain(&KEYS[..1]).chain(&KEYS) {
            names.get(None, key.as_bytes()).unwrap();
        }
        names
    }

    fn line(values: &[String]) -> String {
        let pairs: Vec<String> = KEYS.iter().cycle().zip(values).map(|(key, value)| format!("{key}={value}")).collect();
        pairs.join(" ")
    }

    fn ran(text: &str, at: usize, end: usize, types: bool) -> (Vec<Operation>, usize) {
        let (mut operations, names) = ([[0; OPERATION_WORDS]; 32], names());
        let run = match types {
            true => run::<true>(text.as_bytes(), at, end, 0, &mut operations, names.foretelling()),
            false => run::<false>(text.as_bytes(), at, end, 0, &mut operations, names.foretelling()),
        };
        (operations[..run.operations].to_vec(), run.at)
    }

    /// Every pair of a line as the plain readers have it: its operation, and where it ends.
    fn plain(text: &[u8], mut at: usize, end: usize, types: bool) -> Vec<(Operation, usize)> {
        let (mut pairs, mut names) = (Vec::new(), names());
        while at < end
            && let Some(behind) = text[at..end].iter().position(|&byte| byte == b'=')
        {
            let field = names.get(None, &text[at..at + behind]).unwrap().id();
            let value = at + behind + 1;
            let (kind, words, stop) = match Quoted::at(&text[..end], value).filter(|_| text.get(value) == Some(&b'"')) {
                Some(quoted) if quoted.escaped || quoted.raw.is_empty() => break,
                Some(quoted) => (abi::TEXT, [value as u32 + 1, quoted.raw.len() as u32], quoted.end),
                None => {
                    let stop = find_pair_special(&text[..end], value).unwrap_or(end);
                    let span = [value as u32, (stop - value) as u32];
                    let (kind, words) = match Bare::at(&text[..end], value, stop) {
                        _ if stop == value => break,
                        Bare::Int(int) if types => (abi::I64, halves(int.cast_unsigned())),
                        Bare::Decimal if types => (abi::JSON, span),
                        Bare::Bool(bool) if types => (abi::BOOL, [bool.into(), 0]),
                        _ => (abi::TEXT, span),
                    };
                    (kind, words, stop)
                }
            };
            if stop < end && text[stop] != b' ' {
                break;
            }
            pairs.push(([op_word(abi::SET, kind, field), words[0], words[1]], stop));
            at = stop + 1;
        }
        pairs
    }

    #[test]
    fn all_that_is_usual_is_read() {
        let numbers = ["0", "12345", "123456789012345", "0.5", "12.25", "007"];
        let words =
            ["info", "false", "true", "é", "2024-06-12T07:00:00.000Z", "5e3a5e3a5e3a5e3a", "com.example.Checkout"];
        let quoted = ["\"a b=c\"".to_owned(), format!("\"{}\"", "long ".repeat(40))];
        let values: Vec<String> = numbers.into_iter().chain(words).map(str::to_owned).chain(quoted).collect();
        let line = line(&values);
        let text = format!("{line}{}", "behind ".repeat(9));
        for types in [true, false] {
            let expected: Vec<Operation> =
                plain(text.as_bytes(), 0, line.len(), types).iter().map(|pair| pair.0).collect();
            assert_eq!(expected.len(), values.len());
            assert_eq!(ran(&text, 0, line.len(), types), (expected, line.len()));
        }
    }

    #[test]
    fn a_field_that_is_more_than_its_value_ends_the_run() {
        let text = format!("level=info user.id=7 {}", "-".repeat(WINDOW));
        let (mut operations, names) = ([[0; OPERATION_WORDS]; 4], names());
        let run = run::<true>(text.as_bytes(), 0, 20, 1, &mut operations, names.foretelling());
        assert_eq!((run.at, run.operations), (0, 0));
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_the_plain_readers_say(
            values in proptest::collection::vec(
                "[a-z]{0,6}|-?[0-9]{1,19}|[0-9]{0,9}\\.[0-9]{0,8}|true|false|truee?|fals|[a-f0-9]{16}|[0-9.-]{12,20}|\"[a-z =\\\\]{0,70}\"?|[é0-9]{1,20}|a[=\"\t]b",
                0..9,
            ),
            before in "[a-z= ]{0,20}",
            behind in "( |\n)?[a-z0-9=\" .]{0,70}",
            types: bool,
        ) {
            let line = line(&values);
            let text = format!("{before}{line}{behind}");
            let (start, end) = (before.len(), before.len() + line.len());
            let (operations, at) = ran(&text, start, end, types);
            let plain = plain(text.as_bytes(), start, end, types);
            prop_assert!(operations.len() <= plain.len(), "{}", text);
            let known: Vec<Operation> = plain[..operations.len()].iter().map(|pair| pair.0).collect();
            let reached = plain[..operations.len()].last().map_or(start, |pair| (pair.1 + 1).min(end));
            prop_assert_eq!((operations, at), (known, reached), "{}", text);
        }
    }
}
