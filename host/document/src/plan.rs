//! How to write the documents of one shape: constant text in between, keys and nesting included, and what goes where.

use collector_model::{
    Cell, Kind, Schema,
    cell::write_string,
    fields::{FieldTree, Found, ROOT, Slot},
};

use crate::{
    constants::{OWN_SLOTS, Own, Presence},
    writer::Padded,
};

/// What follows a piece of constant text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The value of that cell.
    Cell(u32),
    /// An array of the values of `slots[start..start + len]` of the plan.
    Array { start: u32, len: u32 },
    /// A value of the collector's own.
    Own(Own),
    /// All of the collector's own values but the time.
    Block,
    /// Nothing, but the pieces of that run follow.
    Run(u32),
    /// Nothing: the document ends.
    End,
}

/// A piece of constant text and what follows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) source: Source,
}

/// Pieces, one behind the other, whose values a plugin made itself. Such values are often the same for many events (`event.kind`): what was written before is
/// then written again as a whole.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// How many pieces.
    pub(crate) len: u32,
    /// Their cells.
    pub(crate) slots: Vec<u32>,
    /// What was written before.
    pub(crate) written: [Written; RUN_MEMORY],
    /// Which of these was used last.
    pub(crate) last: usize,
    /// How often it was one of them.
    pub(crate) hits: u32,
    /// How often it was something else.
    pub(crate) misses: u32,
}

/// The text of some pieces.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// What the cells were, and in which batch: in another one they stand for other bytes.
    pub(crate) cells: Vec<Cell>,
    pub(crate) batch: u64,
    pub(crate) bytes: Padded,
}

/// Texts that are remembered of one run: `event.outcome` is one of a few.
const RUN_MEMORY: usize = 4;
/// Pieces of a run, at least.
const RUN_PIECES_MIN: usize = 3;
/// Misses after which a run must have shown hits too.
const MISSES_FREE: u32 = 256;

impl Run {
    /// Whether remembering is worth it: values that differ from event to event are found out soon.
    #[inline(always)]
    pub(crate) fn is_worth_it(&self) -> bool {
        self.misses < MISSES_FREE || self.hits / 4 >= self.misses
    }
}

/// The plan of one shape.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) text: Padded,
    pub(crate) slots: Vec<Slot>,
    pub(crate) runs: Vec<Run>,
}

/// What a plan depends on, apart from the shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PlanKind {
    pub(crate) is_seed: bool,
    pub(crate) keep_original: bool,
    pub(crate) presence: Presence,
}

impl Plan {
    /// Works out the plan for events with such cells.
    pub(crate) fn new(kind: PlanKind, schema: &Schema, cells: &[Cell]) -> Self {
        let mut plan = if kind.is_seed { Self::seed(schema, cells) } else { Self::ecs(kind, schema, cells) };
        plan.find_runs(cells);
        plan
    }

    /// Puts a mark before each run.
    fn find_runs(&mut self, cells: &[Cell]) {
        let own = |piece: &Piece| match piece.source {
            Source::Cell(slot) => {
                matches!(cells[slot as usize].kind(), Some(Kind::ArenaText | Kind::ArenaJson)).then_some(slot)
            }
            _ => None,
        };
        let pieces = std::mem::take(&mut self.pieces);
        let mut rest = pieces.as_slice();
        while let Some(piece) = rest.first() {
            let slots: Vec<u32> = rest.iter().map_while(own).collect();
            let len = slots.len().max(1);
            if slots.len() >= RUN_PIECES_MIN {
                let source = Source::Run(self.runs.len() as u32);
                self.pieces.push(Piece { start: piece.start, end: piece.start, source });
                self.runs.push(Run { len: len as u32, slots, ..Run::default() });
            }
            self.pieces.extend_from_slice(&rest[..len]);
            rest = &rest[len..];
        }
    }

    fn ecs(kind: PlanKind, schema: &Schema, cells: &[Cell]) -> Self {
        let mut tree = FieldTree::default();
        for (own, name) in Own::ECS {
            if kind.presence.has(own) {
                tree.set(name, own.slot());
            }
        }
        tree.apply(schema, cells);
        if !kind.keep_original {
            tree.remove("event.original");
        }
        let whole_block = kind.presence.has_block() && block_is_untouched(&tree, kind.presence);
        let mut builder = Builder::default();
        builder.text.push(b'{');
        let mut is_first = true;
        for child in in_order(&tree) {
            if whole_block && matches!(tree.name(child), "collector" | "host" | "log") {
                continue;
            }
            builder.member(&tree, cells, child, &mut is_first);
        }
        if whole_block {
            builder.comma(&mut is_first);
            builder.piece(Source::Block);
        }
        builder.finish()
    }

    fn seed(schema: &Schema, cells: &[Cell]) -> Self {
        let tree = FieldTree::of(schema, cells);
        let mut builder = Builder::default();
        builder.text.extend_from_slice(b"{\"topic\":");
        builder.piece(Source::Own(Own::Topic));
        builder.text.extend_from_slice(b",\"data\":");
        match tree.find("message").filter(|&node| tree.is_present(node)) {
            Some(node) => builder.value(&tree, cells, node),
            None => builder.text.extend_from_slice(b"\"\""),
        }
        builder.finish()
    }
}

/// The top-level fields, the time first.
fn in_order(tree: &FieldTree) -> Vec<usize> {
    let mut children: Vec<usize> = tree.children(ROOT).collect();
    children.sort_by_key(|&child| tree.name(child) != "@timestamp");
    children
}

/// Whether no plugin changed anything below `collector`, `host` and `log`.
fn block_is_untouched(tree: &FieldTree, presence: Presence) -> bool {
    let all_there = Own::ECS
        .iter()
        .filter(|(own, _)| *own != Own::ReadTime && presence.has(*own))
        .all(|(own, name)| tree.get(name) == Some(Found::Single(own.slot())));
    let mut foreign = false;
    tree.each(|name, value| {
        let in_block = ["collector", "host", "log"].contains(&name.split('.').next().unwrap_or_default());
        let own = matches!(value, Found::Single(slot) if slot >= OWN_SLOTS);
        foreign |= in_block && !own;
    });
    all_there && !foreign
}

#[derive(Default)]
struct Builder {
    text: Vec<u8>,
    pieces: Vec<Piece>,
    slots: Vec<Slot>,
    done: usize,
}

impl Builder {
    /// Ends the constant text here.
    fn piece(&mut self, source: Source) {
        self.pieces.push(Piece { start: self.done as u32, end: self.text.len() as u32, source });
        self.done = self.text.len();
    }

    fn comma(&mut self, is_first: &mut bool) {
        if !std::mem::take(is_first) {
            self.text.push(b',');
        }
    }

    fn member(&mut self, tree: &FieldTree, cells: &[Cell], node: usize, is_first: &mut bool) {
        self.comma(is_first);
        write_string(tree.name(node).as_bytes(), &mut self.text);
        self.text.push(b':');
        self.value(tree, cells, node);
    }

    fn value(&mut self, tree: &FieldTree, cells: &[Cell], node: usize) {
        match tree.value(node) {
            Some(Found::Single(slot)) => self.piece(source_of(slot)),
            // Texts and the like, without anything to append to: no more than brackets and commas between them.
            Some(Found::Array(slots)) if slots.iter().all(|&slot| appends(cells, slot)) => {
                for (i, &slot) in slots.iter().enumerate() {
                    self.text.push(if i == 0 { b'[' } else { b',' });
                    self.piece(source_of(slot));
                }
                self.text.push(b']');
            }
            Some(Found::Array(slots)) => {
                let start = self.slots.len() as u32;
                self.slots.extend_from_slice(slots);
                self.piece(Source::Array { start, len: slots.len() as u32 });
            }
            None => {
                self.text.push(b'{');
                let mut is_first = true;
                for child in tree.children(node) {
                    self.member(tree, cells, child, &mut is_first);
                }
                self.text.push(b'}');
            }
        }
    }

    fn finish(mut self) -> Plan {
        self.text.push(b'}');
        self.piece(Source::End);
        Plan { pieces: self.pieces, text: Padded::new(self.text), slots: self.slots, runs: vec![] }
    }
}

/// Whether a value was appended, and not there before.
fn appends(cells: &[Cell], slot: Slot) -> bool {
    cells.get(slot as usize).is_some_and(|cell| cell.appends())
}

fn source_of(slot: Slot) -> Source {
    match Own::of_slot(slot) {
        Some(own) => Source::Own(own),
        None => Source::Cell(slot),
    }
}
