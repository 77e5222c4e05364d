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
    let error =
        host().prepare(&chain(&path), &PluginDirs::only(vec![dir.path().to_owned()])).err().expect("it is refused");
    error.to_string()
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
    assert!(matches!(refused(&chain(dir.path()), &dirs), crate::LoadProblem::NotAFile { .. }));
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
