use super::*;
use crate::framer::LimitFrom;
use proptest::prelude::*;

fn plan(rule: &str, line_bytes_max: u32) -> FramePlan {
    let rule = Some(Gather::parse(rule).unwrap());
    FramePlan { gathers: vec![GatherFrom { from: 0, rule }], ..FramePlan::fresh(0, line_bytes_max) }
}

fn gathered(text: &str, plan: &FramePlan) -> (Vec<String>, usize) {
    let bytes = text.as_bytes();
    let stretch = Stretch { bytes, base: 0, continues: false, stop_at: u64::MAX, lines_max: usize::MAX };
    let mut frames = vec![];
    let consumed = events(&stretch, plan, &mut frames);
    let event = |frame: &Frame| text[frame.start as usize..(frame.start + frame.len) as usize].to_owned();
    (frames.iter().map(event).collect(), consumed)
}

#[test]
fn a_line_that_starts_an_event_ends_the_one_before() {
    let text = "ERROR a\n at x\n at y\nINFO b\nINFO c\n";
    let expected = vec!["ERROR a\n at x\n at y".to_owned(), "INFO b".to_owned()];
    assert_eq!(gathered(text, &plan("start 500 ^[A-Z]", 100)), (expected.clone(), 27));
    assert_eq!(gathered(text, &plan("continue 500 ^ ", 100)), (expected, 27));
}

#[test]
fn lines_before_the_first_start_make_an_event_of_their_own() {
    assert_eq!(gathered(" at x\n at y\nINFO\n", &plan("start 500 ^[A-Z]", 100)).0, [" at x\n at y"]);
}

#[test]
fn an_event_ends_where_the_journal_says_so() {
    let mut plan = plan("start 500 ^[A-Z]", 100);
    plan.event_ends = vec![5, 10];
    // Behind a newline at 5, and in the middle of nothing at 10.
    assert_eq!(gathered("A\n b\n c\n d", &plan), (vec!["A\n b".to_owned()], 5));
    plan.boundaries = vec![10];
    assert_eq!(gathered("A\n b\n c\n d", &plan), (vec!["A\n b".to_owned(), " c\n d".to_owned()], 10));
    assert_eq!(gathered("A\n b\n c\n d\n\nB\nC\n", &plan).0, ["A\n b", " c\n d", "", "B"]);
}

#[test]
fn an_event_has_no_more_lines_and_bytes_than_it_may() {
    assert_eq!(gathered("A\n1\n2\n3\n4\nB\n", &plan("start 3 ^[A-Z]", 100)).0, ["A\n1\n2", "3\n4"]);
    assert_eq!(gathered("A\n1\n2\n3\n4\nB\n", &plan("start 500 ^[A-Z]", 4)).0, ["A\n1", "2\n3", "4"]);
}

#[test]
fn parts_of_a_containers_line_come_together() {
    let text = "T stdout P one \nT stderr F oops\nT stdout F two\nT stdout F three\nT stdout P open\n";
    let expected = ["T stdout P one \nT stderr F oops\nT stdout F two", "T stdout F three"];
    assert_eq!(gathered(text, &plan("cri 500 ", 1_000)).0, expected);
    let text = [
        r#"{"log":"one ","stream":"stdout"}"#,
        r#"{"log":"two\n","stream":"stdout"}"#,
        r#"{"log":"three\n","stream":"stderr"}"#,
    ];
    let joined = text.join("\n") + "\n";
    let (events, consumed) = gathered(&joined, &plan("docker 500 ", 1_000));
    assert_eq!((events, consumed), (vec![text[..2].join("\n"), text[2].to_owned()], joined.len()));
}

#[test]
fn a_rule_is_for_events_that_begin_after_it_was_set() {
    let mut plan = plan("start 500 ^[A-Z]", 100);
    plan.gathers.push(GatherFrom { from: 5, rule: None });
    assert_eq!(gathered("A\n b\n c\n d\n", &plan).0, Vec::<String>::new());
    assert_eq!(gathered("A\n b\nB\n c\n d\n", &plan).0, ["A\n b", "B", " c", " d"]);
}

#[test]
fn a_rule_is_read_back_as_it_was_written() {
    for text in ["start 500 ^\\d {2}", "continue 7 ", "cri 1 ", "docker 500 "] {
        assert_eq!(Gather::parse(text).unwrap().text(), text);
    }
    for text in ["start 500 (", "start x a", "start 5", "begin 500 a", ""] {
        assert!(Gather::parse(text).is_none(), "{text}");
    }
}

proptest! {
    /// Wherever a replay begins (at an event's start) and however the bytes come in, the events are the same.
    #[test]
    fn replays_gather_alike(
        bytes in prop::collection::vec(prop::sample::select(b"aA \n\n".to_vec()), 0..200),
        limit in 1u32..20,
        lines_max in 1u32..6,
        ends in prop::collection::btree_set(1u64..200, 0..6),
        later in prop::option::of(1u64..200),
        piece in 1usize..60,
        from: prop::sample::Index,
    ) {
        let mut plan = plan(&format!("start {lines_max} ^A"), limit);
        plan.limits = vec![LimitFrom { from: 0, line_bytes_max: limit }];
        plan.gathers.extend(later.map(|from| GatherFrom { from, rule: None }));
        // As the tail does it: where a line has no end yet, it is ended with its event.
        plan.event_ends = ends.into_iter().filter(|&at| at <= bytes.len() as u64).collect();
        plan.boundaries = plan.event_ends.iter().copied().filter(|&at| bytes[at as usize - 1] != b'\n').collect();
        let run = |base: usize, to: usize, continues, events_max| {
            let mut frames = vec![];
            let stretch = Stretch { bytes: &bytes[base..to], base: base as u64, continues, stop_at: u64::MAX, lines_max: events_max };
            let consumed = events(&stretch, &plan, &mut frames);
            (frames.into_iter().map(|f| (base + f.start as usize, f.len, f.flags)).collect::<Vec<_>>(), base + consumed)
        };
        let goes_on = |at: usize| at > 0 && bytes[at - 1] != b'\n' && !plan.boundaries.contains(&(at as u64));
        let (all, end) = run(0, bytes.len(), false, usize::MAX);
        if !all.is_empty() {
            let index = from.index(all.len());
            let start = all[index].0;
            prop_assert_eq!(run(start, bytes.len(), goes_on(start), usize::MAX), (all[index..].to_vec(), end));
        }
        let (mut at, mut given, mut pieces) = (0, 0, vec![]);
        while given < bytes.len() || at < given {
            given = (given + piece).min(bytes.len());
            let (found, to) = run(at, given, goes_on(at), 2);
            let stuck = to == at && given == bytes.len();
            pieces.extend(found);
            at = to;
            if stuck { break; }
        }
        prop_assert_eq!(pieces, all);
    }
}
