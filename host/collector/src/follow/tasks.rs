//! Tasks: from etcd, a directory or the settings, to the chains and to whoever reads files.

use std::{path::PathBuf, sync::Arc, time::Duration};

use collector_model::Metrics;
use collector_tasks::{Task, TaskSet};
use collector_web::Health;
use tokio::sync::{mpsc, oneshot, watch};

use super::{Following, apply::Applying, directory};
use crate::{
    routes::Routes,
    settings::{Common, TaskSource},
    status::Status,
};

/// How often tasks that do not run yet (a plugin that is missing) are tried again.
const RETRY_EVERY: Duration = Duration::from_secs(5);
/// How many configurations may wait to be applied; the newest counts.
const UPDATES_MAX: usize = 4;

/// What is said of tasks that do not run; the reason was said when their chain was refused.
const WAITING: &str = "waiting for plugins, which are tried again every 5 s:";

/// What following tasks needs.
pub struct FollowTasks {
    /// Where tasks come from.
    pub source: TaskSource,
    /// The process's settings.
    pub common: Common,
    /// Where the last good tasks are kept.
    pub last_good: PathBuf,
    /// What runs.
    pub routes: Arc<Routes<Task>>,
    /// Who reads files.
    pub tasks: watch::Sender<TaskSet>,
    /// Where it is told.
    pub status: Status,
    /// Likewise.
    pub health: Arc<Health>,
    /// Counters.
    pub metrics: Metrics,
}

/// What a source of tasks says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    /// The tasks that are good, old ones in place of those that are not.
    pub tasks: Vec<Task>,
    /// The revision.
    pub revision: i64,
    /// What was refused, and why.
    pub refused: Vec<String>,
}

/// Starts following.
pub fn tasks(follow: FollowTasks) -> anyhow::Result<Following> {
    follow.health.not_ready("configuration", "the tasks are not known yet");
    if let TaskSource::Directory(dir) = &follow.source {
        let dir = dir.display().to_string();
        follow.status.add("tasks_dir", move || dir.clone().into());
    }
    let (updates_in, updates) = mpsc::channel(UPDATES_MAX);
    let source: Box<dyn Send> = match &follow.source {
        TaskSource::Fixed(set) => {
            let update = Update { tasks: set.tasks.to_vec(), ..Update::default() };
            updates_in.try_send(update).ok();
            Box::new(updates_in)
        }
        TaskSource::Directory(dir) => Box::new(directory::watch(dir.clone(), &follow, updates_in)?),
        #[cfg(feature = "fleet")]
        TaskSource::Etcd(etcd) => Box::new(super::etcd::watch(etcd, &follow, updates_in)),
        #[cfg(not(feature = "fleet"))]
        TaskSource::Etcd(_) => anyhow::bail!("this program was built without etcd: build it with all features"),
    };
    Ok(Following::spawn(move |stopped| async move {
        run(follow, updates, stopped).await;
        drop(source);
    }))
}

async fn run(follow: FollowTasks, mut updates: mpsc::Receiver<Update>, mut stopped: oneshot::Receiver<()>) {
    let applying =
        Applying { routes: follow.routes.clone(), status: follow.status.clone(), health: follow.health.clone() };
    applying.add_to_status();
    let mut watching = super::chains::Watching::start(&applying);
    let mut current: Option<Update> = None;
    let mut said = String::new();
    let mut retry = tokio::time::interval(RETRY_EVERY);
    loop {
        tokio::select! {
            update = updates.recv() => match update {
                Some(update) => {
                    current = Some(update);
                }
                // The source has said all it has to say.
                None => { let _ = (&mut stopped).await; return }
            },
            _ = retry.tick() => if !current.as_ref().is_some_and(|update| is_incomplete(update, &follow)) { continue },
            _ = &mut stopped => return,
        }
        let Some(update) = &current else { continue };
        let running = applying.apply(update.tasks.clone(), update.revision, &update.refused).await;
        follow.metrics.config_revision.set(update.revision);
        let words = words(&running, update, &follow.source);
        if words != said {
            tracing::info!(revision = update.revision, tasks = running.len(), "{words}");
            said = words;
        }
        watching.follow(&applying);
        follow.tasks.send_if_modified(|set| {
            let changed = *set.tasks != *running;
            *set = TaskSet { tasks: running.into(), revision: update.revision };
            changed
        });
    }
}

/// Whether some task does not run because of its plugins.
fn is_incomplete(update: &Update, follow: &FollowTasks) -> bool {
    update.tasks.iter().any(|task| follow.routes.get(&task.key()).is_none())
}

/// What the log says of a configuration.
fn words(running: &[Task], update: &Update, source: &TaskSource) -> String {
    if update.tasks.is_empty() {
        return format!("there are no tasks yet; {}", how_to_add(source));
    }
    let list = |tasks: &mut dyn Iterator<Item = &Task>| {
        tasks.map(|task| format!("{} → {}", task.path, task.topic)).collect::<Vec<_>>().join(", ")
    };
    let runs = |task: &Task| running.iter().any(|other| other.key() == task.key());
    let waiting = list(&mut update.tasks.iter().filter(|task| !runs(task)));
    match (running.is_empty(), waiting.is_empty()) {
        (false, true) => format!("collecting {}", list(&mut running.iter())),
        (false, false) => format!("collecting {}; {} {waiting}", list(&mut running.iter()), WAITING),
        (true, _) => format!("{WAITING} {waiting}"),
    }
}

/// The command that makes a task.
fn how_to_add(source: &TaskSource) -> String {
    let example = r#"[{"path":"/var/log/nginx/access.log","topic":"web_log"}]"#;
    match source {
        TaskSource::Etcd(etcd) => {
            let key = etcd.collect_keys.first().map_or("", String::as_str);
            format!("this makes one: etcdctl put {key} '{example}'")
        }
        TaskSource::Directory(dir) => format!("this makes one: echo '{example}' > {}/web.json", dir.display()),
        TaskSource::Fixed(_) => "add [taillog] filename to the settings".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use collector_tasks::{Bounds, Defaults, parse_tasks};

    use super::*;

    #[test]
    fn a_task_that_waits_for_its_plugins_is_not_called_missing() {
        let text = r#"[{"path":"/var/log/a.log","topic":"a"},{"path":"/var/log/b.log","topic":"b"}]"#;
        let (bounds, defaults) = (Bounds::open(vec![]), Defaults::modern("/".into()));
        let tasks = parse_tasks(text, "here", &bounds, &defaults).expect("tasks");
        let update = Update { tasks: tasks.clone(), ..Update::default() };
        let source = TaskSource::Directory("/etc/tasks".into());
        let say = |running: &[Task], update: &Update| words(running, update, &source);
        assert!(say(&[], &Update::default()).starts_with("there are no tasks yet; this makes one: echo"));
        assert_eq!(say(&tasks, &update), "collecting /var/log/a.log → a, /var/log/b.log → b");
        let waits = "waiting for plugins, which are tried again every 5 s:";
        assert_eq!(say(&tasks[..1], &update), format!("collecting /var/log/a.log → a; {waits} /var/log/b.log → b"));
        assert_eq!(say(&[], &update), format!("{waits} /var/log/a.log → a, /var/log/b.log → b"));
    }
}
