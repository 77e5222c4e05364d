//! What a sink needs to know.

use std::{fmt, path::PathBuf, time::Duration};

use url::Url;

/// How to reach the cluster, and how much to send at once.
#[derive(Clone, Debug)]
pub struct ElasticSettings {
    /// The nodes (`http://…` or `https://…`), used in turn; one that fails is left alone for a while.
    pub nodes: Vec<Url>,
    /// Who we are.
    pub auth: Auth,
    /// PEM file with the authorities to trust besides the public ones.
    pub ca_file: Option<PathBuf>,
    /// How large a bulk request grows, in bytes; a document beyond that goes alone.
    pub bulk_bytes_max: usize,
    /// How many documents a bulk request carries.
    pub bulk_documents_max: usize,
    /// How long a request waits for more documents while others are under way; an idle index waits a tenth of it.
    pub bulk_linger: Duration,
    /// How many bulk requests are under way at once, over all indices.
    pub in_flight_max: usize,
    /// How many bytes of documents one index may hold here, waiting or under way; beyond that `submit` waits.
    pub index_bytes_max: usize,
    /// How many documents one index may hold here, likewise.
    pub index_documents_max: usize,
    /// How long to wait for an answer, from connecting to its last byte.
    pub request_timeout: Duration,
    /// How long to wait at most before trying again; the waits grow from 100 ms to this.
    pub retry_wait_max: Duration,
    /// Compress requests.
    pub gzip: bool,
    /// Keep the collector's index template in the cluster, for the rules given to [`crate::ElasticSink::use_template_for`].
    pub install_template: bool,
    /// Say which indices retention would delete, and delete none.
    pub retention_dry_run: bool,
    /// How long the index of a past day may refuse writes before its lines go to the dead letters.
    pub past_day_blocked_max: Duration,
}

impl ElasticSettings {
    /// Everything at its default, for these nodes.
    pub fn new(nodes: Vec<Url>) -> Self {
        ElasticSettings {
            nodes,
            auth: Auth::None,
            ca_file: None,
            bulk_bytes_max: 5 << 20,
            bulk_documents_max: 5_000,
            bulk_linger: Duration::from_secs(1),
            in_flight_max: 4,
            index_bytes_max: 32 << 20,
            index_documents_max: usize::MAX,
            request_timeout: Duration::from_secs(60),
            retry_wait_max: Duration::from_secs(30),
            gzip: false,
            install_template: true,
            retention_dry_run: false,
            past_day_blocked_max: Duration::from_secs(3600),
        }
    }
}

/// Who we are to the cluster. Its debug form shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// Nobody in particular.
    None,
    /// A user and a password.
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: String,
    },
    /// An API key in its encoded form, as the cluster shows it: base64 of `id:key`.
    ApiKey(String),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Auth::None => f.write_str("None"),
            Auth::Basic { user, .. } => write!(f, "Basic({user})"),
            Auth::ApiKey(_) => f.write_str("ApiKey"),
        }
    }
}
