//! TLS and SASL, against a broker of the test's own: `SERVICES_DIR` names the folder of the servers' programs, `SERVICES_JAVA` a Java.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc::sync_channel},
    time::{Duration, Instant},
};

use collector_kafka::{
    Consumer, Group, KafkaError, KafkaSettings, Producer, Record, Sasl, SaslMechanism, Tls, TopicCreation, cluster,
};
use collector_model::{
    Acknowledge, Budget, FileUid, Metrics, Permit, Position, Source, Ticket, Topic, budget::BudgetLimits,
};
use collector_tasks::{Partitioning, task::Acks};
use parking_lot::Mutex;

const PATIENCE: Duration = Duration::from_secs(120);
const USER: &str = "agent";
const PASSWORD: &str = "the right one";

/// The jars of Kafka; `None` means that the test is skipped, which is a failure where servers are required.
fn jars() -> Option<String> {
    let folder = std::env::var_os("SERVICES_DIR").map(PathBuf::from);
    let dist = folder.and_then(|folder| fs::read_dir(folder.join("dist")).ok());
    let of_kafka =
        |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with("kafka-").then(|| entry.path());
    let found = dist.and_then(|mut dist| dist.find_map(|entry| entry.ok().and_then(of_kafka)));
    if found.is_none() {
        let required = std::env::var("COLLECTOR_TEST_SERVERS").as_deref() == Ok("required");
        assert!(!required, "SERVICES_DIR does not lead to Kafka: run `cargo xtask services install kafka`");
        eprintln!("skipped: SERVICES_DIR does not lead to Kafka");
    }
    found.map(|kafka| format!("{}/jars/*", kafka.display()))
}

/// A folder that goes with the test.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        let home = std::env::temp_dir().join(format!("collector-secured-{}", std::process::id()));
        fs::create_dir_all(&home).unwrap();
        Home(home)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A broker that speaks SASL on one port and TLS with SASL on another; killed when dropped.
struct Broker {
    process: Child,
    sasl: u16,
    tls: u16,
    ca_file: PathBuf,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn java_program() -> PathBuf {
    std::env::var_os("SERVICES_JAVA").map_or_else(|| "java".into(), PathBuf::from)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

impl Broker {
    fn start(jars: &str, home: &Path) -> Broker {
        let ca_file = make_certificate(home);
        let (sasl, tls, controller) = (free_port(), free_port(), free_port());
        let settings = home.join("server.properties");
        fs::write(&settings, server_properties(home, sasl, tls, controller)).unwrap();
        let logging = home.join("log4j2.properties");
        fs::write(&logging, "status = error\nrootLogger.level = warn\n").unwrap();
        let java = |heap: &str| {
            let mut java = Command::new(java_program());
            java.args([heap, "-XX:TieredStopAtLevel=1"]);
            java.arg(format!("-Dlog4j2.configurationFile={}", logging.display())).args(["-cp", jars]);
            java.stdin(Stdio::null()).current_dir(home);
            java
        };
        let mut format = java("-Xmx128m");
        format.args(["kafka.tools.StorageTool", "format", "-t", "bG9nLWNvbGxlY3Rvci0xNg", "-c"]).arg(&settings);
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
            format.args(["--add-scram", &format!("{mechanism}=[name={USER},password={PASSWORD}]")]);
        }
        run(&mut format);
        let mut server = java("-Xmx256m");
        server.arg("kafka.Kafka").arg(&settings);
        let log = fs::File::create(home.join("out.log")).unwrap();
        let process = server.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        Broker { process, sasl, tls, ca_file }
    }

    fn settings(&self, mechanism: SaslMechanism, password: &str) -> KafkaSettings {
        let sasl = Sasl { mechanism, user: USER.into(), password: password.into() };
        KafkaSettings { sasl: Some(sasl), ..KafkaSettings::new(vec![format!("127.0.0.1:{}", self.sasl)]) }
    }

    fn over_tls(&self, mechanism: SaslMechanism, verify_host: bool) -> KafkaSettings {
        KafkaSettings {
            brokers: vec![format!("127.0.0.1:{}", self.tls)],
            tls: Some(Tls { ca_file: Some(self.ca_file.clone()), verify_host, ..Tls::default() }),
            ..self.settings(mechanism, PASSWORD)
        }
    }
}

/// A key and a certificate for a broker that is called somewhere.test; the certificate is also the authority.
fn make_certificate(home: &Path) -> PathBuf {
    let store = home.join("broker.p12");
    run(Command::new(java_program().with_file_name("keytool"))
        .args(["-genkeypair", "-alias", "broker", "-keyalg", "EC", "-dname", "CN=somewhere.test", "-validity", "3"])
        .args(["-ext", "bc:c", "-ext", "san=dns:somewhere.test", "-storetype", "PKCS12", "-storepass", "keystore"])
        .arg("-keystore")
        .arg(&store));
    let ca_file = home.join("ca.pem");
    run(Command::new(java_program().with_file_name("keytool"))
        .args(["-exportcert", "-rfc", "-alias", "broker", "-storepass", "keystore", "-keystore"])
        .arg(&store)
        .arg("-file")
        .arg(&ca_file));
    ca_file
}

fn server_properties(home: &Path, sasl: u16, tls: u16, controller: u16) -> String {
    let plain = format!(
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"{USER}\" password=\"{PASSWORD}\" user_{USER}=\"{PASSWORD}\";"
    );
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let mut text = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\ninter.broker.listener.name=INSIDE\n\
         listeners=SASL://127.0.0.1:{sasl},TLS://127.0.0.1:{tls},INSIDE://127.0.0.1:0,CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=SASL://127.0.0.1:{sasl},TLS://127.0.0.1:{tls}\n\
         listener.security.protocol.map=SASL:SASL_PLAINTEXT,TLS:SASL_SSL,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\nlog.dirs={data}\n\
         ssl.keystore.location={home}/broker.p12\nssl.keystore.password=keystore\nssl.keystore.type=PKCS12\n\
         auto.create.topics.enable=false\noffsets.topic.replication.factor=1\n",
        home = home.display(),
        data = home.join("data").display(),
    );
    let inside = free_port();
    text = text.replace("INSIDE://127.0.0.1:0", &format!("INSIDE://127.0.0.1:{inside}"));
    text = text.replace("advertised.listeners=", &format!("advertised.listeners=INSIDE://127.0.0.1:{inside},"));
    for listener in ["sasl", "tls"] {
        text += &format!("listener.name.{listener}.plain.sasl.jaas.config={plain}\n");
        for mechanism in ["scram-sha-256", "scram-sha-512"] {
            text += &format!("listener.name.{listener}.{mechanism}.sasl.jaas.config={scram}\n");
        }
    }
    text
}

#[derive(Default)]
struct Told(Mutex<Option<bool>>);

impl Acknowledge for Told {
    fn acknowledged(&self, _: &Position) {
        *self.0.lock() = Some(true);
    }
    fn lost(&self, _: &Position) {
        *self.0.lock() = Some(false);
    }
}

/// Creates a topic and sends a line to it.
fn send_one(settings: &KafkaSettings, name: &str) {
    let topic = Topic::new(name).unwrap();
    cluster::create_topic(settings, &topic, TopicCreation { partitions: 1, replication: 1 }).unwrap();
    send(settings, &topic, b"a line");
}

fn send(settings: &KafkaSettings, topic: &Topic, line: &[u8]) {
    let told = Arc::new(Told::default());
    let producer = Producer::start(settings, Acks::All, Metrics::default(), |refused| panic!("{refused:?}")).unwrap();
    let position = Position { source: Source::File(FileUid(1)), from: 0, to: 1 };
    let ticket = Ticket::new(position, Permit::none(), told.clone());
    let mut route = producer.route(topic, Partitioning::Sticky);
    producer.send(Record { route: &mut route, key: b"", value: line }, ticket).unwrap();
    assert!(producer.flush(PATIENCE));
    assert_eq!(*told.0.lock(), Some(true), "{topic}");
}

/// What a member of a group reads first.
fn read_first(settings: &KafkaSettings, topic: &Topic) -> Vec<u8> {
    let (worker, batches) = sync_channel(4);
    let group = Group { id: topic.to_string(), instance: None, topics: vec![topic.clone()] };
    let budget = Budget::new(BudgetLimits::of_total(1 << 20));
    let consumer = Consumer::start(settings, group, budget, Metrics::default(), vec![worker]).unwrap();
    let batch = batches.recv_timeout(PATIENCE).unwrap();
    let line = batch.raw_of(&batch.lines[0]).to_vec();
    batch.ticket.complete();
    consumer.stop(PATIENCE);
    line
}

#[test]
fn brokers_that_ask_who_we_are_take_plain_and_scram_over_tls_too_and_say_what_is_wrong() {
    let Some(jars) = jars() else { return };
    let home = Home::new();
    let mut broker = Broker::start(&jars, &home.0);
    let (deadline, scram) = (Instant::now() + PATIENCE, broker.settings(SaslMechanism::ScramSha512, PASSWORD));
    while let Err(error) = cluster::probe(&scram, Duration::from_secs(2)) {
        let log = || fs::read_to_string(home.0.join("out.log")).unwrap_or_default();
        assert!(Instant::now() < deadline, "{error}: {}", log());
        assert_eq!(broker.process.try_wait().unwrap(), None, "{}", log());
    }
    let by = |mechanism| broker.settings(mechanism, PASSWORD);
    send_one(&scram, "scram-512");
    send_one(&by(SaslMechanism::ScramSha256), "scram-256");
    send_one(&by(SaslMechanism::Plain), "plain");
    let over_tls = broker.over_tls(SaslMechanism::ScramSha512, false);
    send_one(&over_tls, "over-tls");
    let topic = Topic::new("over-tls").unwrap();
    assert_eq!(read_first(&over_tls, &topic), b"a line");
    // That it was read is committed.
    send(&over_tls, &topic, b"another");
    assert_eq!(read_first(&over_tls, &topic), b"another");

    for mechanism in [SaslMechanism::Plain, SaslMechanism::ScramSha512] {
        let error = cluster::probe(&broker.settings(mechanism, "a wrong one"), Duration::from_secs(10)).unwrap_err();
        assert!(matches!(error, KafkaError::Refused { .. }), "{error}");
        let error = error.to_string();
        assert!(error.contains("the broker refuses: ") && error.contains("[kafka.sasl]"), "{error}");
        assert!(!error.contains("a wrong one"), "{error}");
    }
    // The certificate names another host.
    let error = cluster::probe(&broker.over_tls(SaslMechanism::Plain, true), Duration::from_secs(10)).unwrap_err();
    assert!(error.to_string().contains("[kafka.tls]"), "{error}");
}
