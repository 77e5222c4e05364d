//! The document that every index takes: the line and where it came from, and why it is not more.

use collector_model::{Batch, Line, cell::rfc3339};
use serde_json::{Map, Value, json};

/// The tag of such documents.
const TAG: &str = "_safe_document";

/// A document of `@timestamp`, `message`, `log.*`, `host.*`, `error.*` and `tags`, for a line whose own document was refused.
/// `error_type` is a stable word (`document_parsing_exception`), `reason` is for people. One JSON object on one line.
pub fn safe_document(batch: &Batch, line: &Line, error_type: &str, reason: &str) -> Vec<u8> {
    let origin = batch.origin_of(line);
    let mut document = Map::new();
    document.insert("@timestamp".into(), rfc3339(origin.read_time_ms.saturating_mul(1_000_000)).into());
    document.insert("message".into(), String::from_utf8_lossy(batch.text_of(line)).into());
    let mut log = Map::new();
    if !origin.path.is_empty() {
        log.insert("file".into(), json!({ "path": &*origin.path }));
    }
    if line.id.is_ours() {
        log.insert("offset".into(), line.id.offset().into());
    }
    let mut host = Map::new();
    for (key, text) in [("name", &origin.host_name), ("ip", &origin.host_ip)] {
        if !text.is_empty() {
            host.insert(key.into(), (**text).into());
        }
    }
    for (key, object) in [("log", log), ("host", host)] {
        if !object.is_empty() {
            document.insert(key.into(), Value::Object(object));
        }
    }
    document.insert("error".into(), json!({ "type": error_type, "message": reason }));
    document.insert("tags".into(), json!([TAG]));
    Value::Object(document).to_string().into_bytes()
}
