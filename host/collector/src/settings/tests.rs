use std::{collections::BTreeMap, net::IpAddr};

use collector_tasks::{Partitioning, StartAt, task::DocumentForm};

use super::*;

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config");

fn machine(dir: &Path, environment: &[(&str, &str)]) -> Machine {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Machine {
        working_dir: dir.to_owned(),
        environment: environment.collect::<BTreeMap<_, _>>(),
        root: false,
        program: None,
        address: Some(IpAddr::from([192, 0, 2, 7])),
        name: "host-1".to_owned(),
        cores: 2,
    }
}

/// Settings of a file with that name and text.
fn written(name: &str, text: &str, environment: &[(&str, &str)]) -> Written {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    Written::read(&Request { config: Some(path), state_dir: None }, machine(Path::new("/home/u"), environment))
}

#[test]
fn nothing_at_all_is_enough_for_standalone() {
    let dir = tempfile::tempdir().unwrap();
    let environment = [("HOME", "/home/u")];
    let settings = Written::read(&Request::default(), machine(dir.path(), &environment)).standalone().unwrap();
    let common = &settings.common;
    assert_eq!(common.state_dir, Path::new("/home/u/.local/state/collector"));
    assert_eq!(common.http_listen.to_string(), "127.0.0.1:8686");
    assert_eq!(common.bounds.allowed_paths, Some(vec!["/var/log/**".to_owned()]));
    assert_eq!(common.bounds.plugin_dirs, [dir.path().join("plugins")]);
    assert_eq!(settings.tasks, TaskSource::Directory(dir.path().join("tasks")));
    assert_eq!(common.defaults.start_at, StartAt::Beginning);
    assert_eq!((common.host.name.as_str(), common.host.ip.to_string().as_str()), ("host-1", "192.0.2.7"));
}

#[test]
fn the_state_directory_is_the_nearest_that_was_named() {
    let dir = |argument: Option<&str>, text: &str, environment: &[(&str, &str)], root| {
        let mut written = written("c.toml", text, environment);
        written.machine.root = root;
        written.state_dir = argument.map(PathBuf::from);
        written.standalone().unwrap().common.state_dir
    };
    let (text, xdg) = ("[state]\ndir = \"/s\"\n", [("XDG_STATE_HOME", "/x"), ("HOME", "/h")]);
    assert_eq!(dir(Some("/a"), text, &xdg, false), Path::new("/a"));
    assert_eq!(dir(None, text, &xdg, false), Path::new("/s"));
    assert_eq!(dir(None, text, &[("COLLECTOR_STATE_DIR", "/e")], false), Path::new("/e"));
    assert_eq!(dir(None, "", &xdg, true), Path::new("/x/collector"));
    assert_eq!(dir(None, "", &xdg[1..], false), Path::new("/h/.local/state/collector"));
    assert_eq!(dir(None, "", &xdg[1..], true), Path::new("/var/lib/collector"));
}

#[test]
fn the_environment_overrides_every_kind_of_value() {
    let text = "[kafka]\nbrokers = [\"k:1\"]\n[elasticsearch]\nnodes = [\"e\"]\n";
    let settings = written(
        "c.toml",
        text,
        &[
            ("COLLECTOR_KAFKA_BROKERS", "k1:9092; k2:9092"),
            ("COLLECTOR_KAFKA_TOPICS", "web;app"),
            ("COLLECTOR_KAFKA_PROPERTIES", "security.protocol=SSL;debug=all"),
            ("COLLECTOR_KAFKA_CREATE_TOPICS_PARTITIONS", "3"),
            ("COLLECTOR_ELASTICSEARCH_INSTALL_TEMPLATE", "false"),
            ("COLLECTOR_LIMITS_PLUGIN_OPEN_MS_MAX", "100"),
            ("COLLECTOR_SERVICE_HOST", "an orchestrator's own"),
        ],
    );
    let settings = settings.transfer().unwrap();
    assert_eq!(settings.kafka.brokers, ["k1:9092", "k2:9092"]);
    assert_eq!(settings.topics.len(), 2);
    assert_eq!(settings.kafka.properties["security.protocol"], "SSL");
    assert_eq!(settings.kafka.create_topics.unwrap().partitions, 3);
    assert!(!settings.elastic.install_template);
    assert_eq!(settings.common.limits.plugin.open_max.as_millis(), 100);
    assert!(settings.common.notes.is_empty(), "{:?}", settings.common.notes);
}

#[test]
fn the_seed_s_first_agent_sends_one_file_to_one_topic() {
    let text = "[kafka]\naddress=127.0.0.1:9092\ntopic=web_log\n\n[taillog]\nfilename=./my.log\n";
    let settings = written("config.ini", text, &[]).agent().unwrap();
    let TaskSource::Fixed(set) = &settings.tasks else { panic!("{:?}", settings.tasks) };
    let task = &set.tasks[0];
    assert_eq!((task.path.as_str(), task.topic.as_str()), ("/home/u/my.log", "web_log"));
    assert_eq!(task.start_at, StartAt::End);
    assert_eq!((task.kafka.partitioning, task.document), (Partitioning::Random, DocumentForm::Seed));
    assert_eq!(settings.common.bounds.allowed_paths, None);
    assert_eq!(settings.common.notes.len(), 1, "that everything may be collected is said once");
}

#[test]
fn the_seed_s_later_agents_take_tasks_from_etcd() {
    let etcd = |text: &str| match written("config.ini", text, &[]).agent().unwrap().tasks {
        TaskSource::Etcd(etcd) => etcd,
        other => panic!("{other:?}"),
    };
    let second = "[kafka]\naddress=127.0.0.1:9092\n[etcd]\naddress=127.0.0.1:2379\ntimeout=5\ncollect_log_key=/logagent/collect_config\n";
    assert_eq!(etcd(second).collect_keys, ["/logagent/collect_config"]);
    assert_eq!(etcd(second).timeout.as_secs(), 5);
    let third = "[kafka]\naddress=a:9092;b:9092\nchan_max_zise=100000\n[etcd]\naddress=a:2379;b:2379\ncollect_log_key=/logagent/%s/collect_config\n";
    let found = etcd(third);
    assert_eq!(found.endpoints, ["http://a:2379", "http://b:2379"]);
    assert_eq!(found.collect_keys, ["/logagent/192.0.2.7/collect_config", "/logagent/all/collect_config"]);
    let third_agent = written("config.ini", third, &[]).agent().unwrap();
    assert_eq!(third_agent.kafka.queue_records_max, 100_000);
    let notes = third_agent.common.notes;
    assert!(
        notes[0].ends_with(":3: [kafka] chan_max_zise is a misspelling of chan_max_size: taken as that"),
        "{notes:?}"
    );
}

#[test]
fn the_seed_s_transfer_writes_its_own_documents() {
    let text = "[kafka]\naddress=127.0.0.1:9092\ntopic=web_log\n[es]\naddress=127.0.0.1:9200\nchan_max_size=100000\nworkers=16\n";
    let settings = written("config.ini", text, &[]).transfer().unwrap();
    assert_eq!(settings.topics[0].as_str(), "web_log");
    assert_eq!(settings.elastic.nodes[0].as_str(), "http://127.0.0.1:9200/");
    assert_eq!((settings.elastic.in_flight_max, settings.elastic.index_documents_max), (16, Some(100_000)));
    assert_eq!(settings.common.defaults.document, DocumentForm::Seed);
    assert!(settings.etcd.is_none());
}

#[test]
fn what_is_wrong_in_the_seed_s_files_is_said_of_the_key_that_stands_there() {
    let text = "[kafka]\naddress=k:9092\ntopic=t\nchan_max_zise=0\n[es]\naddress=e:9200\nchan_max_size=0\n";
    let problems = written("config.ini", text, &[]).transfer().unwrap_err().to_string();
    for expected in [":4: [kafka] chan_max_zise: 0 is out of range", ":7: [es] chan_max_size: 0 is out of range"] {
        assert!(problems.contains(expected), "{problems}");
    }
    let problems = written("config.ini", "[kafka]\ntopic=t\n", &[]).transfer().unwrap_err().to_string();
    for missing in ["[kafka] address: it is not set", "[es] address: it is not set"] {
        assert!(problems.contains(missing), "{problems}");
    }
}

#[test]
fn how_long_a_group_waits_for_a_member_is_a_setting_within_bounds() {
    let transfer = |kafka: &str| {
        let text =
            format!("[kafka]\nbrokers = [\"k:1\"]\ntopics = [\"t\"]\n{kafka}\n[elasticsearch]\nnodes = [\"e\"]\n");
        written("c.toml", &text, &[]).transfer().map_err(|problems| problems.to_string())
    };
    let given = |kafka: &str| transfer(kafka).unwrap().kafka.session_timeout.as_millis();
    assert_eq!((given(""), given("session_timeout_ms = 10000")), (45_000, 10_000));
    let error = transfer("session_timeout_ms = 10").unwrap_err();
    assert!(error.contains("10 is out of range; write a number from 1000 to 1800000"), "{error}");
    let error = transfer("properties = {\"session.timeout.ms\" = \"10000\"}").unwrap_err();
    assert!(
        error.contains("\"session.timeout.ms\" has a key of its own; write session_timeout_ms under [kafka]"),
        "{error}"
    );
}

#[test]
fn how_long_the_index_of_a_past_day_may_be_blocked_is_a_setting_within_bounds() {
    let transfer = |elasticsearch: &str| {
        let text = format!(
            "[kafka]\nbrokers = [\"k:1\"]\ntopics = [\"t\"]\n[elasticsearch]\nnodes = [\"e\"]\n{elasticsearch}\n"
        );
        written("c.toml", &text, &[]).transfer().map_err(|problems| problems.to_string())
    };
    let given = |elasticsearch: &str| {
        let settings = transfer(elasticsearch).unwrap().elastic;
        crate::clients::elastic(&settings).past_day_blocked_max.as_secs()
    };
    assert_eq!((given(""), given("past_day_blocked_s_max = 86400")), (3_600, 86_400));
    let error = transfer("past_day_blocked_s_max = 0").unwrap_err();
    assert!(
        error.contains("[elasticsearch] past_day_blocked_s_max: 0 is out of range; write a number from 1 to"),
        "{error}"
    );
}

#[test]
fn groups_stand_between_the_host_and_everybody() {
    let text =
        "[kafka]\nbrokers = [\"k:9092\"]\n[etcd]\nendpoints = [\"e\"]\n[host]\nip = \"10.0.0.1\"\ngroups = [\"web\"]\n";
    let settings = written("c.toml", text, &[]).agent().unwrap();
    let TaskSource::Etcd(etcd) = settings.tasks else { panic!() };
    let keys = ["10.0.0.1", "web", "all"].map(|name| format!("/logagent/{name}/collect_config"));
    assert_eq!((etcd.collect_keys, etcd.endpoints), (keys.to_vec(), vec!["http://e:2379".to_owned()]));
}

#[test]
fn secrets_are_not_shown() {
    let text =
        "[kafka]\nbrokers=[\"k:1\"]\ntopics=[\"t\"]\n[elasticsearch]\nnodes=[\"e\"]\nuser=\"u\"\npassword=\"geheim\"\n";
    let settings = written("c.toml", text, &[]).transfer().unwrap();
    assert!(!format!("{settings:?}").contains("geheim"));
    assert_eq!(settings.elastic.auth, ElasticAuth::Basic("u".into(), Secret::new("geheim")));
}

/// The example names every key, commented or not, and each of its defaults is one that is accepted.
#[test]
fn the_example_names_every_key_and_its_values_are_accepted() {
    let text = std::fs::read_to_string(Path::new(CONFIG).join("collector.toml")).unwrap();
    let is_setting = |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase() || c == '[' || c == '"');
    let uncommented: Vec<String> = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if is_setting(rest) && !rest.contains("_file = ") && !rest.contains("api_key") => {
                rest.to_owned()
            }
            _ => line.to_owned(),
        })
        .collect();
    let mut written = written("collector.toml", &uncommented.join("\n"), &[]);
    assert_eq!(written.problems, []);
    let commented: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with('#') && (line.contains("_file = ") || line.starts_with("#api_key")))
        .collect();
    assert_eq!(commented.len(), 6);
    for key in file::known_keys().iter().filter(|key| !key.ends_with("_file") && !key.ends_with("api_key")) {
        assert!(
            matches!(written.places.of(key), problem::Place::File(_, Some(_))),
            "{key} is missing in config/collector.toml"
        );
    }
    written.transfer().unwrap();
    written.standalone().unwrap();
    written.low.tasks = None;
    written.agent().unwrap();
}

#[test]
fn the_examples_of_the_roles_are_accepted() {
    let read = |name: &str| {
        let config = Some(Path::new(CONFIG).join(name));
        Written::read(&Request { config, state_dir: None }, machine(Path::new("/"), &[]))
    };
    read("agent.toml").agent().unwrap();
    read("transfer.toml").transfer().unwrap();
    let common = read("standalone.toml").standalone().unwrap().common;
    for example in ["example.json", "formats.json"] {
        let tasks = std::fs::read_to_string(Path::new(CONFIG).join("tasks").join(example)).unwrap();
        collector_tasks::parse_tasks(&tasks, example, &common.bounds, &common.defaults).unwrap();
    }
}

#[test]
fn kafka_s_tls_and_sasl_are_settings_and_what_is_missing_is_named() {
    let kafka = |text: &str, environment: &[(&str, &str)]| {
        let text = format!("[tasks]\ndir = \"t\"\n[kafka]\nbrokers = [\"a:9093\"]\n{text}");
        written("c.toml", &text, environment)
            .agent()
            .map(|settings| settings.kafka)
            .map_err(|problems| problems.to_string())
    };
    let plain = kafka("", &[]).unwrap();
    assert_eq!((plain.tls, plain.sasl, plain.message_bytes_max), (None, None, 1_000_000));
    let secured = kafka(
        "[kafka.tls]\nverify_host = false\n[kafka.sasl]\nmechanism = \"SCRAM-SHA-256\"\nuser = \"me\"\n",
        &[("COLLECTOR_KAFKA_SASL_PASSWORD", "hush")],
    );
    let secured = secured.unwrap();
    assert!(!format!("{secured:?}").contains("hush"));
    let sasl = secured.sasl.unwrap();
    assert_eq!(
        (sasl.mechanism, sasl.user.as_str(), sasl.password.expose()),
        (SaslMechanism::ScramSha256, "me", "hush")
    );
    assert!(!secured.tls.unwrap().verify_host);
    assert_eq!(kafka("[kafka.tls]\nenabled = false\n", &[]).unwrap().tls, None);

    let error = kafka("[kafka.sasl]\nmechanism = \"SCRAM\"\nuser = \"me\"\n", &[]).unwrap_err();
    assert!(error.contains("\"SCRAM\" is not a mechanism") && error.contains("SCRAM-SHA-512"), "{error}");
    assert!(error.contains("COLLECTOR_KAFKA_SASL_PASSWORD"), "{error}");
    let error = kafka("[kafka.tls]\nca_file = \"/no/such.pem\"\n", &[]).unwrap_err();
    assert!(error.contains("there is no such file"), "{error}");
    let error =
        kafka("[kafka.tls]\nenabled = true\n[kafka.properties]\n\"ssl.ca.location\" = \"x\"\n", &[]).unwrap_err();
    assert!(error.contains("\"ssl.ca.location\" is what [kafka.tls] and [kafka.sasl] say"), "{error}");
}

#[test]
fn every_limit_of_plugins_is_a_setting_with_its_own_default() {
    let defaults = written("c.toml", "", &[]).common().unwrap().limits.plugin;
    assert_eq!(crate::frame::plugin_limits(&defaults), collector_plugin_host::Limits::default());
    let text = "[limits.plugin]\nmemory_bytes_max = 2000000\nprocess_warn_ms = 11\nprocess_ms_max = 12\nopen_ms_max = 13\n\
                wasm_bytes_max = 14000\nasset_bytes_max = 15000\noutput_ratio_max = 16\noutput_bytes_extra = 17000\n\
                log_messages_max = 18\nfaults_max = 19\nfaults_window_s = 20\nfunction_bytes_max = 21000\n";
    let given = crate::frame::plugin_limits(&written("c.toml", text, &[]).common().unwrap().limits.plugin);
    let ms = std::time::Duration::from_millis;
    let expected = collector_plugin_host::Limits {
        memory_bytes_max: 2_000_000,
        process_time_warn: ms(11),
        process_time_max: ms(12),
        open_time_max: ms(13),
        wasm_bytes_max: 14_000,
        function_bytes_max: 21_000,
        asset_bytes_max: 15_000,
        output_ratio_max: 16,
        output_bytes_extra: 17_000,
        log_messages_max: 18,
        faults_max: 19,
        faults_window: ms(20_000),
        ..collector_plugin_host::Limits::default()
    };
    assert_eq!(given, expected);
}

#[test]
fn a_wrong_limit_of_plugins_is_named_with_its_line() {
    let problems = |text: &str| {
        let error = written("c.toml", text, &[]).common().expect_err("it is wrong");
        error
            .0
            .iter()
            .map(|problem| format!("{}: {}; {}", problem.key, problem.problem, problem.fix))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        problems("[limits.plugin]\nprocess_ms_max = 0\nlog_messages_max = 2000000\n"),
        [
            "limits.plugin.process_ms_max: 0 is out of range; write a number from 10 to 600000",
            "limits.plugin.log_messages_max: 2000000 is out of range; write a number from 0 to 1000000",
        ]
    );
    assert_eq!(
        problems("[limits.plugin]\nprocess_warn_ms = 2000\n"),
        [
            "limits.plugin.process_warn_ms: 2000 is more than limits.plugin.process_ms_max, which is 1000: nothing would be warned of; \
             write a smaller number, or raise process_ms_max"
        ]
    );
}
