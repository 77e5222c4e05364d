use super::Plugin;
use collector_plugin::testing::{Fields, Outcome, Session, check_samples};
use proptest::prelude::*;

const HEAD: &str = "2026-03-01 10:15:04";
const ACCESS: &str = "2026-03-01 10:15:04 10.0.0.1 GET /é.aspx id=%c3%a9 443 - 203.0.113.7 a+b - 200 0 0 26";
const ERROR: &str = "2026-03-01 10:15:04 203.0.113.7 2780 10.0.0.1 80 HTTP/1.1 GET /é.htm?x=1 400 - Hostname -";

fn outcome(config: &str, line: &str) -> Outcome {
    Session::<Plugin>::open(config).unwrap().line(line)
}

fn parse(line: &str) -> Fields {
    outcome("", line).kept()
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn the_usual_columns_are_told_from_the_shape() {
    let request = "GET /a - 80 - 203.0.113.7";
    for (origin, headers, ending) in [
        ("10.0.0.1 ", "ua", "200 5 6 7"),
        ("10.0.0.1 ", "ua ref", "200 5 6 7"),
        ("10.0.0.1 ", "ua cookie ref", "200 5 6 7"),
        ("10.0.0.1 ", "ua cookie ref", "200 5 6 100 200 7 198.51.100.9"),
        ("10.0.0.1 ", "- -", "200 5 6 7 -"),
        ("W3SVC1 ", "ua cookie ref host", "200 5 6 100 200 7"),
        ("W3SVC1 10.0.0.1 ", "ua", "200 5 6"),
        ("W3SVC1 WEB1 10.0.0.1 ", "HTTP/1.1 ua cookie ref host", "200 5 6 100 200 7"),
        ("", "ua", "200 5 6 7"),
    ] {
        let fields = parse(&format!("{HEAD} {origin}{request} {headers} {ending}"));
        let has = |name: &str| fields.get(name).is_some();
        assert_eq!(fields["http.response.status_code"], 200, "{origin}{headers} {ending}");
        assert_eq!((&fields["iis.access.sub_status"], &fields["iis.access.win32_status"]), (&5.into(), &6.into()));
        assert_eq!(fields.get("event.duration").is_some_and(|ns| *ns == 7_000_000), ending.contains('7'), "{ending}");
        assert_eq!(has("http.request.body.bytes"), ending.contains("100 200"), "{ending}");
        assert_eq!(has("network.forwarded_ip"), ending.contains("198"), "{ending}");
        assert_eq!(has("user_agent.original"), headers.contains("ua"), "{headers}");
        assert_eq!(has("http.request.referrer"), headers.contains("ref"), "{headers}");
        assert_eq!(has("iis.access.cookie"), headers.contains("cookie"), "{headers}");
        assert_eq!(has("url.domain"), headers.contains("host"), "{headers}");
        assert_eq!(has("destination.ip"), origin.contains("10."), "{origin}");
        assert_eq!(has("iis.access.site_name"), origin.contains("W3SVC"), "{origin}");
    }
}

#[test]
fn the_error_log_of_newer_systems_has_streams() {
    for streams in ["", "- ", "17 18 "] {
        let fields =
            parse(&format!("{HEAD} 203.0.113.7 2780 10.0.0.1 80 HTTP/2.0 GET /a {streams}503 3 QueueFull pool"));
        assert_eq!(fields["http.response.status_code"], 503, "{streams}");
        assert_eq!((&fields["iis.error.site_id"], &fields["iis.error.queue_name"]), (&"3".into(), &"pool".into()));
        assert_eq!((&fields["source.port"], &fields["event.dataset"]), (&2780.into(), &"iis.error".into()));
    }
}

#[test]
fn columns_that_the_operator_names_may_be_any() {
    let config = r#"{"fields":"time date x-edge-location sc-status cs(X-Trace) cs-uri-query"}"#;
    let fields = outcome(config, "10:15:04.250 2026-03-01 FRA 404 t-1 a=b+c").kept();
    assert_eq!(fields["@timestamp"], 1_772_360_104_250_000_000i64);
    assert_eq!((&fields["iis.access.x_edge_location"], &fields["iis.access.x_trace"]), (&"FRA".into(), &"t-1".into()));
    assert_eq!((&fields["url.query"], &fields["event.outcome"]), (&"a=b c".into(), &"failure".into()));
    assert_eq!(outcome(config, ACCESS).rejected(), "not as many columns as `fields` names");
}

#[test]
fn users_have_domains_or_not() {
    let user = |user: &str| {
        let fields = parse(&ACCESS.replace("443 -", &format!("443 {user}")));
        (fields["user.name"].clone(), fields.get("user.domain").cloned())
    };
    assert_eq!(user("eve"), ("eve".into(), None));
    assert_eq!(user("SHOP\\eve"), ("eve".into(), Some("SHOP".into())));
    assert_eq!(user("eve@shop.example"), ("eve".into(), Some("shop.example".into())));
    assert_eq!(user("\\eve"), ("\\eve".into(), None));
}

#[test]
fn comments_and_empty_lines_are_dropped() {
    for line in ["", "\r", "#Software: Microsoft Internet Information Services 10.0"] {
        assert_eq!(outcome("", line), Outcome::Dropped, "{line}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for (line, reason) in [
        ("hello", "columns of no usual kind: name them in `fields`"),
        (
            &format!("{HEAD} 10.0.0.1 GET /a - 80 - ::1 ua 2000 0 0 1"),
            "columns of no usual kind: name them in `fields`",
        ),
        (&ACCESS.replace("03-01", "02-30"), "no date and time such as `2018-01-01 08:09:10`"),
        (&"a ".repeat(60), "more columns than a W3C log has"),
    ] {
        assert_eq!(outcome("", line).rejected(), reason, "{line}");
    }
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused() {
    let many = format!(r#"{{"fields":"{}"}}"#, "- ".repeat(60));
    for (config, part) in
        [(r#"{"fields":" "}"#, "is empty"), (r#"{"columns":"date"}"#, "`columns`"), (&many, "60 columns")]
    {
        let error = Session::<Plugin>::open(config).err().unwrap();
        assert!(error.contains(part), "{config}: {error}");
    }
}

#[test]
fn a_line_of_half_a_megabyte_is_read() {
    let long = "%41+é".repeat(80_000);
    let fields = parse(&ACCESS.replace("a+b", &long));
    assert_eq!(fields["user_agent.original"], "A é".repeat(80_000));
    outcome("", &"a ".repeat(250_000));
}

proptest! {
    #[test]
    fn any_line_keeps_the_contract(line in r#"2026-03-01 10:15:04( ([0-9]{1,3}|-|GET|/[a-zé%+]{0,4}|203\.0\.113\.7|HTTP/1\.1|W3SVC1|[a-z]\\[a-z]|[%+éa-f0-9@,:]{1,9})){0,24}"#) {
        outcome("", &line);
        outcome(r#"{"fields":"date time cs-host cs-uri x-forwarded-for"}"#, &line);
    }

    #[test]
    fn any_break_in_a_good_line_keeps_the_contract(error in any::<bool>(), at in 0usize..110, with in any::<char>(), cut in any::<bool>()) {
        let good = if error { ERROR } else { ACCESS };
        let broken: String = good.chars().enumerate().filter(|(i, _)| !cut || *i <= at).map(|(i, c)| if i == at { with } else { c }).collect();
        outcome("", &broken);
    }
}
