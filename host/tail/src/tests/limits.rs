//! Rates, ages, open files, and what this machine allows; and how far reading is behind.

use std::{
    os::unix::fs::symlink,
    time::{Duration, Instant, SystemTime},
};

use collector_model::{Topic, metrics};
use collector_tasks::{Bounds, RateLimit, Task};

use super::harness::{Bench, DEADLINE};

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
    run.complete();
    while bench.metrics.render().contains("collector_file_lag_bytes{") {
        assert!(Instant::now() < until, "{}", bench.metrics.render());
        std::thread::yield_now();
    }
    assert_eq!(bench.metrics.lag_bytes.get_or_create(&label).get(), 0);
}
