//! What the journal says: one record per fact, encoded to bytes and back.

use collector_model::{BucketDay, Encoding, FileUid, Topic};

use crate::{
    framer::{DayFrom, EncodingFrom, LimitFrom},
    gather::{Gather, GatherFrom},
    identity::{Fingerprint, Identity},
    state::codec::{In, Out},
};

/// A file that events were made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileRecord {
    /// Its identity for one topic.
    pub(crate) uid: FileUid,
    /// The topic.
    pub(crate) topic: Topic,
    /// The path of a task that last led to it; its rotated names lie beside that.
    pub(crate) path: String,
    /// What the file system said.
    pub(crate) identity: Identity,
    /// How often the inode had started afresh.
    pub(crate) generation: u32,
    /// Its first bytes.
    pub(crate) head: Fingerprint,
    /// Everything before is done: where reading began, or what was acknowledged when the journal was last compacted.
    pub(crate) start: u64,
    /// The bytes before `start`.
    pub(crate) before: Fingerprint,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// A file is known from now on.
    File(Box<FileRecord>),
    /// Bytes before `to` may have been sent, under the day in force.
    Reserved { uid: FileUid, to: u64 },
    /// Lines from an offset on belong to a day.
    Day { uid: FileUid, day: DayFrom },
    /// A line ends here although it had no newline yet.
    Boundary { uid: FileUid, at: u64 },
    /// Lines from an offset on are cut at that length.
    Limit { uid: FileUid, limit: LimitFrom },
    /// Lines from an offset on are gathered so.
    Gather { uid: FileUid, gather: GatherFrom },
    /// Lines from an offset on are in that encoding.
    Encoding { uid: FileUid, encoding: EncodingFrom },
    /// An event ends here although it could have gone on.
    EventEnd { uid: FileUid, at: u64 },
    /// The file is at another path now, or more of its first bytes are known.
    Seen { uid: FileUid, path: String, head: Fingerprint },
    /// The file started afresh: nothing of what was known of it can be read any more.
    Over { uid: FileUid },
    /// The file was deleted after everything of it was read; it had changed last at that time.
    Deleted { uid: FileUid, changed_ms: i64 },
    /// The file is forgotten.
    Forgotten { uid: FileUid },
    /// The files of a task (by its key) were looked for once: those that come later are new.
    TaskSeen { key: String },
    /// The task is no more.
    TaskForgotten { key: String },
}

impl Record {
    /// The bytes of the record, without a frame around them.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Out::default();
        match self {
            Record::File(file) => {
                out.u8(1).u128(file.uid.0).bytes(file.topic.as_str().as_bytes()).bytes(file.path.as_bytes());
                out.u64(file.identity.inode).i64(file.identity.birth_ns).u32(file.generation);
                fingerprint(out.u64(file.start), file.head);
                fingerprint(&mut out, file.before);
            }
            Record::Reserved { uid, to } => drop(out.u8(2).u128(uid.0).u64(*to)),
            Record::Day { uid, day } => {
                out.u8(3).u128(uid.0).u64(day.from).u32(day.day.days()).i64(day.time_ms);
                out.u16(day.timezone_minutes as u16);
            }
            Record::Boundary { uid, at } => drop(out.u8(4).u128(uid.0).u64(*at)),
            Record::Limit { uid, limit } => drop(out.u8(5).u128(uid.0).u64(limit.from).u32(limit.line_bytes_max)),
            Record::Gather { uid, gather } => {
                let text = gather.rule.as_ref().map_or("", Gather::text);
                out.u8(11).u128(uid.0).u64(gather.from).bytes(text.as_bytes());
            }
            Record::Encoding { uid, encoding } => {
                out.u8(13).u128(uid.0).u64(encoding.from).bytes(encoding.encoding.name().as_bytes());
            }
            Record::EventEnd { uid, at } => drop(out.u8(12).u128(uid.0).u64(*at)),
            Record::Seen { uid, path, head } => fingerprint(out.u8(6).u128(uid.0).bytes(path.as_bytes()), *head),
            Record::Over { uid } => drop(out.u8(7).u128(uid.0)),
            Record::Forgotten { uid } => drop(out.u8(8).u128(uid.0)),
            Record::Deleted { uid, changed_ms } => drop(out.u8(14).u128(uid.0).i64(*changed_ms)),
            Record::TaskSeen { key } => drop(out.u8(9).bytes(key.as_bytes())),
            Record::TaskForgotten { key } => drop(out.u8(10).bytes(key.as_bytes())),
        }
        out.0
    }

    /// Reads a record back; none when the bytes are not exactly one that this version knows.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Record> {
        let mut rest = In(bytes);
        let kind = rest.u8()?;
        let record = match kind {
            1 => Record::File(Box::new(read_file(&mut rest)?)),
            9 => Record::TaskSeen { key: rest.text()?.to_owned() },
            10 => Record::TaskForgotten { key: rest.text()?.to_owned() },
            _ => read_of_file(kind, FileUid(rest.u128()?), &mut rest)?,
        };
        rest.0.is_empty().then_some(record)
    }
}

fn read_file(rest: &mut In<'_>) -> Option<FileRecord> {
    Some(FileRecord {
        uid: FileUid(rest.u128()?),
        topic: Topic::new(rest.text()?).ok()?,
        path: rest.text()?.to_owned(),
        identity: Identity { inode: rest.u64()?, birth_ns: rest.i64()? },
        generation: rest.u32()?,
        start: rest.u64()?,
        head: read_fingerprint(rest)?,
        before: read_fingerprint(rest)?,
    })
}

fn read_of_file(kind: u8, uid: FileUid, rest: &mut In<'_>) -> Option<Record> {
    Some(match kind {
        2 => Record::Reserved { uid, to: rest.u64()? },
        3 => {
            let (from, day) = (rest.u64()?, BucketDay::from_days(rest.u32()?)?);
            let (time_ms, timezone_minutes) = (rest.i64()?, rest.u16()? as i16);
            Record::Day { uid, day: DayFrom { from, day, time_ms, timezone_minutes } }
        }
        4 => Record::Boundary { uid, at: rest.u64()? },
        5 => Record::Limit { uid, limit: LimitFrom { from: rest.u64()?, line_bytes_max: rest.u32()? } },
        6 => Record::Seen { uid, path: rest.text()?.to_owned(), head: read_fingerprint(rest)? },
        7 => Record::Over { uid },
        8 => Record::Forgotten { uid },
        11 => {
            let (from, text) = (rest.u64()?, rest.text()?);
            let rule = if text.is_empty() { None } else { Some(Gather::parse(text)?) };
            Record::Gather { uid, gather: GatherFrom { from, rule } }
        }
        12 => Record::EventEnd { uid, at: rest.u64()? },
        13 => {
            let (from, encoding) = (rest.u64()?, Encoding::named(rest.text()?)?);
            Record::Encoding { uid, encoding: EncodingFrom { from, encoding } }
        }
        14 => Record::Deleted { uid, changed_ms: rest.i64()? },
        _ => return None,
    })
}

/// Appends a fingerprint.
pub(crate) fn fingerprint(out: &mut Out, value: Fingerprint) {
    out.u16(value.len).u64(value.hash);
}

/// Reads a fingerprint back.
pub(crate) fn read_fingerprint(rest: &mut In<'_>) -> Option<Fingerprint> {
    Some(Fingerprint { len: rest.u16()?, hash: rest.u64()? })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any record, about one of four files.
    pub(crate) fn any_record() -> impl Strategy<Value = Record> {
        let uid = (0u128..4).prop_map(FileUid);
        let print = (any::<u16>(), any::<u64>()).prop_map(|(len, hash)| Fingerprint { len, hash });
        let file =
            (uid.clone(), "[a-z]{1,9}", ".{0,20}", any::<(u64, i64, u32)>(), 0u64..99, print.clone(), print.clone());
        prop_oneof![
            file.prop_map(|(uid, topic, path, (inode, birth_ns, generation), start, head, before)| {
                let topic = Topic::new(&topic).unwrap();
                let identity = Identity { inode, birth_ns };
                Record::File(Box::new(FileRecord { uid, topic, path, identity, generation, head, start, before }))
            }),
            (uid.clone(), any::<u64>()).prop_map(|(uid, to)| Record::Reserved { uid, to }),
            (uid.clone(), 0u64..99, 0u32..30_000, any::<(i64, i16)>()).prop_map(|(uid, from, day, times)| {
                let (day, (time_ms, timezone_minutes)) = (BucketDay::from_days(day).unwrap(), times);
                Record::Day { uid, day: DayFrom { from, day, time_ms, timezone_minutes } }
            }),
            (uid.clone(), 0u64..99).prop_map(|(uid, at)| Record::Boundary { uid, at }),
            (uid.clone(), 0u64..99, 1u32..9).prop_map(|(uid, from, line_bytes_max)| Record::Limit {
                uid,
                limit: LimitFrom { from, line_bytes_max }
            }),
            (uid.clone(), 0u64..99, prop::option::of(1u32..9)).prop_map(|(uid, from, lines_max)| {
                let rule = lines_max.and_then(|lines_max| Gather::parse(&format!("start {lines_max} ^\\d")));
                Record::Gather { uid, gather: GatherFrom { from, rule } }
            }),
            (uid.clone(), 0u64..99, prop::sample::select(vec!["utf-8", "utf-16be", "gbk"])).prop_map(
                |(uid, from, name)| {
                    let encoding = Encoding::named(name).unwrap();
                    Record::Encoding { uid, encoding: EncodingFrom { from, encoding } }
                }
            ),
            (uid.clone(), 0u64..99).prop_map(|(uid, at)| Record::EventEnd { uid, at }),
            (uid.clone(), ".{0,20}", print).prop_map(|(uid, path, head)| Record::Seen { uid, path, head }),
            uid.clone().prop_map(|uid| Record::Over { uid }),
            (uid.clone(), any::<i64>()).prop_map(|(uid, changed_ms)| Record::Deleted { uid, changed_ms }),
            uid.prop_map(|uid| Record::Forgotten { uid }),
            ".{0,9}".prop_map(|key| Record::TaskSeen { key }),
            ".{0,9}".prop_map(|key| Record::TaskForgotten { key }),
        ]
    }

    proptest! {
        #[test]
        fn records_read_back_as_written(record in any_record()) {
            prop_assert_eq!(Record::decode(&record.encode()), Some(record));
        }

        #[test]
        fn a_cut_record_is_none(record in any_record(), cut: prop::sample::Index) {
            let bytes = record.encode();
            prop_assert_eq!(Record::decode(&bytes[..cut.index(bytes.len())]), None);
        }
    }
}
