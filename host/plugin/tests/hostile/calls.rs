//! Plugins that do not come back, or not well.

use std::time::{Duration, Instant};

use super::{
    guest::{Guest, NEXT},
    trial::{Place, assert_one_bad_line, assert_one_bad_line_within, limits, lines},
};

const ENDLESS: &str = "(loop $again (br $again))";
/// Asks for memory until it gets no more, and then gives up as a program does.
const BOMB: &str = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";

#[test]
fn trap() {
    assert_one_bad_line(&Guest::on_bad("unreachable"), "it trapped: wasm `unreachable` instruction executed");
}

#[test]
fn memory_access_out_of_bounds() {
    assert_one_bad_line(
        &Guest::on_bad("(drop (i32.load (i32.const 99999999)))"),
        "it trapped: out of bounds memory access",
    );
}

#[test]
fn endless_loop_in_process() {
    assert_one_bad_line(&Guest::on_bad(ENDLESS), "it took longer than 100 ms");
}

#[test]
fn memory_bomb() {
    assert_one_bad_line(&Guest::on_bad(BOMB), "it wanted more than 67108864 bytes of memory");
}

#[test]
fn memory_bomb_under_a_smaller_limit() {
    let small = collector_plugin_host::Limits { memory_bytes_max: 2 << 20, ..limits() };
    assert_one_bad_line_within(&Guest::on_bad(BOMB), small, "it wanted more than 2097152 bytes of memory");
}

#[test]
fn stack_overflow() {
    let guest = Guest::on_bad("(drop (call $deeper (i32.const 0)))")
        .with("(func $deeper (param i32) (result i32) (i32.add (i32.const 1) (call $deeper (local.get 0))))");
    assert_one_bad_line(&guest, "it trapped: call stack exhausted");
}

#[test]
fn result_outside_of_its_memory() {
    assert_one_bad_line(&Guest::on_bad("(return (i32.const 99999992))"), "pointer out of bounds");
    assert_one_bad_line(&Guest::on_bad("(return (i32.const 1057))"), "pointer not aligned");
}

#[test]
fn lists_outside_of_its_memory() {
    // A result at 4096 whose ops begin at the end of the address space.
    let guest = Guest::on_bad(
        "(i32.store (i32.const 4116) (i32.const -4)) (i32.store (i32.const 4120) (i32.const -1)) (return (i32.const 4096))",
    );
    assert_one_bad_line(&guest, "it trapped: ");
}

#[test]
fn more_names_than_the_host_has_memory_for() {
    // A hundred thousand names in a list of its own, each the same 32 KiB: 3 GiB if they were copied.
    let guest = Guest::on_bad(
        "(local.set $start (i32.const 65536))
         (loop $more
           (i32.store (local.get $start) (i32.const 524288))
           (i32.store offset=4 (local.get $start) (i32.const 32768))
           (local.set $start (i32.add (local.get $start) (i32.const 8)))
           (br_if $more (i32.lt_u (local.get $start) (i32.const 458752))))
         (memory.fill (i32.const 524288) (i32.const 97) (i32.const 32768))
         (i32.store (i32.const 4100) (i32.const 65536))
         (i32.store (i32.const 4104) (i32.const 49152))
         (return (i32.const 4096))",
    );
    assert_one_bad_line(&guest, "it returned too much to be looked at, the limit is 65");
}

#[test]
fn answer_with_an_error() {
    // An error of six bytes at the arena's place.
    let guest = Guest::on_bad(
        "(i32.store8 (i32.const 4096) (i32.const 1)) (i32.store (i32.const 4100) (i32.const 8192))
         (i32.store (i32.const 4104) (i32.const 6)) (return (i32.const 4096))",
    );
    assert_one_bad_line(&guest.with_arena(b"oh no!"), "it answered with an error: oh no!");
}

#[test]
fn asset_asked_for_while_it_runs() {
    // What it gets is an error, and it goes on: `treated` stays away, since it says NEXT alone.
    let import = r#"(import "collector:plugin/host@0.1.0" "asset" (func $asset (param i32 i32 i32)))"#;
    let guest = Guest::on_bad(
        "(call $asset (i32.const 8192) (i32.const 1) (i32.const 4096))
         (if (i32.eqz (i32.load8_u (i32.const 4096))) (then unreachable))
         (call $word (i32.const 0))",
    );
    let place = Place::new(limits());
    place.put("p", &guest.with(import).with_arena(b"a").build());
    place.apply(&[("p", None)]).unwrap();
    let outcome = place.worker().run(&lines(true));
    assert_eq!((outcome.documents.len(), outcome.faulted), (lines(true).len(), 0));
}

#[test]
fn plugin_that_is_slow_on_every_line_costs_a_batch_twice_its_time_at_most() {
    let place = Place::new(limits());
    place.put("p", &Guest::on_bad(ENDLESS).build());
    place.apply(&[("p", None)]).unwrap();
    let all_bad: Vec<String> = (0..2_000).map(|number| format!("! {number}")).collect();
    let began = Instant::now();
    let outcome = place.worker().run(&all_bad);
    let took = began.elapsed();
    assert_eq!((outcome.documents.len(), outcome.faulted), (2_000, 2_000), "every line is kept");
    // The limit is a second; the rest is for a machine that has other things to do.
    assert!(took < Duration::from_millis(3_200), "{took:?}");
    assert!(outcome.documents[1_999].1.contains("no time left to try this one"), "{}", outcome.documents[1_999].1);
    assert!(outcome.documents[0].1.contains("it took longer than"), "{}", outcome.documents[0].1);
}

#[test]
fn plugin_that_is_never_in_time_again_is_given_up_without_trying_every_line() {
    // Bad lines everywhere: parts are given up after some of them failed.
    let place = Place::new(limits());
    place.put("p", &Guest::answers(&[7, NEXT]).build());
    place.apply(&[("p", None)]).unwrap();
    let all_bad: Vec<String> = (0..2_000).map(|number| format!("! {number}")).collect();
    let outcome = place.worker().run(&all_bad);
    assert_eq!((outcome.documents.len(), outcome.faulted), (2_000, 2_000));
}
