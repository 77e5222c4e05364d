//! Files as the rest sees them: identity, bytes, and opening them.

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::Path,
    time::UNIX_EPOCH,
};

use rustix::buffer::spare_capacity;

use crate::identity::{BEFORE_BYTES_MAX, Content, Fingerprint, HEAD_BYTES_MAX, Identity};

/// Device and inode: what tells open files apart while this process runs.
pub(crate) type DeviceInode = (u64, u64);

/// The identity that outlives this process.
pub(crate) fn identity(meta: &Metadata) -> Identity {
    let born = meta.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Identity { inode: meta.ino(), birth_ns: born.map_or(0, |since| since.as_nanos() as i64) }
}

/// Device and inode.
pub(crate) fn device_inode(meta: &Metadata) -> DeviceInode {
    (meta.dev(), meta.ino())
}

/// Opens a file for reading; a pipe that took its place meanwhile does not block.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)
}

impl Content for File {
    fn at(&self, offset: u64, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }
}

/// The first bytes, as many as there are up to 1 KiB.
pub(crate) fn head(file: &File) -> io::Result<Vec<u8>> {
    read_at(file, 0, HEAD_BYTES_MAX)
}

/// The fingerprint of the bytes before an offset.
pub(crate) fn before(file: &File, offset: u64) -> Fingerprint {
    let len = offset.min(BEFORE_BYTES_MAX as u64);
    file.fingerprint(offset - len, len as usize).unwrap_or_default()
}

/// Up to `len` bytes from `offset` on, fewer only at the end of the file. The buffer is not cleared beforehand.
pub(crate) fn read_at(file: &File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let at = offset + bytes.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut bytes), at) {
            Ok(0) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

/// Where the last complete line ends at or before `size`; `size` itself when no newline is near.
pub(crate) fn last_line_end(file: &File, size: u64, look_back_max: usize) -> io::Result<u64> {
    let len = size.min(look_back_max as u64);
    let bytes = read_at(file, size - len, len as usize)?;
    Ok(memchr::memrchr(b'\n', &bytes).map_or(size, |at| size - len + at as u64 + 1))
}

/// Whether a file begins as compressed ones do (gzip, zstd, xz, bzip2): those are no lines.
pub(crate) fn is_compressed(head: &[u8]) -> bool {
    const MAGICS: [&[u8]; 4] = [b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh"];
    MAGICS.iter().any(|magic| head.starts_with(magic))
}
