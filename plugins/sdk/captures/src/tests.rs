use std::ops::Range;

use proptest::prelude::*;

use super::*;

/// Expressions of many shapes over few letters, so that texts made at random often match.
const SHAPES: [&str; 28] = [
    r"^(?<a>\w*) ?(?<b>[abx]*?)$",
    r"(?<a>a+?) (?<b>.*?)\z",
    r"(?<a>[ab]+) (?:(?:-|(?<b>b)) (?:x|y)|(?:c|(?<c>.)))",
    r"(?<a>a)(?:(?:-|x)?(?<b>b)|c)(?:-|(?<c>c))?",
    r"(?<a>\w+) (?<b>\S+)",
    r"(?<a>.*?)b(?<b>.*)",
    r"(?<a>.*)b(?<b>.*?)c",
    r"(?<a>a+)(?<b>a*)b",
    r"(?:-|(?<a>\w+)) (?:-|(?<b>[^ ]*))",
    r"(?:(?<a>a+)b|(?<b>a*)c|(?<c>.*))",
    r"(?<a>(?:ab|a)(?:bc|c)?) (?<b>x?)",
    r"(?<a>a)?(?<b>ab)?b",
    r"(?<a>a)??(?<b>ab)",
    r"(?<a>[ab]{1,2})(?<b>[bc]{2})",
    r"\b(?<a>\w+)\b(?<b>.)",
    r"^(?<a>.*?)$",
    r"\A(?<a>.*)\z",
    r"(?<a>.+?) (?<b>.+)",
    r"(?<a>\S+?)b(?<b>\S*)",
    r"(?<a>.*?)[ b](?<b>c)",
    r"(?<a>.*?)(?:b|c)(?<b>a)",
    r"x(?<a>(?:a|b|é)+)(?<b>y|)",
    r"(?<a>(?:(?<b>a)|b)+)c",
    r"(?<a>[^b]*)b(?<b>é?)",
    r"(?<a>a|ab)(?<b>c|bcd)(?<c>d*)",
    r"(?i)(?<a>AB+)\s(?<b>c)",
    r"(?<a>a.c)(?<b>.{2})",
    r"(?<a>\w+)(?: (?<b>b)(?<c>c))? (?<d>.*)",
];

fn generally(expression: &mut Expression, text: &str) -> Option<Vec<Option<Range<usize>>>> {
    let found = expression.find_generally(text.as_bytes());
    found.then(|| (0..expression.names.len()).map(|group| Groups { slots: &expression.slots }.get(group)).collect())
}

fn found(expression: &mut Expression, text: &str) -> Option<Vec<Option<Range<usize>>>> {
    let count = expression.names.len();
    expression.find(text.as_bytes()).map(|groups| (0..count).map(|group| groups.get(group)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn steps_find_what_the_general_engine_finds(shape in 0..SHAPES.len(), lines: bool, text in "[abcxyéAB \n-]{0,12}") {
        let mut expression = Expression::new(SHAPES[shape], if lines { Anchors::Lines } else { Anchors::Text }).unwrap();
        let expected = generally(&mut expression, &text);
        prop_assert_eq!(found(&mut expression, &text), expected, "{} in {:?}", SHAPES[shape], text);
    }
}

#[test]
fn expressions_for_log_lines_are_taken_step_by_step() {
    let line = r#"10.1.2.3 - bob [12/Jun/2024:10:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 12 "-" "curl/8""#;
    let pattern = concat!(
        r#"(?<ip>(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Za-z.-]+) (?:-|(?<ident>\S+)) (?:-|(?<user>\S+)) \[(?<time>[^\]]+)\] "#,
        r#""(?:\b(?<verb>\w+)\b (?<url>\S+)(?: HTTP/(?<version>[0-9.]+))?|(?<raw>.*?))" (?<status>\d+) (?:-|(?<bytes>\d+))"#,
        r#" "(?:-|(?<referrer>.*?))" "(?:-|(?<agent>.*?))""#
    );
    let mut expression = Expression::new(pattern, Anchors::Text).unwrap();
    let (plan, machines) = expression.steps.as_mut().unwrap();
    let mut slots = vec![ABSENT; expression.names.len() * 2];
    assert!(run::matches(plan, machines, line.as_bytes(), &mut slots));
    let groups = Groups { slots: &slots };
    let texts: Vec<Option<&str>> =
        (0..expression.names.len()).map(|group| groups.get(group).map(|span| &line[span])).collect();
    let expected = [
        Some("10.1.2.3"),
        None,
        Some("bob"),
        Some("12/Jun/2024:10:00:00 +0000"),
        Some("GET"),
        Some("/a?b=c"),
        Some("1.1"),
        None,
        Some("200"),
        Some("12"),
        None,
        Some("curl/8"),
    ];
    assert_eq!(texts, expected);
}

#[test]
fn what_needs_backtracking_is_refused_with_the_reason() {
    for (expression, word) in [
        ("a(?=b)", "look-around"),
        ("(?<!a)b", "look-around"),
        ("(?>a|b)", "atomic"),
        (r"(a)\1", "refers back"),
        ("(a", "malformed"),
    ] {
        let problem = Expression::new(expression, Anchors::Text).err().unwrap().to_string();
        assert!(problem.contains(word), "{expression}: {problem}");
    }
}

#[test]
fn a_long_line_takes_linear_time() {
    let mut expression = Expression::new(r"(?<a>.*) (?<b>.*) (?<c>.*)x", Anchors::Text).unwrap();
    assert!(expression.find("a ".repeat(256 << 10).as_bytes()).is_none());
}
