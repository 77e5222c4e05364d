//! Writes plugins: core modules with their component type embedded, good but for what a test asks for.

use std::fmt::Write;

const OPEN_RESULT: usize = 1024;
const PROCESS_RESULT: usize = 1056;
/// Names, each as offset and length, then their bytes.
const MANIFEST: usize = 2048;
const ARENA: usize = 8192;
/// 64 KiB and above: ops; half a MiB and above: what the host hands over.
const PAGES: usize = 16;

/// A plugin that sets `treated` to the line, and on lines that begin with `!` does what it was told to do.
#[derive(Clone, Default)]
pub(crate) struct Guest {
    on_bad: String,
    open: String,
    more: String,
    arena: Vec<u8>,
    forks: bool,
    required: bool,
    reads: Option<&'static str>,
    writes: Option<&'static str>,
}

impl Guest {
    /// On a bad line it runs these instructions; the line's text lies at `$text + $start` and has `$len` bytes. They can call `$word` to
    /// write a word of ops, and `$set` to write three of them.
    pub(crate) fn on_bad(instructions: &str) -> Guest {
        Guest { on_bad: instructions.to_owned(), ..Guest::default() }
    }

    /// On a bad line it writes these words of ops.
    pub(crate) fn answers(words: &[u32]) -> Guest {
        let calls: Vec<String> =
            words.iter().map(|word| format!("(call $word (i32.const {}))", *word as i32)).collect();
        Guest::on_bad(&calls.join(" "))
    }

    /// Its arena holds these bytes, in every batch.
    pub(crate) fn with_arena(self, arena: &[u8]) -> Guest {
        Guest { arena: arena.to_vec(), ..self }
    }

    /// It runs these instructions when it is opened.
    pub(crate) fn opening(self, instructions: &str) -> Guest {
        Guest { open: instructions.to_owned(), ..self }
    }

    /// With further parts of a module: imports first.
    pub(crate) fn with(self, more: &str) -> Guest {
        Guest { more: self.more + more, ..self }
    }

    /// Its manifest says that it forks.
    pub(crate) fn forking(self) -> Guest {
        Guest { forks: true, ..self }
    }

    /// Its manifest says that nothing must pass it.
    pub(crate) fn required(self) -> Guest {
        Guest { required: true, ..self }
    }

    /// Its manifest reads that pattern too, of which the rows begin at `$sparse` and are `$rows` words long.
    pub(crate) fn reading(self, pattern: &'static str) -> Guest {
        Guest { reads: Some(pattern), ..self }
    }

    /// What it sets has that name.
    pub(crate) fn writing(self, name: &'static str) -> Guest {
        Guest { writes: Some(name), ..self }
    }

    /// The core module.
    pub(crate) fn module(&self) -> Vec<u8> {
        wat::parse_str(self.text()).expect("the generator writes modules that assemble")
    }

    /// The file of the plugin.
    pub(crate) fn build(&self) -> Vec<u8> {
        embed(self.module(), include_str!("../../../../wit/v0.1/plugin.wit"), "plugin")
    }

    /// The core module as text.
    pub(crate) fn text(&self) -> String {
        let (on_bad, open, more) = (&self.on_bad, &self.open, &self.more);
        let arena_len = self.arena.len();
        let data = self.data();
        format!(
            r#"(module {more}
  (memory (export "memory") {PAGES})
  {data}
  (global $free (mut i32) (i32.const 524288))
  (global $end (mut i32) (i32.const 65536))
  (global $arena_len (mut i32) (i32.const {arena_len}))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local i32)
    (local.set 4 (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get 4) (local.get 3)))
    (if (i32.gt_u (global.get $free) (i32.const {end_of_memory})) (then unreachable))
    (local.get 4))
  (func $word (param i32)
    (i32.store (global.get $end) (local.get 0))
    (global.set $end (i32.add (global.get $end) (i32.const 4))))
  (func $set (param i32 i32 i32)
    (call $word (local.get 0)) (call $word (local.get 1)) (call $word (local.get 2)))
  (func (export "collector:plugin/transform@0.1.0#open") (param i32 i32) (result i32)
    {open}
    (i32.const {OPEN_RESULT}))
  (func (export "collector:plugin/transform@0.1.0#process")
    (param $events i32) (param $text i32) (param i32) (param $cells i32) (param i32 i32 i32)
    (param $sparse i32) (param $rows i32) (result i32)
    (local $event i32) (local $start i32) (local $len i32)
    (global.set $free (i32.const 524288))
    (global.set $end (i32.const 65536))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $event) (local.get $events)))
      (local.set $start (i32.load offset=4 (local.get $cells)))
      (local.set $len (i32.load offset=8 (local.get $cells)))
      (if (i32.eq (i32.load8_u (i32.add (local.get $text) (local.get $start))) (i32.const 33))
        (then {on_bad})
        (else (call $set (i32.const 17) (local.get $start) (local.get $len)) (call $word (i32.const 0))))
      (local.set $cells (i32.add (local.get $cells) (i32.const 12)))
      (local.set $event (i32.add (local.get $event) (i32.const 1)))
      (br $next)))
    (i32.store offset=12 (i32.const {PROCESS_RESULT}) (i32.const {ARENA}))
    (i32.store offset=16 (i32.const {PROCESS_RESULT}) (global.get $arena_len))
    (i32.store offset=20 (i32.const {PROCESS_RESULT}) (i32.const 65536))
    (i32.store offset=24 (i32.const {PROCESS_RESULT}) (i32.shr_u (i32.sub (global.get $end) (i32.const 65536)) (i32.const 2)))
    (i32.const {PROCESS_RESULT})))"#,
            end_of_memory = PAGES << 16,
        )
    }

    /// The manifest: it reads `message` and writes `treated`, where nothing else is said.
    fn data(&self) -> String {
        let names: Vec<&str> =
            [Some("message"), self.reads, Some(self.writes.unwrap_or("treated"))].into_iter().flatten().collect();
        let reads = names.len() - 1;
        let words = [MANIFEST, reads, MANIFEST + 8 * reads, 1];
        let mut result = vec![0; 4];
        words.iter().for_each(|word| result.extend((*word as u32).to_le_bytes()));
        result.extend([u8::from(self.forks), u8::from(self.required)]);
        let (mut manifest, mut at) = (vec![], MANIFEST + 8 * names.len());
        for name in &names {
            [at, name.len()].iter().for_each(|word| manifest.extend((*word as u32).to_le_bytes()));
            at += name.len();
        }
        manifest.extend(names.concat().bytes());
        [(OPEN_RESULT, &result), (MANIFEST, &manifest), (ARENA, &self.arena)]
            .iter()
            .map(|(at, bytes)| format!("(data (i32.const {at}) \"{}\")", escaped(bytes)))
            .collect()
    }
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing into a String cannot fail.
        let _ = write!(out, "\\{byte:02x}");
        out
    })
}

/// Embeds the component type of a world.
pub(crate) fn embed(mut module: Vec<u8>, wit: &str, world: &str) -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::new();
    let package = resolve.push_str("plugin.wit", wit).expect("the interface is valid");
    let world = resolve.select_world(&[package], Some(world)).expect("the world is there");
    wit_component::embed_component_metadata(&mut module, &resolve, world, wit_component::StringEncoding::UTF8)
        .expect("the component type can be embedded");
    module
}

/// A word of ops.
pub(crate) const fn word(op: u32, kind: u32, name: u32) -> u32 {
    op | kind << 4 | name << 8
}

pub(crate) const NEXT: u32 = 0;
pub(crate) const SET: u32 = 1;
pub(crate) const DROP: u32 = 4;
pub(crate) const REJECT: u32 = 5;
pub(crate) const FORK: u32 = 6;
/// Kinds of values.
pub(crate) const TEXT: u32 = 1;
pub(crate) const ARENA_TEXT: u32 = 2;
pub(crate) const FLOAT: u32 = 4;
pub(crate) const BOOL: u32 = 5;
pub(crate) const ARENA_JSON: u32 = 9;
