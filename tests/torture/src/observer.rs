//! Looks at positions while the run goes on: none may be ahead of what it stands for (I5).
//!
//! It comes past the proxies, so it sees what is committed and what is indexed also while agents and transfers cannot.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Context as _;
use collector_model::FileUid;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    checker::Positions,
    record::lines_of,
    scene::{BATCHED, INDEXED, TOPICS, index_of},
};

const PAUSE: Duration = Duration::from_millis(500);
/// What a checkpoint begins with: its magic, and the one version of the form that is known here.
const CHECKPOINT_HEAD: &[u8; 8] = b"LCCP\0\0\0\x01";
/// What it says of one file; its uid and its position are the first of it.
const ENTRY_BYTES: usize = 44;
/// So many lines before a committed offset are looked for in the index.
const LINES: usize = 200;
/// They are in so many records, where each has many lines.
const BATCHED_RECORDS: i64 = 8;

/// Where the observer looks.
#[derive(Clone, Debug)]
pub struct Sights {
    /// Kafka's addresses.
    pub kafka: String,
    /// Elasticsearch's address.
    pub elasticsearch: String,
    /// The agent's checkpoint.
    pub checkpoint: PathBuf,
}

/// A checkpoint, and how much was in Kafka after it was written.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Up to where each file was acknowledged.
    pub files: Vec<(FileUid, u64)>,
    /// The ends of each topic's partitions.
    pub ends: BTreeMap<&'static str, Vec<i64>>,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Checkpoints, but for those that say what the one before has said; to be compared with what Kafka has in the end.
    pub snapshots: Vec<Snapshot>,
    /// How often commits were compared with the index.
    pub commits: u64,
    /// Records before a committed offset that were not in the index: their ids.
    pub uncovered: BTreeSet<String>,
}

impl Observed {
    /// Keeps a checkpoint that says more than the last one: of two that say the same, the earlier one asks for more.
    fn keep(&mut self, snapshot: Snapshot) {
        if self.snapshots.last().is_none_or(|last| last.files != snapshot.files) {
            self.snapshots.push(snapshot);
        }
    }
}

/// An observer at work; it ends when this is dropped.
pub struct Observer {
    stop: Sender<()>,
    thread: JoinHandle<Observed>,
}

impl Observer {
    /// Begins to look.
    pub fn start(sights: Sights) -> anyhow::Result<Observer> {
        let (stop, stopped) = channel();
        let positions = Positions::of(&sights.kafka)?;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build()?;
        let runtime = tokio::runtime::Handle::current();
        let thread = std::thread::Builder::new().name("observer".into()).spawn(move || {
            let mut observed = Observed::default();
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                // A server that a fault has struck does not answer: there is nothing to see then.
                if let Ok(Some(snapshot)) = checkpoint(&sights, &positions) {
                    observed.keep(snapshot);
                }
                if let Ok(uncovered) = commits(&sights, &positions, &client, &runtime) {
                    observed.commits += 1;
                    observed.uncovered.extend(uncovered);
                }
            }
            observed
        })?;
        Ok(Observer { stop, thread })
    }

    /// What was seen until now.
    pub fn stop(self) -> anyhow::Result<Observed> {
        drop(self.stop);
        self.thread.join().map_err(|_| anyhow::anyhow!("the observer has panicked"))
    }
}

fn checkpoint(sights: &Sights, positions: &Positions) -> anyhow::Result<Option<Snapshot>> {
    let bytes = std::fs::read(&sights.checkpoint)?;
    let Some(files) = read_checkpoint(&bytes) else { return Ok(None) };
    let ends = TOPICS.iter().map(|topic| Ok((*topic, positions.ends(topic)?))).collect::<anyhow::Result<_>>()?;
    Ok(Some(Snapshot { files, ends }))
}

/// The files of a checkpoint: behind magic and version an entry for each, then a checksum. None where it is damaged or of another
/// form.
fn read_checkpoint(bytes: &[u8]) -> Option<Vec<(FileUid, u64)>> {
    let (content, sum) = bytes.split_last_chunk::<8>()?;
    if xxh3_64(content) != u64::from_be_bytes(*sum) {
        return None;
    }
    let (entries, rest) = content.strip_prefix(CHECKPOINT_HEAD)?.as_chunks::<ENTRY_BYTES>();
    let file = |entry: &[u8; ENTRY_BYTES]| {
        let (uid, rest) = entry.split_first_chunk::<16>()?;
        Some((FileUid(u128::from_be_bytes(*uid)), u64::from_be_bytes(*rest.first_chunk()?)))
    };
    if rest.is_empty() { entries.iter().map(file).collect() } else { None }
}

/// Looks for the last records before each committed offset in the index; the ids of those that are not there.
fn commits(
    sights: &Sights,
    positions: &Positions,
    client: &reqwest::Client,
    runtime: &tokio::runtime::Handle,
) -> anyhow::Result<Vec<String>> {
    let mut wanted = vec![];
    for topic in INDEXED {
        let records = if topic == BATCHED { BATCHED_RECORDS } else { LINES as i64 };
        for position in positions.of_topic(topic)? {
            let mut ids = vec![];
            positions.records_before(topic, &position, records, |key, value| {
                lines_of(key, value, |id, _| ids.extend(id));
            })?;
            let last = ids.split_off(ids.len().saturating_sub(LINES));
            wanted.extend(last.into_iter().map(|id| (index_of(topic, id.day()), id.to_string())));
        }
    }
    if wanted.is_empty() {
        return Ok(vec![]);
    }
    let docs: Vec<Value> = wanted.iter().map(|(index, id)| json!({"_index": index, "_id": id})).collect();
    let url = format!("{}/_mget?_source=false", sights.elasticsearch);
    let answer: Value = runtime.block_on(async {
        let answer = client.post(url).json(&json!({"docs": docs})).send().await?.error_for_status()?;
        answer.json().await.context("reading which documents there are")
    })?;
    let found = answer["docs"].as_array().context("an answer without documents")?;
    // An index that is just being made, or whose shard is not there yet, says nothing about its documents.
    let is_missing = |document: &&Value| document["found"] == json!(false);
    Ok(found.iter().filter(is_missing).filter_map(|document| document["_id"].as_str().map(str::to_owned)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A checkpoint of one file, with what is behind it.
    fn checkpoint_of(head: &[u8], to: u64, behind: &[u8]) -> Vec<u8> {
        let mut bytes = [head, &7_u128.to_be_bytes(), &to.to_be_bytes(), &[0; ENTRY_BYTES - 24], behind].concat();
        bytes.extend(xxh3_64(&bytes).to_be_bytes());
        bytes
    }

    #[test]
    fn a_checkpoint_is_read_in_the_one_form_that_is_known_and_as_a_whole() {
        let read = |head: &[u8], behind: &[u8]| read_checkpoint(&checkpoint_of(head, 90, behind));
        assert_eq!(read(CHECKPOINT_HEAD, b""), Some(vec![(FileUid(7), 90)]));
        assert_eq!(read(b"LCCP\0\0\0\x02", b""), None);
        assert_eq!(read(b"LCJN\0\0\0\x01", b""), None);
        assert_eq!(read(CHECKPOINT_HEAD, b"more"), None);
        assert_eq!(read_checkpoint(&checkpoint_of(CHECKPOINT_HEAD, 90, b"")[1..]), None);
    }

    #[test]
    fn a_checkpoint_that_says_what_the_last_one_said_is_not_kept() {
        let mut observed = Observed::default();
        for (to, end) in [(10, 1), (10, 2), (20, 3)] {
            observed.keep(Snapshot { files: vec![(FileUid(7), to)], ends: [(TOPICS[0], vec![end])].into() });
        }
        assert_eq!(observed.snapshots.iter().map(|snapshot| snapshot.ends[TOPICS[0]][0]).collect::<Vec<_>>(), [1, 3]);
    }
}
