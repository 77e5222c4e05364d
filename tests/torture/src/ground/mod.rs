//! The servers of a run: its own etcd, Kafka and Elasticsearch, with a proxy before each that strikes who goes through it.

mod server;

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

pub use server::{Server, Servers};

use crate::proxy::Proxy;

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
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// etcd; the next one is its peers'.
    pub etcd: u16,
    /// Kafka, for the checker; the next one is the controller's.
    pub kafka: u16,
    /// Kafka's listener behind the agents' proxy.
    pub kafka_of_agents: u16,
    /// Kafka's listener behind the transfers' proxy.
    pub kafka_of_transfers: u16,
    /// Elasticsearch; the hundredth after it is its transport's.
    pub elasticsearch: u16,
}

impl Ports {
    fn draw() -> anyhow::Result<Ports> {
        Ok(Ports {
            etcd: free(&[0, 1])?,
            kafka: free(&[0, 1])?,
            kafka_of_agents: free(&[0])?,
            kafka_of_transfers: free(&[0])?,
            elasticsearch: free(&[0, 100])?,
        })
    }
}

/// A free port, free also at those distances.
fn free(distances: &[u16]) -> anyhow::Result<u16> {
    let bind = |port: u16| TcpListener::bind(("127.0.0.1", port));
    for _ in 0..100 {
        let port = bind(0)?.local_addr()?.port();
        let fits = distances.iter().all(|distance| port.checked_add(*distance).is_some_and(|port| bind(port).is_ok()));
        if fits {
            return Ok(port);
        }
    }
    anyhow::bail!("drawing a free port of 127.0.0.1: none of a hundred was free")
}

/// The proxies before the servers.
pub struct Proxies {
    /// Between agents and Kafka.
    pub produce: Proxy,
    /// Between Kafka and transfers.
    pub consume: Proxy,
    /// Between transfers and Elasticsearch.
    pub index: Proxy,
    /// Between everybody and etcd.
    pub configure: Proxy,
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
    /// Starts everything below `home`.
    pub async fn start(installed: &Installed, home: &Path) -> anyhow::Result<Ground> {
        let ports = Ports::draw()?;
        let proxies = Proxies {
            produce: Proxy::to(ports.kafka_of_agents).await?,
            consume: Proxy::to(ports.kafka_of_transfers).await?,
            index: Proxy::to(ports.elasticsearch).await?,
            configure: Proxy::to(ports.etcd).await?,
        };
        let kafka = kafka_settings(&ports, &proxies);
        let servers = Servers::new(installed, &home.join("servers"), &ports, kafka)?;
        servers.up_all().await?;
        Ok(Ground { servers, proxies, ports })
    }

    /// Kafka's address without a proxy.
    pub fn kafka(&self) -> String {
        format!("127.0.0.1:{}", self.ports.kafka)
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

/// Whoever comes through a proxy is told to come through it again.
fn kafka_settings(ports: &Ports, proxies: &Proxies) -> String {
    let (direct, controller) = (ports.kafka, ports.kafka + 1);
    let (agents, transfers) = (ports.kafka_of_agents, ports.kafka_of_transfers);
    let (produce, consume) = (proxies.produce.port(), proxies.consume.port());
    format!(
        "listeners=PLAINTEXT://127.0.0.1:{direct},AGENTS://127.0.0.1:{agents},TRANSFERS://127.0.0.1:{transfers},\
         CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{direct},AGENTS://127.0.0.1:{produce},TRANSFERS://127.0.0.1:{consume}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,AGENTS:PLAINTEXT,TRANSFERS:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         group.min.session.timeout.ms=1000\n\
         log.segment.bytes=67108864\n"
    )
}
