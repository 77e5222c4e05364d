//! A cluster of two nodes of Elasticsearch, one of which can be killed.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{Elastic, unique, within};

/// The distance of a node's port for other nodes from that for requests.
const TRANSPORT: u16 = 100;

/// Where the servers' programs are.
pub(crate) struct Installed {
    services: PathBuf,
    java: PathBuf,
}

impl Installed {
    /// What the environment names. `None` means: skip, and it was said so.
    pub(crate) fn given(test: &str) -> Option<Installed> {
        let required = std::env::var("COLLECTOR_TEST_SERVERS").is_ok_and(|value| value == "required");
        let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let installed = path("SERVICES_DIR").zip(path("SERVICES_JAVA"));
        assert!(installed.is_some() || !required, "{test}: SERVICES_DIR and SERVICES_JAVA are not set");
        if installed.is_none() {
            println!("skipped: {test} (no servers to start; `cargo xtask test` has them)");
        }
        installed.map(|(services, java)| Installed { services, java })
    }
}

/// Two nodes: the first is the master, both have data. They end when dropped.
pub(crate) struct Cluster {
    run: PathBuf,
    nodes: [Node; 2],
}

struct Node {
    name: &'static str,
    run: PathBuf,
    port: u16,
}

impl Cluster {
    /// Starts both and waits until they have found each other.
    pub(crate) async fn start(installed: &Installed) -> Cluster {
        // A folder that the servers' own user may enter.
        let run = installed.services.join(unique("cluster"));
        let node = |name: &'static str| Node { name, run: run.join(name), port: free_port() };
        let cluster = Cluster { nodes: [node("first"), node("second")], run: run.clone() };
        let [first, second] = &cluster.nodes;
        let others = format!(
            "discovery.seed_hosts: [\"127.0.0.1:{}\", \"127.0.0.1:{}\"]",
            first.port + TRANSPORT,
            second.port + TRANSPORT
        );
        first.up(installed, &format!("{others}\ncluster.initial_master_nodes: [first]")).await;
        // Two masters could not outvote each other when one of them is gone.
        second.up(installed, &format!("{others}\nnode.roles: [data, ingest]")).await;
        let search = Elastic::at(&cluster.addresses()[0]);
        let both = async || (search.get("/_cluster/health").await["number_of_nodes"] == 2).then_some(());
        within("a cluster of two nodes", Duration::from_secs(60), both).await;
        cluster
    }

    /// Where the nodes take requests.
    pub(crate) fn addresses(&self) -> [String; 2] {
        self.nodes.each_ref().map(|node| format!("http://127.0.0.1:{}", node.port))
    }

    /// Ends the second node as a power cut would.
    pub(crate) fn kill_second(&self) {
        self.nodes[1].kill();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.nodes.iter().for_each(Node::kill);
        // What a node that is just ending still writes stays behind.
        let _ = std::fs::remove_dir_all(&self.run);
    }
}

impl Node {
    async fn up(&self, installed: &Installed, settings: &str) {
        std::fs::create_dir_all(&self.run).expect("a folder for a node");
        let mut command = tokio::process::Command::new("bash");
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask/services.sh"))
            .args(["up", "elasticsearch"])
            .env("SERVICES_DIR", &installed.services)
            .env("SERVICES_JAVA", &installed.java)
            .env("SERVICES_RUN", &self.run)
            .env("SERVICES_ELASTICSEARCH_PORT", self.port.to_string())
            .env("SERVICES_ELASTICSEARCH_SETTINGS", format!("node.name: {}\n{settings}", self.name))
            .stdin(Stdio::null());
        let output = command.output().await.expect("bash");
        assert!(output.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
    }

    /// Kills its processes, where it has any.
    fn kill(&self) {
        let pid = std::fs::read_to_string(self.run.join("elasticsearch/pid")).unwrap_or_default();
        let pid = pid.split_whitespace().next().and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
        if let Some(group) = pid {
            // One that has ended already needs no signal.
            let _ = kill_process_group(group, Signal::KILL);
            let _ = std::fs::remove_file(self.run.join("elasticsearch/pid"));
        }
    }
}

/// A port that is free, as is the one for other nodes.
fn free_port() -> u16 {
    let bind = |port: u16| TcpListener::bind(("127.0.0.1", port));
    let free = || {
        let port = bind(0).and_then(|listener| listener.local_addr()).ok()?.port();
        let transport = port.checked_add(TRANSPORT)?;
        bind(transport).is_ok().then_some(port)
    };
    (0..100).find_map(|_| free()).expect("a free port of 127.0.0.1")
}
