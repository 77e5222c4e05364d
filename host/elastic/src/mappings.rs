//! The types of the fields that the collector and its plugins write: those of ECS, in the words that Elasticsearch 8 and every
//! OpenSearch 2 know (`keyword` in the place of `wildcard`, `text` in that of `match_only_text`).

use serde_json::{Map, Value, json};

/// Longer texts are kept and not found as keywords; Lucene refuses more than 32,766 bytes.
const KEYWORD_CHARS_MAX: u32 = 1024;

const DATES: [&str; 6] =
    ["@timestamp", "event.created", "event.end", "event.ingested", "event.start", "postgresql.log.session_start_time"];

const ADDRESSES: [&str; 11] = [
    "client.ip",
    "client.nat.ip",
    "destination.ip",
    "destination.nat.ip",
    "host.ip",
    "network.forwarded_ip",
    "nginx.access.remote_ip_list",
    "related.ip",
    "server.ip",
    "source.ip",
    "source.nat.ip",
];

const POINTS: [&str; 5] = [
    "client.geo.location",
    "destination.geo.location",
    "host.geo.location",
    "server.geo.location",
    "source.geo.location",
];

const INTEGERS: [&str; 33] = [
    "client.as.number",
    "client.bytes",
    "client.port",
    "destination.as.number",
    "destination.bytes",
    "destination.port",
    "event.duration",
    "event.sequence",
    "event.severity",
    "http.request.body.bytes",
    "http.request.bytes",
    "http.response.body.bytes",
    "http.response.bytes",
    "http.response.status_code",
    "log.offset",
    "log.origin.file.line",
    "log.syslog.facility.code",
    "log.syslog.priority",
    "log.syslog.severity.code",
    "network.bytes",
    "process.exit_code",
    "process.parent.pid",
    "process.pgid",
    "process.pid",
    "process.thread.id",
    "server.as.number",
    "server.bytes",
    "server.port",
    "source.as.number",
    "source.bytes",
    "source.port",
    "url.port",
    "mysql.thread_id",
];

/// Prose: found by its words.
const TEXTS: [&str; 3] = ["error.message", "error.stack_trace", "message"];

/// Names that are found as a whole, and by their words.
const NAMES_AND_WORDS: [&str; 12] = [
    "file.path",
    "http.request.referrer",
    "mysql.general.query",
    "mysql.slowlog.query",
    "postgresql.log.detail",
    "postgresql.log.hint",
    "postgresql.log.query",
    "process.command_line",
    "system.auth.sudo.command",
    "url.original",
    "url.path",
    "user_agent.original",
];

/// Where a number may come without its fraction, and the first document would decide the type.
const FRACTIONS: [&str; 4] =
    ["nginx.access.*_time", "nginx.access.gzip_ratio", "mysql.slowlog.*.sec", "apache.access.*_time"];

/// The mappings of the template. What is not named is mapped by its first value: strings as keywords, `ip` as an address.
pub(crate) fn mappings() -> Value {
    let mut properties = Map::new();
    let typed: [(&[&str], Value); 6] = [
        (&DATES, json!({"type": "date"})),
        (&ADDRESSES, json!({"type": "ip", "ignore_malformed": true})),
        (&POINTS, json!({"type": "geo_point", "ignore_malformed": true})),
        (&INTEGERS, json!({"type": "long"})),
        (&TEXTS, json!({"type": "text", "norms": false})),
        (&NAMES_AND_WORDS, keyword_and_words()),
    ];
    for (names, mapping) in &typed {
        names.iter().for_each(|name| put(&mut properties, name, mapping));
    }
    // Kept for reading alone: it is the line, whose words are in the other fields.
    put(&mut properties, "event.original", &json!({"type": "keyword", "index": false, "doc_values": false}));
    json!({
        "date_detection": false,
        "dynamic_templates": dynamic_templates(),
        "properties": properties,
    })
}

fn dynamic_templates() -> Vec<Value> {
    let mut templates: Vec<Value> = FRACTIONS
        .iter()
        .enumerate()
        .map(|(n, path)| json!({format!("fractions_{n}"): {"path_match": path, "mapping": {"type": "double"}}}))
        .collect();
    templates.extend([
        json!({"addresses": {"match": "ip", "match_mapping_type": "string",
            "mapping": {"type": "ip", "ignore_malformed": true}}}),
        json!({"numbers": {"match_mapping_type": "double", "mapping": {"type": "double"}}}),
        json!({"strings": {"match_mapping_type": "string", "mapping": keyword()}}),
    ]);
    templates
}

fn keyword() -> Value {
    json!({"type": "keyword", "ignore_above": KEYWORD_CHARS_MAX})
}

fn keyword_and_words() -> Value {
    json!({"type": "keyword", "ignore_above": KEYWORD_CHARS_MAX, "fields": {"text": {"type": "text", "norms": false}}})
}

/// Puts the mapping of a dotted name where it belongs.
fn put(properties: &mut Map<String, Value>, name: &str, mapping: &Value) {
    let Some((first, rest)) = name.split_once('.') else {
        properties.insert(name.to_owned(), mapping.clone());
        return;
    };
    let inner = properties.entry(first).or_insert_with(|| json!({"properties": {}}));
    if let Some(Value::Object(inner)) = inner.get_mut("properties") {
        put(inner, rest, mapping);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_has_two_types_or_stands_below_another() {
        let all =
            [DATES.as_slice(), &ADDRESSES, &POINTS, &INTEGERS, &TEXTS, &NAMES_AND_WORDS, &["event.original"]].concat();
        for (at, name) in all.iter().enumerate() {
            let clash = all
                .iter()
                .enumerate()
                .find(|(other, longer)| *other != at && (*longer == name || longer.starts_with(&format!("{name}."))));
            assert_eq!(clash, None, "{name}");
        }
    }

    #[test]
    fn dotted_names_are_nested() {
        let mappings = mappings();
        let typed = |pointer: &str| mappings.pointer(&format!("/properties/{pointer}/type")).cloned();
        assert_eq!(typed("@timestamp"), Some(json!("date")));
        assert_eq!(typed("http/properties/response/properties/body/properties/bytes"), Some(json!("long")));
    }
}
