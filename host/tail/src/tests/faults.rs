//! A state directory that is damaged, full, or cannot be written; and what is remembered of files that are gone.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use collector_tasks::Task;

use super::harness::{Bench, DEADLINE, Got, Run, by_id};
use crate::{
    StateDir,
    disk::{DirEntry, Disk, FileMeta, MachineDisk, OpenFile, OwnFile},
    state::{journal, known::Known},
};

/// The machine's disk, with faults that can be switched on: each concerns the files whose names begin with `what`.
#[derive(Default)]
struct FaultyDisk {
    what: &'static str,
    /// Half of what is written arrives, then there is no space left.
    is_full: Arc<AtomicBool>,
    /// Nothing can be created or renamed.
    is_read_only: Arc<AtomicBool>,
    /// What was written cannot be brought to disk.
    cannot_sync: Arc<AtomicBool>,
}

impl FaultyDisk {
    fn concerns(&self, path: &Path) -> bool {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(self.what))
    }

    fn check_writable(&self, path: &Path) -> io::Result<()> {
        let is_read_only = self.concerns(path) && self.is_read_only.load(Ordering::Relaxed);
        if is_read_only { Err(io::ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(()) }
    }

    fn own(&self, path: &Path, file: Box<dyn OwnFile>) -> Box<dyn OwnFile> {
        if !self.concerns(path) {
            return file;
        }
        let (is_full, cannot_sync) = (Arc::clone(&self.is_full), Arc::clone(&self.cannot_sync));
        Box::new(FaultyFile { file, is_full, cannot_sync })
    }
}

impl Disk for FaultyDisk {
    fn metadata(&self, path: &Path) -> io::Result<FileMeta> {
        MachineDisk.metadata(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        MachineDisk.open(path)
    }

    fn entries(&self, dir: &Path) -> Vec<DirEntry> {
        MachineDisk.entries(dir)
    }

    fn link_target(&self, path: &Path) -> Option<PathBuf> {
        MachineDisk.link_target(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        MachineDisk.read(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OwnFile>> {
        self.check_writable(path)?;
        MachineDisk.create(path).map(|file| self.own(path, file))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn OwnFile>> {
        MachineDisk.append(path).map(|file| self.own(path, file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check_writable(to)?;
        MachineDisk.rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        MachineDisk.sync_dir(dir)
    }
}

struct FaultyFile {
    file: Box<dyn OwnFile>,
    is_full: Arc<AtomicBool>,
    cannot_sync: Arc<AtomicBool>,
}

impl OwnFile for FaultyFile {
    fn read_all(&mut self) -> io::Result<Vec<u8>> {
        self.file.read_all()
    }

    fn size_bytes(&self) -> io::Result<u64> {
        self.file.size_bytes()
    }

    fn cut(&mut self, size_bytes: u64) -> io::Result<()> {
        self.file.cut(size_bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_full.load(Ordering::Relaxed) {
            self.file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.cannot_sync.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk is at fault"));
        }
        self.file.sync()
    }
}

/// A bench whose state files of that name can be made to fail.
fn faulty(what: &'static str) -> (Bench, Arc<FaultyDisk>) {
    let disk = Arc::new(FaultyDisk { what, ..FaultyDisk::default() });
    let mut bench = Bench::new();
    bench.disk = Arc::clone(&disk) as Arc<dyn Disk>;
    (bench, disk)
}

/// Something that happens to a state directory.
type Damage = Box<dyn Fn(&Path)>;

/// Reads three lines, crashes, damages the state, and starts again.
fn read_and_damage(damage: impl Fn(&Path)) -> (Vec<Got>, Bench, Run) {
    let bench = Bench::new();
    bench.append("a.log", "one\ntwo\n".to_owned() + &"x".repeat(1100) + "\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.lines(3);
    bench.wait_for_checkpoint(1109);
    let first = run.crash();
    damage(&bench.state);
    let run = bench.start(&[bench.task("a.log")]);
    (first, bench, run)
}

#[test]
fn a_checkpoint_that_is_torn_empty_missing_or_of_another_version_costs_repetition_only() {
    let whole_of_version_9 = {
        let mut bytes = b"LCCP\0\0\0\x09".to_vec();
        bytes.extend(xxhash_rust::xxh3::xxh3_64(&bytes).to_be_bytes());
        bytes
    };
    let damages: [(&str, Damage); 4] = [
        (
            "torn",
            Box::new(|state| {
                let bytes = std::fs::read(state.join("checkpoint")).unwrap();
                std::fs::write(state.join("checkpoint"), &bytes[..bytes.len() / 2]).unwrap();
            }),
        ),
        ("empty", Box::new(|state| std::fs::write(state.join("checkpoint"), "").unwrap())),
        ("missing", Box::new(|state| std::fs::remove_file(state.join("checkpoint")).unwrap())),
        ("of version 9", Box::new(move |state| std::fs::write(state.join("checkpoint"), &whole_of_version_9).unwrap())),
    ];
    for (what, damage) in damages {
        let (first, bench, mut run) = read_and_damage(damage);
        assert_eq!(run.hold(3), first, "{what}");
        run.complete();
        bench.wait_for_checkpoint(1109);
        assert_eq!(bench.state.join("checkpoint.bad").exists(), what != "missing", "{what}");
    }
}

#[test]
fn a_journal_that_is_torn_goes_on_where_it_is_whole() {
    let (_, bench, mut run) = read_and_damage(|state| {
        let mut bytes = std::fs::read(state.join("journal")).unwrap();
        bytes.extend([0, 0, 0, 60, 1, 2, 3]);
        std::fs::write(state.join("journal"), bytes).unwrap();
    });
    bench.append("a.log", "more\n");
    assert_eq!(run.lines(1), ["more"]);
}

#[test]
fn a_journal_that_is_empty_or_missing_means_that_files_are_read_as_new_ones() {
    for damage in [
        |state: &Path| std::fs::write(state.join("journal"), "").unwrap(),
        |state: &Path| std::fs::remove_file(state.join("journal")).unwrap(),
    ] {
        let (first, _bench, mut run) = read_and_damage(damage);
        // A file of 1 KiB and more even gets the identity that it had.
        assert_eq!(run.hold(3), first);
    }
}

/// What a fault of the journal comes to: nothing is sent that depends on it, and all of it once it is over.
fn holds_back(fault: fn(&FaultyDisk) -> &Arc<AtomicBool>) {
    let (bench, disk) = faulty("journal");
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("*.log")]);
    run.lines(1);
    fault(&disk).store(true, Ordering::Relaxed);
    bench.append("b.log", "two\n");
    run.wait_for("the new file to be read", |files| {
        files.iter().any(|file| file.read_bytes == 4 && file.uid.is_some())
    });
    assert!(!run.take(Duration::from_millis(100)), "what depends on the journal was sent before it could be written");
    let mut runs = vec![run.crash()];
    // Half a record may be there now: a start cuts it off.
    fault(&disk).store(false, Ordering::Relaxed);
    let mut run = bench.start(&[bench.task("*.log")]);
    run.wait_for("both files", |files| files.len() == 2);
    fault(&disk).store(true, Ordering::Relaxed);
    bench.append("c.log", "three\n");
    run.wait_for("the third file to be read", |files| files.len() == 3 && files[2].read_bytes == 6);
    fault(&disk).store(false, Ordering::Relaxed);
    while by_id(&[&runs[0], &run.got]).len() < 3 {
        assert!(run.take(DEADLINE));
        run.complete();
    }
    runs.push(run.stop());
    assert_eq!(by_id(&runs.iter().map(Vec::as_slice).collect::<Vec<_>>()).len(), 3);
}

#[test]
fn while_the_journal_s_disk_is_full_new_lines_are_held_back_and_none_is_lost() {
    holds_back(|disk| &disk.is_full);
}

#[test]
fn while_the_journal_cannot_be_brought_to_disk_new_lines_are_held_back_and_none_is_lost() {
    holds_back(|disk| &disk.cannot_sync);
}

/// What a fault of the checkpoint comes to: lines flow, the old one stays whole, and more is read again after a crash.
fn keeps_the_old_one(fault: fn(&FaultyDisk) -> &Arc<AtomicBool>) {
    let (bench, disk) = faulty("checkpoint");
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.lines(1);
    bench.wait_for_checkpoint(4);
    fault(&disk).store(true, Ordering::Relaxed);
    bench.append("a.log", "two\nthree\n");
    run.lines(3);
    run.wait_for("the acknowledgement", |files| files[0].acknowledged_bytes == 14);
    let first = run.crash();
    bench.wait_for_checkpoint(4);
    let mut run = bench.start(&[bench.task("a.log")]);
    assert_eq!(run.hold(2), &first[1..], "what was acknowledged since comes again, with its ids");
    run.complete();
    // The next attempt after the fault is over succeeds by itself.
    fault(&disk).store(false, Ordering::Relaxed);
    bench.wait_for_checkpoint(14);
}

#[test]
fn while_the_checkpoint_s_disk_is_full_the_old_one_stays() {
    keeps_the_old_one(|disk| &disk.is_full);
}

#[test]
fn while_the_state_directory_is_read_only_the_old_checkpoint_stays() {
    keeps_the_old_one(|disk| &disk.is_read_only);
}

#[test]
fn a_state_directory_that_cannot_be_made_is_said_with_the_way_out() {
    let error = StateDir::open(Path::new("/proc/collector")).unwrap_err().to_string();
    assert!(error.contains("creating the state directory /proc/collector") && error.contains("--state-dir"), "{error}");
}

/// The names of the files that the journal on disk knows.
fn known(bench: &Bench) -> Vec<String> {
    let mut all = Known::default();
    journal::replay(&std::fs::read(bench.state.join("journal")).unwrap(), |record| all.apply(&record));
    let name = |path: &str| Path::new(path).file_name().unwrap().to_string_lossy().into_owned();
    let mut names: Vec<_> = all.files().map(|entry| name(&entry.file.path)).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_forgotten_only_when_it_is_gone_and_acknowledged() {
    let mut bench = Bench::new();
    std::fs::create_dir(bench.path("disk")).unwrap();
    for name in ["disk/away.log", "gone.log", "there.log"] {
        bench.append(name, "line\n");
    }
    let tasks: [Task; 2] = [bench.task("*.log"), bench.task("disk/*.log")];
    let mut run = bench.start(&tasks);
    run.lines(3);
    run.stop();
    bench.append("unacknowledged.log", "line\n");
    let mut run = bench.start(&tasks);
    run.hold(1);
    run.crash();
    ["gone.log", "unacknowledged.log"].iter().for_each(|name| std::fs::remove_file(bench.path(name)).unwrap());
    bench.rename("disk", "elsewhere");
    bench.settings.forget_after = Duration::from_secs(1);
    let run = bench.start(&tasks);
    let until = Instant::now() + DEADLINE;
    let mut names = known(&bench);
    while names.contains(&"gone.log".to_owned()) {
        assert!(Instant::now() < until, "{names:?}");
        names = known(&bench);
    }
    assert_eq!(names, ["away.log", "there.log", "unacknowledged.log"]);
    run.stop();
}

#[test]
fn directories_that_cannot_be_watched_are_polled() {
    let mut bench = Bench::new();
    bench.settings.watched_dirs_max = 0;
    bench.settings.rescan_interval = Duration::from_secs(3600);
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("**/*.log")]);
    run.lines(1);
    bench.append("a.log", "two\n");
    run.lines(2);
    std::fs::create_dir(bench.path("later")).unwrap();
    bench.append("later/b.log", "three\n");
    run.lines(3);
    bench.rename("a.log", "a.log.1");
    bench.append("a.log.1", "four\n");
    bench.append("a.log", "five\n");
    let mut texts = run.lines(5);
    texts[3..].sort();
    assert_eq!(texts, ["one", "two", "three", "five", "four"]);
}
