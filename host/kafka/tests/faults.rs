//! What the producer does about a broker's faults, against the mock cluster that comes with the client.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::channel,
    },
    time::{Duration, Instant},
};

use collector_kafka::{KafkaSettings, Producer, Record, Route, TopicState};
use collector_model::{Acknowledge, FileUid, Metrics, Permit, Position, Source, Ticket, Topic};
use collector_tasks::{Partitioning, task::Acks};
use rdkafka::{
    bindings::rd_kafka_resp_err_t as Answer,
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Told {
    acknowledged: AtomicU64,
    lost: AtomicU64,
}

impl Acknowledge for Told {
    fn acknowledged(&self, _: &Position) {
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    fn lost(&self, _: &Position) {
        self.lost.fetch_add(1, Ordering::SeqCst);
    }
}

impl Told {
    fn ticket(self: &Arc<Self>) -> Ticket {
        let position = Position { source: Source::File(FileUid(1)), from: 0, to: 1 };
        Ticket::new(position, Permit::none(), Arc::clone(self) as Arc<dyn Acknowledge>)
    }

    fn counts(&self) -> (u64, u64) {
        (self.acknowledged.load(Ordering::SeqCst), self.lost.load(Ordering::SeqCst))
    }

    /// Waits until every one of `count` tickets was settled.
    fn settled(&self, count: u64) -> (u64, u64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (acknowledged, lost) = self.counts();
            if acknowledged + lost >= count {
                return (acknowledged, lost);
            }
            assert!(Instant::now() < deadline, "{acknowledged} acknowledged, {lost} lost of {count}");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

struct Bench {
    cluster: MockCluster<'static, DefaultProducerContext>,
    settings: KafkaSettings,
    topic: Topic,
    told: Arc<Told>,
}

fn bench() -> Bench {
    let cluster = MockCluster::new(1).unwrap();
    let topic = Topic::new("web").unwrap();
    cluster.create_topic(topic.as_str(), 2, 1).unwrap();
    let mut settings = KafkaSettings::new(vec![cluster.bootstrap_servers()]);
    settings.properties.insert("retry.backoff.ms".into(), "10".into());
    Bench { cluster, settings, topic, told: Arc::default() }
}

fn send(producer: &Producer, route: &mut Route, told: &Arc<Told>, count: u64) {
    for number in 0..count {
        let line = format!("line {number}");
        producer.send(Record { route, key: b"", value: line.as_bytes() }, told.ticket()).unwrap();
    }
}

#[test]
fn passing_faults_are_retried_and_nothing_is_lost() {
    let Bench { cluster, settings, topic, told } = bench();
    let producer = Producer::start(&settings, Acks::All, Metrics::default(), |refused| panic!("{refused:?}")).unwrap();
    let mut route = producer.route(&topic, Partitioning::RoundRobin);
    let faults: [RDKafkaRespErr; 3] = [
        Answer::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        Answer::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        Answer::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    ];
    cluster.request_errors(RDKafkaApiKey::Produce, &faults);
    send(&producer, &mut route, &told, 1_000);
    assert_eq!(told.settled(1_000), (1_000, 0));
    assert_eq!(producer.in_flight_bytes(), 0);
}

#[test]
fn after_a_fatal_error_what_was_under_way_is_lost_and_the_next_records_are_delivered() {
    let Bench { cluster, settings, topic, told } = bench();
    let producer = Producer::start(&settings, Acks::All, Metrics::default(), |refused| panic!("{refused:?}")).unwrap();
    let mut route = producer.route(&topic, Partitioning::Number(0));
    // Fatal for an idempotent producer, because it cannot know which records the broker has.
    let fatal: [RDKafkaRespErr; 1] = [Answer::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED];
    cluster.request_errors(RDKafkaApiKey::InitProducerId, &fatal);
    send(&producer, &mut route, &told, 100);
    let (acknowledged, lost) = told.settled(100);
    assert!(lost > 0, "{acknowledged} acknowledged, {lost} lost");
    send(&producer, &mut route, &told, 100);
    let (acknowledged_then, lost_then) = told.settled(200);
    assert_eq!((acknowledged_then - acknowledged, lost_then - lost), (100, 0));
    assert_eq!(producer.in_flight_bytes(), 0);
}

#[test]
fn what_the_broker_refuses_for_good_is_handed_over_with_its_ticket() {
    let Bench { cluster, settings, topic, told } = bench();
    let (refused, refusals) = channel();
    let handle = move |record| refused.send(record).unwrap();
    let producer = Producer::start(&settings, Acks::All, Metrics::default(), handle).unwrap();
    let mut route = producer.route(&topic, Partitioning::Number(0));
    cluster.request_errors(RDKafkaApiKey::Produce, &[Answer::RD_KAFKA_RESP_ERR_INVALID_RECORD]);
    producer.send(Record { route: &mut route, key: b"key", value: b"value" }, told.ticket()).unwrap();
    let record = refusals.recv_timeout(PATIENCE).unwrap();
    assert_eq!((record.topic, record.key, record.value), (topic, b"key".to_vec(), b"value".to_vec()));
    assert_eq!(told.counts(), (0, 0), "whoever was handed the record settles it");
    record.ticket.complete();
    assert_eq!(told.counts(), (1, 0));
}

#[test]
fn what_is_too_large_at_once_is_lost_and_then_sent_in_smaller_batches() {
    let Bench { cluster, settings, topic, told } = bench();
    let producer = Producer::start(&settings, Acks::All, Metrics::default(), |refused| panic!("{refused:?}")).unwrap();
    let mut route = producer.route(&topic, Partitioning::Number(0));
    let before = route.record_bytes_max();
    cluster.request_errors(RDKafkaApiKey::Produce, &[Answer::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    send(&producer, &mut route, &told, 1);
    assert_eq!(told.settled(1), (0, 1));
    send(&producer, &mut route, &told, 1);
    assert_eq!(told.settled(2), (1, 1));
    assert!(route.record_bytes_max() < before / 2 + 1_000, "{} of {before}", route.record_bytes_max());
}

#[test]
fn dropping_the_producer_makes_what_was_not_settled_lost() {
    let Bench { cluster, settings, topic, told } = bench();
    let producer = Producer::start(&settings, Acks::All, Metrics::default(), |refused| panic!("{refused:?}")).unwrap();
    let mut route = producer.route(&topic, Partitioning::Sticky);
    send(&producer, &mut route, &told, 1);
    assert_eq!(told.settled(1), (1, 0));
    cluster.broker_down(1).unwrap();
    send(&producer, &mut route, &told, 50);
    drop(producer);
    assert_eq!(told.counts(), (1, 50));
}

/// The CPU time so far of the client's threads for brokers.
fn cpu_of_broker_threads() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok());
    let ticks = stats.filter(|stat| stat.contains("(rdk:broker")).map(|stat| {
        let fields: Vec<&str> = stat[stat.rfind(')').unwrap()..].split(' ').collect();
        fields[12].parse::<u64>().unwrap() + fields[13].parse::<u64>().unwrap()
    });
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

#[test]
fn while_a_slow_broker_has_all_that_it_can_take_the_client_rests() {
    const LINES: usize = 500;
    let told = Arc::new(Told::default());
    let (cluster, topic) = (MockCluster::new(1).unwrap(), Topic::new("slow").unwrap());
    cluster.create_topic(topic.as_str(), 4, 1).unwrap();
    let settings = KafkaSettings::new(vec![cluster.bootstrap_servers()]);
    let producer = Producer::start(&settings, Acks::All, Metrics::default(), |refused| panic!("{refused:?}")).unwrap();
    let mut route = producer.route(&topic, Partitioning::Sticky);
    send(&producer, &mut route, &told, 1);
    assert_eq!(told.settled(1), (1, 0));
    cluster.broker_round_trip_time(1, Duration::from_millis(300)).unwrap();
    let (began, before, value, mut sent) = (Instant::now(), cpu_of_broker_threads(), vec![b'x'; 250], 1);
    while began.elapsed() < Duration::from_secs(3) {
        if route.state_for(LINES, LINES * value.len()) != TopicState::Ready {
            std::thread::park_timeout(Duration::from_millis(1));
            continue;
        }
        for _ in 0..LINES {
            producer.send(Record { route: &mut route, key: b"", value: &value }, told.ticket()).unwrap();
        }
        sent += LINES as u64;
    }
    let (cpu, took) = (cpu_of_broker_threads() - before, began.elapsed());
    assert_eq!(told.settled(sent), (sent, 0));
    // Ten round trips of four requests, of two thousand lines each.
    assert!(sent > 20_000, "{sent} lines in {took:?}");
    assert!(cpu < took / 5, "{cpu:?} of {took:?}, for {sent} lines");
}
