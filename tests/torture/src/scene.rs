//! Everything that is there during a run.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use etcd_client::Client as Etcd;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use serde_json::json;

use crate::{
    faults::servers::make_data_streams,
    fleet::{self, Paths, Program, Role},
    ground::{Ground, Installed},
    plan::Plan,
    writers::{Writers, Writing},
};

/// After how long an unfinished line is sent, in milliseconds.
pub(crate) const FLUSH_MS: u64 = 500;
/// Partitions of the topic at first.
const PARTITIONS: i32 = 4;
/// The most transfers at once.
pub const TRANSFERS_MAX: usize = 4;

/// A run's servers, processes and writers.
pub struct Scene {
    /// What is to be done.
    pub plan: Plan,
    /// The servers.
    pub ground: Ground,
    /// The agent.
    pub agent: Program,
    /// The transfers; those that do not run now wait to be started.
    pub transfers: Vec<Program>,
    /// The writers.
    pub writers: Writers,
    /// The topic.
    pub topic: String,
    /// Documents that were there already, as far as the transfers could still tell.
    pub conflicts: f64,
    /// The key of the agent's tasks.
    pub tasks_key: String,
    /// The agent's tasks.
    pub tasks: String,
    /// Descriptions of promises found broken while the run went on.
    pub broken: Vec<String>,
}

impl Scene {
    /// Starts servers, processes and writers.
    pub async fn set(plan: Plan, installed: &Installed) -> anyhow::Result<Scene> {
        let (home, run) = (plan.home.clone(), format!("s{}", plan.seed));
        let paths = Paths { files: home.join("files"), plugins: plugins() };
        std::fs::create_dir_all(&paths.files).context("making the writers' directory")?;
        let ground = Ground::start(installed, &home).await?;
        let topic = "torture".to_owned();
        create_topic(&ground.kafka(), &topic).await?;
        if plan.planted == Some("data-stream-index") {
            make_data_streams(&ground.elasticsearch(), &topic).await?;
        }
        let host_ip = "10.9.8.7";
        let tasks_key = format!("/logagent/{host_ip}/collect_config");
        let glob = paths.files.join("**/*.log*");
        let tasks = json!([{"path": glob, "topic": topic, "flush_after_ms": FLUSH_MS}]).to_string();
        let mut etcd = Etcd::connect([ground.etcd()], None).await.context("connecting to etcd")?;
        etcd.put(tasks_key.as_str(), tasks.as_str(), None).await.context("writing the tasks")?;
        let agent = Program::new(Role::Agent, &home.join("agent"), &fleet::agent(&ground, host_ip, &paths))?;
        let topics = [topic.clone()];
        let transfers = (0..TRANSFERS_MAX).map(|number| {
            // The first one is always there, and killed often.
            let settings = fleet::transfer(&ground, (number == 0).then_some("first"), &topics, &paths);
            Program::new(Role::Transfer, &home.join(format!("transfer-{number}")), &settings)
        });
        let transfers = transfers.collect::<anyhow::Result<Vec<_>>>()?;
        let writers = Writers::start(&writing(&plan, &run, &paths))?;
        let (conflicts, broken) = (0.0, vec![]);
        let mut scene = Scene { plan, ground, agent, transfers, writers, topic, conflicts, tasks_key, tasks, broken };
        let armed = scene.plan.failpoints();
        scene.agent.start(&armed)?;
        scene.transfers[0].start(&armed)?;
        scene.agent.ready().await?;
        scene.transfers[0].ready().await?;
        Ok(scene)
    }

    /// A connection to etcd past its proxy.
    pub async fn etcd(&self) -> anyhow::Result<Etcd> {
        Etcd::connect([self.ground.etcd()], None).await.context("connecting to etcd")
    }

    /// Adds the conflicts that a transfer has met since its start, as long as it can tell.
    pub async fn count_conflicts(&mut self, number: usize) {
        self.conflicts += self.transfers[number].metric("collector_documents_conflicted_total").await.unwrap_or(0.0);
    }

    /// Starts everything that should run and does not, and lets everything pass.
    pub async fn heal(&mut self) -> anyhow::Result<()> {
        let proxies = &self.ground.proxies;
        for proxy in [&proxies.produce, &proxies.consume, &proxies.index, &proxies.configure] {
            proxy.set(crate::proxy::Mode::Pass);
        }
        let armed = self.plan.failpoints();
        if !self.agent.is_running() {
            self.agent.start(&armed)?;
        }
        if !self.transfers.iter_mut().any(Program::is_running) {
            self.transfers[0].start(&armed)?;
        }
        Ok(())
    }

    /// Whether more lines are written than a moment ago: only then a fault strikes lines in flight.
    pub async fn lines_flow(&self) -> bool {
        let before = self.writers.lines();
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.writers.lines() > before
    }
}

/// What the writers of a plan do.
pub(crate) fn writing(plan: &Plan, run: &str, paths: &Paths) -> Writing {
    Writing {
        run: run.to_owned(),
        files: paths.files.clone(),
        aside: plan.home.join("ledgers"),
        renaming: 4,
        truncating: 1,
        rate: plan.rate,
        halting_of: 4_000,
        seed: plan.seed,
    }
}

/// Where compiled plugins are.
pub(crate) fn plugins() -> PathBuf {
    std::env::var_os("COLLECTOR_TEST_PLUGINS").map_or_else(|| PathBuf::from("target/plugins"), PathBuf::from)
}

/// Makes the topic.
async fn create_topic(address: &str, topic: &str) -> anyhow::Result<()> {
    let admin = admin(address)?;
    let topic = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1));
    let answers = admin.create_topics([&topic], &options()).await.context("creating the topic")?;
    answers.into_iter().try_for_each(|answer| match answer {
        Ok(_) => Ok(()),
        Err((topic, code)) => anyhow::bail!("creating the topic {topic}: {code}"),
    })
}

/// Kafka's administration.
pub fn admin(address: &str) -> anyhow::Result<AdminClient<DefaultClientContext>> {
    ClientConfig::new().set("bootstrap.servers", address).create().context("a client of Kafka's administration")
}

/// How long Kafka's administration may take.
pub fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)))
}
