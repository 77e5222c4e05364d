//! The checkpoint: how far each file is acknowledged.
//!
//! Written to a temporary file, brought to disk, renamed. What happens when it is not as it was left: torn, of another
//! version or otherwise damaged, it is set aside as `checkpoint.bad` and the journal alone says where files stand (from its
//! last compaction on), as when it is missing or empty: lines are read again with the ids they had. When it cannot be
//! written, the old one stays and grows older: more is read again after a crash, nothing is lost.

use std::{io, path::Path};

use collector_model::FileUid;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    disk::Disk,
    identity::Fingerprint,
    state::{
        codec::{In, Out},
        files::replace_file,
        known::Known,
        record::{fingerprint, read_fingerprint},
    },
};

const MAGIC: u32 = u32::from_be_bytes(*b"LCCP");
const VERSION: u32 = 1;

/// How far one file is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acked {
    /// The file.
    pub(crate) uid: FileUid,
    /// Everything before is acknowledged.
    pub(crate) to: u64,
    /// The file's first bytes.
    pub(crate) head: Fingerprint,
    /// The bytes before `to`.
    pub(crate) before: Fingerprint,
}

/// The bytes of a checkpoint of everything known.
pub(crate) fn encode(known: &Known) -> Vec<u8> {
    let files = known.files().filter(|entry| !entry.over);
    encode_all(files.map(|entry| Acked {
        uid: entry.file.uid,
        to: entry.acked,
        head: entry.file.head,
        before: entry.before,
    }))
}

fn encode_all(files: impl Iterator<Item = Acked>) -> Vec<u8> {
    let mut out = Out::default();
    out.u32(MAGIC).u32(VERSION);
    for file in files {
        out.u128(file.uid.0).u64(file.to);
        fingerprint(&mut out, file.head);
        fingerprint(&mut out, file.before);
    }
    let sum = xxh3_64(&out.0);
    out.u64(sum);
    out.0
}

/// Why bytes are not a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CheckpointError {
    /// The checksum or the length is wrong.
    #[error("it is damaged (its checksum does not fit)")]
    Damaged,
    /// Another version wrote it.
    #[error("a version of the collector wrote it that this one does not know (format {0}, known is 1)")]
    Version(u32),
}

/// Reads a checkpoint back.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Acked>, CheckpointError> {
    let (content, sum) = bytes.split_last_chunk::<8>().ok_or(CheckpointError::Damaged)?;
    if xxh3_64(content) != u64::from_be_bytes(*sum) {
        return Err(CheckpointError::Damaged);
    }
    let mut rest = In(content);
    match (rest.u32(), rest.u32()) {
        (Some(MAGIC), Some(VERSION)) => {}
        (Some(MAGIC), Some(other)) => return Err(CheckpointError::Version(other)),
        _ => return Err(CheckpointError::Damaged),
    }
    let mut files = vec![];
    while !rest.0.is_empty() {
        files.push(read_one(&mut rest).ok_or(CheckpointError::Damaged)?);
    }
    Ok(files)
}

fn read_one(rest: &mut In<'_>) -> Option<Acked> {
    let (uid, to) = (FileUid(rest.u128()?), rest.u64()?);
    Some(Acked { uid, to, head: read_fingerprint(rest)?, before: read_fingerprint(rest)? })
}

/// Writes a checkpoint.
pub(crate) fn save(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_file(disk, path, bytes)
}

/// Reads the checkpoint, if there is a whole one, into what is known.
pub(crate) fn load(disk: &dyn Disk, path: &Path, known: &mut Known) -> io::Result<()> {
    let bytes = match disk.read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read?,
    };
    match decode(&bytes) {
        Ok(files) => {
            for file in files {
                if let Some(entry) = known.file_mut(file.uid) {
                    entry.acknowledge(file.to, file.before);
                }
            }
            Ok(())
        }
        Err(error) => {
            let aside = path.with_extension("bad");
            tracing::warn!(path = %path.display(), set_aside = %aside.display(), %error,
                "reading the checkpoint: it is set aside; lines since the journal's last compaction are read again");
            disk.rename(path, &aside)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MachineDisk;
    use proptest::prelude::*;

    fn any_acked() -> impl Strategy<Value = Acked> {
        let print = (any::<u16>(), any::<u64>()).prop_map(|(len, hash)| Fingerprint { len, hash });
        (any::<u128>(), any::<u64>(), print.clone(), print).prop_map(|(uid, to, head, before)| Acked {
            uid: FileUid(uid),
            to,
            head,
            before,
        })
    }

    proptest! {
        #[test]
        fn checkpoints_read_back_as_written(files in prop::collection::vec(any_acked(), 0..20)) {
            prop_assert_eq!(decode(&encode_all(files.iter().copied())), Ok(files));
        }

        #[test]
        fn a_cut_or_changed_checkpoint_is_refused(
            files in prop::collection::vec(any_acked(), 0..20), at: prop::sample::Index, change in 1u8..,
        ) {
            let mut bytes = encode_all(files.into_iter());
            let at = at.index(bytes.len());
            prop_assert!(decode(&bytes[..at]).is_err());
            bytes[at] ^= change;
            prop_assert!(decode(&bytes).is_err());
        }
    }

    #[test]
    fn a_damaged_checkpoint_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        std::fs::write(&path, b"half a che").unwrap();
        load(&MachineDisk, &path, &mut Known::default()).unwrap();
        assert!(!path.exists() && dir.path().join("checkpoint.bad").exists());
        load(&MachineDisk, &path, &mut Known::default()).unwrap();
    }
}
