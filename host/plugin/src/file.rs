//! Reading files that an operator named: regular ones, up to a limit, once.

use std::{fs::File, io::Read, path::Path};

use crate::error::LoadProblem;

/// The whole file.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, LoadProblem> {
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => LoadProblem::NotFound { searched: "looked for at that path".to_owned() },
        _ => LoadProblem::Unreadable { reason: error.to_string() },
    };
    // Looked at before it is opened: opening a pipe would wait for a writer.
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a directory" } else { "no file but a pipe, a socket or a device" };
        return Err(LoadProblem::NotAFile { what });
    }
    let mut bytes = Vec::with_capacity(metadata.len().min(bytes_max) as usize);
    let file = File::open(path).map_err(unreadable)?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > bytes_max {
        return Err(LoadProblem::TooLarge { bytes: metadata.len().max(bytes.len() as u64), bytes_max });
    }
    Ok(bytes)
}
