//! One process per state directory.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::Path,
};

use rustix::fs::{FlockOperation, flock};

/// The lock on a state directory; given back when dropped, and by the system when the process ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

/// What trying to lock came to.
pub(crate) enum Locking {
    /// The directory is ours.
    Taken(Lock),
    /// Another process has it; its id where it could be read.
    Held(Option<u32>),
}

/// Locks the file, and writes this process' id into it.
pub(crate) fn lock(path: &Path) -> io::Result<Locking> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            return Ok(Locking::Held(text.trim().parse().ok()));
        }
        Err(error) => return Err(error.into()),
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Locking::Taken(Lock(file)))
}
