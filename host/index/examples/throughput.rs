//! Prints how fast documents of an access log are taken in and committed, and how long searches over them take:
//! `cargo run -p collector-index --example throughput [DOCUMENTS]`.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use collector_index::{Index, IndexItem, IndexPart, IndexSettings};
use collector_model::{
    Batch, BucketDay, EventId, FileUid, ForkPath, LineFlags, Metrics, Origin, Span, TaskKey, Ticket, Topic,
    batch::RawLine,
    search::{Search, SearchRequest},
};
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

const LINES_PER_BATCH: u64 = 1000;
const QUERIES: [&str; 5] = [
    "",
    "http.response.status_code:>=500",
    "source.ip:10.0.1.0/24",
    "url.path:/api/items/1*",
    "firefox NOT http.response.status_code:500",
];

fn document(number: u64) -> String {
    let random = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    let (ip, path) = (format!("10.0.{}.{}", random % 200, random % 250), format!("/api/items/{}", random % 5000));
    let status = [200, 200, 200, 304, 404, 500][(random % 6) as usize];
    let (bytes, second) = (random % 90_000, number / 1000 % 60);
    let agent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";
    let line = format!(
        r#"{ip} - - [31/Jan/2026:12:00:{second:02} +0000] "GET {path} HTTP/1.1" {status} {bytes} "-" "{agent}""#
    );
    let document = json!({
        "@timestamp": format!("2026-01-31T12:00:{second:02}Z"), "message": line,
        "source": { "ip": ip }, "url": { "path": path }, "user_agent": { "original": agent },
        "http": { "version": "1.1", "request": { "method": "GET" },
            "response": { "status_code": status, "body": { "bytes": bytes } } },
        "log": { "file": { "path": "/var/log/nginx/access.log" }, "offset": number * 180 },
        "host": { "name": "web-1" }, "collector": { "chain": "0a1b2c3d" },
    });
    document.to_string()
}

fn part(topic: &Topic, first: u64) -> IndexPart {
    let day = BucketDay::from_unix_ms(1_769_860_800_000);
    let (mut raw, mut lines, mut items) = (vec![], vec![], vec![]);
    for number in first..first + LINES_PER_BATCH {
        let start = raw.len();
        raw.extend_from_slice(document(number).as_bytes());
        let span = Span::between(start, raw.len());
        let id = EventId::ours(day, FileUid(1), number, &raw[start..]);
        items.push(IndexItem { line: (number - first) as u32, fork: ForkPath::NONE, document: span });
        lines.push(RawLine { raw: span, id, fork: ForkPath::NONE, flags: LineFlags::default(), origin: 0 });
        raw.push(b'\n');
    }
    let raw = Bytes::from(raw);
    let origins = vec![Arc::new(Origin::default())];
    let batch = Batch::new(TaskKey::of_topic(topic), topic.clone(), raw.clone(), lines, origins, Ticket::untracked());
    IndexPart::of(batch, raw, items)
}

fn main() -> Result<(), Failure> {
    let documents: u64 = std::env::args().nth(1).map_or(Ok(100_000), |count| count.parse())?;
    let topic = Topic::new("web")?;
    let dir = tempfile::tempdir()?;
    let index = Index::open(dir.path(), IndexSettings::default(), Metrics::default())?;
    let parts: Vec<IndexPart> = (0..documents / LINES_PER_BATCH).map(|i| part(&topic, i * LINES_PER_BATCH)).collect();
    let bytes: usize = parts.iter().map(|part| part.documents.len()).sum();
    let (start, writer, reader) = (Instant::now(), index.writer(), index.reader());
    for part in parts {
        writer.submit(part)?;
    }
    index.close();
    let seconds = start.elapsed().as_secs_f64();
    let (rate, megabytes) = (documents as f64 / seconds, bytes as f64 / 1e6 / seconds);
    println!("{documents} documents taken in and committed: {rate:.0} a second, {megabytes:.1} MB/s of JSON");
    for query in QUERIES {
        let request =
            SearchRequest { query: query.to_owned(), topic: None, since_ms: None, until_ms: None, hits_max: 100 };
        let start = Instant::now();
        let page = reader.search(&request)?;
        println!("{:>8.1} ms  {:>8} found  {query}", start.elapsed().as_secs_f64() * 1000.0, page.total);
    }
    Ok(())
}
