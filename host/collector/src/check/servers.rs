//! The servers that a role needs.

use collector_model::Topic;
use collector_tasks::Task;

use super::{Probe, Report, Severity};
use crate::settings::{AgentSettings, TaskSource, TransferSettings};

pub(super) fn check_agent(settings: &AgentSettings, tasks: &[Task], probe: &dyn Probe, report: &mut Report) {
    let mut topics: Vec<Topic> = tasks.iter().map(|task| task.topic.clone()).collect();
    topics.sort();
    topics.dedup();
    take("Kafka", probe.kafka(&settings.kafka, &settings.common.limits, &topics), report);
    if let TaskSource::Etcd(etcd) = &settings.tasks {
        take("etcd", probe.etcd(etcd), report);
    }
}

pub(super) fn check_transfer(settings: &TransferSettings, probe: &dyn Probe, report: &mut Report) {
    take("Kafka", probe.kafka(&settings.kafka, &settings.common.limits, &settings.topics), report);
    take("Elasticsearch", probe.elastic(&settings.elastic), report);
    if let Some(etcd) = &settings.etcd {
        take("etcd", probe.etcd(etcd), report);
    }
}

fn take(server: &str, answer: Result<String, Vec<String>>, report: &mut Report) {
    match answer {
        Ok(said) => report.note(format!("{server}: {said}")),
        Err(troubles) => troubles.into_iter().for_each(|text| report.add(Severity::Unusable, text)),
    }
}
