use std::path::{Path, PathBuf};

use super::*;
use crate::{Partitioning, task::Acks};

fn bounds() -> Bounds {
    Bounds { allowed_paths: Some(vec!["/var/log/**".into()]), plugin_dirs: vec!["/opt/plugins".into()] }
}

fn parse(json: &str) -> Result<Vec<Task>, TaskError> {
    parse_tasks(json, "web.json", &bounds(), &Defaults::modern(PathBuf::from("/home/u")))
}

/// The message of the one mistake in a value.
fn message(json: &str) -> String {
    let error = parse(json).unwrap_err();
    assert_eq!(error.complaints.len(), 1, "{error}");
    error.to_string()
}

#[test]
fn the_seed_s_value_is_valid_as_it_is() {
    let json = r#"[{"path":"/var/log/nginx.log","topic":"web_log"},{"path":"/var/log/redis.log","topic":"redis_log"}]"#;
    let tasks = parse(json).unwrap();
    assert_eq!(tasks.len(), 2);
    assert_eq!((tasks[0].path.as_str(), tasks[0].topic.as_str()), ("/var/log/nginx.log", "web_log"));
    assert_eq!(
        tasks[0],
        Task::plain("/var/log/nginx.log", "web_log", &bounds(), &Defaults::modern("/".into())).unwrap()
    );
    let seed = parse_tasks(json, "key", &Bounds::open(vec![]), &Defaults::seed("/".into())).unwrap();
    assert_eq!(
        (seed[0].start_at, seed[0].kafka.partitioning, seed[0].document),
        (StartAt::End, Partitioning::Random, DocumentForm::Seed)
    );
}

#[test]
fn the_extended_form_is_understood() {
    let json = r#"[{"path": "/var/log/**/*.log", "topic": "web", "exclude": ["*.gz"], "start_at": "end", "encoding": "UTF-8",
        "max_line": 1000, "flush_after_ms": 250, "poll": true,
        "rate_limit": {"lines_per_s": 50}, "ignore_older_s": 86400, "kafka": {"partition": 3, "acks": "1"},
        "plugins": [{"path": "nginx", "config": {"a": 1}, "on_error": "dead_letter",
                     "assets": {"db": "/opt/plugins/geo.mmdb"}, "sha256": "AA11223344556677889900AABBCCDDEEFF00112233445566778899AABBCCDDEE"}],
        "document": "seed", "keep_original": false}]"#;
    let task = parse(json).unwrap().remove(0);
    assert_eq!(
        (task.start_at, task.line_bytes_max, task.flush_after),
        (StartAt::End, 1000, Duration::from_millis(250))
    );
    assert_eq!(
        task.kafka,
        KafkaOptions { partitioning: Partitioning::Number(3), acks: Acks::Leader, ..KafkaOptions::default() }
    );
    assert_eq!(task.rate_limit, Some(RateLimit { lines_per_s: Some(50), bytes_per_s: None }));
    assert_eq!(task.ignore_older, Some(Duration::from_secs(86_400)));
    assert_eq!((task.poll, task.document, task.keep_original), (true, DocumentForm::Seed, false));
    let plugin = &task.chain.plugins[0];
    assert_eq!((plugin.path.as_path(), plugin.on_error), (Path::new("nginx"), Some(OnError::DeadLetter)));
    assert!(plugin.sha256.as_deref().unwrap().starts_with("aa11"), "lower-cased");
    assert_eq!(plugin.assets["db"], Path::new("/opt/plugins/geo.mmdb"));
}

#[test]
fn a_wrong_key_is_named_with_its_place_its_line_and_the_nearest_key() {
    let json = "[\n  {\"path\": \"/var/log/a\", \"topic\": \"a\"},\n  {\"path\": \"/var/log/b\", \"topic\": \"b\",\n   \
                \"plugins\": [{\"path\": \"x\",\n     \"confg\": {}}]}\n]";
    assert_eq!(
        message(json),
        "reading the tasks from web.json: line 5: [1].plugins[0].confg: there is no key \"confg\"; did you mean \"config\"?"
    );
}

#[test]
fn every_mistake_of_a_value_is_said_at_once() {
    let json = r#"[{"path":"/etc/passwd","topic":"a b","start_at":"now"},{"path":5,"topic":"x"},{"topic":"y"}]"#;
    let error = parse(json).unwrap_err();
    let places: Vec<_> = error.complaints.iter().map(|complaint| complaint.place.as_str()).collect();
    assert_eq!(places, ["[0].path", "[0].topic", "[0].start_at", "[1].path", "[2]"], "{error}");
    assert!(
        error.to_string().starts_with("reading the tasks from web.json: 5 mistakes\n  line 1: [0].path: "),
        "{error}"
    );
}

#[test]
fn each_wrong_value_has_its_message() {
    let with = |rest: &str| message(&format!(r#"[{{"path":"/var/log/a","topic":"a",{rest}}}]"#));
    for (rest, expected) in [
        (r#""encoding":"gb18031""#, "[0].encoding: the encoding \"gb18031\" is not known; did you mean \"gb18030\"?"),
        (r#""rate_limit":{}"#, "[0].rate_limit: it limits nothing; write {\"lines_per_s\": 1000}"),
        (
            r#""ignore_older_s":0"#,
            "[0].ignore_older_s: files cannot be told apart by an age of 0 s; write a number of seconds from 1 to 3162240000",
        ),
        (
            r#""max_line":0"#,
            "[0].max_line: a line cannot be limited to 0 bytes; write a number of bytes from 1 to 16777216",
        ),
        (r#""max_line":-1"#, "[0].max_line: the integer `-1` stands here; write a whole number, zero or more instead"),
        (r#""exclude":["a["]"#, "[0].exclude[0]: \"a[\" is not a glob: "),
        (r#""kafka":{"acks":2}"#, "[0].kafka.acks: 2 is not a number of acknowledgements; write 0, 1 or \"all\""),
        (
            r#""kafka":{"partition":"stiky"}"#,
            "[0].kafka.partition: \"stiky\" is not known here; did you mean \"sticky\"?",
        ),
        (
            r#""kafka":{"partition":{"key":"user"}}"#,
            "[0].kafka.partition.key: no plugin of the task makes a field \"user\"",
        ),
        (r#""kafka":{"compression":"lz4"}"#, "[0].kafka.compression: compression is not a task's"),
        (r#""plugins":[{"path":"x","sha256":"12"}]"#, "[0].plugins[0].sha256: \"12\" is not a sha256"),
        (
            r#""plugins":[{"path":"/tmp/x.wasm"}]"#,
            "[0].plugins[0].path: \"/tmp/x.wasm\" lies outside of this machine's plugin directories",
        ),
        (
            r#""plugins":[{"path":"x","on_error":"ignore"}]"#,
            "[0].plugins[0].on_error: \"ignore\" is not known here; use one of: keep, drop, dead_letter",
        ),
        (r#""poll":"yes""#, "[0].poll: the string \"yes\" stands here; write true or false instead"),
    ] {
        let message = with(rest);
        assert!(message.contains(expected), "{message}\nshould contain\n{expected}");
    }
}

#[test]
fn what_is_not_a_list_of_tasks_is_refused() {
    for (json, expected) in [
        ("", "it is empty; write a list of tasks; [] collects nothing"),
        ("{}", "it is not a list; write a list of tasks"),
        ("[{\"path\": \"/var/log/a\",\n]", "line 2: this is not JSON: "),
        ("[{\"path\":\"/var/log/a\",\"topic\":\"a\"}", "the text ends too early: write the closing brackets"),
    ] {
        let message = message(json);
        assert!(message.contains(expected), "{message}\nshould contain\n{expected}");
    }
    assert_eq!(parse("[]").unwrap(), []);
}

#[test]
fn a_task_given_twice_is_refused_and_two_topics_from_one_file_are_not() {
    let message = message(r#"[{"path":"/var/log/a","topic":"a"},{"path":"/var/log//a","topic":"a"}]"#);
    assert!(message.contains("[1]: \"/var/log/a\" into topic a was given by [0] already"), "{message}");
    assert_eq!(parse(r#"[{"path":"/var/log/a","topic":"a"},{"path":"/var/log/a","topic":"b"}]"#).unwrap().len(), 2);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[\\[\\]{}\":,a-z0-9\\n\\\\]{0,80}") {
        let _ = parse(&text);
    }
}
