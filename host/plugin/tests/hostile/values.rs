//! Plugins whose values are none.

use super::{
    guest::{ARENA_JSON, ARENA_TEXT, BOOL, FLOAT, Guest, NEXT, SET, word},
    trial::{BAD, Place, assert_one_bad_line, limits, lines},
};

/// Sets `treated` to a JSON value.
fn json(text: &str) -> Guest {
    Guest::answers(&[word(SET, ARENA_JSON, 0), 0, text.len() as u32, NEXT]).with_arena(text.as_bytes())
}

#[test]
fn nan() {
    for bits in [f64::NAN.to_bits(), f64::INFINITY.to_bits(), 0x7ff0_0000_0000_0001] {
        let guest = Guest::answers(&[word(SET, FLOAT, 0), bits as u32, (bits >> 32) as u32, NEXT]);
        assert_one_bad_line(&guest, "a number is infinite or not a number");
    }
}

#[test]
fn bool_that_is_none() {
    assert_one_bad_line(&Guest::answers(&[word(SET, BOOL, 0), 2, 0, NEXT]), "a bool is neither 0 nor 1");
}

#[test]
fn text_that_is_not_utf8() {
    let guest = Guest::answers(&[word(SET, ARENA_TEXT, 0), 0, 2, NEXT]).with_arena(b"\xff\xfe");
    assert_one_bad_line(&guest, "the arena is not UTF-8");
}

#[test]
fn malformed_raw_json() {
    for text in ["{\"a\":", "{} {}", "{'a':1}", "nul", "\"\\ud800\"", "1}\n{\"index\":{}}\n{\"a\":1"] {
        assert_one_bad_line(&json(text), "JSON");
    }
}

#[test]
fn over_deep_raw_json() {
    assert_one_bad_line(&json(&("[".repeat(21) + &"]".repeat(21))), "more than 20 levels");
    assert_one_bad_line(&json(&"[".repeat(5_000)), "JSON");
}

#[test]
fn multi_line_raw_json_that_would_break_a_bulk_request() {
    // A line break inside of a string is no JSON; between the parts of a value it is, and is taken out.
    assert_one_bad_line(&json("{\"a\":\"x\n{\\\"index\\\":{}}\ny\"}"), "JSON");
    let place = Place::new(limits());
    place.put("p", &json("{\r\n\"a\":\n\n[1,\n2]}").build());
    place.apply(&[("p", None)]).unwrap();
    let outcome = place.worker().run(&lines(true));
    assert_eq!((outcome.documents.len(), outcome.faulted), (lines(true).len(), 0));
    let document = &outcome.documents[BAD].1;
    assert!(document.contains("\"treated\":{\"a\":[1,2]}"), "{document}");
}
