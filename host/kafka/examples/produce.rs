//! Measures sending: `cargo run --release -p collector-kafka --example produce -- HOST:PORT [MILLIONS_OF_LINES]`.
//!
//! Sends access-log lines of 238 bytes with keys of 112 bytes, acks=all, and prints the MiB of lines per second and per
//! second of CPU time of this process (user and system, all threads, from /proc/self/stat), and its peak resident memory.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use collector_kafka::{KafkaSettings, Producer, Record, TopicCreation};
use collector_model::{
    Acknowledge, BucketDay, EventId, FileUid, ForkPath, LineFlags, Metrics, Origin, Permit, Position, Source, Ticket,
    Topic, envelope,
};
use collector_tasks::{Partitioning, task::Acks};

/// Lines that share a ticket, as those of a batch do.
const BATCH_LINES: u64 = 500;
/// How often the kernel counts CPU time, per second; the same on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Default)]
struct Delivered(AtomicU64);

impl Acknowledge for Delivered {
    fn acknowledged(&self, position: &Position) {
        self.0.fetch_add(position.to - position.from, Ordering::Relaxed);
    }
    fn lost(&self, position: &Position) {
        eprintln!("lost {position:?}");
    }
}

fn cpu_seconds() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / TICKS_PER_SECOND)
}

fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown").to_owned()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let broker = arguments.next().ok_or("the first argument is the broker, HOST:PORT")?;
    let lines = arguments.next().map_or(Ok(1), |text| text.parse::<u64>())? * 1_000_000;
    let mut settings = KafkaSettings::new(vec![broker]);
    settings.create_topics = Some(TopicCreation { partitions: 4, replication: 1 });

    let producer = Producer::start(&settings, Acks::All, Metrics::default(), |refused| eprintln!("{refused:?}"))?;
    let topic = Topic::new("collector-example-produce")?;
    let mut route = producer.route(&topic, Partitioning::Sticky);
    let origin = Origin {
        host_name: "web-1.example".into(),
        host_ip: "10.1.2.3".into(),
        path: "/var/log/nginx/access.log".into(),
        ..Origin::default()
    };
    let delivered = Arc::new(Delivered::default());
    let (mut key, mut bytes, mut line) = (vec![], 0, String::new());
    let (began, cpu_before) = (Instant::now(), cpu_seconds()?);
    for batch in 0..lines / BATCH_LINES {
        let position = Position { source: Source::File(FileUid(7)), from: 0, to: BATCH_LINES };
        let ticket = Ticket::new(position, Permit::none(), Arc::clone(&delivered) as Arc<dyn Acknowledge>);
        for number in batch * BATCH_LINES..(batch + 1) * BATCH_LINES {
            use std::fmt::Write as _;
            line.clear();
            write!(
                line,
                "10.{}.{}.{} - - [12/Mar/2025:10:15:{:02} +0000] \"GET /articles/{number:010}/comments HTTP/1.1\" 200 \
                 {} \"https://www.example.org/articles/index.html\" \"Mozilla/5.0 (X11; Linux x86_64) \
                 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0 Safari/537.36\"",
                number % 251,
                number % 253,
                number % 255,
                number % 60,
                number % 9_000
            )?;
            let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(7), bytes, line.as_bytes());
            key.clear();
            envelope::encode(&id, &ForkPath::NONE, LineFlags::default(), &origin, &mut key);
            bytes += line.len() as u64;
            producer.send(Record { route: &mut route, key: &key, value: line.as_bytes() }, ticket.clone())?;
        }
        ticket.complete();
    }
    let is_settled = producer.flush(Duration::from_secs(60));
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds()? - cpu_before);
    let mib = bytes as f64 / f64::from(1 << 20);
    let delivered = delivered.0.load(Ordering::Relaxed);
    println!("{delivered} of {lines} lines delivered (all settled: {is_settled}), {mib:.0} MiB in {seconds:.2} s");
    println!("{:.0} MiB/s, {:.0} MiB per second of CPU time, {}", mib / seconds, mib / cpu, peak_memory());
    Ok(())
}
