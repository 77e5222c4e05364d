//! Makes databases in MaxMind's format, for tests and benchmarks; the format is described at <https://maxmind.github.io/MaxMind-DB/>.

use serde_json::{Map, Value, json};
use std::net::Ipv4Addr;

/// Begins the metadata.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// Bytes between the tree and the data.
const GAP_BYTES: usize = 16;

#[derive(Clone, Copy)]
enum Branch {
    Nothing,
    Node(usize),
    /// An offset in the data.
    Record(usize),
}

/// A database of IPv4 networks: each with its record, an object. Later networks go before earlier ones, and must not be wider than those that they lie in.
#[must_use]
pub fn database<'a>(networks: impl IntoIterator<Item = (Ipv4Addr, u32, &'a Value)>) -> Vec<u8> {
    let (mut nodes, mut data) = (vec![[Branch::Nothing; 2]], Vec::new());
    for (address, bits, record) in networks {
        let offset = data.len();
        encode(record, &mut data);
        insert(&mut nodes, address, bits, offset);
    }
    let count = nodes.len();
    let mut bytes = Vec::new();
    for branch in nodes.into_iter().flatten() {
        let value = match branch {
            Branch::Nothing => count,
            Branch::Node(node) => node,
            Branch::Record(offset) => count + GAP_BYTES + offset,
        };
        bytes.extend_from_slice(&(value as u32).to_be_bytes());
    }
    bytes.extend_from_slice(&[0; GAP_BYTES]);
    bytes.extend_from_slice(&data);
    bytes.extend_from_slice(MARKER);
    metadata(count, &mut bytes);
    bytes
}

/// Numbers have types of their own here.
fn metadata(count: usize, out: &mut Vec<u8>) {
    const U16: u8 = 5;
    const U32: u8 = 6;
    const U64: u8 = 9;
    let numbers = [
        ("binary_format_major_version", U16, 2),
        ("binary_format_minor_version", U16, 0),
        ("build_epoch", U64, 1_767_323_045),
        ("ip_version", U16, 4),
        ("node_count", U32, count as u64),
        ("record_size", U16, 32),
    ];
    let texts = [
        ("database_type", json!("Example")),
        ("description", json!({"en": "networks for documentation"})),
        ("languages", json!(["en"])),
    ];
    head(7, numbers.len() + texts.len(), out);
    for (name, kind, number) in numbers {
        encode(&json!(name), out);
        let bytes = number.to_be_bytes();
        let leading = bytes.iter().take_while(|byte| **byte == 0).count();
        head(kind, bytes.len() - leading, out);
        out.extend_from_slice(&bytes[leading..]);
    }
    for (name, text) in texts {
        encode(&json!(name), out);
        encode(&text, out);
    }
}

fn insert(nodes: &mut Vec<[Branch; 2]>, address: Ipv4Addr, bits: u32, offset: usize) {
    let mut node = 0;
    for depth in 0..bits {
        let side = (address.to_bits() >> (31 - depth) & 1) as usize;
        if depth + 1 == bits {
            nodes[node][side] = Branch::Record(offset);
            return;
        }
        node = match nodes[node][side] {
            Branch::Node(next) => next,
            // What was said of the wider network goes on for the rest of it.
            above => {
                nodes.push([above; 2]);
                let next = nodes.len() - 1;
                nodes[node][side] = Branch::Node(next);
                next
            }
        };
    }
}

fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::String(text) => {
            head(2, text.len(), out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Number(number) if number.is_f64() => {
            head(3, 8, out);
            out.extend_from_slice(&number.as_f64().unwrap_or_default().to_be_bytes());
        }
        Value::Number(number) => {
            head(6, 4, out);
            out.extend_from_slice(&(number.as_u64().unwrap_or_default() as u32).to_be_bytes());
        }
        Value::Array(values) => {
            head(11, values.len(), out);
            values.iter().for_each(|value| encode(value, out));
        }
        Value::Object(members) => object(members, out),
        Value::Bool(bool) => head(14, usize::from(*bool), out),
        Value::Null => head(2, 0, out),
    }
}

fn object(members: &Map<String, Value>, out: &mut Vec<u8>) {
    head(7, members.len(), out);
    for (name, value) in members {
        head(2, name.len(), out);
        out.extend_from_slice(name.as_bytes());
        encode(value, out);
    }
}

/// Type and size; types above 7 take a byte of their own.
fn head(kind: u8, size: usize, out: &mut Vec<u8>) {
    let (first, extended) = if kind > 7 { (0, Some(kind - 7)) } else { (kind << 5, None) };
    let short = size.min(29) as u8;
    out.push(first | short);
    out.extend(extended);
    if size >= 29 {
        out.push(u8::try_from(size - 29).unwrap_or(u8::MAX));
    }
}
