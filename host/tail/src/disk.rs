//! The file system, as far as reading and the state need it: the machine's own, or a model of one.
//!
//! Each call here is a call of the system, so that going through a table of functions costs nothing that could be measured.

use std::{
    fmt,
    fs::{File, Metadata, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirEntryExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use collector_failpoints::planted;
use rustix::buffer::spare_capacity;

/// What the file system says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMeta {
    /// The device's number, which holds while this process runs.
    pub device: u64,
    /// The inode's number.
    pub inode: u64,
    /// Birth time in nanoseconds since the epoch; 0 where the file system keeps none.
    pub birth_ns: i64,
    /// Size in bytes.
    pub size_bytes: u64,
    /// When its content was changed last, in ms since the epoch; 0 where that is not known.
    pub changed_ms: i64,
    /// How many names lead to it.
    pub links: u64,
    /// Whether it is a plain file.
    pub is_file: bool,
}

/// A file in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// Where it is.
    pub path: PathBuf,
    /// Its inode's number.
    pub inode: u64,
}

/// A file system.
pub trait Disk: Send + Sync {
    /// What stands at a path; links are followed.
    ///
    /// # Errors
    /// What the system says.
    fn metadata(&self, path: &Path) -> io::Result<FileMeta>;

    /// Opens a file for reading; a pipe that took its place does not block.
    ///
    /// # Errors
    /// What the system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;

    /// What is in a directory, as far as it can be read.
    fn entries(&self, dir: &Path) -> Vec<DirEntry>;

    /// Where a symbolic link leads in the end; none where the path is no link, or leads nowhere.
    fn link_target(&self, path: &Path) -> Option<PathBuf>;

    /// The path without links of the file at a path.
    ///
    /// # Errors
    /// What the system says.
    fn real_path(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(self.link_target(path).unwrap_or_else(|| path.to_owned()))
    }

    /// Everything in a file.
    ///
    /// # Errors
    /// What the system says.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Creates a file, or empties the one there is.
    ///
    /// # Errors
    /// What the system says.
    fn create(&self, path: &Path) -> io::Result<Box<dyn OwnFile>>;

    /// Opens a file for appending, and creates it where it is missing.
    ///
    /// # Errors
    /// What the system says.
    fn append(&self, path: &Path) -> io::Result<Box<dyn OwnFile>>;

    /// Gives a file another name, in the place of what had it.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Brings a directory's names to disk.
    ///
    /// # Errors
    /// What the system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// A file that others write and we read.
pub trait OpenFile: Send + Sync {
    /// What the file system says of it now.
    ///
    /// # Errors
    /// What the system says.
    fn metadata(&self) -> io::Result<FileMeta>;

    /// Up to `len` bytes from `offset` on, fewer only at the end of the file.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, offset: u64, len: usize) -> io::Result<Vec<u8>>;

    /// Whether it lies there compressed, so that its size is not known before it was read to its end.
    fn is_compressed(&self) -> bool {
        false
    }
}

/// A file that is ours.
pub trait OwnFile: Send {
    /// Everything in it.
    ///
    /// # Errors
    /// What the system says.
    fn read_all(&mut self) -> io::Result<Vec<u8>>;

    /// Its size in bytes.
    ///
    /// # Errors
    /// What the system says.
    fn size_bytes(&self) -> io::Result<u64>;

    /// Cuts it off.
    ///
    /// # Errors
    /// What the system says.
    fn cut(&mut self, size_bytes: u64) -> io::Result<()>;

    /// Writes at its end.
    ///
    /// # Errors
    /// What the system says; part of the bytes may have been written.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Brings its bytes, and its size, to disk.
    ///
    /// # Errors
    /// What the system says.
    fn sync(&mut self) -> io::Result<()>;
}

/// The machine's own file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineDisk;

fn meta_of(meta: &Metadata) -> FileMeta {
    let born = meta.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    FileMeta {
        device: meta.dev(),
        inode: meta.ino(),
        birth_ns: born.map_or(0, |since| since.as_nanos() as i64),
        size_bytes: meta.len(),
        changed_ms: meta.mtime().saturating_mul(1000).saturating_add(meta.mtime_nsec() / 1_000_000),
        links: meta.nlink(),
        is_file: meta.is_file(),
    }
}

impl Disk for MachineDisk {
    fn metadata(&self, path: &Path) -> io::Result<FileMeta> {
        std::fs::metadata(path).map(|meta| meta_of(&meta))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let flags = libc::O_NONBLOCK | libc::O_CLOEXEC;
        Ok(Box::new(OpenOptions::new().read(true).custom_flags(flags).open(path)?))
    }

    fn entries(&self, dir: &Path) -> Vec<DirEntry> {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| DirEntry { path: entry.path(), inode: entry.ino() }).collect()
    }

    fn link_target(&self, path: &Path) -> Option<PathBuf> {
        let is_link = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
        if is_link { std::fs::canonicalize(path).ok() } else { None }
    }

    fn real_path(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::canonicalize(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OwnFile>> {
        Ok(Box::new(File::create(path)?))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn OwnFile>> {
        Ok(Box::new(OpenOptions::new().read(true).append(true).create(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

impl OpenFile for File {
    fn metadata(&self) -> io::Result<FileMeta> {
        File::metadata(self).map(|meta| meta_of(&meta))
    }

    /// The buffer is not cleared beforehand.
    fn read_at(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let at = offset + bytes.len() as u64;
            match rustix::io::pread(self, spare_capacity(&mut bytes), at) {
                Ok(0) => break,
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bytes.truncate(len);
        Ok(bytes)
    }
}

impl OwnFile for File {
    fn read_all(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![];
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn size_bytes(&self) -> io::Result<u64> {
        File::metadata(self).map(|meta| meta.len())
    }

    fn cut(&mut self, size_bytes: u64) -> io::Result<()> {
        self.set_len(size_bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if planted("disk-full") {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Write::write_all(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

impl fmt::Debug for dyn OpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenFile")
    }
}
