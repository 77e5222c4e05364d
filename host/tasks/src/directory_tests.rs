use std::sync::{Arc, Mutex};

use super::*;

struct Running {
    dir: tempfile::TempDir,
    tasks: watch::Receiver<TaskSet>,
    statuses: Arc<Mutex<Vec<SourceStatus>>>,
    _watch: DirectoryWatch,
}

fn source(dir: &Path) -> DirectorySource {
    DirectorySource {
        dir: dir.join("tasks"),
        bounds: Bounds::open(Vec::new()),
        defaults: Defaults::modern("/".into()),
        last_good: Some(dir.join("tasks.last")),
    }
}

fn start(dir: tempfile::TempDir) -> Running {
    let (sender, tasks) = watch::channel(TaskSet::default());
    let statuses: Arc<Mutex<Vec<SourceStatus>>> = Arc::default();
    let told = statuses.clone();
    let on_status = move |status: &SourceStatus| told.lock().unwrap().push(status.clone());
    let watch = source(dir.path()).start(sender, on_status).unwrap();
    Running { dir, tasks, statuses, _watch: watch }
}

/// Waits for a condition; fails when it does not come about within a time that no working reader needs.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::yield_now();
    }
    start.elapsed()
}

impl Running {
    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join("tasks").join(name), text).unwrap();
    }

    fn runs(&self, paths: &[&str]) -> bool {
        self.tasks.borrow().tasks.iter().map(|task| task.path.as_str()).eq(paths.iter().copied())
    }

    fn last_status(&self) -> SourceStatus {
        self.statuses.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

fn with_directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("tasks")).unwrap();
    dir
}

#[test]
fn files_are_taken_changed_and_removed() {
    let running = start(with_directory());
    eventually("the watch begins", || running.last_status() == SourceStatus { revision: 0, ..SourceStatus::default() });
    running.write("a.json", r#"[{"path":"/a","topic":"t"}]"#);
    eventually("a new file", || running.runs(&["/a"]));
    running.write("b.json", r#"[{"path":"/b","topic":"t"},{"path":"/a","topic":"t"}]"#);
    running.write("notes.txt", "not tasks");
    running.write(".hidden.json", "not tasks");
    eventually("a second file, the same task once", || running.runs(&["/a", "/b"]));
    let changed = Instant::now();
    running.write("a.json", r#"[{"path":"/c","topic":"t"}]"#);
    eventually("a changed file", || running.runs(&["/c", "/b", "/a"]));
    assert!(changed.elapsed() < Duration::from_secs(5), "{:?}", changed.elapsed());
    fs::remove_file(running.dir.path().join("tasks/b.json")).unwrap();
    eventually("a removed file", || running.runs(&["/c"]));
}

#[test]
fn a_bad_file_keeps_its_tasks_and_the_status_says_why() {
    let running = start(with_directory());
    running.write("a.json", r#"[{"path":"/a","topic":"t"}]"#);
    eventually("the file", || running.runs(&["/a"]));
    running.write("a.json", r#"[{"path":"/a","topc":"t"}]"#);
    eventually("the refusal", || !running.last_status().refusals.is_empty());
    let reason = running.last_status().refusals[0].reason.clone();
    assert!(reason.contains("[0].topc: there is no key \"topc\"; did you mean \"topic\"?"), "{reason}");
    assert!(running.runs(&["/a"]));
    running.write("a.json", "[]");
    eventually("the good file", || running.runs(&[]) && running.last_status().refusals.is_empty());
}

#[test]
fn a_directory_that_vanishes_takes_nothing_away() {
    let running = start(with_directory());
    running.write("a.json", r#"[{"path":"/a","topic":"t"}]"#);
    eventually("the file", || running.runs(&["/a"]));
    let (dir, away) = (running.dir.path().join("tasks"), running.dir.path().join("away"));
    fs::rename(&dir, &away).unwrap();
    eventually("the trouble", || running.last_status().trouble.is_some());
    assert!(running.runs(&["/a"]));
    fs::create_dir(&dir).unwrap();
    running.write("b.json", r#"[{"path":"/b","topic":"t"}]"#);
    eventually("the new directory", || running.runs(&["/b"]) && running.last_status().trouble.is_none());
}

#[test]
fn a_directory_that_is_missing_at_the_start_is_waited_for() {
    let running = start(tempfile::tempdir().unwrap());
    eventually("the trouble", || running.last_status().trouble.is_some_and(|text| text.contains("make it")));
    fs::create_dir(running.dir.path().join("tasks")).unwrap();
    running.write("a.json", r#"[{"path":"/a","topic":"t"}]"#);
    eventually("the file", || running.runs(&["/a"]));
}

#[test]
fn a_file_that_is_bad_at_a_restart_does_not_stop_what_ran() {
    let running = start(with_directory());
    running.write("a.json", r#"[{"path":"/a","topic":"t"}]"#);
    running.write("b.json", r#"[{"path":"/b","topic":"t"}]"#);
    eventually("the files", || running.runs(&["/a", "/b"]));
    let Running { dir, _watch, .. } = running;
    drop(_watch);
    fs::write(dir.path().join("tasks/a.json"), "{").unwrap();
    fs::remove_file(dir.path().join("tasks/b.json")).unwrap();
    let restarted = start(dir);
    eventually("the restart", || restarted.last_status().refusals.len() == 1);
    assert!(restarted.runs(&["/a"]), "a.json is bad and keeps its task, b.json is gone");
}
