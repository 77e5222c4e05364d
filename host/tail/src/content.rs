//! What is looked for in a file's bytes, and which file is which.

use std::io;

use collector_failpoints::planted;
use collector_tasks::Task;

use crate::{
    disk::{FileMeta, OpenFile},
    identity::{BEFORE_BYTES_MAX, Content, Fingerprint, HEAD_BYTES_MAX, Identity},
};

/// Device and inode: what tells open files apart while this process runs.
pub(crate) type DeviceInode = (u64, u64);

/// The identity that outlives this process.
pub(crate) fn identity(meta: &FileMeta) -> Identity {
    // As if the device's number, which another start may change, were part of it.
    let device = if planted("device-in-uid") { u64::from(std::process::id()) << 32 } else { 0 };
    Identity { inode: meta.inode ^ device, birth_ns: meta.birth_ns }
}

/// Device and inode.
pub(crate) fn device_inode(meta: &FileMeta) -> DeviceInode {
    (meta.device, meta.inode)
}

impl Content for dyn OpenFile + '_ {
    fn at(&self, offset: u64, len: usize) -> io::Result<Option<Vec<u8>>> {
        Ok(Some(self.read_at(offset, len)?).filter(|bytes| bytes.len() == len))
    }
}

/// The first bytes, as many as there are up to 1 KiB.
pub(crate) fn head(file: &dyn OpenFile) -> io::Result<Vec<u8>> {
    file.read_at(0, HEAD_BYTES_MAX)
}

/// The fingerprint of the bytes before an offset.
pub(crate) fn before(file: &dyn OpenFile, offset: u64) -> io::Result<Fingerprint> {
    let len = offset.min(BEFORE_BYTES_MAX as u64);
    let is_shorter = || io::Error::new(io::ErrorKind::UnexpectedEof, "it was cut off while it was being looked at");
    file.fingerprint(offset - len, len as usize)?.ok_or_else(is_shorter)
}

/// Where the last complete line ends at or before `size`; `size` itself when no newline is near.
pub(crate) fn last_line_end(file: &dyn OpenFile, size: u64, task: &Task) -> io::Result<u64> {
    let unit = task.encoding.newline_bytes() as u64;
    let from = size.saturating_sub(task.line_bytes_max as u64) / unit * unit;
    let bytes = file.read_at(from, (size - from) as usize)?;
    Ok(task.encoding.find_last_newline(&bytes).map_or(size / unit * unit, |at| from + at as u64 + unit))
}

/// Whether a file begins as compressed ones do (gzip, zstd, xz, bzip2): those are no lines.
pub(crate) fn is_compressed(head: &[u8]) -> bool {
    const MAGICS: [&[u8]; 4] = [b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh"];
    MAGICS.iter().any(|magic| head.starts_with(magic))
}
