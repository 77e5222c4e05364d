//! What a process needs from its machine: the state directory and the port.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    path::Path,
};

use super::{Probe, Report, Severity};

/// The state directory must be usable, or possible to make. Nothing stays behind.
pub(super) fn check_state_dir(dir: &Path, probe: &dyn Probe, report: &mut Report) {
    if let Err(error) = try_to_write(dir) {
        report.add(Severity::Unusable, explain_state_dir(dir, &error));
        return;
    }
    if let Err(in_use) = probe.state_dir(dir) {
        report.add(Severity::Unusable, in_use);
    }
}

/// Writes a file into the directory, or into the nearest directory above it that exists.
fn try_to_write(dir: &Path) -> io::Result<()> {
    let existing = dir.ancestors().find(|path| path.exists()).unwrap_or(dir);
    if !existing.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotADirectory));
    }
    let probe = existing.join(format!(".collector-check-{}", std::process::id()));
    fs::write(&probe, b"")?;
    fs::remove_file(&probe)
}

fn explain_state_dir(dir: &Path, error: &io::Error) -> String {
    let (why, fix) = match error.kind() {
        io::ErrorKind::NotADirectory => (
            "it, or a part of its path, is not a directory".to_owned(),
            "name another one with --state-dir or [state] dir",
        ),
        io::ErrorKind::PermissionDenied => (
            "permission denied".to_owned(),
            "make it writable for the user that runs the collector, or name another one with --state-dir or [state] dir",
        ),
        io::ErrorKind::ReadOnlyFilesystem => (
            "its file system is read-only".to_owned(),
            "name one on a writable file system with --state-dir or [state] dir",
        ),
        io::ErrorKind::StorageFull => {
            ("its file system is full".to_owned(), "make room, or name another one with --state-dir or [state] dir")
        }
        _ => (error.to_string(), "name another one with --state-dir or [state] dir"),
    };
    format!("using the state directory {}: {why}; {fix}", dir.display())
}

/// The port of the pages must be free.
pub(super) fn check_port(address: SocketAddr, report: &mut Report) {
    if let Err(error) = TcpListener::bind(address) {
        report.add(Severity::Unusable, explain_port(address, &error));
    }
}

fn explain_port(address: SocketAddr, error: &io::Error) -> String {
    let (why, fix) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            "another process listens there".to_owned(),
            "this is fine while this collector runs; otherwise end the other one, or set another port under [http] listen",
        ),
        io::ErrorKind::PermissionDenied => {
            ("permission denied".to_owned(), "set a port above 1023 under [http] listen")
        }
        io::ErrorKind::AddrNotAvailable => {
            ("no network interface of this host has that address".to_owned(), "set one that it has under [http] listen")
        }
        _ => (error.to_string(), "set another address under [http] listen"),
    };
    format!("listening on {address}: {why}; {fix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_directory_lacks_is_said_with_what_to_do() {
        let explain = |kind| explain_state_dir(Path::new("/s"), &io::Error::from(kind));
        assert_eq!(
            explain(io::ErrorKind::PermissionDenied),
            "using the state directory /s: permission denied; make it writable for the user that runs the collector, or name another one \
             with --state-dir or [state] dir"
        );
        assert_eq!(
            explain(io::ErrorKind::ReadOnlyFilesystem),
            "using the state directory /s: its file system is read-only; name one on a writable file system with --state-dir or [state] dir"
        );
    }

    #[test]
    fn a_low_port_is_explained() {
        let text = explain_port("127.0.0.1:80".parse().unwrap(), &io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!(text, "listening on 127.0.0.1:80: permission denied; set a port above 1023 under [http] listen");
    }
}
