use super::Plugin;
use collector_plugin::testing::{Fields, Session, check_samples};
use proptest::prelude::*;
use serde_json::{Value, json};

const GOOD: &str = r#"192.0.2.7:38862 [12/Feb/2026:14:10:21.726] www~ app/web1 0/2/1/30/33 200 3097 - - ---- 6/5/4/3/0 2/1 {a|b} {c} "GET /x?y HTTP/1.1" 0/0/0/0/1 www.example.com/TLSv1.3/TLS_AES_128_GCM_SHA256"#;

fn bare(line: &str) -> Fields {
    Session::<Plugin>::open(r#"{"event_fields":false}"#).unwrap().line(line).kept()
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn a_client_without_an_address_has_its_port() {
    let fields = bare(&GOOD.replace("192.0.2.7:", "-:"));
    assert_eq!((fields.get("source.address"), &fields["source.port"]), (None, &json!(38862)));
    assert_eq!(bare(&GOOD.replace("192.0.2.7:", "2001:db8::7:"))["source.ip"], "2001:db8::7");
    let fields = bare(&GOOD.replace("192.0.2.7:", "unix:"));
    assert_eq!((&fields["source.address"], fields.get("source.ip")), (&json!("unix"), None));
}

#[test]
fn the_machine_that_was_asked_may_be_named() {
    let fields = bare(&GOOD.replace("app/web1 ", "app/web1 site.example.com "));
    assert_eq!(fields["destination.domain"], "site.example.com");
    assert_eq!(bare(&GOOD.replace("app/web1 ", "app/web1 198.51.100.1 "))["destination.ip"], "198.51.100.1");
}

#[test]
fn encrypted_connections_say_how() {
    let fields = bare(GOOD);
    assert_eq!(fields["tls.client.server_name"], "www.example.com");
    assert_eq!((&fields["tls.version"], &fields["tls.version_protocol"]), (&json!("1.3"), &json!("tls")));
    assert_eq!(fields["tls.cipher"], "TLS_AES_128_GCM_SHA256");
}

#[test]
fn headers_are_lists_that_end_with_the_last_value() {
    let headers = |group: &str| bare(&GOOD.replace("{a|b} {c}", group)).remove("haproxy.http.request.captured_headers");
    assert_eq!(headers("{a|b||} {c}"), Some(json!(["a", "b"])));
    assert_eq!(headers("{|||} {c}"), Some(json!([])));
    assert_eq!(headers("{a b}"), Some(json!(["a b"])));
    assert_eq!(bare(&GOOD.replace("{a|b} {c} ", "")).get("haproxy.http.request.captured_headers"), None);
}

#[test]
fn a_request_that_is_none_or_has_no_end_leaves_the_other_fields() {
    for (request, method) in
        [("\"<BADREQ>\"", None), ("\"GET /x HTTP/1.1", Some(json!("GET"))), ("\"GET /very/long", None), ("", None)]
    {
        let line = GOOD.split('"').next().unwrap().to_owned() + request;
        let fields = bare(&line);
        assert_eq!(
            (&fields["haproxy.backend_queue"], fields.get("http.request.method").cloned()),
            (&json!(1), method),
            "{line}"
        );
    }
}

#[test]
fn numbers_that_are_not_the_last_have_a_plus() {
    let fields = bare(&GOOD.replace("/33 200 3097", "/+33 200 +3097"));
    assert_eq!((&fields["event.duration"], &fields["haproxy.bytes_read"]), (&json!(33_000_000), &json!(3097)));
}

#[test]
fn messages_of_the_daemon_keep_their_text() {
    let fields = bare("2026-02-12T14:10:21Z lb1 haproxy[7]: Proxy main started.");
    assert_eq!((&fields["message"], &fields["haproxy.source"]), (&json!("Proxy main started."), &json!("lb1")));
    let fields = bare("[ALERT] 042/141021 (77) : backend 'app' has no server available!");
    assert_eq!((&fields["log.level"], &fields["process.pid"]), (&json!("alert"), &json!(77)));
    let fields = bare("haproxy[77]: 192.0.2.7:1 [12/Feb/2026:14:10:21.726] in/2: Timeout during SSL handshake");
    assert_eq!((&fields["process.pid"], &fields["haproxy.bind_name"]), (&json!(77), &json!("2")));
}

#[test]
fn an_address_is_related_once() {
    let related = |client: &str| {
        let line =
            format!("2026-02-12T14:10:21Z lb1 haproxy[7]: Connect from {client}:1 to 127.0.0.1:5000 (main/HTTP)");
        Session::<Plugin>::open("").unwrap().line(&line).kept()["related.ip"].clone()
    };
    assert_eq!(related("127.0.0.1"), json!(["127.0.0.1"]));
    assert_eq!(related("192.0.2.7"), json!(["192.0.2.7", "127.0.0.1"]));
}

#[test]
fn what_is_missing_is_named() {
    let reason = |line: &str| Session::<Plugin>::open("").unwrap().line(line).rejected();
    for (cut, expected) in [
        (" www~", "neither a client nor a header"),
        ("app/web1", "no backend"),
        ("0/2/1", "no timers"),
        ("200 ", "no status code"),
        ("3097", "no bytes"),
        ("- - ----", "no cookies"),
        ("6/5", "no numbers of connections"),
        ("2/1 ", "no lengths of queues"),
        ("b} {c}", "captured headers without an end"),
    ] {
        let at = GOOD.find(cut).unwrap();
        assert_eq!(reason(&GOOD[..at]), expected, "{}", &GOOD[..at]);
    }
    assert_eq!(reason(&GOOD.replace("12/Feb", "31/Feb")), "no date of the request");
    assert_eq!(reason(&GOOD.replace("app/web1", "app")), "no server");
    assert_eq!(reason(&GOOD.replace("0/2/1/30/33", "0/2/x/30/33")), "no timers");
    assert_eq!(reason("sshd says hello"), "neither a client nor a header");
}

#[test]
fn outcomes_follow_the_status() {
    let outcome = |status: &str| -> Value {
        let line = GOOD.replace(" 200 ", &format!(" {status} "));
        Session::<Plugin>::open("").unwrap().line(&line).kept()["event.outcome"].clone()
    };
    assert_eq!([outcome("302"), outcome("404"), outcome("-1")], ["success", "failure", "failure"]);
}

proptest! {
    #[test]
    fn any_text_keeps_the_contract(text in any::<String>()) {
        Session::<Plugin>::open("").unwrap().line(&text);
    }

    #[test]
    fn any_line_keeps_the_contract(line in r#"(192\.0\.2\.7:1 |\[12/Feb/2026:14:10:21\.7\] |www~ |app/web1 |0/2/1/30/33 |1/2/3 |200 |-|\{a\|| é|\} |"|Connect from |\(1\) : |\[ALERT\]){0,16}"#) {
        Session::<Plugin>::open("").unwrap().line(&line);
    }

    #[test]
    fn any_break_in_a_good_line_keeps_the_contract(at in 0usize..190, with in any::<char>(), cut in any::<bool>()) {
        let broken: String = GOOD.chars().enumerate().filter(|(i, _)| !cut || *i <= at).map(|(i, c)| if i == at { with } else { c }).collect();
        Session::<Plugin>::open("").unwrap().line(&broken);
    }
}
