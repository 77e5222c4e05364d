//! Kafka's brokers: each is a controller, too, and has a listener of its own for whoever comes through a proxy.

use super::{Ways, free};

/// The ports of one broker.
#[derive(Clone, Copy, Debug)]
pub struct Broker {
    /// For the checker and the other brokers; the next one is the controller's.
    pub direct: u16,
    /// Behind the agents' proxy.
    pub of_agents: u16,
    /// Behind the transfers' proxy.
    pub of_transfers: u16,
}

impl Broker {
    pub(super) fn draw() -> anyhow::Result<Broker> {
        Ok(Broker { direct: free(&[0, 1])?, of_agents: free(&[0])?, of_transfers: free(&[0])? })
    }
}

/// Each broker's settings. Whoever comes through a proxy is told to come through it again.
pub(super) fn settings(brokers: &[Broker], produce: &Ways, consume: &Ways) -> Vec<String> {
    let voters = (1..).zip(brokers).map(|(id, broker)| format!("{id}@127.0.0.1:{}", broker.direct + 1));
    let voters = voters.collect::<Vec<_>>().join(",");
    let (copies, in_sync) = (brokers.len(), brokers.len().div_ceil(2));
    let proxies = produce.ports().zip(consume.ports());
    let of_broker = |(id, (broker, (produce, consume))): (i32, (&Broker, (u16, u16)))| {
        let Broker { direct, of_agents: agents, of_transfers: transfers } = broker;
        let controller = direct + 1;
        format!(
            "node.id={id}\n\
             controller.quorum.voters={voters}\n\
             listeners=PLAINTEXT://127.0.0.1:{direct},AGENTS://127.0.0.1:{agents},TRANSFERS://127.0.0.1:{transfers},\
             CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{direct},AGENTS://127.0.0.1:{produce},TRANSFERS://127.0.0.1:{consume}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,AGENTS:PLAINTEXT,TRANSFERS:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
             default.replication.factor={copies}\n\
             min.insync.replicas={in_sync}\n\
             offsets.topic.replication.factor={copies}\n\
             replica.lag.time.max.ms=4000\n\
             broker.heartbeat.interval.ms=1000\n\
             broker.session.timeout.ms=4000\n\
             group.min.session.timeout.ms=1000\n\
             log.segment.bytes=67108864\n"
        )
    };
    (1..).zip(brokers.iter().zip(proxies)).map(of_broker).collect()
}
