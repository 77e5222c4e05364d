//! What a plugin says is checked before it is used.

use collector_model::LineFlags;

use super::*;

/// The one event that comes of the answer to the line `héllo wörld`.
fn one(script: Script) -> Vec<Vec<String>> {
    let mut worker = worker(&[scripted(move |_| Ok(script.clone()))]);
    run(&mut worker, &batch(&["héllo wörld"]))
}

fn ops(ops: &[u32]) -> Script {
    Script { ops: ops.to_vec(), ..Script::default() }
}

fn with_arena(arena: &[u8], ops: &[u32]) -> Script {
    Script { arena: arena.to_vec(), ops: ops.to_vec(), ..Script::default() }
}

/// The answer is a fault: the line is kept with its tag, and the reason names the rule.
fn assert_fault(script: Script, rule: &str) {
    let events = one(script);
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(event.len(), 3, "{event:?}");
    assert!(event[0].starts_with("error.message=\"p: ") && event[0].contains(rule), "{} has no {rule:?}", event[0]);
    assert_eq!(event[1..], ["message=\"héllo wörld\"", "tags=\"_parse_failure\""]);
}

#[test]
fn values_of_every_kind_are_taken() {
    let float = 1.5f64.to_bits();
    let script = with_arena(b"new{\"x\":\n[1]}", &[word(SET, 1, 0), 0, 6, word(SET, 2, 1), 0, 3, NEXT]);
    assert_eq!(one(script), [["a=\"héllo\"", "b=\"new\"", "message=\"héllo wörld\""]]);
    let kinds: [(u32, u32, u32, &str); 6] = [
        (3, u32::MAX, u32::MAX, "-1"),
        (4, float as u32, (float >> 32) as u32, "1.5"),
        (5, 1, 0, "true"),
        (6, 9, 9, "null"),
        (7, 0, 0, "\"1970-01-01T00:00:00.000Z\""),
        (9, 3, 10, "{\"x\":[1]}"),
    ];
    for (kind, a, b, expected) in kinds {
        let script = with_arena(b"new{\"x\":\n[1]}", &[word(SET, kind, 1), a, b, NEXT]);
        assert_eq!(one(script)[0][0], format!("b={expected}"));
    }
}

#[test]
fn broken_ops_are_faults() {
    assert_fault(ops(&[]), "end in the middle");
    assert_fault(ops(&[word(SET, 3, 0), 1]), "end in the middle");
    assert_fault(ops(&[word(REJECT, 0, 0), 1]), "end in the middle");
    assert_fault(ops(&[NEXT, NEXT]), "behind the last event");
    assert_fault(ops(&[7]), "op 7 is unknown");
    assert_fault(ops(&[15, NEXT]), "op 15 is unknown");
    assert_fault(ops(&[word(NEXT, 1, 0)]), "must be 0");
    assert_fault(ops(&[word(NEXT, 0, 1)]), "must be 0");
    assert_fault(ops(&[word(REMOVE, 1, 0), NEXT]), "must be 0");
}

#[test]
fn broken_values_are_faults() {
    let set = |kind, a, b| ops(&[word(SET, kind, 0), a, b, NEXT]);
    assert_fault(set(0, 0, 0), "kind 0");
    assert_fault(set(10, 0, 0), "kind 10");
    assert_fault(set(1, 0, 14), "outside of the text");
    assert_fault(set(1, u32::MAX, u32::MAX), "outside of the text");
    assert_fault(set(1, 0, 2), "cuts a character of the text");
    assert_fault(set(1, 2, 3), "cuts a character of the text");
    assert_fault(set(2, 0, 1), "outside of the arena");
    assert_fault(set(4, 0, 0x7ff0_0000), "not a number");
    assert_fault(set(4, 1, 0x7ff0_0000), "not a number");
    assert_fault(set(5, 2, 0), "neither 0 nor 1");
    assert_fault(set(8, 0, 3), "JSON");
    assert_fault(ops(&[word(SET, 3, 4), 0, 0, NEXT]), "name id 4 is not in the table of 4");
}

#[test]
fn an_arena_may_hold_garbage_that_nothing_points_at() {
    let script = |a, b| with_arena(b"good\xff\xfe", &[word(SET, 2, 0), a, b, NEXT]);
    assert_eq!(one(script(0, 4))[0][0], "a=\"good\"");
    assert_fault(script(2, 3), "not UTF-8");
}

#[test]
fn json_is_checked_for_depth_and_strictness() {
    let json = |text: &str| with_arena(text.as_bytes(), &[word(SET, 9, 0), 0, text.len() as u32, NEXT]);
    assert_fault(json(&("[".repeat(21) + &"]".repeat(21))), "20 levels");
    assert_fault(json("{} {}"), "JSON");
    assert_fault(json("\"\\ud800\""), "surrogate");
    assert_eq!(one(json("[1,\r\n2]"))[0][0], "a=[1,2]");
}

#[test]
fn names_are_checked() {
    let naming =
        |name: &str| Script { names: vec![name.to_owned()], arena: vec![], ops: vec![word(SET, 5, 4), 1, 0, NEXT] };
    assert_eq!(one(naming("x.y"))[0][1], "x.y=true");
    assert_fault(naming("a..b"), "empty segment");
    assert_fault(naming("_id"), "belongs to the host");
    assert_fault(naming("collector.chain"), "belongs to the host");
    assert_fault(naming(&"x".repeat(513)), "512 bytes");
    let many = Script { names: vec!["n".to_owned(); 65_600], arena: vec![], ops: vec![NEXT] };
    assert_fault(many, "limit");
}

#[test]
fn output_is_limited() {
    assert_fault(with_arena(&vec![b'x'; 70_000], &[NEXT]), "the limit is");
    // One large value, pointed at again and again.
    let line = "x".repeat(10_000);
    let mut worker = worker(&[scripted(|request| {
        let mut ops = vec![];
        (0..1000).for_each(|_| ops.extend([word(APPEND, 1, 0), 0, request.text.len() as u32]));
        ops.push(NEXT);
        Ok(Script { ops, ..Script::default() })
    })]);
    let events = run(&mut worker, &batch(&[&line]));
    assert!(events[0][0].contains("bytes together"), "{}", &events[0][0][..100]);
}

#[test]
fn forks_are_numbered_and_limited() {
    let fork = |count: usize| {
        let mut all = vec![word(SET, 3, 0), 7, 0];
        all.extend(vec![FORK; count]);
        all.push(NEXT);
        ops(&all)
    };
    let events = one(fork(2));
    assert_eq!(
        events,
        [vec!["a=7", "message=\"héllo wörld\""], vec!["message=\"héllo wörld\""], vec!["message=\"héllo wörld\""]]
    );
    let mut worker = worker(&[
        scripted(move |_| Ok(fork(2))),
        scripted(|request| {
            // The second plugin drops the middle one: numbers stay.
            assert_eq!(request.events, 3);
            Ok(ops(&[NEXT, DROP, NEXT]))
        }),
    ]);
    let batch = batch(&["x"]);
    let output = worker.run(&batch);
    let paths: Vec<String> =
        output.table.events().iter().map(|event| output.table.fork_path(event, &batch.lines[0]).to_string()).collect();
    assert_eq!(paths, [".0", ".2"]);
    assert_eq!(one(fork(1000)).len(), 1001);
    assert_fault(fork(1001), "more than 1000 forks");
}

#[test]
fn forks_need_the_manifest_s_word() {
    let open = scripted(|_| Ok(ops(&[FORK, NEXT])));
    let silent: crate::NativeOpen = Arc::new(move |config| {
        let plugin = open(config)?;
        struct Silent(Box<dyn NativePlugin>);
        impl NativePlugin for Silent {
            fn manifest(&self) -> Manifest {
                Manifest { forks: false, ..self.0.manifest() }
            }
            fn process(&mut self, request: Request<'_>) -> Result<Answer<'_>, String> {
                self.0.process(request)
            }
        }
        Ok(Box::new(Silent(plugin)))
    });
    let events = run(&mut worker(&[silent]), &batch(&["x"]));
    assert!(events[0][0].contains("manifest does not say so"), "{events:?}");
}

#[test]
fn a_rejected_line_keeps_nothing_of_what_was_set_forks_included() {
    let script =
        with_arena(b"no date", &[word(SET, 3, 0), 1, 0, FORK, word(SET, 3, 1), 1, 0, word(REJECT, 0, 0), 0, 7]);
    assert_eq!(one(script), [["error.message=\"p: no date\"", "message=\"héllo wörld\"", "tags=\"_parse_failure\""]]);
}

#[test]
fn later_plugins_read_what_earlier_ones_set() {
    let first = scripted(|_| Ok(with_arena(b"secret", &[word(SET, 2, 3), 0, 6, NEXT])));
    let second = scripted(|request| {
        assert_eq!((request.text, request.cells), (b"secret".as_slice(), [1, 0, 6].as_slice()));
        Ok(ops(&[word(SET, 1, 0), 2, 3, word(REMOVE, 0, 3), NEXT]))
    });
    let events = run(&mut worker(&[first, second]), &batch(&["line"]));
    assert_eq!(events, [["a=\"cre\"", "event.original=\"line\""]]);
}

#[test]
fn patterns_hand_over_every_field_that_matches() {
    let first = scripted(|_| Ok(ops(&[word(SET, 3, 0), 1, 0, word(SET, 3, 1), 2, 0, NEXT])));
    let reads = vec!["*".to_owned()];
    let all: crate::NativeOpen = Arc::new(move |_| {
        let manifest = Manifest { reads: reads.clone(), ..Manifest::default() };
        let play: Play = Arc::new(|request| {
            assert_eq!(request.names, ["message", "a", "b"]);
            assert_eq!(request.sparse, [0, 0, 1, 0, 4, 0, 1, 3, 1, 0, 0, 2, 3, 2, 0]);
            Ok(ops(&[NEXT]))
        });
        Ok(Box::new(Scripted { manifest, play, last: Script::default() }))
    });
    let events = run(&mut worker(&[first, all]), &batch(&["line"]));
    assert_eq!(events, [["a=1", "b=2", "message=\"line\""]]);
}

#[test]
fn patterns_give_the_original_only_where_documents_have_it() {
    let seen: Arc<parking_lot::Mutex<Vec<String>>> = Arc::default();
    let names = Arc::clone(&seen);
    let all: crate::NativeOpen = Arc::new(move |_| {
        let reads = ["*", "event.original"].map(str::to_owned);
        let manifest = Manifest { reads: reads.into(), ..Manifest::default() };
        let names = Arc::clone(&names);
        let play: Play = Arc::new(move |request| {
            names.lock().extend_from_slice(request.names);
            names.lock().push(format!("{:?}", &request.text[request.cells[1] as usize..][..request.cells[2] as usize]));
            Ok(ops(&[NEXT]))
        });
        Ok(Box::new(Scripted { manifest, play, last: Script::default() }))
    });
    let parser = || scripted(|_| Ok(ops(&[word(SET, 1, 3), 0, 1, NEXT])));
    let line = format!("{:?}", b"line");
    run(&mut worker(&[parser(), Arc::clone(&all)]), &batch(&["line"]));
    assert_eq!(std::mem::take(&mut *seen.lock()), ["message", "event.original", &line]);
    run(&mut worker(&[parser(), all]).keeping_original(false), &batch(&["line"]));
    assert_eq!(*seen.lock(), ["message", &line], "by its exact name it is the line all the same");
}

#[test]
fn a_document_of_an_agent_s_chain_becomes_fields_again() {
    let line = r#"{"@timestamp":"2024-06-12T00:00:00.000Z","message":"a \"b\"","event":{"original":"raw"},"n":1,"f":1.50,"tags":["x"],"o":{},"collector":{"chain":"c"},"u":{"v":null}}"#;
    let mut worker = worker(&[scripted(|request| {
        assert_eq!(request.text, b"a \"b\"");
        Ok(ops(&[NEXT]))
    })]);
    let expected = [
        "@timestamp=\"2024-06-12T00:00:00.000Z\"",
        "event.original=\"raw\"",
        "f=1.50",
        "message=\"a \\\"b\\\"\"",
        "n=1",
        "o={}",
        "tags=[\"x\"]",
        "u.v=null",
    ];
    assert_eq!(run(&mut worker, &batch_with(&[line], LineFlags::DOCUMENT)), [expected]);
    let broken = run(&mut worker, &batch_with(&["a \"b\""], LineFlags::DOCUMENT));
    assert!(broken[0].contains(&"tags=\"_document_broken\"".to_owned()), "{broken:?}");
}

#[test]
fn a_part_of_a_line_that_was_cut_says_so() {
    let mut worker = worker(&[]);
    let cut = run(&mut worker, &batch_with(&["half of"], LineFlags::CUT));
    assert!(cut[0].contains(&"tags=\"_line_cut\"".to_owned()), "{cut:?}");
    assert!(cut[0].iter().any(|field| field.starts_with("error.message=\"the line was longer than")), "{cut:?}");
    let whole = run(&mut worker, &batch_with(&["all of it"], LineFlags::default()));
    assert!(!whole[0].iter().any(|field| field.starts_with("tags=")), "{whole:?}");
}

#[test]
fn without_plugins_a_document_passes_as_it_is() {
    let mut worker = worker(&[]);
    let (good, bad) = (batch_with(&["{\"a\": 1}"], LineFlags::DOCUMENT), batch_with(&["[1]"], LineFlags::DOCUMENT));
    assert!(worker.run(&good).table.events()[0].verbatim);
    assert!(!worker.run(&bad).table.events()[0].verbatim);
    assert_eq!(run(&mut worker, &bad)[0][2], "tags=\"_document_broken\"");
    assert_eq!(worker.run(&good).table.chain.as_ref(), "");
}
