//! What the author of a plugin does: a new crate, its tests, and what is found when the plugin is wrong.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::{
    given::{program, turn},
    tutorial::target_dir,
};

fn collector(home: &Path, args: &[&str]) -> Output {
    let program = program::binary().canonicalize().expect("the collector's program");
    let mut command = Command::new(program);
    command.args(args).current_dir(home).env("CARGO_TARGET_DIR", target_dir()).stdin(Stdio::null());
    command.output().expect("the collector's program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_crate_passes_its_own_tests() {
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    for (name, options) in [("new-parser", &[][..]), ("new-filter", &["--filter"])] {
        let made = collector(home.path(), &[&["plugin", "new", name], options].concat());
        assert!(made.status.success(), "{}", text(&made.stderr));
        let tested = Command::new("cargo")
            .args(["test", "--quiet"])
            .current_dir(home.path().join(name))
            .env("CARGO_TARGET_DIR", target_dir())
            .output()
            .expect("cargo runs");
        assert!(tested.status.success(), "{name}:\n{}{}", text(&tested.stdout), text(&tested.stderr));
        assert!(text(&tested.stdout).contains("4 passed"), "{}", text(&tested.stdout));
    }
    let tested = collector(home.path(), &["plugin", "test", "new-filter"]);
    assert!(tested.status.success(), "{}{}", text(&tested.stdout), text(&tested.stderr));
    let again = collector(home.path(), &["plugin", "new", "new-parser"]);
    assert!(text(&again.stderr).contains("there is something of that name already"), "{}", text(&again.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_counts_its_lines_is_caught_and_its_native_twin_is_measured() {
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let made = collector(home.path(), &["plugin", "new", "counting"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let source = home.path().join("counting/src/lib.rs");
    let counting = fs::read_to_string(&source)
        .expect("the source")
        .replace("    service: Option<String>,\n}\n\nimpl", "    service: Option<String>,\n    seen: i64,\n}\n\nimpl")
        .replace("Ok(Self { service: config.service })", "Ok(Self { service: config.service, seen: 0 })")
        .replace(
            "        if let Some(milliseconds)",
            "        self.seen += 1;\n        event.int(TOOK, self.seen);\n        if let Some(milliseconds)",
        );
    fs::write(&source, counting).expect("the source");
    let tested = collector(home.path(), &["plugin", "test", "counting"]);
    let said = text(&tested.stdout);
    assert_eq!(tested.status.code(), Some(1), "{said}{}", text(&tested.stderr));
    // A sample without a duration has a number now: the plugin does not load with such samples.
    assert!(said.contains("FAILED"), "{said}");

    // With samples that do not show it, purity does.
    let samples = r#"[{"input": "no such line", "expect": "reject"}]"#;
    fs::write(home.path().join("counting/samples/samples.json"), samples).expect("the samples");
    fs::write(home.path().join("counting/samples/more.log"), "2026-01-31T12:00:00Z INFO cart: emptied\n")
        .expect("lines");
    let tested = collector(home.path(), &["plugin", "test", "counting"]);
    let said = text(&tested.stdout);
    assert_eq!(tested.status.code(), Some(1), "{said}{}", text(&tested.stderr));
    assert!(said.contains("FAILED   purity: more.log:1"), "{said}");

    assert!(!home.path().join("counting/counting.wasm").exists(), "a trial leaves nothing in the plugin's folder");
    let built = collector(home.path(), &["plugin", "build", "counting"]);
    assert!(built.status.success(), "{}", text(&built.stderr));
    let log = home.path().join("counting/samples/more.log");
    let measured = collector(
        home.path(),
        &["plugin", "bench", "counting/counting.wasm", log.to_str().expect("a path"), "--rounds", "1"],
    );
    let said = text(&measured.stdout);
    assert!(measured.status.success() && said.contains("native parse"), "{said}{}", text(&measured.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_plugin_is_refused_in_a_sentence() {
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    fs::write(home.path().join("text.wasm"), "not WebAssembly\n").expect("a file");
    fs::write(home.path().join("empty.wasm"), "").expect("a file");
    let checked = collector(home.path(), &["plugin", "check", "text.wasm", "empty.wasm", "/bin/sh", "missing"]);
    let said = text(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert_eq!(said.matches("  refused   ").count(), 4, "{said}");
    assert!(said.contains("ELF") && said.contains("it is a text") && said.contains("no such file"), "{said}");
}
