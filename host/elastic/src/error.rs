//! What can be wrong with the cluster or the way to it, as an operator has to be told.

use std::path::PathBuf;

/// Why the cluster cannot be used as the settings say.
#[derive(Debug, thiserror::Error)]
pub enum ElasticError {
    /// No node is named.
    #[error("connecting to Elasticsearch: the settings name no node; give at least one, such as http://127.0.0.1:9200")]
    NoNode,
    /// A node's URL has another scheme.
    #[error("connecting to Elasticsearch at {url}: the scheme is {scheme:?}; write http:// or https://")]
    Scheme {
        /// The URL.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// The API key holds what no header may hold.
    #[error(
        "connecting to Elasticsearch: the API key holds characters that cannot be sent; use the \"encoded\" form that the cluster shows (base64 of id:key), on one line"
    )]
    BadApiKey,
    /// The CA file cannot be read.
    #[error("reading the CA file {path:?} for Elasticsearch: {source}; check the path, and that this user may read it")]
    CaUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The CA file holds no certificate.
    #[error(
        "reading the CA file {path:?} for Elasticsearch: {reason}; it must hold certificates as PEM (-----BEGIN CERTIFICATE-----)"
    )]
    CaNotPem {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The HTTP client could not be made.
    #[error("preparing the HTTP client for Elasticsearch: {reason}; check the CA file and the system's TLS set-up")]
    Client {
        /// Why.
        reason: String,
    },
    /// Nobody answers.
    #[error(
        "reaching Elasticsearch at {url}: {reason}; check that it runs there, and the address and the network between"
    )]
    Unreachable {
        /// The node.
        url: String,
        /// Why.
        reason: String,
    },
    /// The server's certificate is not trusted.
    #[error(
        "reaching Elasticsearch at {url}: its certificate is not trusted ({reason}); name the authority that signed it as ca_file (with Elasticsearch 8 it is config/certs/http_ca.crt), and use a host name that the certificate holds"
    )]
    Untrusted {
        /// The node.
        url: String,
        /// Why.
        reason: String,
    },
    /// One side speaks TLS and the other does not.
    #[error(
        "reaching Elasticsearch at {url}: the server does not speak TLS there ({reason}); write http:// instead of https://"
    )]
    NotTls {
        /// The node.
        url: String,
        /// Why.
        reason: String,
    },
    /// 401.
    #[error(
        "logging in to Elasticsearch at {url} as {who}: refused with 401{reason}; check the user and password or the API key"
    )]
    LoginRefused {
        /// The node.
        url: String,
        /// As whom.
        who: String,
        /// The server's words, after a colon; may be empty.
        reason: String,
    },
    /// 403.
    #[error(
        "asking Elasticsearch at {url} as {who}: refused with 403{reason}; grant the cluster privileges monitor and manage_index_templates, and on the indices view_index_metadata, create_index and create_doc"
    )]
    Forbidden {
        /// The node.
        url: String,
        /// As whom.
        who: String,
        /// The server's words, after a colon; may be empty.
        reason: String,
    },
    /// Something else answers there.
    #[error(
        "asking Elasticsearch at {url}: what answers there is neither Elasticsearch nor OpenSearch (status {status}); check the address and the port"
    )]
    NotElastic {
        /// The node.
        url: String,
        /// The HTTP status.
        status: u16,
    },
}
