//! Reading and writing single keys, for the command line.

use etcd_client::{Client, Compare, CompareOp, GetOptions, Txn, TxnOp, TxnOpResponse};

use crate::{
    Entry, EtcdError, EtcdSettings, Picture,
    connect::{connect, timed},
};

/// The largest value that etcd takes with its own defaults (1.5 MiB for the whole request), in bytes.
pub const VALUE_BYTES_MAX: usize = (3 << 19) - 4096;

/// Keys and values of etcd. Cheap to clone.
#[derive(Clone)]
pub struct EtcdStore {
    client: Client,
    settings: EtcdSettings,
}

/// What a compare-and-swap did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The value was written, at this revision.
    Done {
        /// The revision.
        revision: i64,
    },
    /// Somebody else has written meanwhile; nothing was changed.
    Refused {
        /// What is there now.
        current: Option<Entry>,
    },
}

impl EtcdStore {
    /// Connects.
    pub async fn connect(settings: EtcdSettings) -> Result<Self, EtcdError> {
        let client = connect(&settings).await?;
        Ok(EtcdStore { client, settings })
    }

    /// The value of a key.
    pub async fn get(&self, key: &str) -> Result<Option<Entry>, EtcdError> {
        let doing = format!("reading {key:?}");
        let mut answer = timed(&self.settings, &doing, self.client.kv_client().get(key, None)).await?;
        Ok(answer.take_kvs().pop().map(entry))
    }

    /// All keys that start so.
    pub async fn list(&self, prefix: &str) -> Result<Picture, EtcdError> {
        let doing = format!("listing {prefix:?}");
        let options = GetOptions::new().with_prefix();
        let mut answer = timed(&self.settings, &doing, self.client.kv_client().get(prefix, Some(options))).await?;
        let (cluster_id, revision) = answer.header().map_or((0, 0), |header| (header.cluster_id(), header.revision()));
        let named = |kv: etcd_client::KeyValue| Some((kv.key_str().ok()?.to_owned(), entry(kv)));
        let entries = answer.take_kvs().into_iter().filter_map(named).collect();
        Ok(Picture { cluster_id, revision, entries })
    }

    /// Writes a value, whatever was there. Returns the revision.
    pub async fn put(&self, key: &str, value: &[u8]) -> Result<i64, EtcdError> {
        check_size(key, value)?;
        let doing = format!("writing {key:?}");
        let answer = timed(&self.settings, &doing, self.client.kv_client().put(key, value, None)).await?;
        Ok(answer.header().map_or(0, |header| header.revision()))
    }

    /// Writes a value if the key still has the revision at which it was read; 0 if it did not exist then.
    pub async fn put_if(&self, key: &str, value: &[u8], mod_revision: i64) -> Result<Swap, EtcdError> {
        check_size(key, value)?;
        let doing = format!("writing {key:?}");
        let txn = Txn::new()
            .when([Compare::mod_revision(key, CompareOp::Equal, mod_revision)])
            .and_then([TxnOp::put(key, value, None)])
            .or_else([TxnOp::get(key, None)]);
        let answer = timed(&self.settings, &doing, self.client.kv_client().txn(txn)).await?;
        if answer.succeeded() {
            return Ok(Swap::Done { revision: answer.header().map_or(0, |header| header.revision()) });
        }
        let found = answer.op_responses().into_iter().find_map(|answer| match answer {
            TxnOpResponse::Get(mut found) => found.take_kvs().pop(),
            _ => None,
        });
        Ok(Swap::Refused { current: found.map(entry) })
    }

    /// Deletes a key; tells whether it was there.
    pub async fn delete(&self, key: &str) -> Result<bool, EtcdError> {
        let doing = format!("deleting {key:?}");
        let answer = timed(&self.settings, &doing, self.client.kv_client().delete(key, None)).await?;
        Ok(answer.deleted() > 0)
    }
}

fn check_size(key: &str, value: &[u8]) -> Result<(), EtcdError> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(EtcdError::ValueTooLarge { key: key.to_owned(), bytes: value.len() });
    }
    Ok(())
}

fn entry(kv: etcd_client::KeyValue) -> Entry {
    let mod_revision = kv.mod_revision();
    Entry { value: kv.into_key_value().1, mod_revision }
}
