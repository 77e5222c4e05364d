use super::Plugin;
use collector_plugin::testing::{Fields, Session, check_samples};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(line: &str) -> Fields {
    with(r#"{"timezone":"UTC"}"#, line)
}

/// Fields with a configuration, without those of the event itself.
fn with(config: &str, line: &str) -> Fields {
    let config = config.replacen('{', r#"{"event_fields":false,"#, 1);
    Session::<Plugin>::open(&config).unwrap().line(line).kept()
}

fn with_format(format: &str, line: &str) -> Value {
    with(&json!({"log": "access", "log_format": format}).to_string(), line).into()
}

fn reason(line: &str) -> String {
    Session::<Plugin>::open("").unwrap().line(line).rejected()
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn an_identity_and_proxies_may_be_in_front() {
    let rest = r#"[26/Dec/2016:16:22:13 +0000] "GET / HTTP/1.1" 200 1"#;
    for (front, address, user) in [
        ("192.0.2.7 ident frank", "192.0.2.7", "frank"),
        ("192.0.2.7 - a b", "192.0.2.7", "a b"),
        ("www 192.0.2.7 ident -", "192.0.2.7", "-"),
        ("10.0.0.1, 192.0.2.7 - -", "192.0.2.7", "-"),
        ("::1 - CORP\\me", "::1", "CORP\\me"),
    ] {
        let fields = parse(&format!("{front} {rest}"));
        assert_eq!((&fields["source.ip"], &fields["user.name"]), (&json!(address), &json!(user)), "{front}");
    }
    assert_eq!(
        parse(&format!("10.0.0.1, 192.0.2.7 - - {rest}"))["apache.access.remote_addresses"],
        json!(["10.0.0.1", "192.0.2.7"])
    );
    assert_eq!(parse(&format!("www 192.0.2.7 - - {rest}"))["url.domain"], "www");
}

#[test]
fn quotes_that_apache_escapes_end_nothing() {
    let fields = parse(
        r#"192.0.2.7 - - [26/Dec/2016:16:22:13 +0000] "GET /\" 200 HTTP/1.1" 404 1 "http://r/\"x" "a \"b\" c" "more""#,
    );
    assert_eq!(fields["http.response.status_code"], 404);
    assert_eq!(fields["http.request.referrer"], r#"http://r/\"x"#);
    assert_eq!(fields["user_agent.original"], r#"a \"b\" c"#);
}

#[test]
fn numbers_behind_the_size_are_passed_over() {
    let fields = parse(r#"192.0.2.7 - - [26/Dec/2016:16:22:13 +0000] "GET / HTTP/1.1" 304 - 3551 "-" "x""#);
    assert_eq!(fields.get("http.response.body.bytes"), None);
    assert_eq!(fields["http.response.status_code"], 304);
}

#[test]
fn what_is_no_access_log_is_rejected_with_the_part_that_is_missing() {
    for (line, expected) in [
        ("", "no time"),
        ("hello", "no time"),
        ("192.0.2.7 - - 26/Dec/2016", "no time"),
        ("192.0.2.7 [26/Dec/2016:16:22:13 +0000]", "no client address"),
        (r#"192.0.2.7 - - [26/Dec/2016:16:22:73 +0000] "GET / HTTP/1.1" 200 1"#, "the time is none"),
        ("192.0.2.7 - - [26/Dec/2016:16:22:13 +0000", "the time has no end"),
        ("192.0.2.7 - - [26/Dec/2016:16:22:13 +0000] GET", "no request"),
        (r#"192.0.2.7 - - [26/Dec/2016:16:22:13 +0000] "GET / HTTP/1.1"#, "the request has no end"),
        (r#"192.0.2.7 - - [26/Dec/2016:16:22:13 +0000] "GET / HTTP/1.1" 200"#, "no body bytes"),
        (r#"192.0.2.7 - - [26/Dec/2016:16:22:13 +0000] "GET / HTTP/1.1" 200 1x"#, "no body bytes"),
        (r#"192.0.2.7 - - [26/Dec/2016:16:22:13 +0000] "GET / HTTP/1.1" 200 1 "x"#, "the referrer has no end"),
        (r#"192.0.2.7 - - [26/Dec/2016:16:22:13 +0000] "GET / HTTP/1.1" 200 1 "x" "y"#, "the user agent has no end"),
        ("[10/Aug/2018:09:45:56 +0200]", "no client address"),
        ("[10/Aug/2018:09:45:56 +0200] a b", "no protocol"),
        ("[10/Aug/2018:09:45:56 +0200] a b c", "no cipher"),
        ("[10/Aug/2018:09:45:56 +0200] a b c d", "no request"),
        (r#"[10/Aug/2018:09:45:56 +0200] a b c "d"#, "the request has no end"),
        (r#"[10/Aug/2018:09:45:56 +0200] a b c "d""#, "no body bytes"),
    ] {
        assert_eq!(reason(line), expected, "{line}");
    }
}

#[test]
fn what_is_no_error_log_is_rejected_with_the_part_that_is_missing() {
    for (line, expected) in [
        ("[Mon Dec 26 16:22:08 2016", "no time"),
        ("[Mon Dec 32 16:22:08 2016] [error] x", "the time is none"),
        ("[Mon Dec 26 16:22:08] [error] x", "the time is none"),
        ("[Mon Dec 26 16:22:08 2016]", "no level"),
        ("[Mon Dec 26 16:22:08 2016] [core:] x", "no level"),
        ("[Mon Dec 26 16:22:08 2016] [core:error] [pid x] y", "no process id"),
        ("[Mon Dec 26 16:22:08 2016] [core:error] [pid 1:tid x] y", "no thread id"),
        ("[Mon Dec 26 16:22:08 2016] [error]", "no message"),
    ] {
        assert_eq!(reason(line), expected, "{line}");
    }
}

#[test]
fn the_client_of_an_error_may_stand_in_the_message() {
    let line = "[Wed Apr 16 16:09:40.056610 2025] [ssl:info] [pid 17:tid 18] (70014)End of file found: [client 192.0.2.7:17036] AH02006: closed";
    let fields = parse(line);
    assert_eq!((&fields["source.ip"], &fields["source.port"]), (&json!("192.0.2.7"), &json!(17036)));
    assert_eq!(fields["message"], "(70014)End of file found: [client 192.0.2.7:17036] AH02006: closed");
    let six = parse("[Wed Apr  6 16:09:40 2025] [:error] [pid 17] [client 2001:db8::1:443] x");
    assert_eq!((&six["source.ip"], &six["source.port"]), (&json!("2001:db8::1"), &json!(443)));
    assert_eq!(six.get("apache.error.module"), None);
}

#[test]
fn only_some_levels_are_errors() {
    let of = |level: &str| {
        let line = format!("[Mon Dec 26 16:22:08 2016] [core:{level}] [pid 1] x");
        Session::<Plugin>::open("").unwrap().line(&line).kept()["event.type"].clone()
    };
    for level in ["emerg", "alert", "crit", "error", "warn"] {
        assert_eq!(of(level), json!(["error"]), "{level}");
    }
    for level in ["notice", "info", "debug", "trace1", "trace8"] {
        assert_eq!(of(level), json!(["info"]), "{level}");
    }
}

#[test]
fn what_the_items_of_a_format_mean() {
    let format = r#"LogFormat "%{%Y-%m-%dT%H:%M:%S%z}t %v:%p %a %{c}a %u \"%m %U%q %H\" %s %B %I/%O %T %{remote}p %P:%{tid}P %k %X %{SSL_PROTOCOL}x \"%{X-Forwarded-For}i\" %{Content-Type}o %L %% %{UNIQUE_ID}e" main"#;
    let line = r#"2026-01-02T03:04:05+0100 www.example.com:443 192.0.2.7 10.0.0.1 bob "GET /x.txt?q HTTP/1.1" 200 17 300/400 2 50229 11:12 0 + TLSv1.3 "203.0.113.9, 192.0.2.1" text/plain - % Yz1"#;
    let expected = json!({
        "@timestamp": 1_767_319_445_000_000_000i64, "destination.domain": "www.example.com", "url.domain": "www.example.com", "destination.port": 443,
        "source.address": "192.0.2.7", "source.ip": "192.0.2.7", "user.name": "bob", "http.request.method": "GET", "url.original": "/x.txt?q",
        "url.path": "/x.txt", "url.query": "q", "url.extension": "txt", "http.version": "1.1", "http.response.status_code": 200,
        "http.response.body.bytes": 17, "http.request.bytes": 300, "http.response.bytes": 400, "event.duration": 2_000_000_000i64,
        "source.port": 50229, "process.pid": 11, "process.thread.id": 12, "apache.access.keepalive_requests": 0,
        "apache.access.connection_status": "+", "tls.version_protocol": "tls", "tls.version": "1.3", "network.forwarded_ip": "203.0.113.9",
        "apache.access.remote_addresses": ["203.0.113.9", "192.0.2.1"], "http.response.mime_type": "text/plain", "http.request.id": "Yz1"
    });
    assert_eq!(with_format(format, line), expected);
}

#[test]
fn a_format_may_be_json() {
    let format = r#"{"time":"%{msec}t","ip":"%h","request":"%r","ua":"%{User-Agent}i"}"#;
    let line = r#"{"time":"1767319445250","ip":"192.0.2.7","request":"GET / HTTP/1.1","ua":"say \"hi\"}"}"#;
    let expected = json!({
        "@timestamp": 1_767_319_445_250_000_000i64, "source.address": "192.0.2.7", "source.ip": "192.0.2.7", "http.request.method": "GET",
        "url.original": "/", "url.path": "/", "http.version": "1.1", "user_agent.original": "say \"hi\"}"
    });
    assert_eq!(with_format(format, line), expected);
}

#[test]
fn the_usual_formats_are_those_that_are_read_anyway() {
    let format = r#"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\""#;
    let line = r#"192.0.2.7 - - [26/Dec/2016:16:22:13 +0000] "GET / HTTP/1.1" 200 1 "-" "x" and more"#;
    assert_eq!(with_format(format, line), Value::from(parse(line)));
}

#[test]
fn a_format_that_cannot_be_read_is_refused_with_the_reason() {
    for (format, part) in [
        ("", "no items"),
        ("%l", "no items"),
        ("%h%>s", "nothing separates"),
        ("%h %", "no letter"),
        ("%h %{x", "no `}`"),
        ("%h %Q", "`%Q`"),
        ("%h %{x}Z", "`%{x}Z`"),
        ("%h %{%A}t", "cannot be read"),
        ("LogFormat \"%h", "no end"),
    ] {
        let error = Session::<Plugin>::open(&json!({"log_format": format}).to_string()).err().unwrap();
        assert!(error.starts_with("`log_format`: ") && error.contains(part), "{format}: {error}");
    }
    assert!(Session::<Plugin>::open(r#"{"log":"error","log_format":"%h"}"#).is_err());
}

proptest! {
    #[test]
    fn any_line_keeps_the_contract(line in r#"([0-9a-f.:, "\[\]/é\\-]|GET|HTTP/1.1| - |" 200 1|\[26/Feb/2019:15:39:42 \+0100\]|\[Mon Dec 26 16:22:08 2016\]|\[client |\[pid ){0,30}"#) {
        Session::<Plugin>::open("").unwrap().line(&line);
        Session::<Plugin>::open(r#"{"log_format":"%h %l %u %t \"%r\" %>s %b %U"}"#).unwrap().line(&line);
    }

    #[test]
    fn any_break_in_a_good_line_keeps_the_contract(which in 0usize..4, at in 0usize..120, with in any::<char>(), cut in any::<bool>()) {
        let good = [
            r#"www:80 192.0.2.7 - u [26/Feb/2019:15:39:42 +0100] "GET /a?b HTTP/1.1" 200 17 "http://r/" "agent""#,
            r#"[10/Aug/2018:09:45:56 +0200] 192.0.2.7 TLSv1.2 AES "GET /x HTTP/1.1" 1375"#,
            "[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 3:tid 4] [client 192.0.2.7:5] File does not exist: /x, referer: http://r/",
            "[Wed Apr 16 16:09:40.05 2025] [ssl:info] [pid 17:tid 18] (70014)End of file found: [client 192.0.2.7:17036] AH02006: closed",
        ][which];
        let broken: String = good.chars().enumerate().filter(|(i, _)| !cut || *i <= at).map(|(i, c)| if i == at { with } else { c }).collect();
        Session::<Plugin>::open("").unwrap().line(&broken);
    }

    #[test]
    fn any_format_is_compiled_or_refused(format in r#"(%|\{|\}|[a-zA-Z^<>!0-9,]|\\|"| |é){0,20}"#, line in "[ -~é]{0,40}") {
        if let Ok(mut session) = Session::<Plugin>::open(&json!({"log": "access", "log_format": format}).to_string()) {
            session.line(&line);
        }
    }
}
