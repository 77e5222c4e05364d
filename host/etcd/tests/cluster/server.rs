//! Where the etcd of a test is.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use collector_etcd::{EtcdSettings, EtcdStore, Observation, Picture};
use tempfile::TempDir;
use tokio::{sync::mpsc, time::timeout};

/// Long enough for a loaded machine; a change has to be seen far sooner, which the tests that say so check themselves.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether servers are required; says so where they are not and one is missing.
fn skip(missing: &str) {
    let required = std::env::var("COLLECTOR_TEST_SERVERS").is_ok_and(|value| value == "required");
    assert!(!required, "{missing}, and COLLECTOR_TEST_SERVERS=required");
    println!("skipped: {missing}");
}

/// The settings for the etcd in the environment.
pub(crate) fn shared() -> Option<EtcdSettings> {
    match std::env::var("COLLECTOR_TEST_ETCD") {
        Ok(address) => Some(EtcdSettings::new(vec![address])),
        Err(_) => {
            skip("COLLECTOR_TEST_ETCD is not set (cargo xtask services up etcd starts it)");
            None
        }
    }
}

/// A store, and a prefix of its own under which nothing is.
pub(crate) async fn clean(settings: &EtcdSettings, name: &str) -> (EtcdStore, String) {
    let store = EtcdStore::connect(settings.clone()).await.unwrap();
    let prefix = format!("/collector-etcd-it/{name}/");
    for key in store.list(&prefix).await.unwrap().entries.keys() {
        store.delete(key).await.unwrap();
    }
    (store, prefix)
}

/// An etcd of the test's own.
pub(crate) struct Private {
    binary: PathBuf,
    dir: TempDir,
    pub(crate) address: String,
    peer: String,
    process: Option<Child>,
}

impl Private {
    /// Starts one, if there is an `etcd` to start.
    pub(crate) async fn start() -> Option<Self> {
        let on_path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&on_path).map(|dir| dir.join("etcd")).find(|path| path.is_file());
        // Without a test server at all, these tests are skipped like the others.
        let Some(binary) = found.filter(|_| std::env::var_os("COLLECTOR_TEST_ETCD").is_some()) else {
            skip("COLLECTOR_TEST_ETCD is not set, or there is no program etcd on PATH");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let mut etcd = Private { binary, dir, address: free_address(), peer: free_address(), process: None };
        etcd.up().await;
        Some(etcd)
    }

    pub(crate) async fn up(&mut self) {
        let (client, peer) = (format!("http://{}", self.address), format!("http://{}", self.peer));
        let log = std::fs::File::create(self.dir.path().join("log")).unwrap();
        let process = Command::new(&self.binary)
            .args(["--name", "one", "--data-dir"])
            .arg(self.dir.path().join("data"))
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("one={peer}")])
            // A wiped cluster must not look like the one before.
            .args(["--initial-cluster-token", &format!("{:?}", Instant::now())])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(process);
        let start = Instant::now();
        loop {
            let served = match EtcdStore::connect(self.settings()).await {
                Ok(store) => store.get("/").await.is_ok(),
                Err(_) => false,
            };
            if served {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "etcd does not serve; its log: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn down(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub(crate) fn wipe(&self) {
        std::fs::remove_dir_all(self.dir.path().join("data")).unwrap();
    }

    pub(crate) fn settings(&self) -> EtcdSettings {
        EtcdSettings { request_timeout: Duration::from_secs(2), ..EtcdSettings::new(vec![self.address.clone()]) }
    }

    /// Runs etcdctl on it.
    pub(crate) fn ctl(&self, arguments: &[&str]) {
        let output = self.ctl_may_fail(arguments);
        assert!(output.status.success(), "etcdctl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The same where it may have been done already.
    pub(crate) fn ctl_may_fail(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new("etcdctl");
        command.env("ETCDCTL_API", "3").args(["--endpoints", &self.address]).args(arguments);
        command.output().unwrap()
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// The next observation.
pub(crate) async fn next(seen: &mut mpsc::Receiver<Observation>) -> Observation {
    timeout(PATIENCE, seen.recv()).await.expect("nothing was observed").expect("the watch has ended")
}

/// The next state that fits, skipping others.
pub(crate) async fn state(seen: &mut mpsc::Receiver<Observation>, fits: impl Fn(&Picture) -> bool) -> Observation {
    loop {
        match next(seen).await {
            Observation::State { picture, cause } if fits(&picture) => return Observation::State { picture, cause },
            _ => {}
        }
    }
}

/// The value of a key in a picture, as text.
pub(crate) fn value<'a>(picture: &'a Picture, key: &str) -> Option<&'a str> {
    picture.entries.get(key).map(|entry| std::str::from_utf8(&entry.value).unwrap())
}
