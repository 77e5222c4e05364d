//! The tutorial of the README, run as it stands there: its commands in order, and what it says that they print.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::given::{program, turn};

/// The tutorial's heading.
const HEADING: &str = "## Your own parser in five commands";
/// The port of its collector.
const PORT: &str = "8690";
/// How long all of it may take, in seconds: two builds of a small crate.
const SECONDS_MAX: &str = "900";

/// Commands, and what they print as far as the README shows it.
struct Step {
    commands: String,
    shown: Vec<String>,
}

/// The fenced blocks of a section: commands are `sh`, what they print is `text`.
fn steps(readme: &str) -> Vec<Step> {
    let section = readme.split_once(HEADING).expect("the tutorial's heading").1;
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut steps: Vec<Step> = vec![];
    for block in section.split("```").skip(1).step_by(2) {
        let (language, text) = block.split_once('\n').expect("a fenced block");
        match language {
            "sh" => steps.push(Step { commands: text.to_owned(), shown: vec![] }),
            "text" => {
                steps.last_mut().expect("commands before their output").shown.extend(text.lines().map(str::to_owned));
            }
            other => panic!("a block of the tutorial is {other:?}"),
        }
    }
    steps
}

/// Where crates of tests are built, again and again: `target/tutorial`.
pub(crate) fn target_dir() -> PathBuf {
    let built = program::binary();
    let target = built.ancestors().nth(2).expect("target/PROFILE/collector");
    target.join("tutorial")
}

/// One bash runs all of it, as a reader's does.
fn run(steps: &[Step], home: &Path) -> Vec<String> {
    const MARK: &str = "-- next step --";
    let commands: String = steps.iter().map(|step| format!("{}echo '{MARK}'\n", step.commands)).collect();
    let commands = commands.replace(PORT, &program::free_port().to_string());
    let script = format!("set -eu\ntrap 'kill $(jobs -p) 2> /dev/null' EXIT\n{commands}");
    let program = program::binary().canonicalize().expect("the collector's program");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths(program.parent().into_iter().map(Path::to_owned).chain(std::env::split_paths(&path)));
    let output = Command::new("timeout")
        .args(["--kill-after=10", SECONDS_MAX, "bash", "-c", &script])
        .env("PATH", path.expect("a PATH"))
        .env("CARGO_TARGET_DIR", target_dir())
        .current_dir(home)
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "the tutorial ended with {}:\n{printed}\n{}\nthe collector's log:\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr),
        fs::read_to_string(home.join("live/log")).unwrap_or_default()
    );
    printed.split(&format!("{MARK}\n")).map(str::to_owned).collect()
}

/// Numbers, and hashes, are those of another day and another compiler.
fn settled(line: &str) -> String {
    let mut settled = String::new();
    for word in line.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_number = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
        let is_hash = bare.len() >= 8 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
        settled.push_str(if is_number || is_hash { "0" } else { bare });
        settled.push_str(&word[bare.len()..]);
    }
    settled
}

/// Whether a line is what the README shows; `…` stands for what differs from machine to machine.
fn is_shown(line: &str, shown: &str) -> bool {
    let (line, shown) = (settled(line), settled(shown));
    let mut parts = shown.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        (rest, last) = (behind, Some(part));
    }
    rest.is_empty() || last.is_some_and(str::is_empty)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_five_commands_of_the_readme_do_what_it_says() {
    let _turn = turn::together().await;
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).expect("the README");
    let steps = steps(&readme);
    assert!(steps.len() >= 5 && steps.iter().filter(|step| !step.shown.is_empty()).count() >= 4);
    let home = tempfile::tempdir().expect("a directory");
    let printed = run(&steps, home.path());
    for (step, printed) in steps.iter().zip(&printed) {
        let mut lines = printed.lines();
        for shown in &step.shown {
            let found = lines.by_ref().any(|line| is_shown(line, shown));
            assert!(found, "the README shows a line that does not come:\n{shown}\nThis came:\n{printed}");
        }
    }
}

#[test]
fn what_is_shown_is_compared_but_for_numbers_and_what_is_left_out() {
    assert!(is_shown("built a (31 KiB) 0123abcdef", "built a (30 KiB) fedcba987654"));
    assert!(!is_shown("built b (31 KiB)", "built a (31 KiB)"));
    assert!(is_shown(r#"{"a":1,"host":"x","b":2}"#, r#"{"a":1,…"b":2}"#));
    assert!(is_shown("sha256 0123abcdef and more", "sha256 …"));
    assert!(!is_shown("one and more", "one"));
    assert!(!is_shown(r#"{"a":1,"b":2,"c":3}"#, r#"{"a":1,…"b":2}"#));
}
