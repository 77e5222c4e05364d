//! Everything that is there during a run.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use collector_model::{BucketDay, IndexName};
use etcd_client::Client as Etcd;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use serde_json::json;

use crate::{
    checker::Marks,
    faults::{chains::no_plugins, indices},
    fleet::{self, Paths, Program, Role, Watched},
    ground::{Ground, Installed},
    observer::Sights,
    plan::Plan,
    writers::{BATCH, Manner, PLAIN, POISON, Writers, Writing},
};

/// The topic.
pub const TOPIC: &str = "torture";
/// The topic whose documents no index takes.
pub const POISONED: &str = "torture-poison";
/// The topic whose records have many lines.
pub const BATCHED: &str = "torture-batch";
/// All of them.
pub const TOPICS: [&str; 3] = [TOPIC, BATCHED, POISONED];
/// Those whose lines become documents.
pub const INDEXED: [&str; 2] = [TOPIC, BATCHED];
/// The transfers' group.
pub const GROUP: &str = "torture";

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
        let paths = Paths { files: home.join("files"), plugins: vec![plugins(), home.join("plugins")] };
        for dir in [&paths.files, &paths.plugins[1]] {
            std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        }
        let ground = Ground::start(installed, &home, plan.brokers).await?;
        for topic in TOPICS {
            create_topic(&ground.kafka(), topic, plan.brokers).await?;
        }
        indices::refuse_documents(&ground.elasticsearch()).await?;
        if plan.planted == Some("data-stream-index") {
            indices::make_data_streams(&ground.elasticsearch()).await?;
        }
        let host_ip = "10.9.8.7";
        let tasks_key = format!("/logagent/{host_ip}/collect_config");
        let tasks = tasks(&paths);
        let agent = Program::new(Role::Agent, &home.join("agent"), &fleet::agent(&ground, host_ip, &paths))?;
        let transfers = (0..TRANSFERS_MAX).map(|number| {
            // The first one is always there, and killed often.
            let settings = fleet::transfer(&ground, (number == 0).then_some("first"), &paths);
            Program::new(Role::Transfer, &home.join(format!("transfer-{number}")), &settings)
        });
        let transfers = transfers.collect::<anyhow::Result<Vec<_>>>()?;
        let writers = Writers::start(&writing(&plan, &run, &paths, FLEET_MANNERS))?;
        let (conflicts, broken) = (0.0, vec![]);
        let mut scene = Scene { plan, ground, agent, transfers, writers, conflicts, tasks_key, tasks, broken };
        scene.put_configuration().await?;
        scene.begin().await?;
        Ok(scene)
    }

    /// Starts the agent and the first transfer, and waits until they are ready.
    async fn begin(&mut self) -> anyhow::Result<()> {
        let armed = self.plan.failpoints();
        self.agent.start(&armed)?;
        self.transfers[0].start(&armed)?;
        self.agent.ready().await?;
        self.transfers[0].ready().await
    }

    /// Ends everything in good order, and starts the agent and one transfer anew, so that what they count from now on is all there is.
    /// Answers how much there was before.
    pub async fn calm_down(&mut self) -> anyhow::Result<Marks> {
        for number in 0..self.transfers.len() {
            self.count_conflicts(number).await;
            if self.transfers[number].is_running() {
                // One that was started this moment does not listen for signals yet.
                self.transfers[number].ready().await?;
                self.transfers[number].terminate().await?;
            }
        }
        self.agent.ready().await?;
        self.agent.terminate().await?;
        let marks = Marks::of(self.ground.kafka()).await?;
        self.begin().await?;
        Ok(marks)
    }

    /// What an observer looks at.
    pub fn sights(&self) -> Sights {
        Sights {
            kafka: self.ground.kafka(),
            elasticsearch: self.ground.elasticsearch(),
            checkpoint: self.agent.state_path().join("checkpoint"),
        }
    }

    /// Puts into etcd all that belongs there.
    pub async fn put_configuration(&self) -> anyhow::Result<()> {
        self.put_tasks(&self.tasks).await?;
        self.put_rule(&no_plugins()).await
    }

    /// Writes the agent's tasks.
    pub async fn put_tasks(&self, value: &str) -> anyhow::Result<()> {
        let mut etcd = self.etcd().await?;
        etcd.put(self.tasks_key.as_str(), value, None).await.context("writing the tasks").map(drop)
    }

    /// Writes the rule of the topics whose lines become documents.
    pub async fn put_rule(&self, value: &str) -> anyhow::Result<()> {
        let mut etcd = self.etcd().await?;
        for topic in INDEXED {
            etcd.put(format!("/logtransfer/{topic}"), value, None).await.context("writing a rule")?;
        }
        Ok(())
    }

    /// A connection to etcd past its proxy.
    pub async fn etcd(&self) -> anyhow::Result<Etcd> {
        Etcd::connect([self.ground.etcd()], None).await.context("connecting to etcd")
    }

    /// Adds the conflicts that a transfer has met since its start, as long as it can tell.
    pub async fn count_conflicts(&mut self, number: usize) {
        self.conflicts += self.transfers[number].metric("collector_documents_conflicted_total").await.unwrap_or(0.0);
    }

    /// All programs, as they are watched.
    pub fn watched(&self) -> Vec<Watched> {
        std::iter::once(&self.agent).chain(&self.transfers).map(Program::watched).collect()
    }

    /// Tells which programs have ended by themselves: whatever a fault ends, it has started again.
    pub fn tell_ends(&mut self, during: &str) {
        let programs = std::iter::once(&mut self.agent).chain(&mut self.transfers);
        let ends = programs.flat_map(Program::take_ends).map(|end| format!("I7: {during}: {end}"));
        self.broken.extend(ends);
    }

    /// Lets everything pass, tells what has ended by itself during that, and starts it again.
    pub async fn heal(&mut self, during: &str) -> anyhow::Result<()> {
        self.tell_ends(during);
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

    /// Whether more lines are written than a moment ago: those are in flight, since no search sees a line this soon (Elasticsearch shows
    /// what is new once a second).
    pub async fn lines_flow(&self) -> bool {
        let before = self.writers.lines();
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.writers.lines() > before
    }

    /// A metric over all transfers that run.
    pub async fn transfers_sum(&mut self, metric: &str) -> f64 {
        let mut sum = 0.0;
        for transfer in self.transfers.iter_mut() {
            if transfer.is_running() {
                sum += transfer.metric(metric).await.unwrap_or(0.0);
            }
        }
        sum
    }
}

/// The writers of a run with Kafka and Elasticsearch.
const FLEET_MANNERS: &[Manner] = &[
    Manner::Rename,
    Manner::Rename,
    Manner::Rename,
    Manner::Batch,
    Manner::Batch,
    Manner::Link,
    Manner::Truncate,
    Manner::Poison,
];

/// One task for each directory, that is for each topic.
fn tasks(paths: &Paths) -> String {
    let mut batched = task(paths, BATCH, BATCHED);
    batched["kafka"] = json!({"form": "batch"});
    json!([task(paths, PLAIN, TOPIC), batched, task(paths, POISON, POISONED)]).to_string()
}

fn task(paths: &Paths, dir: &str, topic: &str) -> serde_json::Value {
    json!({"path": paths.files.join(dir).join("**/*.log*"), "topic": topic, "flush_after_ms": FLUSH_MS})
}

/// The name of the index of a topic and a day.
pub fn index_of(topic: &str, day: BucketDay) -> String {
    IndexName::of_day(topic, day).as_str().to_owned()
}

/// What the writers of a plan do.
pub(crate) fn writing(plan: &Plan, run: &str, paths: &Paths, manners: &[Manner]) -> Writing {
    Writing {
        run: run.to_owned(),
        files: paths.files.clone(),
        aside: plan.home.join("ledgers"),
        manners: manners.to_vec(),
        rate: plan.rate,
        halting_of: plan.halting_of,
        seed: plan.seed,
    }
}

/// Where compiled plugins are.
pub(crate) fn plugins() -> PathBuf {
    std::env::var_os("COLLECTOR_TEST_PLUGINS").map_or_else(|| PathBuf::from("target/plugins"), PathBuf::from)
}

/// Makes the topic.
async fn create_topic(address: &str, topic: &str, copies: usize) -> anyhow::Result<()> {
    let admin = admin(address)?;
    let topic = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(copies as i32));
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
