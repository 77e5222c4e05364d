//! What takes the bulk requests of a measurement: the benchmark's own server, or a real Elasticsearch.

use anyhow::ensure;
use serde::Deserialize;

use crate::{
    bulk_server::BulkServer,
    program::{delete, get, post},
    servers,
};

/// One of both.
pub(crate) enum BulkTarget {
    Own(BulkServer),
    Real(Indices),
}

impl BulkTarget {
    /// The benchmark's own server, in a process of its own.
    pub(crate) fn own() -> anyhow::Result<BulkTarget> {
        BulkServer::start().map(BulkTarget::Own)
    }

    /// The real server, for indices whose names begin so.
    pub(crate) fn real(prefix: &str) -> anyhow::Result<BulkTarget> {
        Indices::new(prefix).map(BulkTarget::Real)
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        match self {
            BulkTarget::Own(server) => &server.address,
            BulkTarget::Real(indices) => &indices.address,
        }
    }

    /// Insists that it holds so many documents, each of them once. What else there is to say of them.
    pub(crate) fn ensure_holds(&self, documents: u64) -> anyhow::Result<String> {
        match self {
            BulkTarget::Own(server) => {
                let taken = server.taken()?;
                let is_right = taken.documents == documents && taken.conflicts == 0 && taken.without_id == 0;
                ensure!(is_right, "the server took {taken:?} where {documents} documents were sent once each");
                let bytes = taken.bytes / taken.documents.max(1);
                Ok(format!(
                    "the server, a process of its own, parses each document and looks at each id: none is missing, none came twice; {bytes} bytes a document in the requests"
                ))
            }
            BulkTarget::Real(indices) => {
                let found = indices.documents()?;
                ensure!(found == documents, "a search finds {found} documents where {documents} were sent");
                Ok(format!("Elasticsearch {}: a search finds each of the {found} documents once", indices.version()?))
            }
        }
    }
}

/// The indices of one measurement in Elasticsearch; deleted when dropped.
pub(crate) struct Indices {
    /// `host:port`.
    pub(crate) address: String,
    prefix: String,
}

impl Indices {
    /// Those whose names begin so.
    pub(crate) fn new(prefix: &str) -> anyhow::Result<Indices> {
        Ok(Indices { address: servers::elasticsearch()?, prefix: prefix.to_owned() })
    }

    /// How many documents a search finds by now.
    fn documents(&self) -> anyhow::Result<u64> {
        post(&self.address, &format!("/{}*/_refresh", self.prefix), "")?;
        let answer: Count = serde_json::from_str(&get(&self.address, &format!("/{}*/_count", self.prefix))?)?;
        Ok(answer.count)
    }

    /// Of its nodes.
    fn version(&self) -> anyhow::Result<String> {
        let versions = get(&self.address, "/_cat/nodes?h=version")?;
        Ok(versions.split_whitespace().collect::<Vec<_>>().join(", "))
    }

    fn delete(&self) -> anyhow::Result<()> {
        // By their names: a server may refuse to delete what a pattern stands for.
        let names = get(&self.address, &format!("/_cat/indices/{}*?h=index", self.prefix))?;
        names.lines().try_for_each(|name| delete(&self.address, &format!("/{}", name.trim())))
    }
}

impl Drop for Indices {
    fn drop(&mut self) {
        if let Err(error) = self.delete() {
            eprintln!("indices {}* stay in Elasticsearch: {error:#}", self.prefix);
        }
    }
}

#[derive(Deserialize)]
struct Count {
    count: u64,
}
