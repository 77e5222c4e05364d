//! What a chain of plugins makes of the lines of a batch: events, each a sequence of cells. Buffers are kept from batch to batch.

use std::{ops::Range, sync::Arc};

use crate::{
    Line, Span,
    cell::{Cell, Kind},
    schema::{Schema, ShapeId, Step},
};

/// How an event came through the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventStatus {
    /// Every plugin treated it.
    #[default]
    Treated,
    /// Some plugin rejected it.
    Rejected,
    /// Some plugin faulted on it.
    Faulted,
    /// Some plugin was in quarantine when it came by.
    Bypassed,
}

/// Which fork of its line an event is, within one [`Table`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForkId(u32);

impl ForkId {
    /// The line was not forked here.
    pub const NONE: ForkId = ForkId(0);
}

/// One event.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Index into the batch's lines.
    pub line: u32,
    /// How it came through.
    pub status: EventStatus,
    /// The line is a whole JSON document that goes on as it is.
    pub verbatim: bool,
    /// Which fork of its line it is.
    pub fork: ForkId,
    shape: ShapeId,
    first: u32,
    len: u32,
}

impl Event {
    /// The shape of its cells.
    #[inline]
    pub fn shape(&self) -> ShapeId {
        self.shape
    }

    /// Where its cells are.
    #[inline]
    fn range(&self) -> Range<usize> {
        self.first as usize..self.first as usize + self.len as usize
    }
}

/// A line that the chain gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLine {
    /// Index into the batch's lines.
    pub line: u32,
    /// Which fork of it.
    pub fork: ForkId,
    /// `plugin_rejected`, `plugin_fault` or `plugin_bypassed`.
    pub error_type: &'static str,
    /// The plugin and its reason, in words.
    pub reason: String,
}

/// What became of the events of a batch that are not simply treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Dropped, by a filter or by `on_error`.
    pub dropped: u64,
    /// Rejected by a plugin.
    pub rejected: u64,
    /// A plugin faulted on them.
    pub faulted: u64,
    /// They met a plugin in quarantine.
    pub bypassed: u64,
}

/// The events of one batch.
#[derive(Default)]
pub struct Table {
    events: Vec<Event>,
    cells: Vec<Cell>,
    arena: Vec<u8>,
    forks: Vec<(ForkId, u16)>,
    dead: Vec<DeadLine>,
    /// What became of the events that are not here.
    pub counts: Counts,
    /// The hash of the chain that made the table; empty without plugins.
    pub chain: Arc<str>,
}

/// A state of a [`Table`] to which it can go back.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    events: usize,
    cells: usize,
    arena: usize,
    forks: usize,
    dead: usize,
    counts: Counts,
}

impl Table {
    /// Empties it for the next batch.
    pub fn clear(&mut self) {
        self.events.clear();
        self.cells.clear();
        self.arena.clear();
        self.forks.clear();
        self.dead.clear();
        self.counts = Counts::default();
    }

    /// The events, in the order of their lines.
    #[inline]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The cells of an event: the line, then what was done, in order.
    #[inline]
    pub fn cells_of(&self, event: &Event) -> &[Cell] {
        &self.cells[event.range()]
    }

    /// The bytes that cells of the arena kinds point into.
    #[inline]
    pub fn arena(&self) -> &[u8] {
        &self.arena
    }

    /// The lines that the chain gave up.
    pub fn dead(&self) -> &[DeadLine] {
        &self.dead
    }

    /// The numbers of the forks that lead to this one, outermost first; empty where the line was not forked.
    pub fn fork_steps(&self, fork: ForkId) -> Vec<u16> {
        let mut steps = vec![];
        let mut at = fork;
        while let Some(&(parent, number)) = (at.0 as usize).checked_sub(1).and_then(|i| self.forks.get(i)) {
            steps.push(number);
            at = parent;
        }
        steps.reverse();
        steps
    }

    /// A new event that is its line alone. It is not among [`Table::events`] before it is pushed.
    #[inline]
    pub fn begin(&mut self, line: u32, text: Span) -> Event {
        self.begin_with(line, Cell::new(Step::LINE, Kind::Text, text.start, text.len))
    }

    /// As [`Table::begin`], for a line that lies in the arena.
    pub fn begin_in_arena(&mut self, line: u32, text: Span) -> Event {
        self.begin_with(line, Cell::new(Step::LINE, Kind::ArenaText, text.start, text.len))
    }

    /// A new event of the same line as another, with nothing but that line.
    pub fn begin_fork(&mut self, of: &Event) -> Event {
        let line = self.cells[of.first as usize];
        self.begin_with(of.line, line)
    }

    #[inline]
    fn begin_with(&mut self, line: u32, cell: Cell) -> Event {
        let first = self.cells.len() as u32;
        self.cells.push(cell);
        let (status, fork) = (EventStatus::Treated, ForkId::NONE);
        Event { line, status, verbatim: false, fork, shape: ShapeId::LINE, first, len: 1 }
    }

    /// Does one more thing to an event.
    #[inline]
    pub fn push_cell(&mut self, event: &mut Event, schema: &mut Schema, cell: Cell) {
        self.open(event);
        self.push_open(event, schema, cell);
    }

    /// Sees to it that the event's cells are the last ones, as [`Table::push_open`] needs it.
    #[inline]
    pub fn open(&mut self, event: &mut Event) {
        if event.range().end != self.cells.len() {
            self.move_to_end(event);
        }
    }

    /// As [`Table::push_cell`], for an event that was opened, behind which nothing was pushed to another one.
    #[inline(always)]
    pub fn push_open(&mut self, event: &mut Event, schema: &mut Schema, cell: Cell) {
        debug_assert_eq!(event.range().end, self.cells.len(), "the event is open");
        self.cells.push(cell);
        event.len += 1;
        event.shape = schema.step(event.shape, cell.step());
    }

    /// Makes room for that many cells.
    pub fn reserve_cells(&mut self, cells: usize) {
        self.cells.reserve(cells);
    }

    fn move_to_end(&mut self, event: &mut Event) {
        let first = self.cells.len() as u32;
        self.cells.extend_from_within(event.range());
        event.first = first;
    }

    /// Appends an event.
    #[inline]
    pub fn push_event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Takes the events from `start` on out of the table, into `out`.
    pub fn take_events(&mut self, start: usize, out: &mut Vec<Event>) {
        out.clear();
        out.extend(self.events.drain(start..));
    }

    /// Appends bytes to the arena and says where they are. `None` when the arena is full (4 GiB).
    pub fn push_arena(&mut self, bytes: &[u8]) -> Option<Span> {
        let start = u32::try_from(self.arena.len()).ok()?;
        let len = u32::try_from(bytes.len()).ok()?;
        start.checked_add(len)?;
        self.arena.extend_from_slice(bytes);
        Some(Span { start, len })
    }

    /// The fork with that number of a line or of a fork of it.
    pub fn fork(&mut self, parent: ForkId, number: u16) -> ForkId {
        self.forks.push((parent, number));
        ForkId(self.forks.len() as u32)
    }

    /// Gives a line up; once for each fork of it.
    pub fn bury(&mut self, dead: DeadLine) {
        let known = self.dead.last().is_some_and(|last| (last.line, last.fork) == (dead.line, dead.fork));
        if !known {
            self.dead.push(dead);
        }
    }

    /// The state now.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark {
            events: self.events.len(),
            cells: self.cells.len(),
            arena: self.arena.len(),
            forks: self.forks.len(),
            dead: self.dead.len(),
            counts: self.counts,
        }
    }

    /// Takes back everything since that state.
    pub fn go_back(&mut self, mark: Mark) {
        self.events.truncate(mark.events);
        self.cells.truncate(mark.cells);
        self.arena.truncate(mark.arena);
        self.forks.truncate(mark.forks);
        self.dead.truncate(mark.dead);
        self.counts = mark.counts;
    }

    /// Takes back everything since that state but the bytes of the arena.
    pub fn go_back_but_arena(&mut self, mark: Mark) {
        self.go_back(Mark { arena: self.arena.len(), ..mark });
    }

    /// The path of an event: that of its record, then the forks made here.
    pub fn fork_path(&self, event: &Event, line: &Line) -> crate::ForkPath {
        self.path_of(event.fork, line)
    }

    /// The path of a fork of a line.
    pub fn path_of(&self, fork: ForkId, line: &Line) -> crate::ForkPath {
        if fork == ForkId::NONE {
            return line.fork.clone();
        }
        let mut steps = line.fork.steps().to_vec();
        steps.extend(self.fork_steps(fork));
        crate::ForkPath::from_steps(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(schema: &mut Schema, name: &str, value: u32) -> Cell {
        Cell::new(Step::set(schema.field(name).unwrap()), Kind::Int, value, 0)
    }

    #[test]
    fn an_event_that_is_changed_later_keeps_its_cells_together() {
        let (mut table, mut schema) = (Table::default(), Schema::default());
        let mut first = table.begin(0, Span { start: 0, len: 3 });
        let cell = int(&mut schema, "a", 1);
        table.push_cell(&mut first, &mut schema, cell);
        let mut second = table.begin(1, Span { start: 4, len: 3 });
        table.push_cell(&mut second, &mut schema, cell);
        let before = first;
        let more = int(&mut schema, "b", 2);
        table.push_cell(&mut first, &mut schema, more);
        assert_eq!(table.cells_of(&first)[1..], [cell, more]);
        assert_eq!(table.cells_of(&second).len(), 2);
        assert_eq!(table.cells_of(&before).len(), 2, "what was there before is still whole");
        assert_eq!(second.shape(), before.shape());
        assert_ne!(first.shape(), before.shape());
    }

    #[test]
    fn going_back_leaves_nothing_behind() {
        let (mut table, mut schema) = (Table::default(), Schema::default());
        let mut event = table.begin(0, Span::default());
        let (mark, before) = (table.mark(), event);
        let cell = int(&mut schema, "a", 1);
        table.push_cell(&mut event, &mut schema, cell);
        table.push_arena(b"xyz").unwrap();
        table.fork(ForkId::NONE, 1);
        table.bury(DeadLine { line: 0, fork: ForkId::NONE, error_type: "plugin_fault", reason: "r".into() });
        table.counts.dropped = 5;
        table.go_back(mark);
        assert_eq!((table.cells_of(&before).len(), table.arena().len(), table.dead().len()), (1, 0, 0));
        assert_eq!(table.counts, Counts::default());
    }

    #[test]
    fn forks_of_forks_have_the_path_of_both() {
        let mut table = Table::default();
        let outer = table.fork(ForkId::NONE, 2);
        let inner = table.fork(outer, 0);
        assert_eq!(table.fork_steps(inner), [2, 0]);
        assert_eq!(table.fork_steps(ForkId::NONE), [0u16; 0]);
    }
}
