//! What is no plugin is refused in words, and what runs goes on.

use std::path::Path;

use super::{
    wasm::{EMPTY_MANIFEST, ONE_NEXT, chain, module, module_with, write},
    *,
};

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
    // Nor does it at the next try: what failed once is not taken from the cache.
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "p.wasm", &with_samples(r#"[{"input":"x","expect":"drop"}]"#));
    let cache = dir.path().join("cache");
    let host = PluginHost::new(Limits::default(), Some(cache.clone()), None, Metrics::default()).unwrap();
    for _ in 0..2 {
        let refused = host.prepare(&chain(&path), &PluginDirs::or_anywhere(vec![])).err().unwrap();
        assert!(matches!(refused.problem, crate::LoadProblem::FailedSample { number: 1, .. }), "{refused}");
    }
    assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 0);
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

/// A host that keeps compiled code in a directory, and loads a plugin there.
fn loaded(cache: &Path, plugin: &Path) -> Vec<Vec<String>> {
    let host = PluginHost::new(Limits::default(), Some(cache.to_owned()), None, Metrics::default()).unwrap();
    let slot = slot_of(&host);
    slot.apply(&chain(plugin)).unwrap();
    run(&mut ChainWorker::new(slot), &batch(&["x"]))
}

#[test]
fn compiled_code_that_was_damaged_is_compiled_again_and_never_run() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    let path = write(dir.path(), "p.wasm", &module(EMPTY_MANIFEST, ONE_NEXT));
    assert_eq!(loaded(&cache, &path), [["message=\"x\""]]);
    let entry = std::fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let good = std::fs::read(&entry).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let damages: [&[u8]; 4] =
        [&flipped, &good[..good.len() / 2], b"", b"\x7fELF and so on, long enough to have a checksum before it"];
    for damaged in damages {
        std::fs::write(&entry, damaged).unwrap();
        assert_eq!(loaded(&cache, &path), [["message=\"x\""]]);
        assert_eq!(std::fs::read(&entry).unwrap().len(), good.len(), "the cache is whole again");
    }
    assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 1, "nothing unfinished is left");
}

#[test]
fn compiled_code_is_kept_by_the_file_s_sha256() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    let path = write(dir.path(), "p.wasm", &module(EMPTY_MANIFEST, ONE_NEXT));
    loaded(&cache, &path);
    write(dir.path(), "p.wasm", &module(EMPTY_MANIFEST, "nop (i32.const 1100)"));
    loaded(&cache, &path);
    std::fs::copy(&path, dir.path().join("q.wasm")).unwrap();
    loaded(&cache, &dir.path().join("q.wasm"));
    let mut names: Vec<String> =
        std::fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let [one, two] = names.as_slice() else { panic!("{names:?}") };
    let (sha256, engine) = one.strip_suffix(".cwasm").unwrap().split_once('-').unwrap();
    assert!(sha256.len() == 64 && engine.len() == 16, "{one}");
    assert_eq!(two.split_once('-').unwrap().1, format!("{engine}.cwasm"), "one engine");
}

#[test]
fn a_pin_holds_for_the_file_and_for_its_last_good_copy() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = module(EMPTY_MANIFEST, ONE_NEXT);
    let path = write(dir.path(), "p.wasm", &bytes);
    let sha256 = crate::artifact::Artifact::new(&bytes).unwrap().sha256;
    let state = dir.path().join("state");
    let host = PluginHost::new(Limits::default(), None, Some(state), Metrics::default()).unwrap();
    let slot = slot_of(&host);
    let mut pinned = chain(&path);
    pinned.plugins[0].sha256 = Some(sha256.to_uppercase());
    assert!(slot.apply(&pinned).unwrap());
    assert_eq!(slot.status().plugins[0].sha256, sha256);
    // Another file in its place is refused, and what runs goes on.
    write(dir.path(), "p.wasm", &module(EMPTY_MANIFEST, "nop (i32.const 1100)"));
    let refused = slot.reload().unwrap_err();
    assert!(
        matches!(&refused.problem, crate::LoadProblem::WrongSha256 { wanted, .. } if *wanted == sha256.to_uppercase())
    );
    assert_eq!((slot.generation().number(), slot.status().refused), (1, Some(refused.to_string())));
    // Where there is no file at all, the pinned one is taken from what was kept.
    std::fs::remove_file(&path).unwrap();
    assert_eq!(host.prepare(&pinned, &PluginDirs::or_anywhere(vec![])).unwrap().hash(), slot.generation().hash());
    pinned.plugins[0].sha256 = Some("0".repeat(64));
    let gone = host.prepare(&pinned, &PluginDirs::or_anywhere(vec![])).err().unwrap();
    assert!(matches!(gone.problem, crate::LoadProblem::NotFound { .. }), "{gone}");
}

#[test]
fn a_plugin_that_is_refused_does_not_become_the_last_good_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "p.wasm", &module(EMPTY_MANIFEST, ONE_NEXT));
    let host = PluginHost::new(Limits::default(), None, Some(dir.path().join("state")), Metrics::default()).unwrap();
    let dirs = PluginDirs::only(vec![dir.path().to_owned()]);
    let good = host.prepare(&chain(&path), &dirs).unwrap().hash().clone();
    write(dir.path(), "p.wasm", &module("unreachable", ONE_NEXT));
    assert!(host.prepare(&chain(&path), &dirs).is_err());
    std::fs::remove_file(&path).unwrap();
    assert_eq!(*host.prepare(&chain(&path), &dirs).unwrap().hash(), good);
}
