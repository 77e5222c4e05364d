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
            out: Output::new(&manifest),
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
            event.turn_to(input);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::{self, op_word};
    use crate::{Field, Filter, Filtering, Reject, Value, Verdict};

    /// Copies what matches `*` into `seen`, names the first column's text, drops at null.
    struct Probe;

    impl Filter for Probe {
        type Config = ();

        fn open((): ()) -> Result<Self, String> {
            Ok(Self)
        }

        fn manifest(&self) -> Manifest {
            Manifest::reading(["a", "*"]).writing(["seen"])
        }

        fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
            match input.value(0) {
                Value::Null => return Ok(Verdict::Drop),
                Value::Absent => return Err(Reject("no a")),
                Value::Text(text) => {
                    let field = event.name(None, text)?;
                    event.text(field, text);
                    event.constant(field, "same");
                }
                _ => {}
            }
            for (name, _) in input.matched() {
                event.append(Field::nth(0), &name.to_owned());
            }
            Ok(Verdict::Keep)
        }
    }

    fn driver() -> Driver<Filtering<Probe>> {
        Driver::open("").unwrap()
    }

    #[test]
    fn lists_that_do_not_fit_together_are_refused() {
        assert!(driver().process::<&str>(2, b"", &[0, 0, 0], &[], &[]).is_err());
        assert!(driver().process::<&str>(1, b"", &[0, 0, 0], &[], &[0, 0, 0]).is_err());
    }

    #[test]
    fn a_part_of_the_text_is_a_span_and_a_constant_is_stored_once() {
        let mut driver = driver();
        let cells = [abi::TEXT, 0, 1, abi::TEXT, 1, 1];
        let changes = driver.process::<&str>(2, b"xy", &cells, &[], &[]).unwrap();
        let (set, copied) = (|name| op_word(abi::SET, abi::TEXT, name), |name| op_word(abi::SET, abi::ARENA, name));
        let expected = [set(1), 0, 1, copied(1), 0, 4, abi::NEXT, set(2), 1, 1, copied(2), 0, 4, abi::NEXT];
        assert_eq!(
            (changes.names, changes.arena, changes.ops),
            (&["x".to_owned(), "y".to_owned()][..], &b"same"[..], &expected[..])
        );
        let again = driver.process::<&str>(1, b"x", &cells[..3], &[], &[]).unwrap();
        assert_eq!((again.names.len(), again.ops), (0, &[set(1), 0, 1, copied(1), 0, 4, abi::NEXT][..]));
    }

    #[test]
    fn verdicts_end_their_events() {
        let mut driver = driver();
        let changes = driver.process::<&str>(2, b"", &[abi::NULL, 0, 0, abi::ABSENT, 0, 0], &[], &[]).unwrap();
        assert_eq!(changes.ops, [abi::DROP, abi::REJECT, 0, 4]);
        assert_eq!(changes.arena, b"no a");
    }

    #[test]
    fn sparse_rows_go_to_their_events_and_names_stay_known() {
        let mut driver = driver();
        let one = [abi::I64, 0, 0];
        let appended = |changes: Changes<'_>| String::from_utf8(changes.arena.to_vec()).unwrap();
        let rows = [1, 0, abi::NULL, 0, 0, 1, 1, abi::NULL, 0, 0, 2, 0, abi::NULL, 0, 0];
        let changes = driver.process(3, b"", &one.repeat(3), &["p", "q"], &rows).unwrap();
        assert_eq!(changes.ops.iter().filter(|word| **word == abi::NEXT).count(), 3 + 1, "three ends, one offset 0");
        assert_eq!(appended(changes), "pqp");
        let changes = driver.process(1, b"", &one, &["r"], &[0, 2, abi::NULL, 0, 0]).unwrap();
        assert_eq!(appended(changes), "r");
    }

    #[test]
    fn a_batch_of_many_changes_fits() {
        let events = 20_000;
        let cells = [abi::TEXT, 0, 1].repeat(events);
        let mut driver = driver();
        let changes = driver.process::<&str>(events as u32, b"x", &cells, &[], &[]).unwrap();
        assert_eq!(changes.ops.len(), events * 7);
    }
}
