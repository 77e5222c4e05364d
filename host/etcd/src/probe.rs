//! Is etcd there, and do we get in? For `collector check`, and for health.

use std::time::Duration;

use tokio::{net::TcpStream, time::timeout};

use crate::{
    EtcdError, EtcdSettings,
    connect::{connect, timed},
    settings::host_and_port,
};

/// What answers at the endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// etcd's version; empty where the user may not ask for it.
    pub version: String,
    /// The cluster.
    pub cluster_id: u64,
    /// The revision it is at.
    pub revision: i64,
}

/// Reaches every endpoint, logs in and reads `key` (which need not exist), all within `limit` each.
pub async fn probe(settings: &EtcdSettings, key: &str, limit: Duration) -> Result<ServerInfo, EtcdError> {
    for url in settings.urls()? {
        reach(&url, limit).await?;
    }
    let settings = EtcdSettings { connect_timeout: limit, request_timeout: limit, ..settings.clone() };
    let mut client = connect(&settings).await?;
    let answer = timed(&settings, &format!("reading {key:?}"), client.get(key, None)).await?;
    let (cluster_id, revision) = answer.header().map_or((0, 0), |header| (header.cluster_id(), header.revision()));
    let status = timed(&settings, "asking for the version", client.status()).await;
    let version = status.map_or_else(|_| String::new(), |status| status.version().to_owned());
    Ok(ServerInfo { version, cluster_id, revision })
}

/// A plain connection says more clearly why it fails than the client does, which only waits.
async fn reach(url: &str, limit: Duration) -> Result<(), EtcdError> {
    let reason = match timeout(limit, TcpStream::connect(host_and_port(url))).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no connection within {} s", limit.as_secs_f32()),
    };
    Err(EtcdError::Unreachable { place: url.to_owned(), reason })
}
