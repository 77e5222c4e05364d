//! Plugins in the sandbox, written as text: traps, endless loops, hunger for memory.

use std::path::{Path, PathBuf};

use collector_tasks::{ChainSpec, PluginSpec};

use super::*;

/// A core module with the component type of the world embedded. `open` and `process` are bodies that leave the address of their result; data begin
/// at 1024: an empty manifest at 1024, an empty answer at 1060, an answer of one NEXT at 1100.
pub(super) fn module(open: &str, process: &str) -> Vec<u8> {
    module_with("", open, process)
}

pub(super) fn module_with(more: &str, open: &str, process: &str) -> Vec<u8> {
    let text = format!(
        r#"(module {more}
        (memory (export "memory") 2)
        (global $top (mut i32) (i32.const 4096))
        (data (i32.const 1100) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\80\04\00\00\01\00\00\00")
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local i32)
          (local.set 4 (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
          (global.set $top (i32.add (local.get 4) (local.get 3)))
          (if (i32.gt_u (global.get $top) (i32.const 131072)) (then unreachable))
          (local.get 4))
        (func (export "collector:plugin/transform@0.1.0#open") (param i32 i32) (result i32) {open})
        (func (export "collector:plugin/transform@0.1.0#process") (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
          (global.set $top (i32.const 4096)) {process}))"#
    );
    let mut module = wat::parse_str(&text).unwrap();
    let mut resolve = wit_parser::Resolve::new();
    let wit = include_str!("../../../../wit/v0.1/plugin.wit");
    let package = resolve.push_str("plugin.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    wit_component::embed_component_metadata(&mut module, &resolve, world, wit_component::StringEncoding::UTF8).unwrap();
    module
}

/// An empty manifest, and an answer of one NEXT.
pub(super) const EMPTY_MANIFEST: &str = "(i32.const 1024)";
pub(super) const ONE_NEXT: &str = "(i32.const 1100)";

/// Makes that many events of the one line that it is given.
pub(super) fn forking(events: usize) -> Vec<u8> {
    // An answer of so many ops at 2048, the ops at 2100; a manifest that says `forks` at 2000.
    let data = format!(
        r#"(data (i32.const 2020) "\01") (data (i32.const 2048) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\34\08\00\00\{events:02x}\00\00\00")
           (data (i32.const 2100) "{}")"#,
        "\\06\\00\\00\\00".repeat(events - 1)
    );
    module_with(&data, "(i32.const 2000)", "(i32.const 2048)")
}

pub(super) fn write(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

pub(super) fn chain(path: &Path) -> ChainSpec {
    let config = serde_json::Value::Null;
    ChainSpec {
        plugins: vec![PluginSpec {
            path: path.to_owned(),
            sha256: None,
            config,
            assets: Default::default(),
            on_error: None,
        }],
    }
}

/// What comes of one line.
fn outcome(process: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "p.wasm", &module(EMPTY_MANIFEST, process));
    let limits = Limits { process_time_max: std::time::Duration::from_millis(50), ..Limits::default() };
    let host = PluginHost::new(limits, None, None, Metrics::default()).unwrap();
    let slot = slot_of(&host);
    slot.apply(&chain(&path)).unwrap();
    let mut worker = ChainWorker::new(slot);
    let first = run(&mut worker, &batch(&["line"])).remove(0);
    assert_eq!(run(&mut worker, &batch(&["line"])).remove(0), first, "a fresh instance does the same");
    first
}

#[test]
fn a_plugin_that_changes_nothing_leaves_the_line() {
    assert_eq!(outcome(ONE_NEXT), ["message=\"line\""]);
}

#[test]
fn a_trap_is_a_fault() {
    assert!(outcome("unreachable")[0].contains("it trapped"), "{:?}", outcome("unreachable"));
    assert!(outcome("(drop (i32.load (i32.const 99999999))) (i32.const 0)")[0].contains("out of bounds"));
    assert!(outcome("(i32.const 99999999)")[0].contains("error.message"));
}

#[test]
fn an_endless_loop_is_interrupted() {
    assert!(outcome("(loop (br 0)) (i32.const 0)")[0].contains("longer than 50 ms"));
}

#[test]
fn hunger_for_memory_is_not_fed() {
    // It asks for 128 MiB and traps where it does not get them.
    let greedy = "(if (i32.eq (memory.grow (i32.const 2048)) (i32.const -1)) (then unreachable)) (i32.const 1100)";
    assert!(outcome(greedy)[0].contains("it wanted more than 67108864 bytes of memory"));
    let modest = "(if (i32.eq (memory.grow (i32.const 2)) (i32.const -1)) (then unreachable)) (i32.const 1100)";
    assert_eq!(outcome(modest), ["message=\"line\""]);
}
