//! The control plane: a store of values, good ones and bad ones, that is wiped and restored; and what the agent makes of it.

use std::{collections::BTreeMap, sync::Arc};

use collector_tasks::{Bounds, Defaults, LastGood, Observed, ObservedValue, Reconciler, Task, TaskSet, parse_tasks};

use crate::trace::Trace;

const KEY: &str = "/collect/host";
/// Values that must change nothing.
const BAD: [&str; 6] = [
    "",
    "{",
    "[{\"path\":\"/logs/*.log\"}]",
    "[{\"path\":\"/logs/*.log\",\"topic\":\"t\",\"max_line\":0}]",
    "[{\"path\":\"/logs/[\",\"topic\":\"t\"}]",
    "[{\"path\":\"/logs/*.log\",\"topic\":\"t\",\"multiline\":{\"start\":\"(\"}}]",
];

/// The store and the agent's view of it.
pub(crate) struct Config {
    paths: Vec<String>,
    cluster_id: u64,
    revision: i64,
    value: Option<(String, i64)>,
    /// The value was deleted since the agent last looked.
    was_deleted: bool,
    reconciler: Reconciler<Vec<Task>>,
    last_good: LastGood,
    /// What must be running: the plain rules, kept beside the code that decides.
    expected: Expected,
    /// How many bad values there were.
    pub(crate) bad_values: u64,
    /// How often the store was wiped or restored.
    pub(crate) wipes: u64,
}

#[derive(Default)]
struct Expected {
    running: Option<String>,
    is_orphaned: bool,
    seen: Option<(u64, i64)>,
}

fn parse(key: &str, value: &str) -> Result<Vec<Task>, String> {
    let defaults = Defaults::modern("/".into());
    parse_tasks(value, key, &Bounds::open(vec![]), &defaults).map_err(|error| error.to_string())
}

fn reconciler() -> Reconciler<Vec<Task>> {
    Reconciler::new(Box::new(parse))
}

impl Config {
    /// A store with one good value, for tasks of those paths.
    pub(crate) fn new(paths: Vec<String>, dice: &mut fastrand::Rng, trace: &Trace) -> Self {
        let mut config = Config {
            paths,
            cluster_id: 1,
            revision: 10,
            value: None,
            was_deleted: false,
            reconciler: reconciler(),
            last_good: LastGood::default(),
            expected: Expected::default(),
            bad_values: 0,
            wipes: 0,
        };
        config.put_good(dice, trace);
        config
    }

    fn put(&mut self, value: String) {
        self.revision += 1;
        self.value = Some((value, self.revision));
        self.was_deleted = false;
    }

    /// Somebody writes other settings.
    pub(crate) fn put_good(&mut self, dice: &mut fastrand::Rng, trace: &Trace) {
        let max_line = [7, 20, 60, 1000, 100_000][dice.usize(..5)];
        let flush_after_ms = [0, 300, 2000, 5000][dice.usize(..4)];
        let multiline = match dice.u8(..5) {
            0 => r#","multiline":{"start":"^[^ ]","max_lines":3,"timeout_ms":700}"#,
            1 => r#","multiline":{"continue":"^ ","timeout_ms":200}"#,
            _ => "",
        };
        let task = |path: &String| {
            format!(
                r#"{{"path":"{path}","topic":"t","max_line":{max_line},"flush_after_ms":{flush_after_ms}{multiline}}}"#
            )
        };
        let value = format!("[{}]", self.paths.iter().map(task).collect::<Vec<_>>().join(","));
        trace.note(format_args!("the tasks are {value}"));
        self.put(value);
    }

    /// Somebody changes the store in whatever way. Answers whether tasks may be taken away by it.
    pub(crate) fn disturb(&mut self, dice: &mut fastrand::Rng, trace: &Trace) -> bool {
        match dice.u8(..10) {
            0..4 => self.put_good(dice, trace),
            4..7 => {
                self.bad_values += 1;
                let bad = BAD[dice.usize(..BAD.len())];
                trace.note(format_args!("a bad value: {bad}"));
                self.put(bad.to_owned());
            }
            7 => {
                trace.note(format_args!("the store is wiped"));
                self.wipes += 1;
                self.cluster_id += 1;
                self.revision = 1;
                (self.value, self.was_deleted) = (None, false);
            }
            8 => {
                trace.note(format_args!("the store is restored from long ago"));
                self.wipes += 1;
                self.revision = (self.revision - 5).max(1);
                let restored = self.value.take().filter(|(_, revision)| *revision <= self.revision);
                (self.value, self.was_deleted) = (restored, false);
            }
            _ if self.value.is_some() => {
                trace.note(format_args!("the tasks are deleted"));
                self.revision += 1;
                (self.value, self.was_deleted) = (None, true);
                return true;
            }
            _ => {}
        }
        false
    }

    /// The agent starts again, from what it kept.
    pub(crate) fn restart(&mut self) {
        // Nobody was there to see the deletion itself.
        self.was_deleted = false;
        self.reconciler = reconciler();
        if !self.last_good.entries.is_empty() {
            self.reconciler.restore(&self.last_good);
        }
    }

    /// The agent looks at the store. The error says how what runs differs from what must.
    pub(crate) fn observe(&mut self) -> Result<(), String> {
        let value = self.value.as_ref();
        let observed = Observed {
            cluster_id: self.cluster_id,
            revision: self.revision,
            values: value
                .map(|(text, revision)| {
                    let bytes = text.clone().into_bytes();
                    BTreeMap::from([(KEY.to_owned(), ObservedValue { bytes, revision: *revision })])
                })
                .unwrap_or_default(),
            deleted: if self.was_deleted { vec![KEY.to_owned()] } else { vec![] },
        };
        let decision = self.reconciler.observe(&observed);
        if decision.save {
            self.last_good = self.reconciler.last_good();
        }
        self.expect();
        self.was_deleted = false;
        let wanted = self.expected.running.as_deref().map(|text| parse(KEY, text).unwrap_or_default());
        if self.reconciler.running_for(KEY) == wanted.as_ref() {
            return Ok(());
        }
        Err(format!("I9: {:?} runs, {:?} must", self.reconciler.running_for(KEY), wanted))
    }

    /// The rules: a good value runs, a bad one changes nothing, a deletion stops, a store that was wiped takes nothing away.
    fn expect(&mut self) {
        let continues =
            self.expected.seen.is_none_or(|(cluster, at)| cluster == self.cluster_id && self.revision >= at);
        self.expected.seen = Some((self.cluster_id, self.revision));
        match &self.value {
            Some((text, _)) => {
                self.expected.is_orphaned = false;
                if parse(KEY, text).is_ok() {
                    self.expected.running = Some(text.clone());
                }
            }
            None if self.was_deleted || (continues && !self.expected.is_orphaned) => {
                self.expected.running = None;
                self.expected.is_orphaned = false;
            }
            None => self.expected.is_orphaned = true,
        }
    }

    /// What the agent is to collect.
    pub(crate) fn tasks(&self) -> TaskSet {
        let tasks: Vec<Task> = self.reconciler.running_for(KEY).cloned().unwrap_or_default();
        TaskSet { tasks: Arc::from(tasks), revision: self.reconciler.revision() }
    }

    /// Whether everything is to be collected.
    pub(crate) fn runs(&self) -> bool {
        self.reconciler.running_for(KEY).is_some()
    }
}
