//! A file of lines, in batches as a collector makes them.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use collector_model::{
    Batch, BucketDay, EventId, FileUid, ForkPath, LineFlags, Origin, Span, TaskKey, Ticket, Topic, batch::RawLine,
};

/// Bytes of one batch.
const BATCH_BYTES: usize = 128 << 10;
/// Lines of one batch.
const BATCH_LINES: usize = 2_000;
/// Bytes of a file that are read: more would not say more.
const FILE_BYTES: u64 = 64 << 20;

/// The lines of a file.
pub(super) struct Lines {
    /// The file, absolute.
    pub(super) path: PathBuf,
    /// How many lines.
    pub(super) count: usize,
    /// Bytes, newlines included.
    pub(super) bytes: usize,
    /// The lines in batches.
    pub(super) batches: Vec<Batch>,
}

/// Reads the file.
pub(super) fn read(path: &Path, topic: &Topic) -> anyhow::Result<Lines> {
    let mut text = Vec::new();
    let opened = File::open(path).and_then(|file| file.take(FILE_BYTES).read_to_end(&mut text));
    opened.with_context(|| format!("reading the lines in {}", path.display()))?;
    ensure!(
        !text.is_empty(),
        "reading the lines in {}: it is empty; name a file with lines that the plugin reads",
        path.display()
    );
    let path = path.canonicalize().with_context(|| format!("resolving {}", path.display()))?;
    let batches = batches(&text, &path, topic);
    let count = batches.iter().map(|batch| batch.lines.len()).sum();
    Ok(Lines { path, count, bytes: text.len(), batches })
}

fn batches(text: &[u8], path: &Path, topic: &Topic) -> Vec<Batch> {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let origin = Arc::new(Origin {
        host_name: "bench".into(),
        path: path.to_string_lossy().into(),
        read_time_ms: now_ms,
        ..Origin::default()
    });
    let (mut batches, mut raw, mut lines, mut offset) = (vec![], Vec::new(), Vec::new(), 0u64);
    let mut close = |raw: &mut Vec<u8>, lines: &mut Vec<RawLine>| {
        let (raw, lines) = (Bytes::from(std::mem::take(raw)), std::mem::take(lines));
        let origins = vec![Arc::clone(&origin)];
        batches.push(Batch::new(TaskKey::of_topic(topic), topic.clone(), raw, lines, origins, Ticket::untracked()));
    };
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let full = raw.len() + line.len() > BATCH_BYTES || lines.len() == BATCH_LINES;
        if full && !lines.is_empty() {
            close(&mut raw, &mut lines);
        }
        let start = raw.len();
        raw.extend_from_slice(line);
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        lines.push(RawLine {
            raw: Span::between(start, start + bare.len()),
            id: EventId::ours(BucketDay::from_unix_ms(now_ms), FileUid(1), offset, bare),
            fork: ForkPath::NONE,
            flags: LineFlags::default(),
            origin: 0,
        });
        offset += line.len() as u64;
    }
    if !lines.is_empty() {
        close(&mut raw, &mut lines);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_every_line_once_and_are_not_too_large() {
        let topic = Topic::new("t").unwrap();
        let text = "0123456789\n".repeat(30_000) + "the last";
        let batches = batches(text.as_bytes(), Path::new("/f"), &topic);
        assert_eq!(batches.iter().map(|batch| batch.lines.len()).sum::<usize>(), 30_001);
        assert!(batches.iter().all(|batch| batch.text.len() <= BATCH_BYTES && batch.lines.len() <= BATCH_LINES));
        let last = batches.last().unwrap();
        assert_eq!(last.text_of(last.lines.last().unwrap()), b"the last");
        let long = "x".repeat(3 * BATCH_BYTES) + "\ny\n";
        assert_eq!(super::batches(long.as_bytes(), Path::new("/f"), &topic).len(), 2);
    }
}
