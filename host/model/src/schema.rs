//! Field names of a worker, and the sequences of fields (shapes) that its events have.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Bytes of a field's name, at most.
pub const NAME_BYTES_MAX: usize = 512;
/// Segments of a field's name, at most.
pub const NAME_SEGMENTS_MAX: usize = 20;
/// Shapes that are remembered, at most; events of further ones are treated one by one.
pub const SHAPES_MAX: usize = 16_384;
/// Names after which a schema starts afresh at the next batch.
pub const NAMES_SOFT_MAX: usize = 65_536;
/// Events without a remembered shape after which a schema starts afresh at the next batch.
const STRANGERS_MAX: u64 = 1 << 18;

const FIELD_BITS: u32 = 22;
const FIELD_MASK: u32 = (1 << FIELD_BITS) - 1;

/// A field by number, within one [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldId(u32);

impl FieldId {
    /// `message`
    pub const MESSAGE: FieldId = FieldId(0);
    /// `event.original`
    pub const ORIGINAL: FieldId = FieldId(1);
    /// `tags`
    pub const TAGS: FieldId = FieldId(2);
    /// `error.message`
    pub const ERROR_MESSAGE: FieldId = FieldId(3);
    /// The names of the fields above, in order.
    const FIXED: [&str; 4] = ["message", "event.original", "tags", "error.message"];
}

/// What is done to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It gets a value instead of any it had.
    Set,
    /// It gets one more value.
    Append,
    /// It goes, with every field below it.
    Remove,
}

/// An action on a field: one step of a shape. 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step(u32);

impl Step {
    /// The step of every event's first cell: the line.
    pub const LINE: Step = Step(FieldId::MESSAGE.0);

    /// The field gets a value.
    #[inline]
    pub fn set(field: FieldId) -> Self {
        Step(field.0)
    }

    /// The field gets one more value.
    #[inline]
    pub fn append(field: FieldId) -> Self {
        Step(1 << FIELD_BITS | field.0)
    }

    /// The field goes.
    #[inline]
    pub fn remove(field: FieldId) -> Self {
        Step(2 << FIELD_BITS | field.0)
    }

    /// The field.
    #[inline]
    pub fn field(self) -> FieldId {
        FieldId(self.0 & FIELD_MASK)
    }

    /// What is done to it.
    pub fn action(self) -> Action {
        match self.0 >> FIELD_BITS {
            0 => Action::Set,
            1 => Action::Append,
            _ => Action::Remove,
        }
    }

    #[inline]
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    #[inline]
    pub(crate) fn from_number(number: u32) -> Self {
        Step(number)
    }
}

/// A sequence of steps by number, within one [`Schema`]. What is worked out for a shape (a plan to render it) holds for all its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShapeId(u32);

impl ShapeId {
    /// The line alone.
    pub const LINE: ShapeId = ShapeId(0);
    /// A sequence that is not remembered, because there are too many: look at the cells.
    pub const STRANGER: ShapeId = ShapeId(u32::MAX);

    /// The number of a remembered shape, below [`SHAPES_MAX`].
    #[inline]
    pub fn index(self) -> Option<usize> {
        (self != Self::STRANGER).then_some(self.0 as usize)
    }
}

/// Names and shapes. One for each worker; it is never shared between threads while lines flow.
pub struct Schema {
    id: u64,
    names: Vec<Arc<str>>,
    fields: HashMap<Arc<str>, FieldId>,
    nodes: Vec<Node>,
    strangers: u64,
}

/// A shape, and the shapes that are one step longer: two in place, since most have no more.
struct Node {
    /// The step to the shape that was remembered right behind this one: its number needs no look, so that the next step need not wait for this one.
    next: u32,
    other: (u32, u32),
    more: HashMap<u32, u32>,
}

const NO_STEP: u32 = u32::MAX;

impl Default for Node {
    fn default() -> Self {
        Node { next: NO_STEP, other: (NO_STEP, 0), more: HashMap::new() }
    }
}

impl Default for Schema {
    fn default() -> Self {
        let mut schema = Schema { id: 0, names: vec![], fields: HashMap::new(), nodes: vec![], strangers: 0 };
        schema.start_afresh();
        schema
    }
}

impl Schema {
    /// A number that no other schema of the process has had: what was worked out for another is void.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Forgets everything where there is too much of it. To be called between batches; true if it did, and numbers from before are void.
    pub fn refresh(&mut self) -> bool {
        let full = self.names.len() > NAMES_SOFT_MAX || self.strangers > STRANGERS_MAX;
        if full {
            self.start_afresh();
        }
        full
    }

    fn start_afresh(&mut self) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        self.id = NEXT.fetch_add(1, Ordering::Relaxed);
        self.names.clear();
        self.fields.clear();
        self.nodes.clear();
        self.nodes.push(Node::default());
        self.strangers = 0;
        for name in FieldId::FIXED {
            self.insert(name);
        }
    }

    /// The field of that name. The name was checked before ([`check_name`]). `None` when there is no number left.
    pub fn field(&mut self, name: &str) -> Option<FieldId> {
        match self.fields.get(name) {
            Some(field) => Some(*field),
            None if self.names.len() >= FIELD_MASK as usize => None,
            None => Some(self.insert(name)),
        }
    }

    fn insert(&mut self, name: &str) -> FieldId {
        let name: Arc<str> = name.into();
        let field = FieldId(self.names.len() as u32);
        self.names.push(Arc::clone(&name));
        self.fields.insert(name, field);
        field
    }

    /// The name of a field of this schema.
    pub fn name(&self, field: FieldId) -> &str {
        self.names.get(field.0 as usize).map_or("", |name| name)
    }

    /// The shape that is one step longer.
    #[inline]
    pub fn step(&mut self, shape: ShapeId, step: Step) -> ShapeId {
        if let Some(node) = self.nodes.get(shape.0 as usize) {
            if node.next == step.0 {
                return ShapeId(shape.0 + 1);
            }
            if node.other.0 == step.0 {
                return ShapeId(node.other.1);
            }
        }
        self.step_rarely(shape, step)
    }

    #[cold]
    #[inline(never)]
    fn step_rarely(&mut self, shape: ShapeId, step: Step) -> ShapeId {
        let longer = self.nodes.len() as u32;
        let Some(node) = self.nodes.get_mut(shape.0 as usize) else { return ShapeId::STRANGER };
        if let Some(known) = node.more.get(&step.0) {
            return ShapeId(*known);
        }
        if longer as usize >= SHAPES_MAX {
            self.strangers += 1;
            return ShapeId::STRANGER;
        }
        if longer == shape.0 + 1 {
            node.next = step.0;
        } else if node.other.0 == NO_STEP {
            node.other = (step.0, longer);
        } else {
            node.more.insert(step.0, longer);
        }
        self.nodes.push(Node::default());
        ShapeId(longer)
    }
}

/// Why a name cannot be a field's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// It has no character.
    #[error("it is empty")]
    Empty,
    /// It has more than [`NAME_BYTES_MAX`] bytes.
    #[error("it is longer than 512 bytes")]
    TooLong,
    /// It has a segment without a character: `a..b`, `.a`, `a.`.
    #[error("it has an empty segment between dots")]
    EmptySegment,
    /// It has more than [`NAME_SEGMENTS_MAX`] segments.
    #[error("it has more than 20 segments")]
    TooManySegments,
}

/// Checks a field's name: 1 to 512 bytes, at most 20 segments between dots, none of them empty.
pub fn check_name(name: &str) -> Result<(), BadName> {
    if name.is_empty() {
        return Err(BadName::Empty);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(BadName::TooLong);
    }
    if name.split('.').any(str::is_empty) {
        return Err(BadName::EmptySegment);
    }
    if name.split('.').count() > NAME_SEGMENTS_MAX {
        return Err(BadName::TooManySegments);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_steps_lead_to_the_same_shape() {
        let mut schema = Schema::default();
        let fields: Vec<FieldId> = ["a", "b", "c", "d"].iter().map(|name| schema.field(name).unwrap()).collect();
        let mut walk =
            |order: &[usize]| order.iter().fold(ShapeId::LINE, |shape, &i| schema.step(shape, Step::set(fields[i])));
        let first = walk(&[0, 1, 2, 3]);
        assert_eq!(walk(&[0, 1, 2, 3]), first);
        let others = [walk(&[1]), walk(&[2]), walk(&[3]), walk(&[0, 1, 2])];
        assert!(!others.contains(&first));
        assert_eq!([walk(&[1]), walk(&[2]), walk(&[3]), walk(&[0, 1, 2])], others);
    }

    #[test]
    fn too_many_shapes_become_strangers_and_then_the_schema_starts_afresh() {
        let mut schema = Schema::default();
        let field = schema.field("a").unwrap();
        let id = schema.id();
        let mut shape = ShapeId::LINE;
        for _ in 0..SHAPES_MAX {
            shape = schema.step(shape, Step::append(field));
        }
        assert_eq!((shape, shape.index()), (ShapeId::STRANGER, None));
        assert_eq!(schema.step(shape, Step::set(field)), ShapeId::STRANGER);
        assert!(!schema.refresh());
        schema.strangers = STRANGERS_MAX + 1;
        assert!(schema.refresh() && schema.id() != id);
        assert!(schema.step(ShapeId::LINE, Step::LINE).index().is_some());
    }

    #[test]
    fn names_follow_the_abi() {
        for good in ["a", "a.b", "@timestamp", &"x".repeat(512), &["a"; 20].join(".")] {
            assert_eq!(check_name(good), Ok(()));
        }
        let bad = [("", BadName::Empty), ("a..b", BadName::EmptySegment), (".a", BadName::EmptySegment)];
        for (name, problem) in bad {
            assert_eq!(check_name(name), Err(problem));
        }
        assert_eq!(check_name(&"x".repeat(513)), Err(BadName::TooLong));
        assert_eq!(check_name(&["a"; 21].join(".")), Err(BadName::TooManySegments));
    }
}
