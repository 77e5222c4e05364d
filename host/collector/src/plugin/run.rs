//! `collector plugin run`: lines through a chain, documents on standard output, as they would be indexed.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use bytes::Bytes;
use collector_document::{DocumentSettings, Framing, Rendered, Renderer};
use collector_model::{
    Batch, BucketDay, EventId, FileUid, ForkPath, LineFlags, Metrics, Origin, Span, TaskKey, Ticket, Topic,
    batch::RawLine, id::FileUidSeed, table::Counts,
};
use collector_plugin_host::{ChainSlot, ChainWorker, Limits, PluginDirs, PluginHost};
use collector_tasks::{ChainSpec, DocumentForm};

/// Bytes that are treated at once.
const BATCH_BYTES: usize = 128 << 10;
/// The longest line that is taken.
const LINE_BYTES_MAX: u64 = 512 << 10;

/// What is to be run.
pub struct PluginRun {
    /// The chain.
    pub chain: ChainSpec,
    /// The topic in documents of the seed's form.
    pub topic: Topic,
    /// The form of the documents.
    pub document: DocumentForm,
    /// Whether documents keep the line where a parser set `message`.
    pub keep_original: bool,
    /// Print `{"_id":…,"_source":…}`.
    pub ids: bool,
    /// Where plugins are looked up.
    pub plugin_dirs: Vec<PathBuf>,
    /// The files; standard input where there are none.
    pub files: Vec<PathBuf>,
    /// Who reads the lines, as it stands in documents.
    pub host: (String, String),
    /// When the lines are taken to be read.
    pub read_time: jiff::Timestamp,
    /// The zone of timestamps without one, in minutes east of UTC; this machine's where it is not given.
    pub timezone_minutes: Option<i16>,
}

impl PluginRun {
    /// Runs it.
    pub fn run(self) -> anyhow::Result<()> {
        let host = PluginHost::new(Limits::default(), None, None, Metrics::default())?;
        let dirs = PluginDirs::or_anywhere(self.plugin_dirs.clone());
        let slot = ChainSlot::new(host.clone(), TaskKey::of_topic(&self.topic), self.topic.clone(), dirs.clone());
        slot.install(host.prepare(&self.chain, &dirs)?);
        let mut printing = Printing {
            chain: ChainWorker::new(Arc::new(slot)).keeping_original(self.keep_original),
            renderer: Renderer::default(),
            rendered: Rendered::default(),
            out: BufWriter::with_capacity(256 << 10, io::stdout().lock()),
            tally: Tally::default(),
            run: &self,
        };
        if self.files.is_empty() {
            printing.print_all(Path::new(""), &mut io::stdin().lock())?;
        }
        for path in &self.files {
            let file = File::open(path).with_context(|| format!("opening {} to read its lines", path.display()))?;
            printing.print_all(path, &mut BufReader::with_capacity(BATCH_BYTES, file))?;
        }
        printing.out.flush().context("writing documents to standard output")?;
        eprintln!("collector: {}", printing.tally);
        Ok(())
    }
}

/// What became of the lines.
#[derive(Debug, Default)]
struct Tally {
    lines: u64,
    documents: u64,
    counts: Counts,
    dead: u64,
}

impl Tally {
    fn count(&mut self, lines: usize, documents: usize, dead: usize, counts: Counts) {
        self.lines += lines as u64;
        self.documents += documents as u64;
        self.dead += dead as u64;
        self.counts.dropped += counts.dropped;
        self.counts.rejected += counts.rejected;
        self.counts.faulted += counts.faulted;
        self.counts.bypassed += counts.bypassed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines, {} documents", self.lines, self.documents)?;
        let others = [
            (self.counts.dropped, "dropped"),
            (self.counts.rejected, "rejected"),
            (self.counts.faulted, "with a fault of the plugin"),
            (self.counts.bypassed, "while a plugin was in quarantine"),
            (self.dead, "to the dead letters"),
        ];
        others.iter().filter(|(count, _)| *count > 0).try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}

struct Printing<'a, W: Write> {
    chain: ChainWorker,
    renderer: Renderer,
    rendered: Rendered,
    out: BufWriter<W>,
    tally: Tally,
    run: &'a PluginRun,
}

impl<W: Write> Printing<'_, W> {
    fn print_all(&mut self, path: &Path, input: &mut dyn BufRead) -> anyhow::Result<()> {
        let mut lines = Lines::of(path, self.run);
        while let Some((raw, spans)) = lines.read(input).with_context(|| format!("reading {}", path.display()))? {
            let batch = lines.batch(&self.run.topic, raw, spans);
            self.print(&batch).context("writing documents to standard output")?;
        }
        Ok(())
    }

    fn print(&mut self, batch: &Batch) -> io::Result<()> {
        let output = self.chain.run(batch);
        let form = DocumentSettings::new(self.run.document, self.run.keep_original);
        self.renderer.render(batch, output.table, output.schema, &form, Framing::Lines, &mut self.rendered);
        for dead in output.table.dead() {
            let line = &batch.lines[dead.line as usize];
            tracing::warn!(offset = line.id.offset(), error = dead.error_type, reason = %dead.reason, "a line for the dead letters");
        }
        let (table, documents) = (output.table, self.rendered.documents.len());
        self.tally.count(batch.lines.len(), documents, table.dead().len(), table.counts);
        if !self.run.ids {
            return self.out.write_all(&self.rendered.bytes);
        }
        for span in &self.rendered.documents {
            write!(self.out, "{{\"_id\":\"{}{}\",\"_source\":", batch.lines[span.line as usize].id, span.fork)?;
            self.out.write_all(&self.rendered.bytes[span.document.clone()])?;
            self.out.write_all(b"}\n")?;
        }
        Ok(())
    }
}

/// The lines of one input, with the ids that an agent would give them if it had read the file today.
struct Lines {
    origin: Arc<Origin>,
    uid: FileUid,
    offset: u64,
}

impl Lines {
    fn of(path: &Path, run: &PluginRun) -> Lines {
        let local = || (jiff::tz::TimeZone::system().to_offset(run.read_time).seconds() / 60) as i16;
        let origin = Origin {
            host_name: run.host.0.as_str().into(),
            host_ip: run.host.1.as_str().into(),
            path: path.to_string_lossy().into(),
            read_time_ms: run.read_time.as_millisecond(),
            timezone_minutes: run.timezone_minutes.unwrap_or_else(local),
            ..Origin::default()
        };
        let seed = FileUidSeed {
            agent_id: "plugin run",
            topic: "",
            inode: 0,
            birth_ns: 0,
            generation: 0,
            head: origin.path.as_bytes(),
        };
        Lines { uid: FileUid::mint(&seed), origin: Arc::new(origin), offset: 0 }
    }

    /// The next lines: their bytes, and where each is without its newline.
    fn read(&mut self, input: &mut dyn BufRead) -> io::Result<Option<(Vec<u8>, Vec<Span>)>> {
        let mut raw = Vec::with_capacity(BATCH_BYTES + BATCH_BYTES / 4);
        let mut spans = vec![];
        while raw.len() < BATCH_BYTES {
            let start = raw.len();
            if input.take(LINE_BYTES_MAX).read_until(b'\n', &mut raw)? == 0 {
                break;
            }
            spans.push(Span::between(start, raw.len() - usize::from(raw.ends_with(b"\n"))));
        }
        Ok((!raw.is_empty()).then_some((raw, spans)))
    }

    fn batch(&mut self, topic: &Topic, raw: Vec<u8>, spans: Vec<Span>) -> Batch {
        let day = BucketDay::from_unix_ms(self.origin.read_time_ms);
        let line = |span: Span| RawLine {
            id: EventId::ours(day, self.uid, self.offset + u64::from(span.start), &raw[span.range()]),
            raw: span,
            fork: ForkPath::NONE,
            flags: LineFlags::default(),
            origin: 0,
        };
        let lines = spans.into_iter().map(line).collect();
        self.offset += raw.len() as u64;
        let origins = vec![Arc::clone(&self.origin)];
        Batch::new(TaskKey::of_topic(topic), topic.clone(), Bytes::from(raw), lines, origins, Ticket::untracked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_become_a_document_is_counted_in_words() {
        let mut tally = Tally::default();
        tally.count(5, 3, 1, Counts { dropped: 1, rejected: 2, ..Counts::default() });
        tally.count(1, 1, 0, Counts { rejected: 1, ..Counts::default() });
        assert_eq!(tally.to_string(), "6 lines, 4 documents, 1 dropped, 3 rejected, 1 to the dead letters");
    }
}
