use std::{ops::Bound, sync::Arc, time::Duration};

use collector_model::{
    Metrics,
    search::{Cursor, Search, SearchError, SearchRequest},
};
use proptest::prelude::*;

use super::{DEPTH_MAX, Expr, Test, Value, parse};
use crate::{
    Index, IndexSettings,
    testing::{Seen, part_of, tracked},
};

fn word(text: &str) -> Expr {
    Expr::Line(Value { text: text.to_owned(), quoted: false })
}

fn is(name: &str, text: &str) -> Expr {
    Expr::Field(name.to_owned(), Test::Is(Value { text: text.to_owned(), quoted: false }))
}

#[test]
fn words_bind_closer_than_or_and_not_closest() {
    let not = |expr| Expr::Not(Box::new(expr));
    let expected = Expr::Or(vec![Expr::And(vec![word("a"), not(word("b"))]), word("c")]);
    for query in ["a NOT b OR c", "a AND -b OR c", " (a -b)OR c "] {
        assert_eq!(parse(query).unwrap(), expected, "{query}");
    }
    assert_eq!(parse("x:(a OR b)").unwrap(), Expr::Or(vec![is("x", "a"), is("x", "b")]));
}

#[test]
fn values_keep_colons_slashes_and_dots() {
    assert_eq!(parse("source.ip:fe80::1").unwrap(), is("source.ip", "fe80::1"));
    assert_eq!(parse("url.path:/api/").unwrap(), is("url.path", "/api/"));
    assert_eq!(parse("https://x.org/?a=b").unwrap(), word("https://x.org/?a=b"));
    let quoted = Value { text: r#"a "b" \c"#.to_owned(), quoted: true };
    assert_eq!(parse(r#"x:"a \"b\" \c""#).unwrap(), Expr::Field("x".into(), Test::Is(quoted)));
}

#[test]
fn ranges_and_comparisons_have_their_ends() {
    let between = |low, high| Expr::Field("n".to_owned(), Test::Between(low, high));
    let (five, six) = ("5".to_owned(), "6".to_owned());
    assert_eq!(parse("n:>=5").unwrap(), between(Bound::Included(five.clone()), Bound::Unbounded));
    assert_eq!(parse("n:<5").unwrap(), between(Bound::Unbounded, Bound::Excluded(five.clone())));
    assert_eq!(parse("n:[5 TO 6}").unwrap(), between(Bound::Included(five), Bound::Excluded(six.clone())));
    assert_eq!(parse("n:{* TO 6]").unwrap(), between(Bound::Unbounded, Bound::Included(six)));
}

#[test]
fn a_query_that_is_wrong_says_where_and_how_to_write_it() {
    let cases = [
        ("a \"b", 3, "never closed"),
        ("(a", 1, "never closed"),
        ("a)", 2, "closes nothing"),
        ("status: 500", 8, "status:value without a space"),
        ("n:>", 4, "n:>=500"),
        ("n:[1 2]", 3, "n:[500 TO 599]"),
        ("a OR", 5, "missing"),
        ("AND b", 1, "\"AND\""),
        ("é NOT", 3, "\"NOT\""),
    ];
    for (query, at, fix) in cases {
        let error = parse(query).unwrap_err();
        assert_eq!(error.at, at, "{query}: {error}");
        assert!(error.to_string().contains(fix), "{query}: {error}");
    }
    let deep = "(".repeat(DEPTH_MAX + 1);
    assert!(parse(&deep).unwrap_err().to_string().contains("nested deeper"));
    assert!(parse(&"NOT ".repeat(DEPTH_MAX + 1)).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic(query in "[a-zé.:()\\[\\]{}<>=*?\"\\\\ -]{0,40}|(NOT|AND|OR|TO| |a|:){0,12}") {
        let _ = parse(&query);
    }

    #[test]
    fn a_quoted_value_reads_back(text: String) {
        prop_assume!(text.len() < 1000);
        let query = format!("x:\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let expected = Expr::Field("x".to_owned(), Test::Is(Value { text, quoted: true }));
        prop_assert_eq!(parse(&query).unwrap(), expected);
    }
}

const DOCUMENTS: [&str; 5] = [
    r#"{"@timestamp":"2026-01-01T00:00:01Z","message":"GET /api/users 500 timeout","http":{"response":{"status_code":500}},"source":{"ip":"10.0.0.1"},"url":{"path":"/api/users"},"http.request.method":"GET"}"#,
    r#"{"@timestamp":"2026-01-01T00:00:02Z","message":"GET /api 200","http":{"response":{"status_code":200}},"source":{"ip":"10.0.0.11"},"url":{"path":"/api"},"http.request.method":"get"}"#,
    r#"{"@timestamp":"2026-01-02T00:00:03Z","event":{"original":"Connection reset by peer","created":"2026-01-02T00:00:00Z","ok":true},"source":{"ip":"10.1.0.1"},"took":0.25,"tags":["a","b c"]}"#,
    r#"{"message":"timeouts happen","user_agent":{"original":"Mozilla/5.0 (X11) Firefox/140"},"big":18446744073709551615,"n":null}"#,
    r#"{"topic":"web","data":"seed form naïve"}"#,
];

struct Searched {
    index: Index,
    _dir: tempfile::TempDir,
}

fn searched(documents: &[&str]) -> Searched {
    let dir = tempfile::tempdir().unwrap();
    let settings = IndexSettings { commit_interval: Duration::ZERO, ..IndexSettings::default() };
    let index = Index::open(dir.path(), settings, Metrics::default()).unwrap();
    let seen = Arc::new(Seen::default());
    let mut from = 0;
    for (i, document) in documents.iter().enumerate() {
        let batch = tracked(from, &[(20_000 + (i as u32) % 2, document)], &seen);
        from = batch.ticket.position().unwrap().to;
        index.writer().submit(part_of(batch)).unwrap();
    }
    assert_eq!(seen.wait(documents.len()).1, []);
    Searched { index, _dir: dir }
}

fn request(query: &str) -> SearchRequest {
    SearchRequest { query: query.to_owned(), topic: None, since_ms: None, until_ms: None, hits_max: 100 }
}

impl Searched {
    /// The numbers of the documents found, sorted.
    fn found(&self, query: &str) -> Vec<usize> {
        let page = self.index.reader().search(&request(query)).unwrap_or_else(|error| panic!("{query}: {error}"));
        assert_eq!(page.total, page.hits.len() as u64);
        let number = |document: &serde_json::Value| {
            let is = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap() == *document;
            DOCUMENTS.iter().position(|text| is(text)).unwrap()
        };
        let mut found: Vec<usize> = page.hits.iter().map(|hit| number(&hit.document)).collect();
        found.sort_unstable();
        found
    }
}

#[test]
fn queries_find_what_they_say() {
    let searched = searched(&DOCUMENTS);
    let cases: [(&str, &[usize]); 38] = [
        ("", &[0, 1, 2, 3, 4]),
        ("*", &[0, 1, 2, 3, 4]),
        ("TIMEOUT", &[0]),
        ("timeout*", &[0, 3]),
        ("time?uts", &[3]),
        ("\"connection reset\"", &[2]),
        ("\"reset connection\"", &[]),
        ("/api/use*", &[0]),
        ("naïve", &[4]),
        ("message:timeouts", &[3]),
        ("data:seed", &[4]),
        ("http.response.status_code:500", &[0]),
        ("http.response.status_code:>=200", &[0, 1]),
        ("http.response.status_code:>200", &[0]),
        ("http.response.status_code:[200 TO 500}", &[1]),
        ("http.response.status_code:<=200.5", &[1]),
        ("source.ip:10.0.0.1", &[0]),
        ("source.ip:10.0.0.*", &[0, 1]),
        ("source.ip:10.0.0.0/16", &[0, 1]),
        ("source.ip:10.0.0.0/15", &[0, 1, 2]),
        ("url.path:/api", &[1]),
        ("url.path:/api/*", &[0]),
        ("http.request.method:GET", &[0, 1]),
        ("http.request.method:(put OR get) timeout", &[0]),
        ("user_agent.original:firefox", &[3]),
        ("user_agent.original:Mozilla/5.0", &[3]),
        ("user_agent.original:\"mozilla/5.0 (x11) firefox/140\"", &[3]),
        ("tags:a", &[2]),
        ("tags:\"b c\"", &[2]),
        ("took:<1", &[2]),
        ("took:0.25", &[2]),
        ("big:18446744073709551615", &[3]),
        ("event.ok:true", &[2]),
        ("event.created:>=2026-01-02T00:00:00Z", &[2]),
        ("source:*", &[0, 1, 2]),
        ("NOT source.ip:*", &[3, 4]),
        ("n:*", &[]),
        ("@timestamp:[2026-01-01 TO 2026-01-02}", &[0, 1]),
    ];
    for (query, expected) in cases {
        assert_eq!(searched.found(query), expected, "{query}");
    }
}

#[test]
fn what_cannot_be_asked_is_the_asker_s_to_put_right() {
    let searched = searched(&DOCUMENTS[..1]);
    for (query, fix) in [
        ("url.path:>abc", "url.path:val*"),
        ("a/*/b*", "field:pattern"),
        ("+++", "letter or digit"),
        ("@timestamp:>x", "2026-01-31"),
    ] {
        match searched.index.reader().search(&request(query)) {
            Err(SearchError::BadQuery(message)) => assert!(message.contains(fix), "{query}: {message}"),
            other => panic!("{query}: {other:?}"),
        }
    }
}

#[test]
fn the_newest_come_first_within_the_time_asked_for() {
    let searched = searched(&DOCUMENTS);
    let reader = searched.index.reader();
    let day: i64 = 1_767_225_600_000;
    let page = reader.search(&SearchRequest { since_ms: Some(day), hits_max: 2, ..request("") }).unwrap();
    let times: Vec<i64> = page.hits.iter().map(|hit| hit.timestamp_ms - day).collect();
    assert_eq!((page.total, times), (3, vec![86_400_000 + 3000, 2000]));
    let until = SearchRequest { since_ms: Some(day), until_ms: Some(day + 2000), ..request("") };
    assert_eq!(reader.search(&until).unwrap().total, 1, "the end is excluded");
    let none = SearchRequest { hits_max: 0, ..request("") };
    assert_eq!(reader.search(&none).unwrap().total, 5);
    let histogram = reader.histogram(&SearchRequest { since_ms: Some(day), ..request("") }, 2).unwrap();
    assert_eq!((histogram.from_ms, histogram.counts), (day, vec![2, 1]));
}

#[test]
fn following_gives_each_arrival_once_and_in_order() {
    let searched = searched(&DOCUMENTS);
    let reader = searched.index.reader();
    let now = reader.arrivals(&request(""), None).unwrap();
    assert_eq!(now.hits, []);
    let (mut cursor, mut seen) = (Cursor(0), vec![]);
    while cursor < now.cursor {
        let next = reader.arrivals(&SearchRequest { hits_max: 2, ..request("") }, Some(cursor)).unwrap();
        assert!(next.cursor > cursor && next.hits.len() <= 2);
        cursor = next.cursor;
        seen.extend(next.hits.into_iter().map(|hit| hit.document));
    }
    let sent: Vec<serde_json::Value> = DOCUMENTS.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!(seen, sent);
    assert_eq!(reader.topics().unwrap(), ["web"]);
    assert!(reader.field_names().unwrap().contains(&"http.response.status_code".to_owned()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn numbers_and_words_are_found_by_value_range_and_negation(values in prop::collection::vec((-50i64..50, "[a-z]{1,3}"), 1..30), low in -50i64..50, len in 0i64..40) {
        let documents: Vec<String> = values.iter().map(|(n, w)| format!(r#"{{"n":{n},"w":"{w}"}}"#)).collect();
        let searched = searched(&documents.iter().map(String::as_str).collect::<Vec<_>>());
        let count = |query: &str| searched.index.reader().search(&request(query)).unwrap().total as usize;
        let high = low + len;
        let within = values.iter().filter(|(n, _)| (low..=high).contains(n)).count();
        prop_assert_eq!(count(&format!("n:[{low} TO {high}]")), within);
        prop_assert_eq!(count(&format!("NOT n:[{low} TO {high}]")), values.len() - within);
        let (n, w) = &values[0];
        prop_assert_eq!(count(&format!("n:{n}")), values.iter().filter(|(m, _)| m == n).count());
        prop_assert_eq!(count(&format!("w:{w}")), values.iter().filter(|(_, v)| v == w).count());
        prop_assert_eq!(count(&format!("w:{w}*")), values.iter().filter(|(_, v)| v.starts_with(w.as_str())).count());
    }
}
