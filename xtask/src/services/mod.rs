//! `cargo xtask services VERB [NAME...]`: the real servers of the end-to-end tests, on 127.0.0.1.
//!
//! `xtask/services.sh` starts and stops them; here is what it needs: its tools, a Java, a folder.

mod folder;
mod java;

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::debian::Tool;
use crate::{debian, places, process};

/// The servers that the tests need.
pub(crate) const TESTED: [&str; 4] = ["etcd", "kafka", "elasticsearch", "opensearch"];

/// What the end-to-end tests read from their environment.
pub(crate) const ADDRESSES: [(&str, &str); 4] = [
    ("COLLECTOR_TEST_ETCD", "127.0.0.1:12379"),
    ("COLLECTOR_TEST_KAFKA", "127.0.0.1:19092"),
    ("COLLECTOR_TEST_ES", "http://127.0.0.1:19200"),
    ("COLLECTOR_TEST_OPENSEARCH", "http://127.0.0.1:19201"),
];

/// Runs the verb.
pub(crate) fn run(mut arguments: lexopt::Parser) -> anyhow::Result<()> {
    let mut words = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Value(word) => words.push(word.to_string_lossy().into_owned()),
            other => return Err(other.unexpected().into()),
        }
    }
    let mut words = words.iter().map(String::as_str);
    let verb = words.next().unwrap_or("status");
    let mut names: Vec<&str> = words.collect();
    check_names(&names)?;
    if names.is_empty() {
        names = TESTED.to_vec();
    }
    match verb {
        "install" => Services::prepare(&names)?.install(),
        "up" => {
            let services = Services::prepare(&names)?;
            services.up()?;
            services.tell_addresses();
            Ok(())
        }
        "down" | "status" | "reset" => Services::as_they_are(&names)?.run(verb),
        other => bail!("there is no verb 'services {other}'; there are: install, up, down, status, reset"),
    }
}

fn check_names(names: &[&str]) -> anyhow::Result<()> {
    let known = [&TESTED[..], &["prometheus"]].concat();
    match names.iter().find(|name| !known.contains(name)) {
        Some(name) => bail!("there is no server '{name}'; there are: {}", known.join(", ")),
        None => Ok(()),
    }
}

/// Some of the servers, and what it takes to run them.
#[derive(Clone)]
pub(crate) struct Services {
    names: Vec<String>,
    folder: std::path::PathBuf,
    java: Option<std::path::PathBuf>,
}

impl Services {
    /// Makes sure of the tools that installing and starting them takes.
    pub(crate) fn prepare(names: &[&str]) -> anyhow::Result<Self> {
        let mut services = Self::as_they_are(names)?;
        debian::ensure(&tools(names))?;
        if names.iter().any(|name| needs_java(name)) {
            services.java = Some(java::find()?);
        }
        Ok(services)
    }

    /// For what needs no tools: looking at them and stopping them.
    fn as_they_are(names: &[&str]) -> anyhow::Result<Self> {
        Ok(Self { names: names.iter().map(|&name| name.to_owned()).collect(), folder: folder::find()?, java: None })
    }

    /// Downloads what is not there yet.
    pub(crate) fn install(&self) -> anyhow::Result<()> {
        self.run("install")
    }

    /// Starts those that are down, and waits until all of them serve.
    pub(crate) fn up(&self) -> anyhow::Result<()> {
        self.run("up")
    }

    /// Those of them that are down now.
    pub(crate) fn stopped(&self) -> anyhow::Result<Self> {
        let running = process::output(&mut self.script("running"))?;
        let mut stopped = self.clone();
        let up = |name: &String| running.lines().any(|line| line == name);
        stopped.names.retain(|name| !up(name));
        Ok(stopped)
    }

    /// Stops them; also when we were interrupted.
    pub(crate) fn down(&self) -> anyhow::Result<()> {
        if self.names.is_empty() {
            return Ok(());
        }
        process::run_regardless(&mut self.script("down"))
    }

    /// What a program needs that starts servers of its own by the same script.
    pub(crate) fn environment(&self) -> Vec<(&'static str, std::path::PathBuf)> {
        let java = self.java.clone().map(|java| ("SERVICES_JAVA", java));
        std::iter::once(("SERVICES_DIR", self.folder.clone())).chain(java).collect()
    }

    /// A folder beside the servers' own, which their users may enter, too.
    pub(crate) fn beside(&self, name: &str) -> std::path::PathBuf {
        self.folder.join(name)
    }

    fn run(&self, verb: &str) -> anyhow::Result<()> {
        process::run(&mut self.script(verb)).with_context(|| format!("{verb} of {}", self.names.join(", ")))
    }

    fn script(&self, verb: &str) -> Command {
        let mut command = Command::new("bash");
        command
            .arg(places::root().join("xtask/services.sh"))
            .arg(verb)
            .args(&self.names)
            .env("SERVICES_DIR", &self.folder)
            .stderr(Stdio::inherit());
        if let Some(java) = &self.java {
            command.env("SERVICES_JAVA", java);
        }
        command
    }

    fn tell_addresses(&self) {
        println!("state, data and output: {}", self.folder.join("run").display());
        println!("for the end-to-end tests:");
        for (name, address) in ADDRESSES {
            println!("    export {name}={address}");
        }
    }
}

fn needs_java(name: &str) -> bool {
    matches!(name, "kafka" | "elasticsearch" | "opensearch")
}

/// What installing and starting the named servers takes, besides Java.
pub(crate) fn tools(names: &[&str]) -> Vec<Tool> {
    let tool = |command, packages| Tool { command, packages };
    let mut tools = vec![tool("curl", "curl"), tool("ps", "procps")];
    for name in names {
        match *name {
            "etcd" => tools.extend([tool("etcd", "etcd-server"), tool("etcdctl", "etcd-client")]),
            "kafka" => tools.extend([tool("mvn", "maven"), tool("kcat", "kcat")]),
            "prometheus" => tools.push(tool("prometheus", "prometheus")),
            _ => tools.extend([tool("mvn", "maven"), tool("unzip", "unzip")]),
        }
    }
    tools.sort_by_key(|tool| tool.command);
    tools.dedup_by_key(|tool| tool.command);
    tools
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_two_servers_need_is_installed_once() {
        let tools = tools(&TESTED);
        let maven = tools.iter().filter(|tool| tool.command == "mvn");
        assert_eq!(maven.count(), 1);
        assert!(tools.iter().any(|tool| tool.packages == "etcd-server"));
    }

    #[test]
    fn an_unknown_server_is_answered_with_the_known_ones() {
        let error = check_names(&["kafka", "zookeeper"]).unwrap_err().to_string();
        assert!(error.contains("'zookeeper'"), "{error}");
        assert!(error.contains("etcd, kafka, elasticsearch, opensearch, prometheus"), "{error}");
    }
}
