//! Whatever is named as a plugin: one sentence says what it is, why it is refused and what to do.

use std::path::Path;

use collector_plugin_host::{Limits, PluginDirs, PluginHost};
use collector_tasks::ChainSpec;

use super::{
    guest::{Guest, NEXT, embed},
    trial::{entry, limits},
};

/// What is said about the file `p.wasm` of a directory.
fn said(dir: &Path) -> String {
    let host = PluginHost::new(limits(), None, None, Default::default()).expect("the engine starts");
    let chain = ChainSpec { plugins: vec![entry("p", None)] };
    let error = host.prepare(&chain, &PluginDirs::only(vec![dir.to_owned()])).err().expect("it is refused");
    error.to_string().replace(&dir.display().to_string(), "DIR")
}

fn said_of(file: &[u8]) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("p.wasm"), file).expect("writing the file");
    said(dir.path())
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("it assembles")
}

fn good() -> Vec<u8> {
    Guest::answers(&[NEXT]).build()
}

#[test]
fn files_that_are_no_webassembly() {
    let golden: [(&[u8], &str); 8] = [
        (b"", "it is not WebAssembly: it is empty; copy it again, or build it again"),
        (
            b"\x7fELF\x02\x01\x01",
            "it is not WebAssembly: it is a program or library in machine code (ELF); build it for wasm32-unknown-unknown: `collector plugin build`",
        ),
        (b"\x1f\x8b\x08\x00", "it is not WebAssembly: it is packed with gzip; unpack it: `gunzip`"),
        (b"(module)", "it is not WebAssembly: it is the text format; assemble it first: `wasm-tools parse`"),
        (b"#!/bin/sh\nexit 0\n", "it is not WebAssembly: it is a script; name the .wasm file that the build made"),
        (b"fn main() {}\n", "it is not WebAssembly: it is a text; name the .wasm file that the build made"),
        (
            b"\x00\x01\x02\x03",
            "it is not WebAssembly: it does not begin with \\0asm; name the .wasm file that the build made",
        ),
        (
            b"\0asm\x07\0\0\0",
            "it is not WebAssembly: it has its beginning, but the version is unknown; build it with a current toolchain",
        ),
    ];
    for (file, expected) in golden {
        assert_eq!(said_of(file), format!("loading the plugin DIR/p.wasm: {expected}"));
    }
}

#[test]
fn webassembly_that_is_no_plugin() {
    let other_world = "package a:b; world w { export run: func(); }";
    let module = wat("(module (func (export \"run\")))");
    let golden: [(Vec<u8>, &str); 10] = [
        (
            wat("(module)"),
            "it is a core module without an embedded component type, so it is no plugin; export it with the macro of the crate collector-plugin, or make it a component of the world collector:plugin/plugin@0.1.0",
        ),
        (
            wat("(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func (param i32))))"),
            "it is a core module that imports wasi_snapshot_preview1; build it for wasm32-unknown-unknown: `collector plugin build`",
        ),
        (
            wat("(module (import \"env\" \"printf\" (func (param i32))))"),
            "it imports printf from \"env\", which plugins do not get; a plugin may import collector:plugin/host@0.1.0 alone: link everything else into it",
        ),
        (
            wat("(module (import \"__wbindgen_placeholder__\" \"__wbg_now\" (func)))"),
            "it imports __wbg_now from \"__wbindgen_placeholder__\", which plugins do not get; some crate that it uses expects a browser: turn off its features for JavaScript (wasm-bindgen, js)",
        ),
        (
            embed(module, other_world, "w"),
            "it does not export collector:plugin/transform@0.1.0 (it exports run), so it is a component for something else; build it against wit/v0.1",
        ),
        (
            wat("(component)"),
            "it does not export collector:plugin/transform@0.1.0 (it exports nothing), so it is a component for something else; build it against wit/v0.1",
        ),
        (
            wat("(component (instance $i) (export \"collector:plugin/transform@0.9.0\" (instance $i)))"),
            "it exports version 0.9.0 of collector:plugin/transform, this collector knows 0.1.0; update the collector, or build the plugin against wit/v0.1",
        ),
        (
            wat("(component (instance $i) (export \"collector:plugin/transform@0.1.0\" (instance $i)))"),
            "it exports collector:plugin/transform@0.1.0, but not as wit/v0.1 has it: there is no function open; build it against wit/v0.1",
        ),
        (
            Guest::answers(&[NEXT]).opening("unreachable").build(),
            "starting it failed: open: it trapped: wasm `unreachable` instruction executed; correct the plugin (`collector plugin check` tries it)",
        ),
        (
            Guest::answers(&[NEXT]).opening("(loop $again (br $again))").build(),
            "it did not start within 300 ms; correct the plugin, give it smaller assets, or raise limits.plugin.open_ms_max in the settings",
        ),
    ];
    for (file, expected) in golden {
        assert_eq!(said_of(&file), format!("loading the plugin DIR/p.wasm: {expected}"));
    }
}

#[test]
fn what_is_no_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let searched = "there is no such file (looked for in DIR); build it (your own: `collector plugin build DIR`; those of a checkout: `cargo xtask plugins`), \
                    or correct the name in the task";
    assert_eq!(said(dir.path()), format!("loading the plugin p: {searched}"));
    std::fs::create_dir(dir.path().join("p.wasm")).expect("a directory");
    assert_eq!(said(dir.path()), "loading the plugin DIR/p.wasm: it is a directory; name the .wasm file itself");
}

#[test]
fn code_that_was_compiled_in_advance() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = dir.path().join("cache");
    let path = dir.path().join("p.wasm");
    std::fs::write(&path, good()).expect("writing the file");
    let host =
        PluginHost::new(Limits::default(), Some(cache.clone()), None, Default::default()).expect("the engine starts");
    let dirs = PluginDirs::only(vec![dir.path().to_owned()]);
    host.prepare(&ChainSpec { plugins: vec![entry("p", None)] }, &dirs).expect("it is good");
    let kept = std::fs::read_dir(&cache).expect("the cache").next().expect("an entry").expect("its name").path();
    let kept = std::fs::read(kept).expect("the compiled code");
    let expected = "loading the plugin DIR/p.wasm: it is not WebAssembly: it is machine code that was compiled from a plugin in advance; \
                    name the .wasm file that it was made of: the collector compiles it itself, and takes no machine code from anybody";
    // As the cache keeps it, behind a checksum, and as wasmtime writes it.
    let machine_code = kept.windows(4).position(|window| window == b"\x7fELF").expect("the code itself");
    for code in [kept.as_slice(), &kept[machine_code..]] {
        assert_eq!(said_of(code), expected);
    }
}

#[test]
fn file_that_was_cut_off_anywhere() {
    let whole = good();
    let step = (whole.len() / 97).max(1);
    for len in (4..whole.len()).step_by(step) {
        let said = said_of(&whole[..len]);
        let expected = format!(
            "loading the plugin DIR/p.wasm: it is WebAssembly that was cut off after {len} bytes; copy it again, whole"
        );
        let is_between_sections =
            said.contains("without an embedded component type") || said.contains("it is not valid WebAssembly");
        assert!(said == expected || is_between_sections, "{len}: {said}");
    }
    let half = said_of(&whole[..whole.len() / 2]);
    assert!(half.contains("cut off after"), "{half}");
}

#[test]
fn file_that_was_damaged_anywhere_is_refused_in_one_sentence_or_runs() {
    let whole = good();
    let host = PluginHost::new(limits(), None, None, Default::default()).expect("the engine starts");
    let dir = tempfile::tempdir().expect("a directory");
    let chain = ChainSpec { plugins: vec![entry("p", None)] };
    for at in (0..whole.len()).step_by(61) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        std::fs::write(dir.path().join("p.wasm"), damaged).expect("writing the file");
        if let Err(error) = host.prepare(&chain, &PluginDirs::only(vec![dir.path().to_owned()])) {
            let said = error.to_string();
            assert!(!said.contains('\n') && said.contains("; "), "{at}: {said:?}");
        }
    }
}

#[test]
fn configuration_that_open_refuses_is_shown_in_the_plugin_s_own_words() {
    // A result of `open` that is an error of two lines.
    let words = b"timezone: \"Mars\" is none;\n  write \"UTC\" or \"+02:00\"";
    let open = format!(
        "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store (i32.const 1028) (i32.const 8192))
         (i32.store (i32.const 1032) (i32.const {}))",
        words.len()
    );
    let dir = tempfile::tempdir().expect("a directory");
    let file = Guest::answers(&[NEXT]).with_arena(words).opening(&open).build();
    std::fs::write(dir.path().join("p.wasm"), file).expect("writing the file");
    let host = PluginHost::new(limits(), None, None, Default::default()).expect("the engine starts");
    let mut entry = entry("p", None);
    entry.config = serde_json::json!({"timezone": "Mars"});
    let error = host.prepare(&ChainSpec { plugins: vec![entry] }, &PluginDirs::only(vec![dir.path().to_owned()])).err();
    assert_eq!(
        error.expect("it is refused").problem.to_string(),
        "it does not take its configuration {\"timezone\":\"Mars\"}: timezone: \"Mars\" is none; write \"UTC\" or \"+02:00\"; correct config in the task"
    );
}
