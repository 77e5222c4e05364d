use super::Plugin;
use collector_plugin::testing::{Fields, Session, check_samples};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(line: &str) -> Fields {
    Session::<Plugin>::open("").unwrap().line(line).kept()
}

fn reason(line: &str) -> String {
    Session::<Plugin>::open("").unwrap().line(line).rejected()
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn addresses_that_are_none_do_not_become_source_ip() {
    for address in ["unix:", "localhost", "999.1.1.1", "1.2.3", "fe80::1%eth0"] {
        let fields = parse(&format!(r#"{address} - - [26/Feb/2019:15:39:42 +0100] "GET / HTTP/1.1" 200 1 "-" "-""#));
        assert_eq!(fields["source.address"], address);
        assert_eq!(fields.get("source.ip"), None, "{address}");
    }
}

#[test]
fn a_user_name_may_have_spaces() {
    let fields = parse(r#"192.0.2.7 - a b [26/Feb/2019:15:39:42 +0100] "GET / HTTP/1.1" 200 1 "-" "-""#);
    assert_eq!(fields["user.name"], "a b");
    assert_eq!(fields["source.ip"], "192.0.2.7");
}

#[test]
fn a_request_that_is_none_leaves_the_other_fields() {
    for request in ["", "hello", r"\x16\x03\x01\x02\x00", "-", "GET", "GET /", "\" 1", "GET / HTTP/x", "é è HTTP/"] {
        let fields = parse(&format!(r#"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] "{request}" 400 173 "-" "-""#));
        assert_eq!(fields["http.response.body.bytes"], 173, "{request}");
        assert_eq!(fields.get("http.request.method"), None, "{request}");
        assert_eq!(fields.get("url.original"), None, "{request}");
    }
}

#[test]
fn urls_are_taken_apart() {
    let line =
        |url: &str| parse(&format!(r#"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] "GET {url} HTTP/2.0" 200 1 "-" "-""#));
    let url = |fields: &Fields| -> Value {
        fields
            .iter()
            .filter(|(name, _)| name.starts_with("url."))
            .map(|(n, v)| (n[4..].to_owned(), v.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    assert_eq!(url(&line("/a?b=c")), json!({"original": "/a?b=c", "path": "/a", "query": "b=c"}));
    assert_eq!(url(&line("/a?")), json!({"original": "/a?", "path": "/a"}));
    assert_eq!(url(&line("/a b?c d")), json!({"original": "/a b?c d", "path": "/a b", "query": "c d"}));
    assert_eq!(url(&line("*")), json!({"original": "*"}));
    assert_eq!(url(&line("example.com:443")), json!({"original": "example.com:443"}));
    assert_eq!(
        url(&line("http://u@example.com:8080/a?b")),
        json!({"original": "http://u@example.com:8080/a?b", "scheme": "http", "domain": "example.com", "port": 8080, "path": "/a", "query": "b"})
    );
    assert_eq!(
        url(&line("https://[2001:db8::1]/")),
        json!({"original": "https://[2001:db8::1]/", "scheme": "https", "domain": "[2001:db8::1]", "path": "/"})
    );
}

#[test]
fn escapes_stay_as_nginx_wrote_them() {
    let fields =
        parse(r#"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] "GET /\x22a\x22 HTTP/1.1" 200 1 "-" "x \x22y\x22""#);
    assert_eq!(fields["url.path"], r"/\x22a\x22");
    assert_eq!(fields["user_agent.original"], r"x \x22y\x22");
}

#[test]
fn values_behind_the_known_ones_get_the_names_of_the_configuration() {
    let line =
        r#"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] "GET / HTTP/1.1" 200 1 "-" "ua" "203.0.113.9" 0.125 17 - rest"#;
    assert_eq!(parse(line)["user_agent.original"], "ua");
    let config = r#"{"extra_fields":["network.forwarded_ip","nginx.access.request_time","a","b"]}"#;
    let fields = Session::<Plugin>::open(config).unwrap().line(line).kept();
    assert_eq!(fields["network.forwarded_ip"], "203.0.113.9");
    assert_eq!(fields["nginx.access.request_time"], 0.125);
    assert_eq!(fields["a"], 17);
    assert_eq!(fields.get("b"), None);
}

#[test]
fn a_name_that_no_field_can_have_is_refused() {
    for name in ["", "a..b", "_id", "collector.chain"] {
        let error = Session::<Plugin>::open(&format!(r#"{{"extra_fields":["{name}"]}}"#)).err().unwrap();
        assert!(error.contains("extra_fields"), "{error}");
    }
}

#[test]
fn what_is_no_access_log_is_rejected_with_the_part_that_is_missing() {
    for (line, expected) in [
        ("", "no client address"),
        ("hello", "no client address"),
        ("2019/02/26 15:39:42 [error] 1#1: *1 open() failed", "no client address"),
        ("192.0.2.7 - - 26/Feb/2019", "no time"),
        ("192.0.2.7 - - [26/Feb/2019", "no time"),
        (r#"192.0.2.7 - - [26/Feb/2019:15:39:99 +0100] "GET / HTTP/1.1" 200 1"#, "the time is none"),
        (r"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] GET", "no request"),
        (r#"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] "GET / HTTP/1.1"#, "the request has no end"),
        (r#"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] "GET / HTTP/1.1" x"#, "no status code"),
        (r#"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] "hello" 20"#, "the request has no end"),
        (r#"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] "GET / HTTP/1.1" 200"#, "no body bytes"),
        (r#"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] "GET / HTTP/1.1" 200 1x"#, "no body bytes"),
        (r#"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] "GET / HTTP/1.1" 200 1 "-"#, "the referrer has no end"),
        (r#"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] "GET / HTTP/1.1" 200 1 "-""#, "no user agent"),
        (r#"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] "GET / HTTP/1.1" 200 1 "-" "ua"#, "the user agent has no end"),
    ] {
        assert_eq!(reason(line), expected, "{line}");
    }
}

proptest! {
    #[test]
    fn any_line_keeps_the_contract(line in r#"([0-9a-f.:, "\[\]/é-]|GET|HTTP/1.1| - |" 200 1|26/Feb/2019:15:39:42 \+0100){0,30}"#) {
        Session::<Plugin>::open(r#"{"extra_fields":["x","y"],"event_fields":true}"#).unwrap().line(&line);
    }

    #[test]
    fn any_break_in_a_good_line_keeps_the_contract(at in 0usize..120, with in any::<char>(), cut in any::<bool>()) {
        let good = r#"192.0.2.7 - u [26/Feb/2019:15:39:42 +0100] "GET /a?b HTTP/1.1" 200 17 "http://r/" "agent" "x" 1"#;
        let broken: String = good.chars().enumerate().filter(|(i, _)| !cut || *i <= at).map(|(i, c)| if i == at { with } else { c }).collect();
        Session::<Plugin>::open(r#"{"extra_fields":["x","y"]}"#).unwrap().line(&broken);
    }
}

/// Elastic's own fixtures, where a copy of them is at hand: every field that both sides have is equal, and what only they have is known to come from elsewhere.
#[test]
fn fields_are_those_of_the_elastic_integration() {
    let Some(folder) = std::env::var_os("COLLECTOR_CORPORA") else {
        eprintln!("skipped: COLLECTOR_CORPORA does not name a folder of corpora");
        return;
    };
    let folder = std::path::Path::new(&folder).join("beats/filebeat/module/nginx/access/test");
    for name in ["test.log", "test-with-host.log"] {
        let lines = std::fs::read_to_string(folder.join(name)).unwrap();
        let expected = std::fs::read_to_string(folder.join(format!("{name}-expected.json"))).unwrap();
        let expected: Vec<Fields> = serde_json::from_str(&expected).unwrap();
        let lines: Vec<&str> = lines.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), expected.len());
        for (line, expected) in lines.into_iter().zip(&expected) {
            compare(line, expected);
        }
    }
}

fn compare(line: &str, expected: &Fields) {
    let fields = Session::<Plugin>::open(r#"{"event_fields":true}"#).unwrap().line(line).kept();
    let elsewhere = |name: &str| {
        [
            "event.dataset",
            "event.module",
            "event.original",
            "event.timezone",
            "fileset.",
            "input.",
            "log.",
            "related.",
            "service.",
            "source.geo.",
            "url.extension",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix))
            || name.starts_with("user_agent.") && name != "user_agent.original"
    };
    for (name, value) in expected.iter().filter(|(name, _)| !elsewhere(name)) {
        match name.as_str() {
            "@timestamp" => {
                let ns = collector_plugin::time::rfc3339(value.as_str().unwrap().as_bytes());
                assert_eq!(fields[name].as_i64(), ns, "{line}");
            }
            "destination.port" => assert_eq!(fields[name].to_string(), value.as_str().unwrap(), "{line}"),
            // Theirs is sorted, and there for a single address too.
            "nginx.access.remote_ip_list" => {
                let ours =
                    fields.get(name).map_or(vec![fields["source.address"].clone()], |v| v.as_array().unwrap().clone());
                assert!(value.as_array().unwrap().iter().all(|ip| ours.contains(ip)), "{line}");
            }
            _ => assert_eq!(fields.get(name), Some(value), "{name} of {line}"),
        }
    }
    for name in fields.keys() {
        assert!(expected.contains_key(name), "{name} of {line}");
    }
}
