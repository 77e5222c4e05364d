//! The ways to the servers of one kind, all struck together.

use crate::proxy::{Mode, Proxy};

/// The proxies before the servers of one kind.
pub struct Ways(Vec<Proxy>);

impl Ways {
    /// A proxy before each of these ports of this machine.
    pub async fn to(ports: impl IntoIterator<Item = u16>) -> anyhow::Result<Ways> {
        let mut proxies = vec![];
        for port in ports {
            proxies.push(Proxy::to(port).await?);
        }
        Ok(Ways(proxies))
    }

    /// From now on, on all of them.
    pub fn set(&self, mode: Mode) {
        self.0.iter().for_each(|proxy| proxy.set(mode));
    }

    /// Connections, pieces and requests that a fault has struck so far.
    pub fn struck(&self) -> u64 {
        self.0.iter().map(Proxy::struck).sum()
    }

    /// Their ports.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.0.iter().map(Proxy::port)
    }

    /// Their addresses, as settings list them.
    pub fn addresses(&self) -> Vec<String> {
        self.0.iter().map(Proxy::address).collect()
    }
}
