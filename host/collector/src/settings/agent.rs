//! What an agent needs.

use std::path::PathBuf;

use collector_tasks::{Task, TaskSet};

use super::{Common, EtcdSettings, KafkaSettings, etcd, every_role, kafka, meaning::Meaning};

/// What an agent needs.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// What every role has.
    pub common: Common,
    /// Where lines go.
    pub kafka: KafkaSettings,
    /// Where tasks come from.
    pub tasks: TaskSource,
}

/// Where tasks come from.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskSource {
    /// Keys of etcd.
    Etcd(EtcdSettings),
    /// A watched directory of `*.json` files.
    Directory(PathBuf),
    /// The settings themselves (the seed's `[taillog]`).
    Fixed(TaskSet),
}

pub(crate) fn meaning(m: &mut Meaning<'_>) -> Option<AgentSettings> {
    let common = every_role::meaning(m);
    let kafka = kafka::meaning(m);
    let common = common?;
    let tasks = source(m, &common);
    Some(AgentSettings { common, kafka: kafka?, tasks: tasks? })
}

fn source(m: &mut Meaning<'_>, common: &Common) -> Option<TaskSource> {
    let etcd = etcd::meaning(m, &common.host);
    let directory = m.written.low.tasks.as_ref().and_then(|tasks| tasks.dir.as_ref());
    if m.written.low.etcd.is_some() && directory.is_some() {
        let fix = "keep [etcd], or [tasks] dir, and take the other away";
        m.complain("tasks.dir", "tasks cannot come from etcd and from a directory", fix);
    }
    match etcd? {
        Some(etcd) => Some(TaskSource::Etcd(etcd)),
        None => local_source(m, common),
    }
}

/// Tasks without etcd: the seed's one file, or the watched directory.
pub(crate) fn local_source(m: &mut Meaning<'_>, common: &Common) -> Option<TaskSource> {
    match m.written.seed.filename.clone() {
        Some(filename) => fixed(m, common, &filename),
        None => {
            let dir = m.written.low.tasks.as_ref().and_then(|tasks| tasks.dir.as_deref());
            Some(TaskSource::Directory(m.path(dir.unwrap_or("tasks"))))
        }
    }
}

fn fixed(m: &mut Meaning<'_>, common: &Common, filename: &str) -> Option<TaskSource> {
    let Some(topic) = m.written.seed.topic.clone() else {
        m.complain("kafka.topics", "it is not set, and [taillog] filename needs it", "add topic = NAME under [kafka]");
        return None;
    };
    let task = m.take("taillog.filename", Task::plain(filename, &topic, &common.bounds, &common.defaults))?;
    Some(TaskSource::Fixed(TaskSet { tasks: vec![task].into(), revision: 0 }))
}
