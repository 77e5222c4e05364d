//! Every operation and kind through the real sandbox, chains of several plugins, forks of forks, and what the host offers.

use super::{
    wasm::{chain, module_with, write},
    *,
};
use crate::Generation;

/// Where the data of an answer begin; the module's own lie before, what the host passes in behind 4096.
const DATA_AT: usize = 1200;

/// A plugin that says this of itself and answers every batch with that.
fn answering(manifest: &Manifest, script: &Script) -> Vec<u8> {
    let mut memory = Memory(vec![]);
    let [reads, writes, names] = [&manifest.reads, &manifest.writes, &script.names].map(|list| memory.strings(list));
    let flags = u32::from(manifest.forks) | u32::from(manifest.required) << 8;
    let open = memory.words(&[0, reads, manifest.reads.len() as u32, writes, manifest.writes.len() as u32, flags]);
    let (arena, ops) = (memory.bytes(&script.arena), memory.words(&script.ops));
    let (arena_len, ops_len) = (script.arena.len() as u32, script.ops.len() as u32);
    let process = memory.words(&[0, names, script.names.len() as u32, arena, arena_len, ops, ops_len]);
    let data: String = memory.0.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let data = format!("(data (i32.const {DATA_AT}) \"{data}\")");
    module_with(&data, &format!("(i32.const {open})"), &format!("(i32.const {process})"))
}

/// Bytes as they will lie in the guest's memory.
struct Memory(Vec<u8>);

impl Memory {
    fn bytes(&mut self, bytes: &[u8]) -> u32 {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        let at = DATA_AT + self.0.len();
        self.0.extend_from_slice(bytes);
        assert!(DATA_AT + self.0.len() < 4096);
        at as u32
    }

    fn words(&mut self, words: &[u32]) -> u32 {
        self.bytes(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())
    }

    fn strings(&mut self, strings: &[String]) -> u32 {
        let pairs: Vec<u32> =
            strings.iter().flat_map(|text| [self.bytes(text.as_bytes()), text.len() as u32]).collect();
        self.words(&pairs)
    }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Runs a chain of such plugins on one line: the fields of its events, and their forks.
fn events(plugins: &[(Manifest, Script)], line: &str) -> Vec<(Vec<String>, Vec<u16>)> {
    let dir = tempfile::tempdir().unwrap();
    let host = host();
    let mut specs = collector_tasks::ChainSpec::default();
    for (number, (manifest, script)) in plugins.iter().enumerate() {
        let path = write(dir.path(), &format!("p{number}.wasm"), &answering(manifest, script));
        specs.plugins.extend(chain(&path).plugins);
    }
    let slot = slot_of(&host);
    slot.apply(&specs).unwrap_or_else(|error| panic!("{error}"));
    let mut worker = ChainWorker::new(slot);
    let batch = batch(&[line]);
    let output = worker.run(&batch);
    let of = |event: &Event| (fields(&batch, &output, event), output.table.fork_steps(event.fork));
    output.table.events().iter().map(of).collect()
}

fn reading(reads: &[&str], writes: &[&str]) -> Manifest {
    Manifest { reads: strings(reads), writes: strings(writes), ..Manifest::default() }
}

#[test]
fn every_operation_and_kind_crosses_the_sandbox() {
    let float = 2.5f64.to_bits();
    let minus = (-7i64) as u64;
    let value = |kind, name, a, b| [word(SET, kind, name), a, b];
    let sets = [
        value(1, 0, 8, 2),
        value(2, 1, 0, 4),
        value(3, 2, minus as u32, (minus >> 32) as u32),
        value(4, 3, float as u32, (float >> 32) as u32),
        value(5, 4, 1, 0),
        value(6, 5, 0, 0),
        value(7, 6, 0, 0),
        value(8, 7, 0, 7),
        value(9, 8, 4, 6),
        [word(APPEND, 2, 9), 0, 4],
        [word(APPEND, 3, 9), 1, 0],
        value(3, 10, 5, 0),
    ];
    let mut ops = sets.concat();
    ops.extend([word(REMOVE, 0, 11), NEXT]);
    let writes = ["text", "made", "int", "float", "bool", "null", "time", "json", "made_json", "list", "nested.deep"];
    let script = Script { names: strings(&["gone"]), arena: b"made[1,\n2]".to_vec(), ops };
    let before = Script { ops: vec![word(SET, 5, 0), 1, 0, NEXT], ..Script::default() };
    let chain = [(reading(&["message"], &["gone"]), before), (reading(&["message"], &writes), script)];
    let expected = [
        "bool=true",
        "float=2.5",
        "int=-7",
        "json={\"a\":1}",
        "list=\"made\"1",
        "made=\"made\"",
        "made_json=[1,2]",
        "message=\"{\\\"a\\\":1} é\"",
        "nested.deep=5",
        "null=null",
        "text=\"é\"",
        "time=\"1970-01-01T00:00:00.000Z\"",
    ];
    assert_eq!(events(&chain, "{\"a\":1} é"), [(strings(&expected), vec![])]);
}

#[test]
fn forks_of_forks_are_numbered_from_the_outside() {
    let forking = |name: &str| {
        let manifest = Manifest { forks: true, ..reading(&["message"], &[name]) };
        let ops = vec![word(SET, 3, 0), 1, 0, FORK, word(SET, 3, 0), 2, 0, NEXT];
        (manifest, Script { ops, ..Script::default() })
    };
    let one = |name: &str| {
        let script = Script { ops: vec![word(SET, 5, 0), 1, 0, NEXT], ..Script::default() };
        (reading(&["message"], &[name]), script)
    };
    let found = events(&[one("before"), forking("outer")], "x");
    let child = strings(&["message=\"x\"", "outer=2"]);
    assert_eq!(found[1], (child, vec![1]), "a fork begins with the line alone");
    assert_eq!(found[0], (strings(&["before=true", "message=\"x\"", "outer=1"]), vec![0]));
    // The second plugin is given both events at once, so its fixed answer has to be for two.
    let (manifest, script) = forking("inner");
    let twice = Script { ops: script.ops.repeat(2), ..script };
    let found = events(&[forking("outer"), (manifest, twice)], "x");
    assert_eq!(found.iter().map(|(_, forks)| forks.clone()).collect::<Vec<_>>(), [[0, 0], [0, 1], [1, 0], [1, 1]]);
    assert_eq!(found[1].0, ["inner=2", "message=\"x\""]);
}

#[test]
fn a_chain_of_many_plugins_is_run_in_order() {
    let plugins: Vec<_> = (0..12u32)
        .map(|number| {
            let script = Script { ops: vec![word(APPEND, 3, 0), number, 0, NEXT], ..Script::default() };
            (reading(&["message", "order"], &["order"]), script)
        })
        .collect();
    assert_eq!(events(&plugins, "x")[0].0[1], "order=01234567891011");
}

#[test]
fn assets_are_to_be_had_while_a_plugin_opens_and_no_longer() {
    let import = r#"(import "collector:plugin/host@0.1.0" "asset" (func $asset (param i32 i32 i32)))
        (data (i32.const 1200) "geo")"#;
    // Asks for the asset, and traps where the answer is not what it should be: 0 is ok, 1 an error.
    let ask = |is_error: u32, then: &str| {
        format!(
            "(call $asset (i32.const 1200) (i32.const 3) (i32.const 1216))
             (if (i32.ne (i32.load8_u (i32.const 1216)) (i32.const {is_error})) (then unreachable)) {then}"
        )
    };
    let has_three_bytes = "(if (i32.ne (i32.load (i32.const 1224)) (i32.const 3)) (then unreachable)) (i32.const 1024)";
    let dir = tempfile::tempdir().unwrap();
    let module = module_with(import, &ask(0, has_three_bytes), &ask(1, "(i32.const 1100)"));
    let path = write(dir.path(), "p.wasm", &module);
    let mut spec = chain(&path);
    spec.plugins[0].assets.insert("geo".to_owned(), write(dir.path(), "geo.mmdb", b"abc"));
    let slot = slot_of(&host());
    slot.apply(&spec).unwrap_or_else(|error| panic!("{error}"));
    let with_asset: Arc<Generation> = slot.generation();
    let mut worker = ChainWorker::new(Arc::clone(&slot));
    assert_eq!(run(&mut worker, &batch(&["line"])), [["message=\"line\""]], "`process` gets an error instead");
    std::fs::write(dir.path().join("geo.mmdb"), b"xyz").unwrap();
    assert!(slot.reload().unwrap(), "another asset is another chain");
    assert_ne!(slot.generation().hash(), with_asset.hash());
    spec.plugins[0].assets.clear();
    assert!(slot.apply(&spec).is_err(), "without the asset it does not open");
}
