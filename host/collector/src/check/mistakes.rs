//! The table of an operator's mistakes, each with the message it gets. The plugin host and the servers are played by [`Played`].

use std::{fmt::Write as _, fs, net::IpAddr, path::Path};

use clap::Parser;
use collector_model::Topic;
use collector_tasks::ChainSpec;

use super::{Probe, run_with};
use crate::{
    cli::{Cli, Command},
    settings::{Common, ElasticSettings, EtcdSettings, KafkaSettings, Limits, Machine},
};

/// Finds plugins by their files; servers answer.
struct Played;

impl Probe for Played {
    fn plugin(&self, chain: &ChainSpec, common: &Common, _: bool) -> Result<String, String> {
        let name = chain.plugins[0].path.with_extension("wasm");
        let found = common.bounds.plugin_dirs.iter().any(|dir| dir.join(&name).exists());
        let name = name.display();
        if found {
            Ok(format!("plugin {name}: loads"))
        } else {
            Err(format!("loading the plugin {name}: there is none; build it"))
        }
    }
    fn state_dir(&self, dir: &Path) -> Result<(), String> {
        let held = dir.join("lock").exists();
        if held {
            Err(format!("locking the state directory {}: process 4711 holds it; end it", dir.display()))
        } else {
            Ok(())
        }
    }
    fn kafka(&self, _: &KafkaSettings, _: &Limits, _: &[Topic]) -> Result<String, Vec<String>> {
        Ok("it answers".to_owned())
    }
    fn etcd(&self, _: &EtcdSettings) -> Result<String, Vec<String>> {
        Ok("it answers".to_owned())
    }
    fn elastic(&self, _: &ElasticSettings) -> Result<String, Vec<String>> {
        Ok("it answers".to_owned())
    }
}

/// One mistake: files (name, text), the arguments, and variables of the environment.
struct Mistake {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    args: &'static str,
    environment: &'static [(&'static str, &'static str)],
}

const AGENT: &str =
    "allowed_paths = [\"DIR/logs/**\"]\n[kafka]\nbrokers = [\"127.0.0.1:9092\"]\n[http]\nlisten = \"127.0.0.1:0\"\n";
const ALONE: &str = "allowed_paths = [\"DIR/logs/**\"]\n[http]\nlisten = \"127.0.0.1:0\"\n";

macro_rules! mistakes {
    ($($name:literal: $args:literal, [$($file:literal = $text:expr),* $(,)?] $(, {$($variable:literal = $value:literal),*})?;)*) => {
        &[$(Mistake { name: $name, args: $args, files: &[$(($file, $text)),*], environment: &[$($(($variable, $value)),*)?] }),*]
    };
}

const MISTAKES: &[Mistake] = mistakes! {
    "nothing wrong": "", ["collector.toml" = ALONE, "logs/a.log" = "x\n", "tasks/a.json" = "[{\"path\":\"DIR/logs/a.log\",\"topic\":\"a\"}]"];
    "wrong key": "", ["collector.toml" = "[kafka]\nbroker = [\"k:9092\"]\n[http]\nlisten = \"127.0.0.1:0\"\n"];
    "key of another section": "", ["collector.toml" = "brokers = [\"k:9092\"]\n"];
    "wrong section": "", ["collector.toml" = "[elastic]\nnodes = [\"http://e:9200\"]\n"];
    "section written as a value": "", ["collector.toml" = "kafka = \"k:9092\"\n"];
    "wrong type": "", ["collector.toml" = "[kafka]\nbrokers = \"k:9092\"\n"];
    "several mistakes at once": "--role transfer", ["collector.toml" = "[kafka]\nbrokers = [\"k\"]\n[elasticsearch]\nworkers = \"many\"\n[http]\nlisten = 8686\n"];
    "not TOML": "", ["collector.toml" = "[kafka\nbrokers = [\"k:9092\"]\n"];
    "missing settings file": "--config missing.toml", [];
    "settings file is a directory": "--config dir.toml", ["dir.toml/x" = ""];
    "broker without a port": "", ["collector.toml" = "[kafka]\nbrokers = [\"kafka-1\"]\n"];
    "broker with a scheme": "", ["collector.toml" = "[kafka]\nbrokers = [\"http://kafka-1:9092\"]\n"];
    "agent without brokers": "--role agent", ["collector.toml" = "[etcd]\nendpoints = [\"127.0.0.1:2379\"]\n"];
    "transfer without topics and nodes": "--role transfer", ["collector.toml" = "[kafka]\nbrokers = [\"k:9092\"]\n"];
    "bad topic": "--role transfer", ["collector.toml" = "[kafka]\nbrokers = [\"k:9092\"]\ntopics = [\"web log\"]\n[elasticsearch]\nnodes = [\"e:9200\"]\n"];
    "node with a password in it": "--role transfer", ["collector.toml" = "[kafka]\nbrokers = [\"k:9092\"]\ntopics = [\"web\"]\n[elasticsearch]\nnodes = [\"https://u:p@e:9200\"]\n"];
    "two ways to authenticate": "--role transfer", ["collector.toml" = "[kafka]\nbrokers = [\"k:9092\"]\ntopics = [\"web\"]\n[elasticsearch]\nnodes = [\"e:9200\"]\nuser = \"u\"\npassword = \"p\"\napi_key = \"k\"\n"];
    "user without a password": "--role transfer", ["collector.toml" = "[kafka]\nbrokers = [\"k:9092\"]\ntopics = [\"web\"]\n[elasticsearch]\nnodes = [\"e:9200\"]\nuser = \"u\"\n"];
    "missing CA file": "--role transfer", ["collector.toml" = "[kafka]\nbrokers = [\"k:9092\"]\ntopics = [\"web\"]\n[elasticsearch]\nnodes = [\"https://e:9200\"]\nca_file = \"ca.pem\"\n"];
    "negative limit": "", ["collector.toml" = "[limits]\nmemory_bytes_max = -1\n"];
    "limit out of range": "", ["collector.toml" = "[limits]\nline_bytes_max = 5\n"];
    "bad address to listen on": "", ["collector.toml" = "[http]\nlisten = \"everywhere\"\n"];
    "bad glob in allowed_paths": "", ["collector.toml" = "allowed_paths = [\"/var/log/[\"]\n"];
    "unknown level": "", ["collector.toml" = "[log]\nlevel = \"inof\"\nformat = \"xml\"\n"];
    "tasks from two places": "--role agent", ["collector.toml" = "[kafka]\nbrokers = [\"k:9092\"]\n[etcd]\nendpoints = [\"e:2379\"]\n[tasks]\ndir = \"t\"\n"];
    "collect_key with a wrong placeholder": "--role agent", ["collector.toml" = "[kafka]\nbrokers = [\"k:9092\"]\n[etcd]\nendpoints = [\"e:2379\"]\ncollect_key = \"/logagent/%d/x\"\n"];
    "wrong variable value": "", ["collector.toml" = AGENT], {"COLLECTOR_LIMITS_WORKERS_MAX" = "two", "COLLECTOR_KAFKA_BROKER" = "k:9092"};
    "INI: not INI": "--config a.ini", ["a.ini" = "[kafka\naddress=k:9092\n"];
    "INI: no address, a misspelt key, a bad number": "--config a.ini --role agent", ["a.ini" = "[kafka]\nadress=k:9092\nchan_max_zise=many\n[taillog]\nfilename=./my.log\n"];
    "state directory is a file": "--state-dir state", ["collector.toml" = ALONE, "state" = "", "tasks/a.json" = "[]"];
    "state directory in use": "--state-dir state", ["collector.toml" = ALONE, "state/lock" = "4711", "tasks/a.json" = "[]"];
    "address of another host": "", ["collector.toml" = "[http]\nlisten = \"192.0.2.1:8686\"\n", "tasks/a.json" = "[]"];
    "no tasks directory": "", ["collector.toml" = ALONE];
    "tasks: missing file": "--tasks missing.json", ["collector.toml" = ALONE, "tasks/a.json" = "[]"];
    "tasks: not JSON": "", ["collector.toml" = ALONE, "tasks/a.json" = "[\n {\"path\": \"/a\",}\n]"];
    "tasks: not a list": "", ["collector.toml" = ALONE, "tasks/a.json" = "{\"path\": \"/a\", \"topic\": \"a\"}"];
    "tasks: wrong keys": "", ["collector.toml" = ALONE, "tasks/a.json" = "[\n {\"paht\": \"/a\", \"topic\": \"a\"},\n {\"path\": \"DIR/logs/a\", \"topic\": \"a\",\n  \"plugins\": [{\"path\": \"nginx\",\n   \"confg\": {}}]}\n]"];
    "tasks: path outside allowed_paths": "", ["collector.toml" = ALONE, "tasks/a.json" = "[{\"path\": \"/srv/app/x.log\", \"topic\": \"a\"}]"];
    "tasks: unknown start_at": "", ["collector.toml" = ALONE, "tasks/a.json" = "[{\"path\": \"DIR/logs/a\", \"topic\": \"a\", \"start_at\": \"begining\"}]"];
    "tasks: the same twice": "", ["collector.toml" = ALONE, "tasks/a.json" = "[{\"path\": \"DIR/logs/a\", \"topic\": \"a\"},\n{\"path\": \"DIR/logs/a\", \"topic\": \"a\"}]"];
    "tasks: bad glob": "", ["collector.toml" = ALONE, "tasks/a.json" = "[{\"path\": \"DIR/logs/{a\", \"topic\": \"a\"}]"];
    "tasks: a directory": "", ["collector.toml" = ALONE, "logs/app/x" = "", "tasks/a.json" = "[{\"path\": \"DIR/logs/app\", \"topic\": \"a\"}]"];
    "tasks: missing file, which is waited for": "", ["collector.toml" = ALONE, "tasks/a.json" = "[{\"path\": \"DIR/logs/later.log\", \"topic\": \"a\"}]"];
    "tasks: no such plugin": "", ["collector.toml" = ALONE, "plugins/nginx.wasm" = "", "logs/a" = "", "tasks/a.json" = "[{\"path\": \"DIR/logs/a\", \"topic\": \"a\", \"plugins\": [{\"path\": \"ngnix\"}]}]"];
    "tasks: plugin elsewhere, wrong sha256": "", ["collector.toml" = ALONE, "tasks/a.json" = "[{\"path\": \"DIR/logs/a\", \"topic\": \"a\", \"plugins\": [{\"path\": \"/tmp/x.wasm\", \"sha256\": \"abc\"}]}]"];
};

fn run(mistake: &Mistake) -> String {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let here = root.to_str().unwrap();
    for (name, text) in mistake.files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("DIR", here)).unwrap();
    }
    let environment = mistake.environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let machine = Machine {
        working_dir: root.clone(),
        environment: environment.chain([("XDG_STATE_HOME".to_owned(), here.to_owned())]).collect(),
        root: false,
        program: None,
        address: Some(IpAddr::from([192, 0, 2, 7])),
        name: "host-1".to_owned(),
        cores: 2,
    };
    let args = ["collector", "check"].into_iter().chain(mistake.args.split_whitespace());
    let Some(Command::Check(mut args)) = Cli::try_parse_from(args).unwrap().command else { panic!("check is meant") };
    args.tasks.iter_mut().for_each(|path| *path = root.join(&path));
    let mut out = Vec::new();
    let code = run_with(&args, machine, &Played, &mut out);
    format!("{}exit code {code}\n", String::from_utf8(out).unwrap().replace(here, "DIR"))
}

#[test]
fn every_mistake_has_its_message() {
    let mut table = String::new();
    for mistake in MISTAKES {
        let files: Vec<&str> = mistake.files.iter().map(|(name, _)| *name).collect();
        writeln!(table, "## {} (check {}, files: {})\n{}", mistake.name, mistake.args, files.join(" "), run(mistake))
            .unwrap();
    }
    insta::assert_snapshot!("mistakes", table);
}

#[test]
fn a_port_in_use_is_said() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    let mut report = super::Report::default();
    super::local::check_port(address, &mut report);
    let mut out = Vec::new();
    report.print(&mut out);
    let text = String::from_utf8(out).unwrap();
    let expected = format!(
        "error: listening on {address}: another process listens there; this is fine while this collector runs; otherwise end the other \
         one, or set another port under [http] listen\n1 error\n"
    );
    assert_eq!((text, report.exit_code()), (expected, 1));
}
