//! Documents against a plain construction with serde_json.

use std::sync::Arc;

use bytes::Bytes;
use collector_model::{
    Batch, BucketDay, Cell, EventId, FileUid, ForkPath, Kind, LineFlags, Origin, Schema, Span, Table, TaskKey, Ticket,
    Topic, batch::RawLine, cell::rfc3339, schema::Step,
};
use collector_tasks::task::DocumentForm;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{DocumentSettings, Framing, Rendered, Renderer, safe_document};

const NAMES: [&str; 14] = [
    "a",
    "a.b",
    "a.b.c",
    "a.d",
    "message",
    "event.original",
    "event",
    "host.name",
    "host",
    "log.level",
    "@timestamp",
    "tags",
    "q\"\n",
    "message.x",
];

#[derive(Clone, Debug)]
enum Made {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Null,
    Time(i64),
    Json(Value),
}

#[derive(Clone, Debug)]
enum Done {
    Set(Made),
    Append(Made),
    Remove,
}

fn made() -> impl Strategy<Value = Made> {
    let text = "(?s)[\u{0}-\u{7f}é€😀]{0,50}";
    prop_oneof![
        text.prop_map(Made::Text),
        any::<i64>().prop_map(Made::Int),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Made::Float),
        any::<bool>().prop_map(Made::Bool),
        Just(Made::Null),
        any::<i64>().prop_map(Made::Time),
        prop_oneof![Just(json!([])), Just(json!([1, "x"])), Just(json!({"k": [null]})), Just(json!("s"))]
            .prop_map(Made::Json),
    ]
}

fn steps() -> impl Strategy<Value = Vec<(usize, Done)>> {
    let done =
        prop_oneof![4 => made().prop_map(Done::Set), 2 => made().prop_map(Done::Append), 1 => Just(Done::Remove)];
    prop::collection::vec((0..NAMES.len(), done), 0..12)
}

fn value(made: &Made) -> Value {
    match made {
        Made::Text(text) => text.clone().into(),
        Made::Int(number) => (*number).into(),
        Made::Float(number) => (*number).into(),
        Made::Bool(value) => (*value).into(),
        Made::Null => Value::Null,
        Made::Time(ns) => rfc3339(*ns).into(),
        Made::Json(value) => value.clone(),
    }
}

fn cell(step: Step, made: &Made, table: &mut Table) -> Cell {
    let mut bytes = |kind, bytes: &[u8]| {
        let span = table.push_arena(bytes).unwrap();
        (kind, span.start, span.len)
    };
    let words = |kind, bits: u64| (kind, bits as u32, (bits >> 32) as u32);
    let (kind, a, b) = match made {
        Made::Text(text) => bytes(Kind::ArenaText, text.as_bytes()),
        Made::Int(number) => words(Kind::Int, *number as u64),
        Made::Float(number) => words(Kind::Float, number.to_bits()),
        Made::Bool(value) => (Kind::Bool, u32::from(*value), 0),
        Made::Null => (Kind::Null, 0, 0),
        Made::Time(ns) => words(Kind::Time, *ns as u64),
        Made::Json(value) => bytes(Kind::ArenaJson, value.to_string().as_bytes()),
    };
    Cell::new(step, kind, a, b)
}

fn batch(line: &str, origin: Origin) -> Batch {
    let topic = Topic::new("web").unwrap();
    let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(7), 42, line.as_bytes());
    let raw = Span::between(0, line.len());
    let lines = vec![RawLine { raw, id, fork: ForkPath::NONE, flags: LineFlags::default(), origin: 0 }];
    let bytes = Bytes::from(line.to_owned());
    Batch::new(TaskKey::of_topic(&topic), topic, bytes, lines, vec![Arc::new(origin)], Ticket::untracked())
}

fn origin() -> Origin {
    let (host_name, path) = ("h\"1".into(), "/var/log/ü.log".into());
    Origin { host_name, host_ip: "10.0.0.1".into(), path, chain: "0a1b2c3d".into(), ..Origin::default() }
}

/// An object tree that knows leaves from objects: a raw JSON object is a leaf.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(Value),
    Node(Vec<(String, Tree)>),
}

impl Tree {
    fn child(&mut self, name: &str) -> &mut Tree {
        if !matches!(self, Tree::Node(_)) {
            *self = Tree::Node(vec![]);
        }
        let Tree::Node(children) = self else { unreachable!() };
        if let Some(at) = children.iter().position(|(key, _)| key == name) {
            return &mut children[at].1;
        }
        children.push((name.to_owned(), Tree::Node(vec![])));
        &mut children.last_mut().unwrap().1
    }
    fn at(&mut self, name: &str) -> &mut Tree {
        name.split('.').fold(self, |tree, segment| tree.child(segment))
    }
    fn take(&mut self, name: &str) {
        if self.get(name).is_some() {
            *self.at(name) = Tree::Node(vec![]);
        }
    }
    fn get(&self, name: &str) -> Option<&Tree> {
        name.split('.').try_fold(self, |tree, segment| match tree {
            Tree::Node(children) => children.iter().find(|(key, _)| key == segment).map(|(_, child)| child),
            Tree::Leaf(_) => None,
        })
    }
    fn json(&self) -> Option<Value> {
        match self {
            Tree::Leaf(value) => Some(value.clone()),
            Tree::Node(children) => {
                let members: Map<String, Value> =
                    children.iter().filter_map(|(key, child)| Some((key.clone(), child.json()?))).collect();
                (!members.is_empty()).then_some(Value::Object(members))
            }
        }
    }
}

/// The document as the rules have it, built step by step.
fn expected(line: &str, steps: &[(usize, Done)], keep_original: bool) -> Value {
    let mut tree = Tree::Node(vec![]);
    let leaf = |text: &str| Tree::Leaf(text.into());
    *tree.at("message") = leaf(line);
    let own = [
        ("@timestamp", leaf("1970-01-01T00:00:00.000Z")),
        ("collector.chain", leaf("0a1b2c3d+99999999")),
        ("host.name", leaf("h\"1")),
        ("host.ip", leaf("10.0.0.1")),
        ("log.file.path", leaf("/var/log/ü.log")),
        ("log.offset", Tree::Leaf(42.into())),
    ];
    own.into_iter().for_each(|(name, value)| *tree.at(name) = value);
    let (mut line_is_message, mut line_is_original, mut original_touched) = (true, false, false);
    for (name, done) in steps {
        let name = NAMES[*name];
        let appends = matches!(done, Done::Append(_));
        let removes = matches!(done, Done::Remove);
        if line_is_message && !removes && (name == "message" && !appends || name.starts_with("message.")) {
            line_is_message = false;
            tree.take("message");
            if !original_touched {
                *tree.at("event.original") = leaf(line);
                line_is_original = true;
            }
        }
        if name == "message" && removes {
            line_is_message = false;
        }
        if name == "event.original" || name == "event" {
            original_touched = true;
            if line_is_original && !(appends && name == "event.original") {
                tree.take("event.original");
            }
            line_is_original = false;
        }
        match done {
            Done::Remove => tree.take(name),
            Done::Set(made) => *tree.at(name) = Tree::Leaf(value(made)),
            Done::Append(made) => {
                let node = tree.at(name);
                let mut items = match node {
                    Tree::Leaf(Value::Array(items)) => std::mem::take(items),
                    Tree::Leaf(value) => vec![value.take()],
                    Tree::Node(_) => vec![],
                };
                items.push(value(made));
                *node = Tree::Leaf(Value::Array(items));
            }
        }
    }
    if !keep_original {
        tree.take("event.original");
    }
    tree.json().unwrap()
}

fn render(renderer: &mut Renderer, line: &str, steps: &[(usize, Done)], settings: DocumentSettings) -> String {
    let (mut table, mut schema, mut rendered) = (Table::default(), Schema::default(), Rendered::default());
    table.chain = "99999999".into();
    let batch = batch(line, origin());
    let mut event = table.begin(0, batch.lines[0].text);
    for (name, done) in steps {
        let field = schema.field(NAMES[*name]).unwrap();
        let cell = match done {
            Done::Set(made) => cell(Step::set(field), made, &mut table),
            Done::Append(made) => cell(Step::append(field), made, &mut table),
            Done::Remove => Cell::removal(Step::remove(field)),
        };
        table.push_cell(&mut event, &mut schema, cell);
    }
    table.push_event(event);
    renderer.render(&batch, &table, &schema, &settings, Framing::Lines, &mut rendered);
    let span = &rendered.documents[0];
    assert_eq!(span.framed, 0..rendered.bytes.len());
    assert_eq!(rendered.bytes.last(), Some(&b'\n'));
    String::from_utf8(rendered.document(span).to_vec()).unwrap()
}

proptest! {
    #[test]
    fn documents_are_what_a_plain_construction_gives(line in "(?s)[\u{0}-\u{7f}é€]{0,80}", steps in steps(), keep_original: bool) {
        let settings = DocumentSettings::new(DocumentForm::Ecs, keep_original);
        let text = render(&mut Renderer::default(), &line, &steps, settings);
        prop_assert!(!text.contains('\n'), "{}", text);
        let document: Value = serde_json::from_str(&text).unwrap();
        // Read back as well: serde_json may miss the last bit of a float.
        let expected: Value = serde_json::from_str(&expected(&line, &steps, keep_original).to_string()).unwrap();
        prop_assert_eq!(document, expected, "{}", text);
    }

    #[test]
    fn the_seed_s_form_has_the_message_alone(line in "(?s)[\u{0}-\u{7f}é€]{0,80}") {
        let settings = DocumentSettings::new(DocumentForm::Seed, true);
        let text = render(&mut Renderer::default(), &line, &[], settings);
        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({"topic": "web", "data": line}));
    }
}

#[test]
fn a_bulk_request_names_each_document() {
    let batch = batch("x", Origin::default());
    let (mut table, schema, mut rendered) = (Table::default(), Schema::default(), Rendered::default());
    let mut event = table.begin(0, batch.lines[0].text);
    event.fork = table.fork(event.fork, 3);
    table.push_event(event);
    let settings = DocumentSettings::new(DocumentForm::Seed, true);
    Renderer::default().render(&batch, &table, &schema, &settings, Framing::Bulk, &mut rendered);
    let expected =
        format!("{{\"create\":{{\"_id\":\"{}.3\"}}}}\n{{\"topic\":\"web\",\"data\":\"x\"}}\n", batch.lines[0].id);
    assert_eq!(String::from_utf8(rendered.bytes.clone()).unwrap(), expected);
    assert_eq!(rendered.document(&rendered.documents[0]), b"{\"topic\":\"web\",\"data\":\"x\"}");
}

#[test]
fn what_is_not_known_of_an_origin_is_absent() {
    let batch = batch("x", Origin::default());
    let (mut table, schema, mut rendered) = (Table::default(), Schema::default(), Rendered::default());
    let event = table.begin(0, batch.lines[0].text);
    table.push_event(event);
    let settings = DocumentSettings::new(DocumentForm::Ecs, true);
    Renderer::default().render(&batch, &table, &schema, &settings, Framing::Lines, &mut rendered);
    let expected = "{\"@timestamp\":\"1970-01-01T00:00:00.000Z\",\"message\":\"x\",\"log\":{\"offset\":42}}\n";
    assert_eq!(String::from_utf8(rendered.bytes).unwrap(), expected);
}

#[test]
fn a_document_beyond_the_limit_becomes_the_safe_one() {
    let settings = DocumentSettings { document_bytes_max: 300, ..DocumentSettings::new(DocumentForm::Ecs, true) };
    let long = vec![(0, Done::Set(Made::Text("x".repeat(400))))];
    let document: Value = serde_json::from_str(&render(&mut Renderer::default(), "line", &long, settings)).unwrap();
    assert_eq!((&document["message"], &document["error"]["type"]), (&json!("line"), &json!("document_too_large")));
    assert_eq!(document.get("a"), None);
}

#[test]
fn the_safe_document_has_the_line_and_the_reason() {
    let batch = batch("a \"line\"", origin());
    let document: Value = serde_json::from_slice(&safe_document(&batch, &batch.lines[0], "t", "why")).unwrap();
    let expected = json!({
        "@timestamp": "1970-01-01T00:00:00.000Z", "message": "a \"line\"",
        "log": {"file": {"path": "/var/log/ü.log"}, "offset": 42}, "host": {"name": "h\"1", "ip": "10.0.0.1"},
        "error": {"type": "t", "message": "why"}, "tags": ["_safe_document"],
    });
    assert_eq!(document, expected);
}

/// What `words` make of one event each, in one batch: four fields of these words, which lie in the arena once each.
fn events_of(renderer: &mut Renderer, schema: &mut Schema, words: &[&str]) -> Vec<Value> {
    let batch = batch("line", Origin::default());
    let mut table = Table::default();
    let mut spans = std::collections::HashMap::new();
    for word in words {
        let mut event = table.begin(0, batch.lines[0].text);
        let span = *spans.entry(*word).or_insert_with(|| table.push_arena(word.as_bytes()).unwrap());
        for name in ["event.kind", "event.module", "event.dataset", "service.type"] {
            let cell = Cell::new(Step::set(schema.field(name).unwrap()), Kind::ArenaText, span.start, span.len);
            table.push_cell(&mut event, schema, cell);
        }
        table.push_event(event);
    }
    let settings = DocumentSettings::new(DocumentForm::Ecs, false);
    let mut rendered = Rendered::default();
    renderer.render(&batch, &table, schema, &settings, Framing::Lines, &mut rendered);
    rendered.documents.iter().map(|span| serde_json::from_slice(rendered.document(span)).unwrap()).collect()
}

#[test]
fn values_that_repeat_are_those_of_their_own_event_and_batch() {
    let (mut renderer, mut schema) = (Renderer::default(), Schema::default());
    let many: Vec<String> = (0..600).map(|number| format!("w{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for words in [&["a", "b", "a", "a", "c", "d", "e", "\"f\n", "a", "b", ""][..], &["x", "y", "x"], &many, &["z", "z"]]
    {
        let documents = events_of(&mut renderer, &mut schema, words);
        assert_eq!(documents.len(), words.len());
        for (document, word) in documents.iter().zip(words) {
            assert_eq!(document["event"], json!({"kind": word, "module": word, "dataset": word}));
            assert_eq!(document["service"]["type"], *word);
        }
    }
}
