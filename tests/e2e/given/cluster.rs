//! A cluster of two nodes of Elasticsearch, one of which can be killed.

use std::{net::TcpListener, path::PathBuf, time::Duration};

use super::{Elastic, Installed, unique, within};

/// The distance of a node's port for other nodes from that for requests.
const TRANSPORT: u16 = 100;

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
        let run = installed.folder(&unique("cluster"));
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
        let settings = format!("node.name: {}\n{settings}", self.name);
        let environment =
            [("SERVICES_ELASTICSEARCH_PORT", self.port.to_string()), ("SERVICES_ELASTICSEARCH_SETTINGS", settings)];
        installed.up("elasticsearch", &self.run, &environment).await;
    }

    /// Kills its processes, where it has any.
    fn kill(&self) {
        Installed::kill(&self.run, "elasticsearch");
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
