//! Plugins whose operations break the rules.

use super::{
    guest::{BOOL, FORK, Guest, NEXT, SET, TEXT, word},
    trial::assert_one_bad_line,
};

#[test]
fn output_over_the_limit() {
    // Half a megabyte for a few kilobytes.
    let guest = Guest::on_bad("(global.set $arena_len (i32.const 500000)) (call $word (i32.const 0))");
    assert_one_bad_line(&guest, "the limit is 65");
}

#[test]
fn words_cut_short() {
    // A SET without its second operand, and nothing behind it.
    let cut = Guest::on_bad(
        "(call $set (i32.const 17) (i32.const 0) (i32.const 1)) (global.set $end (i32.sub (global.get $end) (i32.const 4)))
         (local.set $event (local.get $events))",
    );
    assert_one_bad_line(&cut, "the ops end in the middle");
}

#[test]
fn events_that_never_end() {
    assert_one_bad_line(&Guest::on_bad("(local.set $event (local.get $events))"), "the ops end in the middle");
}

#[test]
fn ops_behind_the_last_event() {
    assert_one_bad_line(&Guest::answers(&[NEXT, NEXT]), "there are ops behind the last event");
}

#[test]
fn unknown_op() {
    assert_one_bad_line(&Guest::answers(&[7, NEXT]), "op 7 is unknown");
    assert_one_bad_line(&Guest::answers(&[word(15, 15, 0xff_ffff), NEXT]), "op 15 is unknown");
}

#[test]
fn bits_that_mean_nothing() {
    assert_one_bad_line(&Guest::answers(&[word(NEXT, 0, 1)]), "an op has bits that must be 0");
}

#[test]
fn name_id_out_of_range() {
    assert_one_bad_line(&Guest::answers(&[word(SET, BOOL, 1), 1, 0, NEXT]), "name id 1 is not in the table of 1 names");
    assert_one_bad_line(
        &Guest::answers(&[word(SET, BOOL, 0xff_ffff), 1, 0, NEXT]),
        "name id 16777215 is not in the table",
    );
}

#[test]
fn kind_out_of_range() {
    assert_one_bad_line(&Guest::answers(&[word(SET, 10, 0), 0, 0, NEXT]), "value kind 10 is not allowed");
    assert_one_bad_line(&Guest::answers(&[word(SET, 0, 0), 0, 0, NEXT]), "value kind 0 is not allowed");
}

#[test]
fn span_out_of_range() {
    assert_one_bad_line(&Guest::answers(&[word(SET, TEXT, 0), 0, 1 << 20, NEXT]), "is outside of the text");
    assert_one_bad_line(&Guest::answers(&[word(SET, 2, 0), 0, 1, NEXT]), "is outside of the arena of 0 bytes");
}

#[test]
fn overflow_in_offset_and_length() {
    assert_one_bad_line(
        &Guest::answers(&[word(SET, TEXT, 0), u32::MAX, 2, NEXT]),
        "the span 4294967295+2 is outside of the text",
    );
    assert_one_bad_line(&Guest::answers(&[word(SET, 9, 0), u32::MAX, u32::MAX, NEXT]), "is outside of the arena");
}

#[test]
fn span_inside_a_character() {
    // The bad line's second character has two bytes.
    let inside = |start: u32, len: u32| {
        Guest::on_bad(&format!(
            "(call $set (i32.const 17) (i32.add (local.get $start) (i32.const {start})) (i32.const {len})) (call $word (i32.const 0))"
        ))
    };
    assert_one_bad_line(&inside(0, 2), "cuts a character of the text");
    assert_one_bad_line(&inside(2, 1), "cuts a character of the text");
}

#[test]
fn fork_without_leave() {
    assert_one_bad_line(&Guest::answers(&[FORK, NEXT]), "it forks, but its manifest does not say so");
}

#[test]
fn ten_thousand_forks() {
    let guest = Guest::on_bad(
        "(local.set $len (i32.const 10000))
         (loop $fork
           (call $word (i32.const 6))
           (local.set $len (i32.sub (local.get $len) (i32.const 1)))
           (br_if $fork (local.get $len)))
         (call $word (i32.const 0))",
    );
    assert_one_bad_line(&guest.forking(), "a line has more than 1000 forks");
}

#[test]
fn names_of_the_host() {
    for (name, reason) in
        [("_id", "belongs to the host"), ("collector.chain", "belongs to the host"), ("a..b", "empty segment")]
    {
        // One name, whose bytes are the arena's first.
        let guest = Guest::on_bad(&format!(
            "(i32.store (i32.const 1060) (i32.const 4096)) (i32.store (i32.const 1064) (i32.const 1))
             (i32.store (i32.const 4096) (i32.const 8192)) (i32.store (i32.const 4100) (i32.const {}))
             (call $set (i32.const {}) (i32.const 1) (i32.const 0)) (call $word (i32.const 0))",
            name.len(),
            word(SET, BOOL, 1),
        ));
        assert_one_bad_line(&guest.with_arena(name.as_bytes()), reason);
    }
}
