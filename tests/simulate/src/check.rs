//! The invariants, held against the truth about what was written.

use std::collections::{BTreeMap, BTreeSet};

use collector_model::{Batch, Envelope, EventId, FileUid, Source, Topic, index_name::IndexRule};

use crate::{
    broker::Broker,
    logs::Logs,
    search::{Document, Place, Search},
    streams::{Promise, StreamId},
};

/// A document that a search finds.
pub(crate) struct Found<'a> {
    /// The index, or the partition of the embedded one.
    pub(crate) index: &'a str,
    pub(crate) id: EventId,
    pub(crate) line: &'a [u8],
}

/// What the checker has seen so far.
pub(crate) struct Checker {
    rule: IndexRule,
    /// The contents that a file's uid can stand for; one, as a rule.
    contents: BTreeMap<FileUid, Vec<StreamId>>,
    /// Up to where a file was read, and how often it was read again from an earlier place.
    eras: BTreeMap<FileUid, (u64, u64)>,
    /// How many records of each partition were looked at.
    looked_at: Vec<usize>,
    /// The last line of a file in a partition, and its era.
    last: BTreeMap<(FileUid, usize), (u64, u64)>,
    pub(crate) dead: Vec<Document>,
    dead_ids: BTreeSet<EventId>,
}

impl Checker {
    pub(crate) fn new(topic: &Topic, partitions: usize) -> Self {
        Checker {
            rule: IndexRule::daily(topic),
            contents: BTreeMap::new(),
            eras: BTreeMap::new(),
            looked_at: vec![0; partitions],
            last: BTreeMap::new(),
            dead: vec![],
            dead_ids: BTreeSet::new(),
        }
    }

    fn content_of(&self, uid: FileUid) -> Option<StreamId> {
        // A short piece may stand in several: then the newest one is meant.
        self.contents.get(&uid).and_then(|contents| contents.last()).copied()
    }

    /// A batch came out of the agent's reading: its bytes stand in one content, at that place. Answers the era of its lines.
    pub(crate) fn read(&mut self, batch: &Batch, logs: &mut Logs) -> Result<u64, String> {
        let Some(position) = batch.ticket.position() else { return Ok(0) };
        let Source::File(uid) = position.source else { return Ok(0) };
        let (read_to, era) = self.eras.entry(uid).or_default();
        *era += u64::from(position.from < *read_to);
        *read_to = position.to;
        let era = *era;
        let is_no_copy = |stream: &StreamId| logs.streams[*stream].promise != Promise::Copy;
        let contents = self.contents.entry(uid).or_insert_with(|| (0..logs.streams.len()).filter(is_no_copy).collect());
        contents.retain(|&stream| logs.streams[stream].has(position.from, &batch.raw));
        match contents[..] {
            [] => {
                Err(format!("I3: bytes {}..{} of {uid} stand in no file: {:?}", position.from, position.to, batch.raw))
            }
            [stream] => {
                logs.streams[stream].is_known = true;
                logs.streams[stream].is_read = true;
                Ok(era)
            }
            _ => Ok(era),
        }
    }

    /// Kafka has appended records: each is a line as it was written, and lines of a file come in order.
    pub(crate) fn appended(&mut self, broker: &Broker, logs: &mut Logs) -> Result<(), String> {
        for (partition, log) in broker.partitions.iter().enumerate() {
            for record in &log.records[self.looked_at[partition]..] {
                let envelope = Envelope::decode(&record.key).map_err(|error| error.to_string())?;
                self.kept(envelope.id, &record.value, logs)?;
                let (offset, Some(uid)) = (envelope.id.offset(), envelope.id.file()) else { continue };
                let last = self.last.insert((uid, partition), (offset, record.era));
                if last.is_some_and(|(before, era)| offset <= before && record.era == era) {
                    return Err(format!("I4: {offset} of {uid} comes behind {last:?} in partition {partition}"));
                }
            }
            self.looked_at[partition] = log.records.len();
        }
        Ok(())
    }

    /// Kafka or the embedded index has a line: as it was written.
    pub(crate) fn kept(&self, id: EventId, line: &[u8], logs: &mut Logs) -> Result<(), String> {
        let (offset, Some(uid)) = (id.offset(), id.file()) else { return Ok(()) };
        if let Some(stream) = self.content_of(uid).and_then(|stream| logs.streams.get_mut(stream)) {
            if !stream.has(offset, line) {
                return Err(format!("I3: kept at {offset} of {uid}: {line:?}"));
            }
            stream.keep(offset, line.len());
        }
        Ok(())
    }

    /// The place of a line's document.
    fn place(&self, id: EventId) -> Place {
        (self.rule.index(id.day()).as_str().to_owned(), id)
    }

    /// An offset was committed: everything before is in the index or in the dead letters.
    pub(crate) fn committed(&mut self, broker: &mut Broker, partition: usize, search: &Search) -> Result<(), String> {
        self.dead_ids.extend(self.dead.iter().map(|letter| letter.id));
        let log = &mut broker.partitions[partition];
        while log.safe_to < log.records.len() {
            let id = Envelope::decode(&log.records[log.safe_to].key).map_err(|error| error.to_string())?.id;
            if !search.documents.contains_key(&self.place(id)) && !self.dead_ids.contains(&id) {
                break;
            }
            log.safe_to += 1;
        }
        if log.committed as usize <= log.safe_to {
            return Ok(());
        }
        Err(format!("I5: {} of partition {partition} is committed, only {} is safe", log.committed, log.safe_to))
    }

    /// A checkpoint was written: everything before its positions is safe.
    pub(crate) fn checkpoint(&self, positions: &[(FileUid, u64)], logs: &mut Logs) -> Result<(), String> {
        for (uid, to) in positions {
            let Some(stream) = self.content_of(*uid) else { continue };
            let safe_to = logs.streams[stream].safe_to() as u64;
            if *to > safe_to {
                return Err(format!("I5: the checkpoint says {to} of {uid}, only {safe_to} is safe"));
            }
        }
        Ok(())
    }

    /// In the end: every byte that is promised is found, and none is found twice.
    pub(crate) fn end(&self, logs: &Logs, documents: &[Found<'_>]) -> Result<(), String> {
        let mut indexed: Vec<Vec<u8>> = logs.streams.iter().map(|stream| vec![0; stream.bytes.len()]).collect();
        for Found { index, id, line } in documents {
            let (stream, range) = self.stand(*id, line, logs).map_err(|why| format!("{why} (in {index})"))?;
            indexed[stream][range].iter_mut().for_each(|times| *times = times.saturating_add(1));
        }
        let mut found = indexed.clone();
        for letter in &self.dead {
            let (stream, range) = self.stand(letter.id, &letter.line, logs)?;
            found[stream][range].fill(1);
        }
        for (number, stream) in logs.streams.iter().enumerate() {
            let is_text = |at: &usize| stream.bytes[*at] != b'\n';
            if let Some(at) = (0..stream.bytes.len()).find(|&at| indexed[number][at] > 1) {
                let found = self.found_at(number, at, logs, documents);
                return Err(format!(
                    "I2: byte {at} of content {number} ({}) is found in {found}",
                    stream.path.display()
                ));
            }
            if let Some(at) = (0..stream.promised()).filter(is_text).find(|&at| found[number][at] == 0) {
                return Err(format!(
                    "I1: byte {at} of content {number} ({}, {} bytes, {:?}) is lost",
                    stream.path.display(),
                    stream.bytes.len(),
                    stream.promise
                ));
            }
        }
        Ok(())
    }

    /// The documents that hold a byte, in words.
    fn found_at(&self, number: StreamId, at: usize, logs: &Logs, documents: &[Found<'_>]) -> String {
        let holds = |found: &&Found<'_>| {
            let place = self.stand(found.id, found.line, logs);
            place.is_ok_and(|(stream, range)| stream == number && range.contains(&at))
        };
        let words = documents.iter().filter(holds).map(|Found { index, id, line }| {
            let (from, to) = (id.offset(), id.offset() as usize + line.len());
            format!("{index} as {from}..{to} of {:?}", id.file())
        });
        words.collect::<Vec<_>>().join(" and ")
    }

    /// Whether everything that is promised is found or in the dead letters.
    pub(crate) fn is_complete(&self, logs: &Logs, documents: &[Found<'_>]) -> bool {
        !matches!(self.end(logs, documents), Err(why) if why.starts_with("I1"))
    }

    /// Where a line stands.
    fn stand(&self, id: EventId, line: &[u8], logs: &Logs) -> Result<(StreamId, std::ops::Range<usize>), String> {
        let uid = id.file().ok_or_else(|| "I3: a document is taken for another producer's".to_owned())?;
        let stream = self.content_of(uid).ok_or_else(|| format!("I3: a document of {uid}, which was never read"))?;
        let start = id.offset() as usize;
        if !logs.streams[stream].has(id.offset(), line) {
            return Err(format!("I3: a document of {start} of {uid} is {line:?}"));
        }
        Ok((stream, start..start + line.len()))
    }
}
