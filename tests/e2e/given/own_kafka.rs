//! A Kafka of a test's own, which can be away for a while.

use std::path::PathBuf;

use super::{Installed, program::free_port, unique};

/// One broker. It ends when dropped.
pub(crate) struct OwnKafka {
    installed: Installed,
    run: PathBuf,
    port: u16,
}

impl OwnKafka {
    /// Starts it and waits until it serves.
    pub(crate) async fn start(installed: Installed) -> OwnKafka {
        let run = installed.folder(&unique("own-kafka"));
        let kafka = OwnKafka { installed, run, port: free_port() };
        kafka.up().await;
        kafka
    }

    /// Its address.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&self) {
        Installed::kill(&self.run, "kafka");
    }

    /// Starts it again, with what it had.
    pub(crate) async fn up(&self) {
        self.installed.up("kafka", &self.run, &[("SERVICES_KAFKA_PORT", self.port.to_string())]).await;
    }
}

impl Drop for OwnKafka {
    fn drop(&mut self) {
        self.kill();
        // What a broker that is just ending still writes stays behind.
        let _ = std::fs::remove_dir_all(&self.run);
    }
}
