//! Files of plugins that are changed while their chain runs.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    wasm::{EMPTY_MANIFEST, chain, module, write},
    *,
};
use crate::FileWatch;

/// Versions that do the same and differ in their bytes.
fn version(number: usize) -> Vec<u8> {
    module(EMPTY_MANIFEST, &("nop ".repeat(number) + "(i32.const 1100)"))
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_file_that_is_overwritten_or_replaced_is_taken_and_a_broken_one_never_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "p.wasm", &version(0));
    let host = host();
    let slot = slot_of(&host);
    slot.apply(&chain(&path)).unwrap();
    let watch = FileWatch::start().unwrap();
    watch.add(&slot);
    let first = slot.generation().hash().clone();
    std::fs::write(&path, version(1)).unwrap();
    wait_for("the overwritten file", || slot.generation().number() == 2);
    assert_ne!(*slot.generation().hash(), first);
    let new = write(dir.path(), "new", &version(2));
    std::fs::rename(new, &path).unwrap();
    wait_for("the replaced file", || slot.generation().number() == 3);
    std::fs::write(&path, "garbage").unwrap();
    wait_for("the refusal", || slot.status().refused.is_some());
    assert_eq!((slot.generation().number(), slot.status().state), (3, "running"));
    assert!(slot.metrics().render().contains("collector_chain_refusals_total{topic=\"t\"} 1"));
    std::fs::write(&path, version(3)).unwrap();
    wait_for("the repaired file", || slot.generation().number() == 4);
    assert_eq!(slot.status().refused, None);
}

/// A slot that runs a file, and the file.
fn watched(host: &PluginHost, watch: &FileWatch, dir: &Path, name: &str) -> (Arc<ChainSlot>, PathBuf) {
    let path = write(dir, name, &version(0));
    let slot = slot_of(host);
    slot.apply(&chain(&path)).unwrap();
    watch.add(&slot);
    (slot, path)
}

/// Only a system that tells when a file was closed lets anybody wait for it.
#[cfg(target_os = "linux")]
#[test]
fn a_file_is_not_read_before_it_was_closed() {
    let dir = tempfile::tempdir().unwrap();
    let (host, watch) = (host(), FileWatch::start().unwrap());
    let (slot, path) = watched(&host, &watch, dir.path(), "p.wasm");
    let (other, other_path) = watched(&host, &watch, dir.path(), "q.wasm");
    // Told about the first file, the watch has begun to listen to the directory.
    std::fs::write(&other_path, version(1)).unwrap();
    wait_for("the other file", || other.generation().number() == 2);

    // All of a good version, but its writer has more to write: custom sections, that are part of a plugin as well.
    let mut file = File::create(&path).unwrap();
    file.write_all(&version(1)).unwrap();
    // The other file is changed later and taken, so the first one has had its time to settle.
    for round in 2..5 {
        std::fs::write(&other_path, version(round)).unwrap();
        wait_for("the other file", || other.generation().number() == round as u64 + 1);
        assert_eq!((slot.generation().number(), slot.status().refused), (1, None), "it is still being written");
    }
    file.write_all(b"\x00\x05\x03end!").unwrap();
    drop(file);
    wait_for("the closed file", || slot.generation().number() == 2);
    let whole = [version(1).as_slice(), b"\x00\x05\x03end!"].concat();
    assert_eq!(slot.status().plugins[0].sha256, crate::artifact::Artifact::new(&whole).unwrap().sha256);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_written_in_pieces_is_read_once_and_never_in_part() {
    let dir = tempfile::tempdir().unwrap();
    let (host, watch) = (host(), FileWatch::start().unwrap());
    let (slot, path) = watched(&host, &watch, dir.path(), "p.wasm");
    let (other, other_path) = watched(&host, &watch, dir.path(), "q.wasm");
    let bytes = version(1);
    let mut file = File::create(&path).unwrap();
    for (round, piece) in bytes.chunks(bytes.len().div_ceil(3)).enumerate() {
        file.write_all(piece).unwrap();
        std::fs::write(&other_path, version(round + 1)).unwrap();
        wait_for("the other file", || other.generation().number() == round as u64 + 2);
        assert_eq!((slot.generation().number(), slot.status().refused), (1, None), "piece {round}");
    }
    drop(file);
    wait_for("the whole file", || slot.generation().number() == 2);
    assert!(!host.metrics().render().contains("collector_chain_refusals_total{topic=\"t\"}"), "no part was looked at");
}

#[cfg(unix)]
#[test]
fn a_link_that_is_turned_to_another_file_and_a_change_behind_a_link_are_noticed() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, two) = (write(elsewhere.path(), "one", &version(0)), write(elsewhere.path(), "two", &version(1)));
    let path = dir.path().join("p.wasm");
    std::os::unix::fs::symlink(&one, &path).unwrap();
    let host = host();
    let slot = slot_of(&host);
    slot.apply(&chain(&path)).unwrap();
    let watch = FileWatch::start().unwrap();
    watch.add(&slot);
    let turned = dir.path().join("new");
    std::os::unix::fs::symlink(&two, &turned).unwrap();
    std::fs::rename(&turned, &path).unwrap();
    wait_for("the link to be followed", || slot.generation().number() == 2);
    std::fs::write(&two, version(2)).unwrap();
    wait_for("the change behind it", || slot.generation().number() == 3);
}
