//! Every rotation, with a crash before, within and behind it.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::harness::{Bench, DEADLINE, Got, Run, by_id};
use crate::gunzip::tests::packed;

/// One step of a rotation.
type Step = fn(&Bench);

/// A rotation, and what must come out of it.
struct Rotation {
    task: &'static str,
    /// What is read and acknowledged before.
    before: Step,
    steps: &'static [Step],
    /// Every line that is ever written, each of another text.
    lines: &'static [&'static str],
}

impl Rotation {
    /// Crashes once before each step and once behind the last: what was not done then is done while nobody reads.
    fn survives_every_crash(&self) {
        for crash_at in 0..=self.steps.len() {
            for reads_first in [false, true] {
                self.survives_a_crash(crash_at, reads_first);
            }
        }
    }

    fn survives_a_crash(&self, crash_at: usize, reads_first: bool) {
        let bench = Bench::new();
        (self.before)(&bench);
        let mut run = bench.start(&[bench.task(self.task)]);
        let wanted: BTreeSet<&str> = self.lines.iter().copied().collect();
        run.lines(1);
        run.wait_for("the first line to be acknowledged", |files| files.iter().any(|file| file.acknowledged_bytes > 0));
        self.steps[..crash_at].iter().for_each(|step| step(&bench));
        if reads_first {
            // What is read now stays under way, and is never acknowledged.
            while run.take(Duration::from_millis(30)) {}
        }
        let first = run.crash();
        self.steps[crash_at..].iter().for_each(|step| step(&bench));
        let mut run = bench.start(&[bench.task(self.task)]);
        let all = read_until(&mut run, &first, &wanted);
        let found: BTreeSet<&str> = all.iter().map(|got| got.text.as_str()).collect();
        assert_eq!(found, wanted, "crash before step {crash_at}");
        assert_eq!(by_id(&[&all]).len(), wanted.len(), "a line has two ids; crash before step {crash_at}");
    }
}

/// Reads until all lines were found, and a little longer.
fn read_until(run: &mut Run, first: &[Got], wanted: &BTreeSet<&str>) -> Vec<Got> {
    let until = Instant::now() + DEADLINE;
    let is_missing = |run: &Run| {
        let found: BTreeSet<&str> = first.iter().chain(&run.got).map(|got| got.text.as_str()).collect();
        !wanted.is_subset(&found)
    };
    while is_missing(run) && Instant::now() < until {
        run.take(Duration::from_millis(20));
        run.complete();
    }
    while run.take(Duration::from_millis(40)) {
        run.complete();
    }
    first.iter().chain(&run.got).cloned().collect()
}

fn first_line(bench: &Bench) {
    bench.append("a.log", "one\n");
}

#[test]
fn a_rename_with_a_crash_in_its_middle() {
    Rotation {
        task: "a.log",
        before: first_line,
        steps: &[
            |bench| bench.append("a.log", "two\n"),
            |bench| bench.rename("a.log", "a.log.1"),
            |bench| bench.append("a.log.1", "three\n"),
            |bench| bench.append("a.log", "four\n"),
        ],
        lines: &["one", "two", "three", "four"],
    }
    .survives_every_crash();
}

#[test]
fn three_renames_with_a_crash_in_their_middle() {
    Rotation {
        task: "a.log",
        before: first_line,
        steps: &[
            |bench| bench.append("a.log", "1 rest\n"),
            |bench| bench.rename("a.log", "a.log.1"),
            |bench| bench.append("a.log", "2 all\n"),
            |bench| bench.rename("a.log.1", "a.log.2"),
            |bench| bench.rename("a.log", "a.log.1"),
            |bench| bench.append("a.log", "3 all\n"),
        ],
        lines: &["one", "1 rest", "2 all", "3 all"],
    }
    .survives_every_crash();
}

#[test]
fn a_compressing_rotation_with_a_crash_in_its_middle() {
    Rotation {
        task: "a.log",
        before: first_line,
        steps: &[
            |bench| bench.append("a.log", "two\n"),
            |bench| bench.rename("a.log", "a.log.1"),
            |bench| bench.append("a.log", "three\n"),
            |bench| bench.append("a.log.1.gz", &packed(b"one\ntwo\n")[..7]),
            |bench| bench.append("a.log.1.gz", &packed(b"one\ntwo\n")[7..]),
            |bench| std::fs::remove_file(bench.path("a.log.1")).unwrap(),
        ],
        lines: &["one", "two", "three"],
    }
    .survives_every_crash();
}

#[test]
fn copying_and_truncating_with_a_crash_in_its_middle() {
    Rotation {
        task: "a.log",
        // What is unread when the file is truncated is lost to everybody.
        before: first_line,
        steps: &[
            |bench| bench.copy("a.log", "a.log.1"),
            |bench| bench.truncate("a.log"),
            |bench| bench.append("a.log", "two\n"),
            |bench| bench.append("a.log", "three and more\n"),
        ],
        lines: &["one", "two", "three and more"],
    }
    .survives_every_crash();
}

#[test]
fn truncating_and_growing_past_the_old_end_with_a_crash_in_its_middle() {
    Rotation {
        task: "a.log",
        before: first_line,
        steps: &[
            |bench| std::fs::write(bench.path("new"), "two\nthree\nfour\n").unwrap(),
            |bench| bench.copy("new", "a.log"),
            |bench| bench.append("a.log", "five\n"),
        ],
        lines: &["one", "two", "three", "four", "five"],
    }
    .survives_every_crash();
}

#[test]
fn an_inode_that_is_used_again_with_a_crash_in_its_middle() {
    Rotation {
        task: "a.log",
        before: first_line,
        steps: &[
            |bench| std::fs::remove_file(bench.path("a.log")).unwrap(),
            |bench| bench.append("b.log", "two, and longer than what was there\n"),
            |bench| bench.rename("b.log", "a.log"),
            |bench| bench.append("a.log", "three\n"),
        ],
        lines: &["one", "two, and longer than what was there", "three"],
    }
    .survives_every_crash();
}

#[test]
fn a_rename_across_watched_directories_with_a_crash_in_its_middle() {
    Rotation {
        task: "*/*.log",
        before: |bench| {
            ["x", "y"].iter().for_each(|dir| std::fs::create_dir(bench.path(dir)).unwrap());
            bench.append("x/a.log", "one\n");
        },
        steps: &[
            |bench| bench.append("x/a.log", "two\n"),
            |bench| bench.rename("x/a.log", "y/b.log"),
            |bench| bench.append("y/b.log", "three\n"),
            |bench| bench.append("x/a.log", "four\n"),
        ],
        lines: &["one", "two", "three", "four"],
    }
    .survives_every_crash();
}

#[test]
fn a_switched_link_with_a_crash_in_its_middle() {
    Rotation {
        task: "now.log",
        before: |bench| {
            std::fs::create_dir(bench.path("real")).unwrap();
            bench.append("real/1", "one\n");
            std::os::unix::fs::symlink(bench.path("real/1"), bench.path("now.log")).unwrap();
        },
        steps: &[
            |bench| bench.append("real/1", "two\n"),
            |bench| bench.append("real/2", "three\n"),
            |bench| std::os::unix::fs::symlink(bench.path("real/2"), bench.path("next")).unwrap(),
            |bench| bench.rename("next", "now.log"),
            |bench| bench.append("real/2", "four\n"),
        ],
        lines: &["one", "two", "three", "four"],
    }
    .survives_every_crash();
}

#[test]
fn a_hard_link_with_a_crash_in_its_middle() {
    Rotation {
        task: "*.log",
        before: first_line,
        steps: &[
            |bench| bench.append("a.log", "two\n"),
            |bench| std::fs::hard_link(bench.path("a.log"), bench.path("b.log")).unwrap(),
            |bench| bench.append("b.log", "three\n"),
            |bench| std::fs::remove_file(bench.path("a.log")).unwrap(),
            |bench| bench.append("b.log", "four\n"),
        ],
        lines: &["one", "two", "three", "four"],
    }
    .survives_every_crash();
}
