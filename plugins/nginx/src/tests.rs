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
fn escapes_stay_as_nginx_wrote_them() {
    let fields =
        parse(r#"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] "GET /\x22a\x22 HTTP/1.1" 200 1 "-" "x \x22y\x22""#);
    assert_eq!(fields["url.path"], r"/\x22a\x22");
    assert_eq!(fields["user_agent.original"], r"x \x22y\x22");
}

/// Fields with a configuration, without those of the event itself.
fn with(config: &str, line: &str) -> Fields {
    let config = config.replacen('{', r#"{"event_fields":false,"#, 1);
    Session::<Plugin>::open(&config).unwrap().line(line).kept()
}

fn with_format(format: &str, line: &str) -> Fields {
    with(&json!({"log": "access", "log_format": format}).to_string(), line)
}

#[test]
fn values_behind_combined_are_read_by_the_log_format() {
    let format = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for" rt=$request_time ua="$upstream_addr" us="$upstream_status" $upstream_response_time $gzip_ratio"#;
    let line = r#"192.0.2.7 - - [26/Feb/2019:15:39:42 +0100] "GET / HTTP/1.1" 200 1 "-" "ua" "203.0.113.9, 192.0.2.1" rt=0.125 ua="10.0.0.1:80, 10.0.0.2:80" us="502, 200" 0.100, 0.025 -"#;
    let fields = with_format(format, line);
    let rest: Fields =
        fields.into_iter().filter(|(name, _)| !name.starts_with("http.") && !name.starts_with("url.")).collect();
    let expected = json!({
        "source.address": "192.0.2.7", "source.ip": "192.0.2.7", "@timestamp": 1_551_191_982_000_000_000i64, "user_agent.original": "ua",
        "network.forwarded_ip": "203.0.113.9", "nginx.access.remote_ip_list": ["203.0.113.9", "192.0.2.1"], "event.duration": 125_000_000,
        "nginx.access.upstream_addr": ["10.0.0.1:80", "10.0.0.2:80"], "nginx.access.upstream_status": [502, 200],
        "nginx.access.upstream_response_time": [0.1, 0.025]
    });
    assert_eq!(Value::from(rest), expected);
}

#[test]
fn a_log_format_may_be_json() {
    let format = "log_format main escape=json '{\"t\":\"$time_iso8601\",\"ip\":\"$remote_addr\",'\n  '\"uri\":\"$scheme://$host$request_uri\",\"status\":$status,\"ua\":\"$http_user_agent\",\"trace\":\"$opentelemetry_trace_id\"}';";
    let line = r#"{"t":"2026-01-02T03:04:05+01:00","ip":"2001:db8::1","uri":"https://a.example/x?y=\"z","status":301,"ua":"say \"hi\"}","trace":"-"}"#;
    let line = line.replace("\\\\", "\\");
    let expected = json!({
        "@timestamp": 1_767_319_445_000_000_000i64, "source.address": "2001:db8::1", "source.ip": "2001:db8::1", "url.scheme": "https",
        "url.domain": "a.example", "url.original": "/x?y=\\\"z", "url.path": "/x", "url.query": "y=\\\"z", "http.response.status_code": 301,
        "user_agent.original": "say \"hi\"}"
    });
    assert_eq!(Value::from(with_format(format, &line)), expected);
}

#[test]
fn what_the_variables_of_a_format_mean() {
    let format = "$msec $server_name $server_addr:$server_port $http_host \"$request_method $uri$is_args$args $server_protocol\" ${connection} $ssl_protocol/$ssl_cipher $request_id $bytes_sent/$request_length $http_x_tenant";
    let line = "1767319445.250 www 192.0.2.1:443 a.example:8443 \"PUT /x%20y.txt?z HTTP/2.0\" 17 TLSv1.3/AES 00ff 900/120 acme";
    let expected = json!({
        "@timestamp": 1_767_319_445_250_000_000i64, "destination.domain": "www", "destination.ip": "192.0.2.1", "destination.port": 443,
        "url.domain": "a.example", "url.port": 8443, "http.request.method": "PUT", "url.original": "/x%20y.txt?z", "url.path": "/x y.txt",
        "url.extension": "txt", "url.query": "z", "http.version": "2.0", "nginx.access.connection": 17, "tls.version_protocol": "tls",
        "tls.version": "1.3", "tls.cipher": "AES", "http.request.id": "00ff", "http.response.bytes": 900, "http.request.bytes": 120,
        "nginx.access.http_x_tenant": "acme"
    });
    assert_eq!(Value::from(with_format(format, line)), expected);
}

#[test]
fn a_line_that_has_not_the_format_is_rejected() {
    let mut session = Session::<Plugin>::open(r#"{"log_format":"$remote_addr [$time_local] $status"}"#).unwrap();
    for line in [
        "192.0.2.1",
        "192.0.2.1 [26/Feb/2019:15:39:42 +0100]",
        "192.0.2.1 [yesterday] 200",
        "192.0.2.1 [26/Feb/2019:15:39:42 +0100] OK",
    ] {
        assert!(!session.line(line).rejected().is_empty());
    }
    assert_eq!(session.line("192.0.2.1 [26/Feb/2019:15:39:42 +0100] 503").kept()["event.outcome"], "failure");
}

#[test]
fn a_format_that_cannot_be_read_is_refused_with_the_reason() {
    for (format, part) in [
        ("", "no variable"),
        ("no variables", "no variable"),
        ("$remote_addr$status", "`$remote_addr` from `$status`"),
        ("cost: 5$", "no name"),
        ("${status", "no `}`"),
        ("log_format main '$status", "no end"),
        ("'$status' and", "between"),
    ] {
        let error = Session::<Plugin>::open(&json!({"log_format": format}).to_string()).err().unwrap();
        assert!(error.starts_with("`log_format`: ") && error.contains(part), "{format}: {error}");
    }
    assert!(Session::<Plugin>::open(r#"{"log":"error","log_format":"$status"}"#).is_err());
}

#[test]
fn the_error_log_is_read() {
    let line = r#"2026/01/02 03:04:05 [crit] 17#18: *19 connect() to unix:/run/app failed, client: 192.0.2.7, server: _, request: "GET /a.php?b HTTP/1.1", upstream: "fastcgi://unix:/run/app:", host: "a.example:8080", referrer: "http://r/""#;
    let expected = json!({
        "@timestamp": 1_767_315_845_000_000_000i64, "log.level": "crit", "process.pid": 17, "process.thread.id": 18, "nginx.error.connection_id": 19,
        "message": line.split_once("*19 ").unwrap().1, "source.address": "192.0.2.7", "source.ip": "192.0.2.7", "nginx.error.server": "_",
        "http.request.method": "GET", "url.original": "/a.php?b", "url.path": "/a.php", "url.query": "b", "url.extension": "php", "http.version": "1.1",
        "nginx.error.upstream": "fastcgi://unix:/run/app:", "url.domain": "a.example", "url.port": 8080, "http.request.referrer": "http://r/"
    });
    assert_eq!(Value::from(with(r#"{"timezone":"+02:00"}"#, line)), expected);
    let short = with(r#"{"log":"error"}"#, "2026/01/02 03:04:05 [notice] 1#0: start worker processes");
    assert_eq!(short["message"], "start worker processes");
    assert_eq!(short.get("nginx.error.connection_id"), None);
}

#[test]
fn the_error_log_is_in_the_zone_of_the_machine_unless_the_configuration_says_one() {
    let line = "2026/01/02 03:04:05 [error] 1#1: x\ny";
    let meta: Fields = serde_json::from_str(r#"{"@meta.timezone":-120}"#).unwrap();
    let local = Session::<Plugin>::open("").unwrap().event(line, &meta).kept();
    assert_eq!(
        (&local["@timestamp"], &local["event.timezone"]),
        (&json!(1_767_330_245_000_000_000i64), &json!("-02:00"))
    );
    assert_eq!(local["message"], "x\ny");
    let utc = Session::<Plugin>::open(r#"{"timezone":"UTC"}"#).unwrap().event(line, &meta).kept();
    assert_eq!((&utc["@timestamp"], &utc["event.timezone"]), (&json!(1_767_323_045_000_000_000i64), &json!("+00:00")));
}

#[test]
fn what_is_no_error_log_is_rejected_with_the_part_that_is_missing() {
    for (line, expected) in [
        ("2019/02/26", "no time"),
        ("2019/02/30 15:39:42 [error] 1#1: x", "no time"),
        ("2019/02/26 15:39:62 [error] 1#1: x", "no time"),
        ("2019/02/26 15:39:42 error", "no level"),
        ("2019/02/26 15:39:42 [error", "no level"),
        ("2019/02/26 15:39:42 [error] x", "no process id"),
        ("2019/02/26 15:39:42 [error] 1: x", "no process id"),
        ("2019/02/26 15:39:42 [error] 1#1 x", "no thread id"),
        ("2019/02/26 15:39:42 [error] 1#1:x", "no message"),
    ] {
        assert_eq!(reason(line), expected, "{line}");
    }
}

#[test]
fn what_is_no_access_log_is_rejected_with_the_part_that_is_missing() {
    for (line, expected) in [
        ("", "no client address"),
        ("hello", "no client address"),
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
        Session::<Plugin>::open(r#"{"log_format":"$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent $request_uri"}"#).unwrap().line(&line);
    }

    #[test]
    fn any_break_in_a_good_line_keeps_the_contract(at in 0usize..120, with in any::<char>(), cut in any::<bool>()) {
        let good = r#"192.0.2.7 - u [26/Feb/2019:15:39:42 +0100] "GET /a?b HTTP/1.1" 200 17 "http://r/" "agent" "x" 1"#;
        let error = r#"2026/01/02 03:04:05 [crit] 17#18: *19 failed, client: 192.0.2.7, request: "GET / HTTP/1.1", host: "a.example:8080""#;
        let broken: String = error.chars().enumerate().filter(|(i, _)| !cut || *i <= at).map(|(i, c)| if i == at { with } else { c }).collect();
        Session::<Plugin>::open(r#"{"log":"error"}"#).unwrap().line(&broken);
        let broken: String = good.chars().enumerate().filter(|(i, _)| !cut || *i <= at).map(|(i, c)| if i == at { with } else { c }).collect();
        Session::<Plugin>::open("").unwrap().line(&broken);
        let format = r#"{"log_format":"$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\" \"$http_x_forwarded_for\" $request_time"}"#;
        Session::<Plugin>::open(format).unwrap().line(&broken);
    }
}
