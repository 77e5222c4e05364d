//! Replacing a file so that either the old or the new content is there, whatever happens.

use std::{io, path::Path};

use collector_failpoints::reached;

use crate::disk::Disk;

/// Writes a temporary file, brings it to disk, puts it in the place of `path`, and brings the directory to disk.
pub(crate) fn replace_file(disk: &dyn Disk, path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let mut file = disk.create(&temporary)?;
    file.write_all(content)?;
    file.sync()?;
    reached("state-written");
    disk.rename(&temporary, path)?;
    reached("state-renamed");
    match path.parent() {
        Some(dir) => disk.sync_dir(dir),
        None => Ok(()),
    }
}
