//! Is the cluster there, and do we get in? For `collector check`, and for health.

use std::time::Duration;

use serde_json::Value;

use crate::{
    ElasticError, ElasticSettings,
    answer::fault_in,
    client::{Answer, Call, NoAnswer, Nodes},
};

/// What answers at the nodes' addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// `elasticsearch` or `opensearch`.
    pub distribution: String,
    /// Its version.
    pub version: String,
    /// The cluster's name.
    pub cluster_name: String,
}

/// Asks every node who it is; tells what the first one says, or the first thing that is wrong.
pub async fn probe(settings: &ElasticSettings, timeout: Duration) -> Result<ServerInfo, ElasticError> {
    if settings.nodes.is_empty() {
        return Err(ElasticError::NoNode);
    }
    let mut first = None;
    for node in &settings.nodes {
        let one = ElasticSettings { nodes: vec![node.clone()], request_timeout: timeout, ..settings.clone() };
        let info = probe_node(&Nodes::new(&one)?).await?;
        first.get_or_insert(info);
    }
    first.ok_or(ElasticError::NoNode)
}

async fn probe_node(nodes: &Nodes) -> Result<ServerInfo, ElasticError> {
    let answer = nodes.call(Call::get("")).await.map_err(unreachable)?;
    check_access(nodes, &answer)?;
    if let Some(info) = greeting(&answer) {
        return Ok(info);
    }
    // A distribution without the greeting module says 405 there.
    let path = "_nodes/_local?filter_path=cluster_name,nodes.*.version,nodes.*.name";
    let answer = nodes.call(Call::get(path)).await.map_err(unreachable)?;
    check_access(nodes, &answer)?;
    node_info(&answer).ok_or(ElasticError::NotElastic { url: answer.url, status: answer.status })
}

fn check_access(nodes: &Nodes, answer: &Answer) -> Result<(), ElasticError> {
    let reason = fault_in(&answer.body).map_or_else(String::new, |fault| format!(": {}", fault.reason));
    let (url, who) = (answer.url.clone(), nodes.who.clone());
    match answer.status {
        401 => Err(ElasticError::LoginRefused { url, who, reason }),
        403 => Err(ElasticError::Forbidden { url, who, reason }),
        _ => Ok(()),
    }
}

fn greeting(answer: &Answer) -> Option<ServerInfo> {
    let body: Value = serde_json::from_slice(&answer.body).ok().filter(|_| answer.status == 200)?;
    let version = body.get("version")?;
    Some(ServerInfo {
        distribution: version.get("distribution").and_then(Value::as_str).unwrap_or("elasticsearch").to_owned(),
        version: version.get("number")?.as_str()?.to_owned(),
        cluster_name: body.get("cluster_name")?.as_str()?.to_owned(),
    })
}

fn node_info(answer: &Answer) -> Option<ServerInfo> {
    let body: Value = serde_json::from_slice(&answer.body).ok().filter(|_| answer.status == 200)?;
    let node = body.get("nodes")?.as_object()?.values().next()?;
    Some(ServerInfo {
        distribution: "elasticsearch".to_owned(),
        version: node.get("version")?.as_str()?.to_owned(),
        cluster_name: body.get("cluster_name")?.as_str()?.to_owned(),
    })
}

fn unreachable(none: NoAnswer) -> ElasticError {
    let NoAnswer { url, reason } = none;
    if reason.contains("certificate") || reason.contains("UnknownIssuer") {
        ElasticError::Untrusted { url, reason }
    } else if reason.contains("InvalidContentType") {
        ElasticError::NotTls { url, reason }
    } else {
        ElasticError::Unreachable { url, reason }
    }
}
