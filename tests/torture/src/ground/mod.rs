//! The servers of a run: its own etcd, Kafka and Elasticsearch, with a proxy before each that strikes who goes through it.

mod brokers;
mod server;
mod ways;

use std::{
    collections::BTreeSet,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::Context as _;

pub use server::{Server, Servers};
pub use ways::Ways;

use crate::random::Random;
use brokers::Broker;

/// Where the servers' programs are.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The folder that `cargo xtask services install` fills.
    pub services: PathBuf,
    /// The `java` program.
    pub java: PathBuf,
}

impl Installed {
    /// What the environment names; `cargo xtask torture` sets it.
    pub fn from_environment() -> anyhow::Result<Installed> {
        let path = |name: &str| {
            let value = std::env::var_os(name).map(PathBuf::from);
            value.with_context(|| format!("{name} is not set; start the torture by `cargo xtask torture`"))
        };
        Ok(Installed { services: path("SERVICES_DIR")?, java: path("SERVICES_JAVA")? })
    }
}

/// Ports of this machine that were free when they were drawn.
#[derive(Clone, Debug)]
pub struct Ports {
    /// etcd; the next one is its peers'.
    pub etcd: u16,
    /// Each broker's.
    pub brokers: Vec<Broker>,
    /// Elasticsearch; the hundredth after it is its transport's.
    pub elasticsearch: u16,
}

impl Ports {
    fn draw(brokers: usize) -> anyhow::Result<Ports> {
        Ok(Ports {
            etcd: free(&[0, 1])?,
            brokers: (0..brokers).map(|_| Broker::draw()).collect::<anyhow::Result<_>>()?,
            elasticsearch: free(&[0, 100])?,
        })
    }
}

/// Below those that Linux gives to connections: one of these would take the port of a server that a fault has ended.
const PORTS: (u64, u64) = (15_000, 31_999);

/// Those that this process has drawn.
static DRAWN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A free port, free also at those distances.
fn free(distances: &[u16]) -> anyhow::Result<u16> {
    let mut drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut random = Random::new(u64::from(std::process::id()), &format!("ports {}", drawn.len()));
    for _ in 0..100 {
        let port = random.between(PORTS.0, PORTS.1) as u16;
        let ports: Vec<u16> = distances.iter().map(|distance| port + distance).collect();
        if ports.iter().all(|port| !drawn.contains(port) && TcpListener::bind(("127.0.0.1", *port)).is_ok()) {
            drawn.extend(ports);
            return Ok(port);
        }
    }
    anyhow::bail!("drawing a free port of 127.0.0.1: none of a hundred was free")
}

/// The proxies before the servers.
pub struct Proxies {
    /// Between agents and Kafka.
    pub produce: Ways,
    /// Between Kafka and transfers.
    pub consume: Ways,
    /// Between transfers and Elasticsearch.
    pub index: Ways,
    /// Between everybody and etcd.
    pub configure: Ways,
}

/// The servers and the ways to them.
pub struct Ground {
    /// The servers.
    pub servers: Servers,
    /// The proxies.
    pub proxies: Proxies,
    /// Their ports.
    pub ports: Ports,
}

impl Ground {
    /// Starts everything below `home`, with so many Kafka brokers.
    pub async fn start(installed: &Installed, home: &Path, brokers: usize) -> anyhow::Result<Ground> {
        let ports = Ports::draw(brokers)?;
        let to = async |port: fn(&Broker) -> u16| Ways::to(ports.brokers.iter().map(port)).await;
        let proxies = Proxies {
            produce: to(|broker| broker.of_agents).await?,
            consume: to(|broker| broker.of_transfers).await?,
            index: Ways::to([ports.elasticsearch]).await?,
            configure: Ways::to([ports.etcd]).await?,
        };
        let settings = brokers::settings(&ports.brokers, &proxies.produce, &proxies.consume);
        let servers = Servers::new(installed, &home.join("servers"), &ports, settings)?;
        servers.up_all().await?;
        Ok(Ground { servers, proxies, ports })
    }

    /// Kafka's addresses without a proxy.
    pub fn kafka(&self) -> String {
        let addresses = self.ports.brokers.iter().map(|broker| format!("127.0.0.1:{}", broker.direct));
        addresses.collect::<Vec<_>>().join(",")
    }

    /// Elasticsearch's address without a proxy.
    pub fn elasticsearch(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.elasticsearch)
    }

    /// etcd's address without a proxy.
    pub fn etcd(&self) -> String {
        format!("127.0.0.1:{}", self.ports.etcd)
    }
}
