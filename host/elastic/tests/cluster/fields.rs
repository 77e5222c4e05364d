//! The template against the real servers: what the standard plugins make of their samples gets the types that they and ECS say.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use collector_model::index_name::IndexRule;
use elasticsearch::http::Method;
use serde_json::{Map, Value, json};

use crate::real::{Server, on_each_server};

on_each_server! {
    every_field_of_the_plugins_samples_has_its_type
}

/// Plugins whose fields have names of their own; the others' are what their configuration says.
const PARSERS: [&str; 15] = [
    "apache",
    "auth",
    "cri",
    "docker",
    "geoip",
    "go",
    "haproxy",
    "iis",
    "java",
    "mysql",
    "nginx",
    "postgresql",
    "python",
    "redis",
    "syslog",
];

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins")
}

/// The documents that a plugin's samples expect, with names in dots.
fn samples(plugin: &str) -> Vec<Map<String, Value>> {
    let text = fs::read_to_string(plugins().join(plugin).join("samples/samples.json")).unwrap();
    let samples: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut documents = vec![];
    for sample in samples {
        match &sample["expect"] {
            Value::Object(document) => documents.push(document.clone()),
            Value::Array(several) => documents.extend(several.iter().filter_map(Value::as_object).cloned()),
            _ => {}
        }
    }
    documents
}

/// The document as it is indexed: nested where a name has dots.
fn nested(dotted: &Map<String, Value>) -> Value {
    let mut document = json!({});
    for (name, value) in dotted {
        let mut place = &mut document;
        for part in name.split('.') {
            place = &mut place[part];
        }
        *place = value.clone();
    }
    document
}

/// Every name with the values that it has.
fn leaves(value: &Value, name: &str, found: &mut BTreeMap<String, Vec<Value>>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            leaves(value, &name, found);
        }),
        Value::Array(elements) => elements.iter().for_each(|element| leaves(element, name, found)),
        Value::Null => {}
        leaf => found.entry(name.to_owned()).or_default().push(leaf.clone()),
    }
}

/// The type of a field, by its dotted name.
fn type_of<'a>(mapping: &'a Value, name: &str) -> Option<&'a str> {
    let mut place = mapping;
    for part in name.split('.') {
        place = place.get("properties")?.get(part)?;
    }
    place["type"].as_str()
}

/// ECS's types, where its list is at hand, in the words that both servers know.
fn ecs() -> BTreeMap<String, String> {
    let Some(corpora) = std::env::var_os("COLLECTOR_CORPORA") else { return BTreeMap::new() };
    let path = Path::new(&corpora).join("reference/ecs/generated/csv/fields.csv");
    let Ok(text) = fs::read_to_string(path) else { return BTreeMap::new() };
    let columns = text.lines().map(|line| line.split(',').collect::<Vec<_>>()).filter(|columns| columns.len() > 5);
    columns.map(|columns| (columns[3].to_owned(), plain(columns[4]).to_owned())).collect()
}

fn plain(kind: &str) -> &str {
    match kind {
        "wildcard" | "constant_keyword" => "keyword",
        "match_only_text" => "text",
        "scaled_float" | "float" => "double",
        other => other,
    }
}

/// What a field's type may be by its name and values alone.
fn fits(name: &str, values: &[Value], kind: &str) -> bool {
    let is_address = name.ends_with(".ip") || name == "network.forwarded_ip" || name == "nginx.access.remote_ip_list";
    match (&values[0], kind) {
        (Value::String(_), "ip") => is_address,
        (Value::String(_), "date") => {
            name == "@timestamp" || name.starts_with("event.") || name == "postgresql.log.session_start_time"
        }
        (Value::String(_), "keyword" | "text") => !is_address,
        (Value::Bool(_), kind) => kind == "boolean",
        (Value::Number(_), "double") => true,
        (Value::Number(_), "long") => values.iter().all(|value| value.as_i64().is_some()),
        _ => false,
    }
}

async fn every_field_of_the_plugins_samples_has_its_type(server: Server) {
    let ecs = ecs();
    let mut wrong = BTreeSet::new();
    let mut fields = 0;
    for plugin in PARSERS {
        let documents: Vec<Value> = samples(plugin).iter().map(nested).collect();
        assert!(!documents.is_empty(), "{plugin} has no samples");
        let index = server.fresh(&format!("fields-{plugin}-2000.01.01")).await;
        let bench = server.bench();
        bench.sink.use_template_for(&IndexRule::Daily(format!("elastic-it-fields-{plugin}")));
        let numbered = documents.iter().enumerate().map(|(n, document)| (format!("{n}"), document.to_string()));
        bench.sink.submit(bench.part(&index, &numbered.collect::<Vec<_>>())).await;
        bench.until_acknowledged(1).await;
        for hit in server.documents(&index).await {
            let n: usize = hit["_id"].as_str().unwrap().parse().unwrap();
            assert_eq!(hit["_source"], documents[n], "{plugin}: the mapping refused a sample");
        }
        let mapping = server.must(Method::Get, &format!("{index}/_mapping"), Value::Null).await;
        let mapping = &mapping[index.as_str()]["mappings"];
        let mut found = BTreeMap::new();
        documents.iter().for_each(|document| leaves(document, "", &mut found));
        for (name, values) in &found {
            fields += 1;
            let kind = type_of(mapping, name).unwrap_or("none");
            // A trace is longer than keywords are kept for, so it is found by its words.
            let is_prose = name == "error.stack_trace" && kind == "text";
            let by_ecs = is_prose || ecs.get(name).is_none_or(|expected| expected == kind);
            if !by_ecs || !fits(name, values, kind) {
                wrong.insert(format!("{plugin}: {name} is {kind}; ECS {:?}, {}", ecs.get(name), values[0]));
            }
        }
        server.ask(Method::Delete, &index, Value::Null).await;
    }
    assert!(fields > 300, "{fields} fields only");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
