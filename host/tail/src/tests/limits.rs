//! Rates, ages, open files, and what this machine allows; and how far reading is behind.

use std::{
    collections::BTreeSet,
    os::unix::fs::symlink,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use collector_model::{Topic, metrics};
use collector_tasks::{Bounds, RateLimit, Task};

use super::{
    doubles::WatchedDisk,
    harness::{Bench, DEADLINE, Run},
};

fn limited(bench: &Bench, path: &str, lines_per_s: u64) -> Task {
    Task { rate_limit: Some(RateLimit { lines_per_s: Some(lines_per_s), bytes_per_s: None }), ..bench.task(path) }
}

#[test]
fn a_limited_task_is_read_slowly_and_whole() {
    let bench = Bench::new();
    bench.append("a.log", "line\n".repeat(60));
    let began = Instant::now();
    let mut run = bench.start(&[limited(&bench, "a.log", 100)]);
    run.lines(60);
    // The first 25 are free, the last 10 are paid for afterwards.
    assert!(began.elapsed() >= Duration::from_millis(450), "{:?}", began.elapsed());
    run.wait_for("the end", |files| files[0].lag_bytes() == 0);
}

#[test]
fn a_limit_in_bytes_lets_longer_lines_pass() {
    let bench = Bench::new();
    bench.append("a.log", format!("{}\n", "x".repeat(20_000)).repeat(3));
    let rate_limit = Some(RateLimit { lines_per_s: None, bytes_per_s: Some(100_000) });
    let began = Instant::now();
    let mut run = bench.start(&[Task { rate_limit, ..bench.task("a.log") }]);
    run.lines(3);
    assert!(began.elapsed() >= Duration::from_millis(350), "{:?}", began.elapsed());
}

#[test]
fn the_files_of_a_limited_task_take_turns_and_another_task_does_not_wait() {
    let bench = Bench::new();
    for name in ["a.log", "b.log", "c.log"] {
        bench.append(name, format!("{name}\n").repeat(100));
    }
    bench.append("free", "free\n".repeat(1000));
    let mut run = bench.start(&[limited(&bench, "*.log", 40), bench.task("free")]);
    while run.got.len() < 1060 {
        assert!(run.take(DEADLINE));
        run.complete();
    }
    let count = |name: &str| run.got.iter().filter(|got| got.text == name).count();
    assert_eq!(count("free"), 1000);
    assert!(["a.log", "b.log", "c.log"].iter().all(|name| count(name) >= 10), "{:?}", run.texts());
}

#[test]
fn files_too_old_are_passed_over_until_they_change() {
    let mut bench = Bench::new();
    bench.settings.clock = crate::Clock::default();
    bench.append("old.log", "old\n");
    bench.append("new.log", "new\n");
    let file = std::fs::File::options().append(true).open(bench.path("old.log")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
    let task = Task { ignore_older: Some(Duration::from_secs(3600)), ..bench.task("*.log") };
    let mut run = bench.start(&[task]);
    assert_eq!(run.lines(1), ["new"]);
    run.wait_for("the new file alone", |files| files.len() == 1);
    bench.append("old.log", "more\n");
    assert_eq!(run.lines(3), ["new", "old", "more"]);
}

#[test]
fn a_link_that_leads_out_of_what_is_allowed_is_not_read() {
    let mut bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret\n").unwrap();
    std::fs::create_dir(outside.path().join("dir")).unwrap();
    std::fs::write(outside.path().join("dir/deep.log"), "secret\n").unwrap();
    bench.append("a.log", "one\n");
    symlink(outside.path().join("secret"), bench.path("b.log")).unwrap();
    symlink(outside.path().join("dir"), bench.path("c")).unwrap();
    symlink(bench.path("a.log"), bench.path("d.log")).unwrap();
    let allowed_paths = Some(vec![format!("{}/**", bench.logs.display())]);
    bench.settings.allowed = Bounds { allowed_paths, plugin_dirs: vec![] }.files().unwrap();
    let mut run = bench.start(&[bench.task("**/*.log")]);
    run.lines(1);
    // A link is switched to lead out, and a file that nobody may read is put beside.
    bench.append("real", "two\n");
    symlink(bench.path("real"), bench.path("e.log")).unwrap();
    run.lines(2);
    symlink(outside.path().join("secret"), bench.path("next")).unwrap();
    bench.rename("next", "e.log");
    bench.append("z.log", "three\n");
    assert_eq!(run.lines(3), ["one", "two", "three"]);
    bench.append("a.log", "four\n");
    assert_eq!(run.lines(4)[3], "four");
}

#[test]
fn one_busy_file_does_not_starve_999_others() {
    let mut bench = Bench::new();
    bench.settings.batch_bytes_max = 4 << 10;
    bench.settings.open_files_max = Some(100);
    bench.budget_bytes = 1 << 20;
    let busy = format!("busy {}\n", "x".repeat(1000)).repeat(20_000);
    bench.append("busy.log", &busy);
    for n in 0..999 {
        bench.append(&format!("{n}.log"), format!("quiet {n}\n"));
    }
    let mut run = bench.start(&[bench.task("*.log")]);
    let mut quiet = 0;
    while quiet < 999 {
        assert!(run.take(DEADLINE));
        run.complete();
        quiet = run.got.iter().filter(|got| got.text.starts_with("quiet")).count();
    }
    let busy = run.got.len() - quiet;
    assert!(busy < 10_000, "the quiet files waited for {busy} lines of the busy one");
    run.drained(20_999);
}

#[test]
fn busy_files_beyond_the_limit_take_turns_at_being_open() {
    let mut bench = Bench::new();
    bench.settings.open_files_max = Some(10);
    bench.settings.batch_lines_max = 5;
    let text: String = (0..50).map(|n| format!("{n}\n")).collect();
    (0..60).for_each(|n| bench.append(&format!("{n}.log"), &text));
    let mut run = bench.start(&[bench.task("*.log")]);
    run.drained(3000);
    run.wait_for("the end", |files| files.len() == 60 && files.iter().all(|file| file.lag_bytes() == 0));
    assert!(bench.metrics.files_open.get() <= 10, "{}", bench.metrics.files_open.get());
}

const OPEN_MAX: usize = 10;

fn wait_for_files(run: &Run, files: usize) {
    let until = Instant::now() + DEADLINE;
    while run.handle().files().len() != files {
        assert!(Instant::now() < until, "{files} files are waited for: {:#?}", run.handle().files());
    }
}

/// Renames `a.log` and each of the files that it was before, as many as there are, by one.
fn rotate(bench: &Bench, rotated: usize) {
    for n in (1..=rotated).rev() {
        bench.rename(&format!("a.log.{n}"), &format!("a.log.{}", n + 1));
    }
    bench.rename("a.log", "a.log.1");
}

#[test]
fn files_rotated_while_nothing_is_acknowledged_are_closed_and_not_opened_only_to_be_looked_at() {
    let (mut bench, disk) = (Bench::new(), WatchedDisk::default());
    bench.disk = Arc::new(disk.clone());
    bench.settings.open_files_max = Some(OPEN_MAX);
    bench.settings.rescan_interval = Duration::from_secs(3600);
    // Enough for a third of the lines.
    bench.budget_bytes = 1;
    let lines = |file: usize| (0..20).map(move |n| format!("{file} {n} {}", "x".repeat(1000)));
    let mut run = bench.start(&[bench.task("a.log")]);
    for file in 0..40 {
        if file > 0 {
            rotate(&bench, file - 1);
        }
        bench.append("a.log", lines(file).map(|line| line + "\n").collect::<String>());
        wait_for_files(&run, file + 1);
    }
    assert!(disk.open_at_most() <= OPEN_MAX + 3, "{} files were open at once", disk.open_at_most());
    let wait_for_looks = || {
        let (looks, until) = (disk.looks_and_openings().0, Instant::now() + DEADLINE);
        while disk.looks_and_openings().0 < looks + 400 {
            assert!(Instant::now() < until, "nobody looks at the files that wait");
            std::thread::yield_now();
        }
        disk.looks_and_openings().1
    };
    // Those that were renamed while they were closed have to be found once.
    let found = wait_for_looks();
    let opened = wait_for_looks() - found;
    assert!(opened < 10, "{opened} openings while nothing could be read");
    let found: BTreeSet<String> = run.drained(800).into_iter().collect();
    assert_eq!(found, (0..40).flat_map(lines).collect());
    run.wait_for("the rotated files to be let go", |files| files.len() == 1);
    assert_eq!(run.stop().len(), 800);
}

#[test]
fn a_rotated_file_that_is_deleted_while_it_is_closed_is_counted_and_what_was_read_of_it_is_not() {
    let (mut bench, disk) = (Bench::new(), WatchedDisk::default());
    bench.disk = Arc::new(disk.clone());
    bench.settings.open_files_max = Some(1);
    bench.budget_bytes = 1;
    let text = format!("{}\n", "x".repeat(999)).repeat(300);
    bench.append("a.log", &text);
    let mut run = bench.start(&[bench.task("a.log")]);
    // Two batches; there is no memory for the third.
    run.hold(262);
    rotate(&bench, 0);
    bench.append("a.log", "new\n");
    wait_for_files(&run, 2);
    let until = Instant::now() + DEADLINE;
    while disk.open_now() > 1 {
        assert!(Instant::now() < until, "{} files are open", disk.open_now());
        std::thread::yield_now();
    }
    std::fs::remove_file(bench.path("a.log.1")).unwrap();
    run.complete();
    run.wait_for("the new file alone", |files| files.len() == 1 && files[0].lag_bytes() == 0);
    let read: usize = run.got.iter().filter(|got| got.text != "new").map(|got| got.text.len() + 1).sum();
    let lost = bench.metrics.file_bytes_lost.get_or_create(&metrics::of(&Topic::new("t").unwrap())).get();
    assert!(read > 0 && lost > 0, "{read} bytes were read, {lost} lost");
    assert_eq!(read as u64 + lost, text.len() as u64);
    assert_eq!(run.texts().last().map(String::as_str), Some("new"));
}

#[test]
fn thousands_of_files_deep_down_are_found_and_the_excluded_are_not() {
    let bench = Bench::new();
    for dir in 0..30 {
        std::fs::create_dir_all(bench.path(&format!("apps/{dir}/logs"))).unwrap();
        for file in 0..100 {
            bench.append(&format!("apps/{dir}/logs/{file}.log"), format!("{dir}/{file}\n"));
        }
        bench.append(&format!("apps/{dir}/logs/debug.log"), "excluded\n");
    }
    let task = Task { exclude: vec!["debug.*".into(), "**/29/**".into()], ..bench.task("apps/**/*.log") };
    let mut run = bench.start(&[task]);
    let mut texts = run.drained(2900);
    texts.sort();
    texts.dedup();
    assert!(texts.len() == 2900 && !texts.contains(&"excluded".to_owned()));
    // What appears later is found as well.
    std::fs::create_dir_all(bench.path("apps/later/logs")).unwrap();
    bench.append("apps/later/logs/x.log", "later\n");
    assert_eq!(run.lines(2901)[2900], "later");
}

#[test]
fn the_lag_is_shown_while_nothing_is_acknowledged_and_only_of_the_worst_files() {
    let mut bench = Bench::new();
    bench.settings.lag_files_max = 2;
    for n in 1..=5 {
        bench.append(&format!("{n}.log"), "x\n".repeat(n));
    }
    let mut run = bench.start(&[bench.task("*.log")]);
    run.hold(15);
    let label = metrics::of(&Topic::new("t").unwrap());
    let until = Instant::now() + DEADLINE;
    let is_shown = || {
        bench.metrics.lag_bytes.get_or_create(&label).get() == 30
            && bench.metrics.files_behind.get_or_create(&label).get() == 5
            && bench.metrics.lag_seconds.get_or_create(&label).get() > 0.5
    };
    while !is_shown() {
        assert!(Instant::now() < until, "{}", bench.metrics.render());
        std::thread::yield_now();
    }
    let shown = bench.metrics.render();
    let files = shown.lines().filter(|line| line.starts_with("collector_file_lag_bytes{")).count();
    assert!(files == 2 && shown.contains("5.log\"} 10"), "{shown}");
    let lag_seconds = shown.lines().filter(|line| line.starts_with("collector_file_lag_seconds{"));
    let lag_seconds: Vec<f64> = lag_seconds.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
    assert!(lag_seconds.len() == 2 && lag_seconds.iter().all(|&seconds| seconds > 0.5), "{shown}");
    run.complete();
    while bench.metrics.render().contains("collector_file_lag_bytes{") {
        assert!(Instant::now() < until, "{}", bench.metrics.render());
        std::thread::yield_now();
    }
    assert_eq!(bench.metrics.lag_bytes.get_or_create(&label).get(), 0);
}

#[test]
fn of_files_that_had_one_path_the_worst_lag_is_shown() {
    let bench = Bench::new();
    bench.append("a.log", "x\n".repeat(50));
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(50);
    let label = metrics::FileLabel { topic: "t".to_owned(), path: bench.path("a.log").display().to_string() };
    let bytes = || bench.metrics.file_lag_bytes.get_or_create(&label).get();
    let seconds = || bench.metrics.file_lag_seconds.get_or_create(&label).get();
    let until = Instant::now() + DEADLINE;
    while seconds() < 2.0 {
        assert!(Instant::now() < until, "{}", bench.metrics.render());
        std::thread::yield_now();
    }
    std::fs::remove_file(bench.path("a.log")).unwrap();
    bench.append("a.log", "y\n");
    run.hold(51);
    let behind = || bench.metrics.files_behind.get_or_create(&metrics::of(&Topic::new("t").unwrap())).get();
    while behind() < 2 {
        assert!(Instant::now() < until, "{}", bench.metrics.render());
        std::thread::yield_now();
    }
    let before = seconds();
    while seconds() == before {
        assert!(Instant::now() < until, "{}", bench.metrics.render());
        std::thread::yield_now();
    }
    assert!(seconds() > 2.0 && bytes() == 100, "{} s, {} bytes", seconds(), bytes());
    run.complete();
}
