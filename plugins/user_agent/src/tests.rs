use super::Plugin;
use collector_plugin::testing::{Fields, Session, check_samples};
use proptest::prelude::*;
use serde_json::{Value, json};

fn session() -> Session<Plugin> {
    Session::<Plugin>::open("").unwrap()
}

fn told_by(session: &mut Session<Plugin>, agent: &str) -> Fields {
    let fields = json!({ "user_agent.original": agent });
    session.event("line", fields.as_object().unwrap()).kept()
}

/// Name, version, system with its version, device.
fn told(agent: &str) -> [String; 4] {
    let fields = told_by(&mut session(), agent);
    ["name", "version", "os.full", "device.name"]
        .map(|name| fields.get(&format!("user_agent.{name}")).and_then(Value::as_str).unwrap_or_default().to_owned())
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn browsers_are_told_from_what_they_want_to_be_taken_for() {
    let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.127 Safari/537.36";
    for (agent, expected) in [
        (chrome.to_owned(), ["Chrome", "126.0.6478.127", "Windows 10", "Other"]),
        (format!("{chrome} Edg/126.0.2592.87"), ["Edge", "126.0.2592.87", "Windows 10", "Other"]),
        (format!("{chrome} OPR/111.0.0.0"), ["Opera", "111.0.0", "Windows 10", "Other"]),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:128.0) Gecko/20100101 Firefox/128.0".to_owned(),
            ["Firefox", "128.0", "Mac OS X 10.15", "Mac"],
        ),
        (
            "Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0) like Gecko".to_owned(),
            ["IE", "11.0", "Windows 8.1", "Other"],
        ),
        (
            "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Trident/7.0)".to_owned(),
            ["IE", "11.0", "Windows 10", "Other"],
        ),
        ("Mozilla/4.0 (compatible; MSIE 6.0; Windows 98)".to_owned(), ["IE", "6.0", "Windows 98", "Other"]),
        (
            "Opera/9.80 (Windows NT 5.1) Presto/2.12.388 Version/12.18".to_owned(),
            ["Opera", "12.18", "Windows XP", "Other"],
        ),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:130.0a1) Gecko/20100101 Firefox/130.0a1".to_owned(),
            ["Firefox Alpha", "130.0.a1", "", "Other"],
        ),
    ] {
        assert_eq!(told(&agent), expected, "{agent}");
    }
}

#[test]
fn telephones_and_tablets_are_told() {
    let apple = |device: &str, rest: &str| {
        format!("Mozilla/5.0 ({device}; CPU OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) {rest}")
    };
    let android = |model: &str, rest: &str| {
        format!(
            "Mozilla/5.0 (Linux; Android 14; {model}) AppleWebKit/537.36 (KHTML, like Gecko) {rest} Mobile Safari/537.36"
        )
    };
    for (agent, expected) in [
        (apple("iPad", "Version/17.5 Mobile/15E148 Safari/604.1"), ["Mobile Safari", "17.5", "iOS 17.5.1", "iPad"]),
        (
            apple("iPhone", "CriOS/126.0.6478.108 Mobile/15E148 Safari/604.1"),
            ["Chrome Mobile iOS", "126.0.6478.108", "iOS 17.5.1", "iPhone"],
        ),
        (apple("iPhone", "Mobile/15E148"), ["Mobile Safari UI/WKWebView", "", "iOS 17.5.1", "iPhone"]),
        (android("SM-S918B", "Chrome/126.0.0.0"), ["Chrome Mobile", "126.0.0.0", "Android 14", "Samsung SM-S918B"]),
        (
            android("Pixel 8 Build/AP1A; wv", "Version/4.0 Chrome/126.0.0.0"),
            ["Chrome Mobile WebView", "126.0.0.0", "Android 14", "Pixel 8"],
        ),
        (android("moto g(60)", "Chrome/126.0.0.0"), ["Chrome Mobile", "126.0.0.0", "Android 14", "Motorola g(60)"]),
        (
            android("Moto G (5S) Plus", "Chrome/126.0.0.0"),
            ["Chrome Mobile", "126.0.0.0", "Android 14", "Moto G (5S) Plus"],
        ),
        (android("VOG-L29", "Chrome/126.0.0.0"), ["Chrome Mobile", "126.0.0.0", "Android 14", "Huawei VOG-L29"]),
        (android("K", "SamsungBrowser/25.0 Chrome/121.0.0.0"), ["Samsung Internet", "25.0", "Android 14", "K"]),
        (
            "Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0".to_owned(),
            ["Firefox Mobile", "128.0", "Android 14", "Generic Smartphone"],
        ),
    ] {
        assert_eq!(told(&agent), expected, "{agent}");
    }
}

#[test]
fn programs_are_told() {
    for (agent, expected) in [
        ("curl/8.8.0", ["curl", "8.8.0", "", "Other"]),
        ("python-requests/2.32.3", ["Python Requests", "2.32", "", "Other"]),
        ("Mozilla/5.0 (compatible; ExampleBot/2.1; +http://example.com/bot.html)", ["ExampleBot", "2.1", "", "Spider"]),
        ("Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/)", ["Yahoo! Slurp", "", "", "Spider"]),
        (
            "Mozilla/5.0 (Linux; Android 9; CUBOT X19) Chrome/90.0.1.2 Mobile Safari/537.36",
            ["Chrome Mobile", "90.0.1.2", "Android 9", "CUBOT X19"],
        ),
        ("see https://example.com/robots.txt", ["Other", "", "", "Other"]),
        ("-", ["Other", "", "", "Other"]),
    ] {
        assert_eq!(told(agent), expected, "{agent}");
    }
}

#[test]
fn what_is_remembered_does_not_show() {
    let mut one = session();
    let agents: Vec<String> = (0..3_000).map(|i| format!("Agent{}/{i}.0 curl/{i}.1", i % 7)).collect();
    for agent in agents.iter().chain(&agents) {
        assert_eq!(told_by(&mut one, agent), told_by(&mut session(), agent));
    }
}

#[test]
fn an_event_without_a_user_agent_is_not_touched() {
    for fields in [json!({}), json!({"user_agent.original": ""}), json!({"user_agent.original": 7})] {
        assert_eq!(Value::Object(session().event("line", fields.as_object().unwrap()).kept()), fields);
    }
}

#[test]
fn fields_may_have_other_names() {
    let mut session = Session::<Plugin>::open(r#"{"field":"agent","target":"client.agent"}"#).unwrap();
    assert_eq!(
        session.event("line", json!({"agent": "curl/8.8.0"}).as_object().unwrap()).kept()["client.agent.name"],
        "curl"
    );
    for (config, part) in
        [(r#"{"field":""}"#, "`field`"), (r#"{"target":"a.*"}"#, "`target`"), (r#"{"from":"a"}"#, "`from`")]
    {
        let error = Session::<Plugin>::open(config).err().unwrap();
        assert!(error.contains(part), "{config}: {error}");
    }
}

#[test]
fn a_user_agent_of_half_a_megabyte_is_read() {
    assert_eq!(told(&format!("curl/8.8.0 {}", "bot é(; ".repeat(70_000)))[0], "bot");
    assert_eq!(told(&"é".repeat(250_000))[0], "Other");
}

proptest! {
    #[test]
    fn any_user_agent_keeps_the_contract(agent in r#"(Mozilla/5\.0|\(|\)|;| |Windows NT 6\.1|Android 9|Android|iPhone|CPU OS 1_2|Mac OS X 10_1|CrOS x|Version/|Chrome/1\.2|Firefox/1\.0a|Trident/|MSIE |Opera Mini/|bot|CFNetwork| Build/|en-us|[a-zé/.:_0-9-]){0,25}"#) {
        told(&agent);
    }
}
