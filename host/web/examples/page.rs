//! Serves the search page over made-up lines: `cargo run -p collector-web --example page [PORT [LINES]]`; with 0 lines an
//! empty index. While lines were asked for, one more comes every half a second.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use collector_index::{Index, IndexItem, IndexPart, IndexSettings, IndexWriter};
use collector_model::{
    Acknowledge, Batch, BucketDay, EventId, FileUid, ForkPath, LineFlags, Metrics, Origin, Permit, Position, Source,
    Span, TaskKey, Ticket, Topic, batch::RawLine,
};
use collector_web::{Health, WebState, serve};

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Nobody;
impl Acknowledge for Nobody {
    fn acknowledged(&self, _: &Position) {}
    fn lost(&self, _: &Position) {}
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// A document as the nginx plugin makes it, or an application's.
fn document(number: u64, time_ms: i64) -> (&'static str, String) {
    let random = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    let time = jiff::Timestamp::from_millisecond(time_ms).unwrap_or_default();
    let path = ["/", "/api/users", "/api/orders/17", "/static/app.js", "/health", "/<script>alert(1)</script>"]
        [(random % 6) as usize];
    let status = [200, 200, 200, 304, 200, 404, 200, 301, 500, 200, 503][(random % 11) as usize];
    let ip = format!("10.0.{}.{}", random % 4, random % 250);
    let agent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";
    if random.is_multiple_of(9) {
        let level = ["info", "warn", "error"][(random % 3) as usize];
        let body = serde_json::json!({
            "@timestamp": time.to_string(), "message": format!("worker {}: job {number} took {} ms", random % 8, random % 900),
            "log": { "level": level, "file": { "path": "/var/log/shop/app.log" } }, "service": { "name": "shop" },
            "tags": ["batch", "nightly"], "event": { "duration": random % 900 },
        });
        return ("shop", body.to_string());
    }
    let line = format!("{ip} - - [{time}] \"GET {path} HTTP/1.1\" {status} {} \"-\" \"{agent}\"", random % 9000);
    let body = serde_json::json!({
        "@timestamp": time.to_string(), "message": line, "source": { "ip": ip }, "url": { "path": path },
        "http": { "request": { "method": "GET" }, "response": { "status_code": status, "body": { "bytes": random % 9000 } }, "version": "1.1" },
        "user_agent": { "original": agent }, "log": { "file": { "path": "/var/log/nginx/access.log" }, "offset": number * 100 },
        "host": { "name": "web-1", "ip": "192.0.2.7" }, "collector": { "chain": "0a1b2c3d" },
    });
    ("web", body.to_string())
}

fn submit(writer: &IndexWriter, number: u64, time_ms: i64) -> Result<(), Failure> {
    let (topic, json) = document(number, time_ms);
    let topic = Topic::new(topic)?;
    let day = BucketDay::from_unix_ms(time_ms);
    let raw = Bytes::from(json);
    let span = Span::between(0, raw.len());
    let id = EventId::ours(day, FileUid(1), number, &raw);
    let line = RawLine { raw: span, id, fork: ForkPath::NONE, flags: LineFlags::default(), origin: 0 };
    let position = Position { source: Source::File(FileUid(1)), from: number, to: number + 1 };
    let ticket = Ticket::new(position, Permit::none(), Arc::new(Nobody));
    let batch = Batch::new(
        TaskKey::of_topic(&topic),
        topic,
        raw.clone(),
        vec![line],
        vec![Arc::new(Origin::default())],
        ticket,
    );
    let items = vec![IndexItem { line: 0, fork: ForkPath::NONE, document: span }];
    Ok(writer.submit(IndexPart::of(batch, raw, items))?)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().map_or(Ok(8686), |port| port.parse())?;
    let lines: u64 = arguments.next().map_or(Ok(2000), |lines| lines.parse())?;
    let dir = tempfile::tempdir()?;
    let metrics = Metrics::default();
    let index = Index::open(dir.path(), IndexSettings::default(), metrics.clone())?;
    let writer = index.writer();
    let spread = Duration::from_secs(20 * 3600).as_millis() as i64;
    for number in 0..lines {
        let back = (lines - number) as f64 / lines as f64;
        submit(&writer, number, now_ms() - (back * back * spread as f64) as i64)?;
    }
    if lines > 0 {
        std::thread::spawn(move || {
            for number in lines.. {
                std::thread::sleep(Duration::from_millis(500));
                if submit(&writer, number, now_ms()).is_err() {
                    return;
                }
            }
        });
    }
    let health = Arc::new(Health::default());
    health.ready("index");
    let status = Arc::new(|| serde_json::json!({ "role": "standalone", "tasks_dir": "./tasks" }));
    let state = WebState { metrics, health, search: Some(Arc::new(index.reader())), status, host_names: vec![] };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let stopped = async {
        // Without a signal to wait for, it serves until it is killed.
        let _ = tokio::signal::ctrl_c().await;
    };
    Ok(serve(listener, state, stopped).await?)
}
