use super::*;
use crate::testing::{Fields, Session};
use crate::{Manifest, Parser, Parsing, Reject};
use proptest::prelude::*;
use serde_json::json;

/// Sets the fields of what a line says: `url …`, `request …`, `server …`, or the values of a layout.
struct Probe {
    values: Values,
    layout: Layout<Meaning>,
}

impl Parser for Probe {
    type Config = ();

    fn open((): ()) -> Result<Self, String> {
        let slot = |value, extent, then: &str| Slot { value, extent, then: then.as_bytes().into() };
        let slots = vec![
            slot(Meaning::Texts(own(0)), Extent::List, " "),
            slot(Meaning::Numbers(own(1)), Extent::List, " \""),
            slot(Meaning::Text(AGENT), Extent::Quoted, "\" "),
            slot(Meaning::Duration(1_000_000_000), Extent::Plain, ""),
        ];
        let values = Values { json: true, ..Values::default() };
        Ok(Self { values, layout: Layout { before: b"values ".as_slice().into(), slots } })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(["message"]).writing(NAMES.iter().copied().chain(["texts", "numbers"]))
    }

    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        if let Some(url) = line.strip_prefix(b"url ") {
            set_url(url, event);
        } else if let Some(request) = line.strip_prefix(b"request ") {
            quoted_request(request, 1, event).ok_or(Reject("no end"))?;
        } else if let Some(host) = line.strip_prefix(b"server ") {
            set_destination(host, false, event);
        } else {
            let Self { values, layout } = self;
            layout.read(line, 0, |meaning, value| values.set(*meaning, value, event))?;
        }
        Ok(())
    }
}

fn session() -> Session<Parsing<Probe>> {
    Session::open("").unwrap()
}

fn fields(line: &str) -> Fields {
    session().line(line).kept()
}

/// The fields below `url`.
fn url(url: &str) -> serde_json::Value {
    let fields = fields(&format!("url {url}"));
    fields.into_iter().map(|(name, value)| (name["url.".len()..].to_owned(), value)).collect::<Fields>().into()
}

#[test]
fn urls_are_taken_apart() {
    assert_eq!(url("/a?b=c"), json!({"original": "/a?b=c", "path": "/a", "query": "b=c"}));
    assert_eq!(url("/a?"), json!({"original": "/a?", "path": "/a"}));
    assert_eq!(
        url("/a.b/c.tar.gz#top"),
        json!({"original": "/a.b/c.tar.gz#top", "path": "/a.b/c.tar.gz", "extension": "gz", "fragment": "top"})
    );
    assert_eq!(url("/a b?c d"), json!({"original": "/a b?c d", "path": "/a b", "query": "c d"}));
    assert_eq!(url("*"), json!({"original": "*", "path": "*"}));
    assert_eq!(url("example.com:443"), json!({"original": "example.com:443", "domain": "example.com", "port": 443}));
    assert_eq!(
        url("http://u:secret@example.com:8080/a?b"),
        json!({"original": "http://u:secret@example.com:8080/a?b", "scheme": "http", "username": "u", "domain": "example.com", "port": 8080, "path": "/a", "query": "b"})
    );
    assert_eq!(
        url("https://[2001:db8::1]/"),
        json!({"original": "https://[2001:db8::1]/", "scheme": "https", "domain": "[2001:db8::1]", "path": "/"})
    );
}

#[test]
fn a_url_is_decoded_where_all_of_it_is_well_escaped() {
    assert_eq!(
        url("/a%20b.%70ng?q=%C3%A9"),
        json!({"original": "/a%20b.%70ng?q=%C3%A9", "path": "/a b.png", "extension": "png", "query": "q=é"})
    );
    assert_eq!(url("/a%20b?100%"), json!({"original": "/a%20b?100%", "path": "/a%20b", "query": "100%"}));
    assert_eq!(url("/%ff"), json!({"original": "/%ff", "path": "/\u{fffd}"}));
}

#[test]
fn the_short_way_and_the_long_way_agree() {
    for path in [
        "/",
        "/a",
        "/a.b",
        "/long/path/without/extension/at/all",
        "/x/y.verylongextensionofafile",
        "/a?b",
        "/a.png?b=c.d/e",
        "/?x",
    ] {
        let short = fields(&format!("request \"GET {path} HTTP/1.1\" 200"));
        // A quote in the version's place makes it unusual; so does a fragment, which is taken out again.
        let mut long = fields(&format!("request \"GET {path}#f HTTP/1.1\" 200"));
        long.remove("url.fragment");
        long.insert("url.original".into(), path.into());
        assert_eq!(short, long, "{path}");
    }
}

#[test]
fn a_server_is_a_name_or_an_address() {
    let expected = json!({"destination.domain": "a.example", "url.domain": "a.example", "destination.port": 80});
    assert_eq!(serde_json::Value::from(fields("server a.example:80")), expected);
    let expected = json!({"destination.ip": "2001:db8::1", "destination.port": 80});
    assert_eq!(serde_json::Value::from(fields("server [2001:db8::1]:80")), expected);
    assert_eq!(serde_json::Value::from(fields("server 2001:db8::1")), json!({"destination.ip": "2001:db8::1"}));
}

#[test]
fn lists_of_upstreams_are_one_value() {
    let fields =
        fields(r#"values 192.0.2.1:80, unix:/run/a : 192.0.2.2:80 0.004, 1.25 : - "say \"hi\" \u00e9\x" 0.25"#);
    let expected = json!({
        "texts": ["192.0.2.1:80", "unix:/run/a", "192.0.2.2:80"], "numbers": [0.004, 1.25],
        "user_agent.original": "say \"hi\" é\\x", "event.duration": 250_000_000
    });
    assert_eq!(serde_json::Value::from(fields), expected);
    let alone = self::fields(r#"values 192.0.2.1:80 17 "-" -"#);
    assert_eq!(serde_json::Value::from(alone), json!({"texts": "192.0.2.1:80", "numbers": 17}));
}

#[test]
fn a_line_that_ends_early_is_rejected() {
    for line in ["values", "values a", "values a 1 \"b", "values a 1 \"b\" x", "values a x \"b\" 1", "else"] {
        assert!(!session().line(line).rejected().is_empty());
    }
}

proptest! {
    #[test]
    fn any_line_keeps_the_contract(kind in "url|request|server|values", rest in r#"[ -~é\\"%/?#:,]{0,60}"#) {
        session().line(&format!("{kind} {rest}"));
    }

    #[test]
    fn times_agree_with_rfc_3339(second in -2_000_000_000i64..4_000_000_000, zone in -23i64..24) {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let local = second + zone * 3600;
        let (days, clock) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let date = (1900..2150u32).flat_map(|y| (1..=12u32).flat_map(move |m| (1..=31u32).map(move |d| (y, m, d))))
            .find(|(y, m, d)| crate::time::days(*y, *m, *d) == Some(days)).unwrap();
        let (year, month, day) = date;
        let sign = if zone < 0 { '-' } else { '+' };
        let text = format!("{day:02}/{}/{year}:{:02}:{:02}:{:02} {sign}{:02}00", MONTHS[month as usize - 1], clock / 3600, clock / 60 % 60, clock % 60, zone.abs());
        prop_assert_eq!(Clock::default().read_any(text.as_bytes()), Some(second * crate::time::SECOND_NS));
    }
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "32/Dec/2016:11:05:07 +0100",
        "07/Dez/2016:11:05:07 +0100",
        "07/Dec/2016:24:05:07 +0100",
        "07/Dec/2016:11:05:07 =0100",
        "07-Dec-2016:11:05:07 +0100",
        "07/Dec/2016 11:05:07 +0100",
        "07/Dec/2016:11:05:07",
        "",
    ] {
        assert_eq!(Clock::default().read_any(text.as_bytes()), None, "{text}");
    }
}
