//! Runs a plugin over batches. The guest and its native twin use the very same code.

use crate::abi::{CELL_WORDS, SPARSE_WORDS};
use crate::event::Output;
use crate::{Event, Input, Manifest, Plugin};

/// What one batch changes, borrowed from the driver's buffers until the next one.
#[derive(Clone, Copy, Debug)]
pub struct Changes<'d> {
    /// Names that this batch adds to the plugin's table.
    pub names: &'d [String],
    /// Bytes that the plugin made.
    pub arena: &'d [u8],
    /// The operations, event by event.
    pub ops: &'d [u32],
}

/// An opened plugin with its reused buffers.
pub struct Driver<P> {
    plugin: P,
    manifest: Manifest,
    row_words: usize,
    host_names: Vec<String>,
    out: Output,
}

impl<P: Plugin> Driver<P> {
    /// Opens the plugin; `config` is JSON text, or empty for the defaults.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn open(config: &str) -> Result<Self, String> {
        let plugin = P::open(config)?;
        let manifest = plugin.manifest();
        Ok(Self {
            row_words: manifest.columns() * CELL_WORDS,
            out: Output::new(&manifest.writes),
            host_names: Vec::new(),
            plugin,
            manifest,
        })
    }

    /// What the plugin reads and writes.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Treats one batch; shapes as `wit/v0.1/README.md` has them.
    ///
    /// # Errors
    /// The lists do not fit together; nothing was done then.
    pub fn process<N: AsRef<str>>(
        &mut self,
        events: u32,
        text: &[u8],
        cells: &[u32],
        names: &[N],
        sparse: &[u32],
    ) -> Result<Changes<'_>, String> {
        let events = events as usize;
        if cells.len() != events * self.row_words {
            return Err(format!("{} words of cells for {events} events of {} words", cells.len(), self.row_words));
        }
        if !sparse.len().is_multiple_of(SPARSE_WORDS) {
            return Err(format!("{} words of sparse rows, which have {SPARSE_WORDS} each", sparse.len()));
        }
        self.host_names.extend(names.iter().map(|name| name.as_ref().to_owned()));
        self.run(events, text, cells, sparse);
        Ok(Changes { names: self.out.names(), arena: self.out.arena(), ops: self.out.ops() })
    }

    fn run(&mut self, events: usize, text: &[u8], cells: &[u32], mut sparse: &[u32]) {
        let Self { plugin, row_words, host_names, out, .. } = self;
        let mut event = Event::begin(text, out);
        for index in 0..events {
            let at = index * *row_words;
            let rows = rows_of(index as u32, &mut sparse);
            let input = Input { text, cells: &cells[at..at + *row_words], sparse: rows, names: host_names };
            let verdict = plugin.treat(input, &mut event);
            event.end(verdict);
        }
    }
}

/// The sparse rows of one event, taken off the front.
#[inline(always)]
fn rows_of<'a>(event: u32, sparse: &mut &'a [u32]) -> &'a [u32] {
    if sparse.is_empty() {
        return &[];
    }
    let own = sparse.chunks_exact(SPARSE_WORDS).take_while(|row| row[0] == event).count();
    let (rows, rest) = sparse.split_at(own * SPARSE_WORDS);
    *sparse = rest;
    rows
}
