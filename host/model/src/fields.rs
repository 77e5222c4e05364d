//! Which values an event has in the end: the cells in order, with what was overwritten and taken away gone.

use crate::{
    cell::Cell,
    schema::{Action, Schema},
};

/// Where a value comes from: an index among the event's cells, or a number of the caller's own.
pub type Slot = u32;
/// The slot of the line.
pub const LINE_SLOT: Slot = 0;

/// The root of a [`FieldTree`].
pub const ROOT: usize = 0;

/// Fields by their nested names. The line is `message`, or `event.original` once `message` was set.
#[derive(Debug)]
pub struct FieldTree {
    nodes: Vec<Node>,
    line: LinePlace,
    original_is_default: bool,
    overwritten: u64,
}

#[derive(Debug, Default)]
struct Node {
    name: Box<str>,
    children: Vec<usize>,
    slots: Vec<Slot>,
    is_array: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LinePlace {
    Message,
    Original,
    Nowhere,
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// One value.
    Single(Slot),
    /// An array; where the first value was set rather than appended and is an array already, the others are added to it.
    Array(&'a [Slot]),
}

const MESSAGE: &str = "message";
const ORIGINAL: &str = "event.original";

impl Default for FieldTree {
    fn default() -> Self {
        let nodes = vec![Node::default()];
        let mut tree = FieldTree { nodes, line: LinePlace::Message, original_is_default: true, overwritten: 0 };
        tree.place(MESSAGE, LINE_SLOT, false);
        tree
    }
}

impl FieldTree {
    /// The fields of an event.
    pub fn of(schema: &Schema, cells: &[Cell]) -> Self {
        let mut tree = FieldTree::default();
        tree.apply(schema, cells);
        tree
    }

    /// Does what an event's cells say; the first is the line, which is here already.
    pub fn apply(&mut self, schema: &Schema, cells: &[Cell]) {
        for (slot, cell) in cells.iter().enumerate().skip(1) {
            let name = schema.name(cell.step().field());
            match cell.step().action() {
                Action::Set => self.set(name, slot as Slot),
                Action::Append => self.append(name, slot as Slot),
                Action::Remove => self.remove(name),
            }
        }
    }

    /// The field gets a value instead of any it had.
    pub fn set(&mut self, name: &str, slot: Slot) {
        self.before_write(name, false);
        self.place(name, slot, false);
    }

    /// The field gets one more value.
    pub fn append(&mut self, name: &str, slot: Slot) {
        self.before_write(name, true);
        self.place(name, slot, true);
    }

    /// The field goes, and every field below it.
    pub fn remove(&mut self, name: &str) {
        if self.line == LinePlace::Message && name == MESSAGE {
            self.line = LinePlace::Nowhere;
        }
        if is_at_or_above(name, ORIGINAL) {
            self.override_original();
        }
        if let Some(node) = self.find(name) {
            self.nodes[node].slots.clear();
            self.nodes[node].children.clear();
        }
    }

    /// How many values were overwritten by a field above or below them.
    pub fn overwritten(&self) -> u64 {
        self.overwritten
    }

    /// The value of the field of that name, as the document would have it.
    pub fn get(&self, name: &str) -> Option<Found<'_>> {
        self.find(name).and_then(|node| self.value(node))
    }

    /// The value that a plugin reads by that name: `event.original` is the line while nobody set or removed it.
    pub fn read(&self, name: &str) -> Option<Found<'_>> {
        if name == ORIGINAL && self.original_is_default { Some(Found::Single(LINE_SLOT)) } else { self.get(name) }
    }

    /// The value of a node; none where fields are below it.
    pub fn value(&self, node: usize) -> Option<Found<'_>> {
        let node = &self.nodes[node];
        match node.slots.as_slice() {
            [] => None,
            slots if node.is_array => Some(Found::Array(slots)),
            [slot, ..] => Some(Found::Single(*slot)),
        }
    }

    /// The last segment of a node's name.
    pub fn name(&self, node: usize) -> &str {
        &self.nodes[node].name
    }

    /// The nodes below that have a value, or something below them that has one. In the order in which they were first named.
    pub fn children(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        self.nodes[node].children.iter().copied().filter(|&child| self.is_present(child))
    }

    /// Whether a node has a value, or something below it has one.
    pub fn is_present(&self, node: usize) -> bool {
        let node = &self.nodes[node];
        !node.slots.is_empty() || node.children.iter().any(|&child| self.is_present(child))
    }

    /// Calls back with every field that has a value: its full name and the value.
    pub fn each<'a>(&'a self, mut found: impl FnMut(&str, Found<'a>)) {
        self.walk(ROOT, &mut String::new(), &mut found);
    }

    fn walk<'a>(&'a self, node: usize, name: &mut String, found: &mut impl FnMut(&str, Found<'a>)) {
        if let Some(value) = self.value(node) {
            found(name, value);
        }
        for child in self.children(node) {
            let before = name.len();
            if node != ROOT {
                name.push('.');
            }
            name.push_str(&self.nodes[child].name);
            self.walk(child, name, found);
            name.truncate(before);
        }
    }

    /// Moves the line out of the way where a write takes its place.
    fn before_write(&mut self, name: &str, appends: bool) {
        if is_at_or_below(name, MESSAGE) && self.line == LinePlace::Message && !(appends && name == MESSAGE) {
            self.take(MESSAGE);
            self.line = LinePlace::Nowhere;
            if self.original_is_default {
                self.place(ORIGINAL, LINE_SLOT, false);
                self.line = LinePlace::Original;
            }
        }
        if is_at_or_below(name, ORIGINAL) && appends && name == ORIGINAL {
            self.original_is_default = false;
            self.line = if self.line == LinePlace::Original { LinePlace::Nowhere } else { self.line };
        } else if is_at_or_below(name, ORIGINAL) || is_at_or_above(name, ORIGINAL) {
            self.override_original();
        }
    }

    fn override_original(&mut self) {
        self.original_is_default = false;
        if self.line == LinePlace::Original {
            self.take(ORIGINAL);
            self.line = LinePlace::Nowhere;
        }
    }

    fn take(&mut self, name: &str) {
        if let Some(node) = self.find(name) {
            self.nodes[node].slots.clear();
        }
    }

    fn place(&mut self, name: &str, slot: Slot, appends: bool) {
        let mut at = ROOT;
        for segment in name.split('.') {
            if at != ROOT {
                self.overwrite(at);
            }
            at = self.child(at, segment);
        }
        let children = std::mem::take(&mut self.nodes[at].children);
        self.overwritten += children.iter().filter(|&&child| self.is_present(child)).count() as u64;
        let node = &mut self.nodes[at];
        if !appends {
            node.slots.clear();
        }
        node.is_array = appends;
        node.slots.push(slot);
    }

    fn overwrite(&mut self, node: usize) {
        if !self.nodes[node].slots.is_empty() {
            self.nodes[node].slots.clear();
            self.overwritten += 1;
        }
    }

    fn child(&mut self, node: usize, segment: &str) -> usize {
        let known = self.nodes[node].children.iter().copied().find(|&child| &*self.nodes[child].name == segment);
        known.unwrap_or_else(|| {
            let child = self.nodes.len();
            self.nodes.push(Node { name: segment.into(), ..Node::default() });
            self.nodes[node].children.push(child);
            child
        })
    }

    /// The node of that name.
    pub fn find(&self, name: &str) -> Option<usize> {
        let mut at = ROOT;
        for segment in name.split('.') {
            at = self.nodes[at].children.iter().copied().find(|&child| &*self.nodes[child].name == segment)?;
        }
        Some(at)
    }
}

fn is_at_or_below(name: &str, of: &str) -> bool {
    name.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn is_at_or_above(name: &str, of: &str) -> bool {
    is_at_or_below(of, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(tree: &FieldTree) -> Vec<(String, Vec<Slot>)> {
        let mut out = vec![];
        tree.each(|name, found| {
            let slots = match found {
                Found::Single(slot) => vec![slot],
                Found::Array(slots) => slots.to_vec(),
            };
            out.push((name.to_owned(), slots));
        });
        out.sort();
        out
    }

    fn one(name: &str, slot: Slot) -> (String, Vec<Slot>) {
        (name.to_owned(), vec![slot])
    }

    #[test]
    fn the_line_is_the_message_until_somebody_sets_it() {
        let mut tree = FieldTree::default();
        assert_eq!(fields(&tree), [one("message", 0)]);
        assert_eq!(tree.read(ORIGINAL), Some(Found::Single(LINE_SLOT)));
        tree.set("message", 5);
        assert_eq!(fields(&tree), [one("event.original", 0), one("message", 5)]);
    }

    #[test]
    fn a_removed_message_takes_the_line_with_it() {
        let mut tree = FieldTree::default();
        tree.remove("message");
        assert_eq!(fields(&tree), []);
        assert_eq!(tree.read(ORIGINAL), Some(Found::Single(LINE_SLOT)), "it can still be read");
        tree.set("message", 3);
        assert_eq!(fields(&tree), [one("message", 3)], "it does not reappear");
    }

    #[test]
    fn the_line_is_never_rendered_under_an_original_that_somebody_touched() {
        for (touch, then) in [("set", vec![one("event.original", 2)]), ("remove", vec![]), ("above", vec![])] {
            for message_first in [true, false] {
                let mut tree = FieldTree::default();
                if message_first {
                    tree.set("message", 1);
                }
                match touch {
                    "set" => tree.set(ORIGINAL, 2),
                    "remove" => tree.remove(ORIGINAL),
                    _ => tree.remove("event"),
                }
                tree.set("message", 1);
                let mut expected = then.clone();
                expected.push(one("message", 1));
                assert_eq!(fields(&tree), expected, "{touch} {message_first}");
                assert_ne!(tree.read(ORIGINAL), Some(Found::Single(LINE_SLOT)));
            }
        }
    }

    #[test]
    fn fields_below_message_do_not_swallow_the_line() {
        let mut tree = FieldTree::default();
        tree.set("message.text", 1);
        assert_eq!(fields(&tree), [one("event.original", 0), one("message.text", 1)]);
    }

    #[test]
    fn of_a_field_and_one_below_it_the_last_wins_and_is_counted() {
        let mut tree = FieldTree::default();
        tree.set("a", 1);
        tree.set("a.b", 2);
        assert_eq!((fields(&tree)[0].clone(), tree.overwritten()), (one("a.b", 2), 1));
        tree.set("a.c", 3);
        tree.set("a", 4);
        assert_eq!((fields(&tree)[0].clone(), tree.overwritten()), (one("a", 4), 3));
        assert_eq!((tree.get("a.b"), tree.get("a")), (None, Some(Found::Single(4))));
    }

    #[test]
    fn appended_values_make_an_array_and_a_set_ends_it() {
        let mut tree = FieldTree::default();
        tree.append("tags", 1);
        assert_eq!(tree.get("tags"), Some(Found::Array(&[1])));
        tree.append("tags", 2);
        assert_eq!(tree.get("tags"), Some(Found::Array(&[1, 2])));
        tree.set("tags", 3);
        assert_eq!(tree.get("tags"), Some(Found::Single(3)));
        tree.append("tags", 4);
        assert_eq!(tree.get("tags"), Some(Found::Array(&[3, 4])));
        tree.append("message", 5);
        assert_eq!(tree.get("message"), Some(Found::Array(&[0, 5])));
    }

    #[test]
    fn a_removed_field_takes_those_below_it_along() {
        let mut tree = FieldTree::default();
        tree.set("a.b.c", 1);
        tree.set("a.d", 2);
        tree.remove("a.b");
        assert_eq!(fields(&tree), [one("a.d", 2), one("message", 0)]);
        tree.remove("a");
        assert_eq!(fields(&tree), [one("message", 0)]);
    }
}
