//! What is no plugin is refused in words, and what runs goes on.

use std::time::{Duration, Instant};

use super::{
    wasm::{EMPTY_MANIFEST, ONE_NEXT, chain, module, module_with, write},
    *,
};
use crate::FileWatch;

/// What is said about a file with that content.
fn refusal(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "p.wasm", bytes);
    let limits = Limits { open_time_max: Duration::from_millis(50), ..Limits::default() };
    let host = PluginHost::new(limits, None, None, Metrics::default()).unwrap();
    let error =
        host.prepare(&chain(&path), &PluginDirs::only(vec![dir.path().to_owned()])).err().expect("it is refused");
    error.to_string().replace(&dir.path().display().to_string(), "DIR")
}

#[test]
fn what_is_no_plugin_is_named_with_what_to_do() {
    let wat = |text: &str| wat::parse_str(text).unwrap();
    let golden: [(&[u8], &str); 12] = [
        (b"", "it is not WebAssembly: it is empty; copy it again"),
        (
            b"\x7fELF\x02\x01",
            "it is not WebAssembly: it is machine code (a program, or a module that wasmtime compiled in advance); deploy the .wasm itself: the collector compiles it, and takes no machine code from anybody",
        ),
        (b"(module)", "it is not WebAssembly: it is the text format; assemble it first: `wasm-tools parse`"),
        (b"#!/bin/sh", "it is not WebAssembly: it does not begin with \\0asm; name the .wasm file that the build made"),
        (
            &wat("(module)"),
            "it is a core module without an embedded component type, so it is no plugin; export it with the macro of the crate collector-plugin, or make it a component of the world collector:plugin/plugin@0.1.0",
        ),
        (
            &wat("(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func (param i32))))"),
            "it is a core module that imports wasi_snapshot_preview1; build it for wasm32-unknown-unknown: `collector plugin build`",
        ),
        (
            &wat("(component)"),
            "it does not export collector:plugin/transform@0.1.0 (it exports nothing), so it is a component for something else; build it against wit/v0.1",
        ),
        (
            &wat("(component (instance $i) (export \"collector:plugin/transform@0.9.0\" (instance $i)))"),
            "it exports version 0.9.0 of collector:plugin/transform, this collector knows 0.1.0; update the collector, or build the plugin against wit/v0.1",
        ),
        (
            &module("unreachable", ONE_NEXT),
            "starting it failed: open: it trapped: wasm `unreachable` instruction executed; correct the plugin (`collector plugin check` tries it)",
        ),
        (
            &module("(loop (br 0)) (i32.const 0)", ONE_NEXT),
            "starting it failed: open: it took longer than 50 ms; correct the plugin (`collector plugin check` tries it)",
        ),
        (
            &module("(i32.store8 (i32.const 1024) (i32.const 1)) (i32.const 1024)", ONE_NEXT),
            "it does not take its configuration (none): ; correct config in the task",
        ),
    ];
    for (bytes, expected) in golden {
        assert_eq!(refusal(bytes), format!("loading the plugin DIR/p.wasm: {expected}"));
    }
}

#[test]
fn a_damaged_module_is_not_valid() {
    let bytes = module(EMPTY_MANIFEST, ONE_NEXT);
    for len in [9, bytes.len() / 2, bytes.len() - 1] {
        assert!(refusal(&bytes[..len]).contains("it is "), "{}", refusal(&bytes[..len]));
    }
}

#[test]
fn paths_pins_and_sizes_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "p.wasm", &module(EMPTY_MANIFEST, ONE_NEXT));
    let host = host();
    let dirs = PluginDirs::only(vec![dir.path().to_owned()]);
    let refused =
        |spec: &collector_tasks::ChainSpec, dirs: &PluginDirs| host.prepare(spec, dirs).err().expect("refused").problem;
    let mut pinned = chain(&path);
    pinned.plugins[0].sha256 = Some("0".repeat(64));
    assert!(matches!(refused(&pinned, &dirs), crate::LoadProblem::WrongSha256 { .. }));
    assert!(matches!(refused(&chain(Path::new("absent")), &dirs), crate::LoadProblem::NotFound { .. }));
    assert!(matches!(refused(&chain(&dir.path().join("q.wasm")), &dirs), crate::LoadProblem::NotFound { .. }));
    assert!(matches!(refused(&chain(dir.path()), &dirs), crate::LoadProblem::NotAFile));
    let elsewhere = PluginDirs::only(vec!["/usr/share/collector".into()]);
    assert!(matches!(refused(&chain(&path), &elsewhere), crate::LoadProblem::Outside { .. }));
    let outside = dir.path().join("x/../../p.wasm");
    assert!(matches!(refused(&chain(&outside), &elsewhere), crate::LoadProblem::Outside { .. }));
    assert_eq!(host.prepare(&chain(Path::new("p")), &dirs).unwrap().hash().len(), 8, "a bare name is looked up");
    let small =
        PluginHost::new(Limits { wasm_bytes_max: 10, ..Limits::default() }, None, None, Metrics::default()).unwrap();
    assert!(matches!(small.prepare(&chain(&path), &dirs).err().unwrap().problem, crate::LoadProblem::TooLarge { .. }));
}

use std::path::Path;

#[test]
fn a_sample_that_does_not_hold_stops_a_version() {
    let with_samples = |samples: &str| {
        let mut bytes = module(EMPTY_MANIFEST, ONE_NEXT);
        let mut section = vec![b"collector:samples".len() as u8];
        section.extend_from_slice(b"collector:samples");
        section.extend_from_slice(samples.as_bytes());
        assert!(section.len() < 128);
        bytes.extend([0, section.len() as u8]);
        bytes.extend(section);
        bytes
    };
    let wrong = refusal(&with_samples(r#"[{"input":"x","expect":{}},{"input":"x","expect":"drop"}]"#));
    assert!(wrong.contains("its sample 2 does not hold: expected \"drop\", got [{}]"), "{wrong}");
    assert!(refusal(&with_samples("{")).contains("collector:samples is not as wit/v0.1 has it"));
}

#[test]
fn a_host_import_may_be_used_and_the_cache_gives_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let import = r#"(import "collector:plugin/host@0.1.0" "log" (func $log (param i32 i32 i32)))"#;
    let logging =
        module_with(import, "(call $log (i32.const 2) (i32.const 1100) (i32.const 0)) (i32.const 1024)", ONE_NEXT);
    let path = write(dir.path(), "p.wasm", &logging);
    for _ in 0..2 {
        let host =
            PluginHost::new(Limits::default(), Some(dir.path().join("cache")), None, Metrics::default()).unwrap();
        let slot = slot_of(&host);
        assert!(slot.apply(&chain(&path)).unwrap());
        assert_eq!(run(&mut ChainWorker::new(slot), &batch(&["x"])), [["message=\"x\""]]);
    }
    assert_eq!(std::fs::read_dir(dir.path().join("cache")).unwrap().count(), 1);
}

#[test]
fn the_last_good_copy_is_used_where_the_file_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "p.wasm", &module(EMPTY_MANIFEST, ONE_NEXT));
    let state = dir.path().join("state");
    let host = || PluginHost::new(Limits::default(), None, Some(state.clone()), Metrics::default()).unwrap();
    let dirs = PluginDirs::only(vec![dir.path().to_owned()]);
    let hash = host().prepare(&chain(&path), &dirs).unwrap().hash().clone();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(*host().prepare(&chain(&path), &dirs).unwrap().hash(), hash);
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
    let path = write(dir.path(), "p.wasm", &module(EMPTY_MANIFEST, ONE_NEXT));
    let host = host();
    let slot = slot_of(&host);
    slot.apply(&chain(&path)).unwrap();
    let watch = FileWatch::start().unwrap();
    watch.add(&slot);
    let first = slot.generation().hash().clone();
    // Another body, so another sha256.
    std::fs::write(&path, module(EMPTY_MANIFEST, "nop (i32.const 1100)")).unwrap();
    wait_for("the overwritten file", || slot.generation().number() == 2);
    assert_ne!(*slot.generation().hash(), first);
    let new = write(dir.path(), "new", &module(EMPTY_MANIFEST, "nop nop (i32.const 1100)"));
    std::fs::rename(new, &path).unwrap();
    wait_for("the replaced file", || slot.generation().number() == 3);
    std::fs::write(&path, "garbage").unwrap();
    wait_for("the refusal", || slot.status().refused.is_some());
    assert_eq!((slot.generation().number(), slot.status().state), (3, "running"));
    assert!(slot.metrics().render().contains("collector_chain_refusals_total{topic=\"t\"} 1"));
    std::fs::write(&path, module(EMPTY_MANIFEST, "nop nop nop (i32.const 1100)")).unwrap();
    wait_for("the repaired file", || slot.generation().number() == 4);
    assert_eq!(slot.status().refused, None);
}
