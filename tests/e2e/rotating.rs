//! Every rotation, with `kill -9` between its steps.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::given::{Program, Role, settings, turn, until};

/// How many lines are written at once.
const LINES: usize = 300;

/// A log that is rotated in one way. Its lines carry its name, and a number each.
struct Log {
    name: &'static str,
    dir: PathBuf,
    written: usize,
}

impl Log {
    fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }

    fn append(&mut self, file: &str) {
        let lines: String = (self.written..self.written + LINES).map(|n| self.line(n)).collect();
        self.written += LINES;
        let mut file = fs::File::options().create(true).append(true).open(self.path(file)).expect("the log");
        file.write_all(lines.as_bytes()).expect("writing");
    }

    fn line(&self, n: usize) -> String {
        format!("{}rotation {}number{n} and what else there is to say\n", self.name, self.name)
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).expect("renaming");
    }
}

/// A step of a rotation.
type Step = fn(&mut Log);
/// Steps; before a marked one, all that was written is found.
type Steps = &'static [(bool, Step)];

/// The rotations: name, pattern of the task, steps.
const ROTATIONS: &[(&str, &str, Steps)] = &[
    (
        "rename",
        "a.log",
        &[
            (false, |log| log.rename("a.log", "a.log.1")),
            (false, |log| log.append("a.log.1")),
            (false, |log| log.append("a.log")),
        ],
    ),
    (
        "thrice",
        "a.log",
        &[
            (false, |log| log.rename("a.log", "a.log.1")),
            (false, |log| {
                log.append("a.log");
                log.rename("a.log.1", "a.log.2");
                log.rename("a.log", "a.log.1");
            }),
            (false, |log| log.append("a.log")),
        ],
    ),
    (
        "gzip",
        "a.log",
        &[
            (false, |log| {
                log.append("a.log");
                log.rename("a.log", "a.log.1");
                log.append("a.log");
            }),
            (false, |log| {
                let gzip = Command::new("gzip").arg(log.path("a.log.1")).status().expect("gzip");
                assert!(gzip.success());
            }),
            (false, |log| log.append("a.log")),
        ],
    ),
    (
        "copytruncate",
        "a.log",
        &[
            (false, |log| {
                fs::copy(log.path("a.log"), log.path("a.log.1")).expect("copying");
            }),
            // What is not read before is lost to everybody.
            (true, |log| drop(fs::File::create(log.path("a.log")).expect("truncating"))),
            (false, |log| log.append("a.log")),
        ],
    ),
    (
        "regrow",
        "a.log",
        &[
            (true, |log| {
                fs::File::create(log.path("a.log")).expect("truncating");
                // Beyond what it had.
                log.append("a.log");
                log.append("a.log");
            }),
            (false, |log| log.append("a.log")),
            (false, |log| log.append("a.log")),
        ],
    ),
    (
        "inode",
        "a.log",
        &[
            (true, |log| fs::remove_file(log.path("a.log")).expect("deleting")),
            (false, |log| log.append("a.log")),
            (false, |log| log.append("a.log")),
        ],
    ),
    (
        "across",
        "*/*.log",
        &[
            (false, |log| {
                fs::create_dir_all(log.path("y")).expect("a directory");
                log.rename("x/a.log", "y/b.log");
            }),
            (false, |log| log.append("y/b.log")),
            (false, |log| log.append("x/a.log")),
        ],
    ),
    (
        "link",
        "now.log",
        &[
            (false, |log| log.append("real/1")),
            (false, |log| {
                log.append("real/2");
                std::os::unix::fs::symlink(log.path("real/2"), log.path("next")).expect("a link");
                log.rename("next", "now.log");
            }),
            (false, |log| log.append("real/2")),
        ],
    ),
    (
        "hardlink",
        "*.log",
        &[
            (false, |log| fs::hard_link(log.path("a.log"), log.path("b.log")).expect("a link")),
            (false, |log| log.append("b.log")),
            (false, |log| fs::remove_file(log.path("a.log")).expect("deleting")),
        ],
    ),
];

/// The logs, with what stands in them before anything is rotated.
fn logs(home: &Path) -> Vec<Log> {
    let log = |&(name, _, _): &(&'static str, &str, Steps)| {
        let mut log = Log { name, dir: home.join("logs").join(name), written: 0 };
        fs::create_dir_all(log.path("real")).and_then(|()| fs::create_dir(log.path("x"))).expect("directories");
        match name {
            "across" => log.append("x/a.log"),
            "link" => {
                log.append("real/1");
                std::os::unix::fs::symlink(log.path("real/1"), log.path("now.log")).expect("a link");
            }
            _ => log.append("a.log"),
        }
        log
    };
    ROTATIONS.iter().map(log).collect()
}

async fn found(program: &Program, query: &str) -> usize {
    let answer = program.get(&format!("/api/search?q={query}")).await.unwrap_or_default();
    let total = serde_json::from_str::<Value>(&answer).ok().and_then(|answer| answer["total"].as_u64());
    total.unwrap_or(0) as usize
}

async fn until_found(program: &Program, log: &Log) {
    let query = format!("{}rotation", log.name);
    until(&format!("all lines of {}", log.name), async || found(program, &query).await >= log.written).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rotation_survives_kills_between_its_steps() {
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    fs::create_dir(home.path().join("tasks")).expect("a directory");
    let mut logs = logs(home.path());
    let tasks =
        logs.iter().zip(ROTATIONS).map(|(log, (name, pattern, _))| json!({"path": log.path(pattern), "topic": name}));
    fs::write(home.path().join("tasks/all.json"), json!(tasks.collect::<Vec<_>>()).to_string()).expect("the tasks");
    let mut alone = Program::start(Role::Standalone, home.path(), "collector.toml", &settings::standalone(home.path()));
    for log in &logs {
        until_found(&alone, log).await;
    }
    for step in 0..3 {
        for (log, (_, _, steps)) in logs.iter_mut().zip(ROTATIONS) {
            let (all_is_found_before, step) = &steps[step];
            if *all_is_found_before {
                until_found(&alone, log).await;
            }
            step(log);
            if step_kills(log.name, log.written) {
                alone.kill();
                alone.start_again();
            }
        }
        alone.kill();
        alone.start_again();
    }
    for log in &logs {
        until_found(&alone, log).await;
        assert_eq!(found(&alone, &format!("{}rotation", log.name)).await, log.written, "{} was doubled", log.name);
        for n in [0, LINES - 1, LINES, log.written - 1] {
            assert_eq!(found(&alone, &format!("{}number{n}", log.name)).await, 1, "line {n} of {}", log.name);
        }
    }
    alone.kill();
}

/// Some of the kills come right behind a step, at another one for each rotation.
fn step_kills(name: &str, written: usize) -> bool {
    (name.len() + written / LINES).is_multiple_of(3)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_deleted_unread_is_read_to_its_end() {
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    fs::create_dir(home.path().join("tasks")).expect("a directory");
    let mut log = logs(home.path()).swap_remove(0);
    let tasks = json!([{"path": log.path("a.log"), "topic": "deleted"}]);
    fs::write(home.path().join("tasks/all.json"), tasks.to_string()).expect("the tasks");
    let alone = Program::start(Role::Standalone, home.path(), "collector.toml", &settings::standalone(home.path()));
    until_found(&alone, &log).await;
    for _ in 0..20 {
        log.append("a.log");
    }
    fs::remove_file(log.path("a.log")).expect("deleting");
    log.append("a.log");
    until_found(&alone, &log).await;
    assert_eq!(found(&alone, "renamerotation").await, log.written);
}
