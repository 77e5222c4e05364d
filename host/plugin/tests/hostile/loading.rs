//! Plugins that are hostile before they ever run, and what goes on while they are refused.

use std::time::{Duration, Instant};

use collector_plugin_host::LoadProblem;

use super::{
    guest::{Guest, NEXT, embed},
    trial::{Place, limits, lines},
};

const ENDLESS: &str = "(loop $again (br $again))";

/// It is refused for that problem; what ran before treats every line as it did.
fn assert_refused(file: &[u8], is_expected: impl Fn(&LoadProblem) -> bool) -> Place {
    let place = Place::new(limits());
    place.put("good", &Guest::answers(&[NEXT]).build());
    place.apply(&[("good", None)]).unwrap();
    let mut runner = place.worker();
    let before = runner.run(&lines(true)).documents;
    place.put("p", file);
    let error = place.apply(&[("p", None)]).expect_err("it is refused");
    assert!(is_expected(&error.problem), "{error}");
    let status = place.slot.status();
    assert_eq!((status.state, status.generation, status.plugins[0].name.as_str()), ("running", 1, "good"));
    assert_eq!(status.refused, Some(error.to_string()));
    assert_eq!(runner.run(&lines(true)).documents, before);
    assert_eq!(place.metric("collector_chain_refusals_total{topic=\"t\"}"), 1);
    place
}

#[test]
fn endless_loop_in_open() {
    let began = Instant::now();
    let file = Guest::answers(&[NEXT]).opening(ENDLESS).build();
    let place =
        assert_refused(&file, |problem| *problem == LoadProblem::SlowStart { time_max: Duration::from_millis(300) });
    assert_eq!(place.met("open_time"), 1);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn endless_loop_before_open() {
    // The module's start function runs before anything is called.
    let start = format!("(func $start {ENDLESS}) (start $start)");
    let file = Guest::answers(&[NEXT]).with(&start).build();
    assert_refused(&file, |problem| matches!(problem, LoadProblem::SlowStart { .. }));
}

#[test]
fn trap_in_open() {
    let file = Guest::answers(&[NEXT]).opening("unreachable").build();
    assert_refused(&file, |problem| matches!(problem, LoadProblem::NotStarted { .. }));
}

#[test]
fn memory_bomb_in_open() {
    let bomb = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    let file = Guest::answers(&[NEXT]).opening(bomb).build();
    let place = assert_refused(&file, |problem| *problem == LoadProblem::LargeStart { bytes_max: 64 << 20 });
    assert_eq!(place.met("memory"), 1, "counted where the memory is refused");
}

#[test]
fn more_memory_than_allowed_from_the_beginning() {
    // The module's own memory would be 128 MiB.
    let text = String::from_utf8(wat_of(&Guest::answers(&[NEXT]))).unwrap();
    let module =
        wat::parse_str(text.replace("(memory (export \"memory\") 16)", "(memory (export \"memory\") 2048)")).unwrap();
    let file = embed(module, include_str!("../../../../wit/v0.1/plugin.wit"), "plugin");
    assert_refused(&file, |problem| *problem == LoadProblem::LargeStart { bytes_max: 64 << 20 });
}

fn wat_of(guest: &Guest) -> Vec<u8> {
    guest.text().into_bytes()
}

#[test]
fn import_that_is_not_allowed() {
    let import = r#"(import "env" "system" (func $system (param i32) (result i32)))"#;
    let file = Guest::on_bad("(drop (call $system (i32.const 8192)))").with(import).build();
    assert_refused(&file, |problem| matches!(problem, LoadProblem::ForbiddenImport { .. }));
}

#[test]
fn import_that_a_component_is_not_given() {
    let component = wat::parse_str(
        r#"(component (import "evil:files/read@1.0.0" (instance)) (instance $i)
            (export "collector:plugin/transform@0.1.0" (instance $i)))"#,
    );
    assert_refused(&component.unwrap(), |problem| matches!(problem, LoadProblem::ForbiddenImport { .. }));
}

#[test]
fn component_for_another_world() {
    let component = wat::parse_str("(component (instance $i) (export \"wasi:http/handler@0.3.0\" (instance $i)))");
    assert_refused(&component.unwrap(), |problem| matches!(problem, LoadProblem::WrongWorld { .. }));
}

#[test]
fn component_that_only_claims_to_be_a_plugin() {
    let component =
        wat::parse_str("(component (instance $i) (export \"collector:plugin/transform@0.1.0\" (instance $i)))");
    assert_refused(&component.unwrap(), |problem| matches!(problem, LoadProblem::WrongInterface { .. }));
}

#[test]
fn manifest_larger_than_the_host_wants_to_hold() {
    // Two million names of eight bytes each: more than 16 MiB where they are kept.
    let open = "(i32.store (i32.const 1036) (i32.const 65536)) (i32.store (i32.const 1040) (i32.const 2000000))
        (drop (memory.grow (i32.const 300)))";
    let file = Guest::answers(&[NEXT]).opening(open).build();
    assert_refused(
        &file,
        |problem| matches!(problem, LoadProblem::NotStarted { reason } if reason.contains("the limit is 4194304 bytes")),
    );
}

#[test]
fn function_that_would_take_long_to_compile() {
    // 600 KiB of the kind of code that takes longest: the compiler never sees it.
    let body = "(block (loop local.get 0 i32.eqz br_if 1 local.get 0 i32.const 1 i32.add local.set 0)) ".repeat(40_000);
    let file = Guest::answers(&[NEXT]).with(&format!("(func (param i32) {body})"));
    // Functions come behind imports, of which this one has none.
    let place = Place::new(limits());
    place.put("p", &file.build());
    let error = place.apply(&[("p", None)]).expect_err("it is refused");
    assert!(matches!(error.problem, LoadProblem::LargeFunction { bytes: 600_000.., bytes_max: 524_288 }), "{error}");
    assert_eq!(place.met("function_bytes"), 1);
    let small = collector_plugin_host::Limits { function_bytes_max: 10, ..limits() };
    let place = Place::new(small);
    place.put("p", &Guest::answers(&[NEXT]).build());
    let error = place.apply(&[("p", None)]).expect_err("it is refused").to_string();
    assert!(error.contains("split the function, or raise limits.plugin.function_bytes_max"), "{error}");
}

#[test]
fn file_and_asset_larger_than_their_limits_are_counted() {
    let small = collector_plugin_host::Limits { wasm_bytes_max: 100, asset_bytes_max: 10, ..limits() };
    let place = Place::new(small);
    place.put("p", &Guest::answers(&[NEXT]).build());
    let error = place.apply(&[("p", None)]).expect_err("it is too large");
    assert!(matches!(error.problem, LoadProblem::TooLarge { bytes_max: 100, .. }), "{error}");
    assert_eq!(place.met("wasm_bytes"), 1);

    let place = Place::new(collector_plugin_host::Limits { asset_bytes_max: 10, ..limits() });
    let asset = place.put("p", &Guest::answers(&[NEXT]).build());
    let mut entry = super::trial::entry("p", None);
    entry.assets.insert("table".to_owned(), asset);
    let chain = collector_tasks::ChainSpec { plugins: vec![entry] };
    let error = place.slot.apply(&chain).expect_err("its asset is too large");
    assert!(
        matches!(&error.problem, LoadProblem::AssetTooLarge { name, bytes_max: 10, .. } if name == "table"),
        "{error}"
    );
    assert_eq!(place.met("asset_bytes"), 1);
}
