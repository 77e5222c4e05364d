//! What a module reads by a pattern: rows, through the real sandbox.

use super::{
    guest::{Guest, TEXT, word},
    trial::{BAD, Place, limits, lines},
};

/// Sets the second plugin's field to each row of the event at hand in turn, so that it has the last one in the end; sets the number of
/// words of rows where there are none.
const LAST_ROW: &str = "(call $set (i32.const 49) (local.get $rows) (i32.const 0))
  (block $seen (loop $row
    (br_if $seen (i32.le_s (local.get $rows) (i32.const 0)))
    (if (i32.eq (i32.load (local.get $sparse)) (local.get $event))
      (then (call $set (i32.const 17) (i32.load offset=12 (local.get $sparse)) (i32.load offset=16 (local.get $sparse)))))
    (local.set $sparse (i32.add (local.get $sparse) (i32.const 20)))
    (local.set $rows (i32.sub (local.get $rows) (i32.const 5)))
    (br $row)))
  (call $word (i32.const 0))";

fn read_by(pattern: &'static str, written: &'static str) -> String {
    let place = Place::new(limits());
    // Its bad line gets a text of the line's own, everything else the whole line.
    let first = format!(
        "(call $set (i32.const {}) (i32.add (local.get $start) (i32.const 4)) (i32.const 4)) (call $word (i32.const 0))",
        word(super::guest::SET, TEXT, 0)
    );
    place.put("first", &Guest::on_bad(&first).writing(written).build());
    place.put("p", &Guest::on_bad(LAST_ROW).reading(pattern).build());
    place.apply(&[("first", None), ("p", None)]).expect("both load");
    let outcome = place.worker().run(&lines(true));
    assert_eq!((outcome.documents.len(), outcome.faulted), (300, 0), "{outcome:?}");
    outcome.documents[BAD].1.clone()
}

#[test]
fn fields_below_a_prefix_come_as_rows_of_their_events() {
    let document = read_by("a.*", "a.b.c");
    assert!(document.contains(r#""a":{"b":{"c":"line"}}"#) && document.contains(r#""treated":"line""#), "{document}");
}

#[test]
fn fields_beside_a_prefix_do_not_come() {
    for written in ["a", "ab.c", "b.a"] {
        let document = read_by("a.*", written);
        assert!(document.contains(r#""treated":0"#), "{written}: {document}");
    }
}

#[test]
fn every_field_comes_for_a_star() {
    // The line is `message`, so the last row of the event is that or the field.
    let document = read_by("*", "a.b");
    assert!(document.contains(r#""treated":"line""#), "{document}");
}
