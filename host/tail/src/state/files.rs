//! Replacing a file so that either the old or the new content is there, whatever happens.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

/// Writes a temporary file, brings it to disk, puts it in the place of `path`, and brings the directory to disk.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}
