//! The seed system's INI files, as they are.

use ini::Ini;

use super::{
    low::LowSettings,
    problem::{Places, Problem},
    section::split_list,
};

/// What only the seed's settings have: one file that goes to one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seed {
    /// `[taillog] filename`.
    pub(crate) filename: Option<String>,
    /// `[kafka] topic`.
    pub(crate) topic: Option<String>,
}

/// The keys that the seed's files have.
const KNOWN: [(&str, &[&str]); 4] = [
    ("kafka", &["address", "topic", "chan_max_size", "chan_max_zise"]),
    ("etcd", &["address", "timeout", "collect_log_key"]),
    ("es", &["address", "chan_max_size", "workers"]),
    ("taillog", &["filename"]),
];

/// What the seed called what has another name today.
const NAMES: [(&str, &str); 8] = [
    ("kafka.brokers", "kafka.address"),
    ("kafka.topics", "kafka.topic"),
    ("kafka.queue_records_max", "kafka.chan_max_size"),
    ("etcd.endpoints", "etcd.address"),
    ("etcd.collect_key", "etcd.collect_log_key"),
    ("etcd.timeout_s", "etcd.timeout"),
    ("elasticsearch.nodes", "es.address"),
    ("elasticsearch.workers", "es.workers"),
];

/// Says the key as it stands, or would stand, in the file.
pub(crate) fn name_as_written(problem: &mut Problem) {
    if let Some((_, seed)) = NAMES.iter().find(|(today, _)| *today == problem.key) {
        problem.key = (*seed).to_owned();
    }
}

/// The parser's words without its own quoting.
fn plain(message: &str) -> String {
    message.replace("[Some(", "").replace(")]", "").trim_end_matches('.').to_owned()
}

/// A file that is being read.
struct Reading<'a> {
    text: &'a str,
    places: &'a mut Places,
    problems: &'a mut Vec<Problem>,
    notes: Vec<String>,
    low: LowSettings,
    seed: Seed,
}

/// Reads INI. Keys that the seed did not know were ignored by it, and are here too, with a note.
pub(crate) fn read_ini(
    text: &str,
    places: &mut Places,
    problems: &mut Vec<Problem>,
) -> (LowSettings, Seed, Vec<String>) {
    let mut file =
        Reading { text, places, problems, notes: Vec::new(), low: LowSettings::default(), seed: Seed::default() };
    match Ini::load_from_str_noescape(text.trim_start_matches('\u{feff}')) {
        Ok(ini) => {
            for (section, properties) in &ini {
                let section = section.unwrap_or_default().trim().to_lowercase();
                properties
                    .iter()
                    .for_each(|(key, value)| file.take(&section, &key.trim().to_lowercase(), value.trim()));
            }
        }
        Err(error) => {
            let place = file.places.line(error.line);
            let problem = format!("this is not INI: {}", plain(&error.msg));
            let fix = "write [section] lines, and KEY = VALUE lines below them".to_owned();
            file.problems.push(Problem { place, key: String::new(), problem, fix });
        }
    }
    (file.low, file.seed, file.notes)
}

impl Reading<'_> {
    /// Takes one key into the setting that it means today.
    fn take(&mut self, section: &str, key: &str, value: &str) {
        let list = || Some(split_list(value));
        let text = || Some(value.to_owned());
        let today = match (section, key) {
            ("kafka", "address") => {
                self.low.kafka.get_or_insert_default().brokers = list();
                "kafka.brokers"
            }
            ("kafka", "topic") => {
                self.low.kafka.get_or_insert_default().topics = list();
                self.seed.topic = text();
                "kafka.topics"
            }
            ("kafka", "chan_max_size" | "chan_max_zise") => {
                let held = self.number(section, key, value);
                self.low.kafka.get_or_insert_default().queue_records_max = held;
                if key == "chan_max_zise" {
                    let place = self.places.line(self.line_of(section, key));
                    let note = "[kafka] chan_max_zise is a misspelling of chan_max_size: taken as that";
                    self.notes.push(format!("{place}: {note}"));
                }
                "kafka.queue_records_max"
            }
            ("etcd", "address") => {
                self.low.etcd.get_or_insert_default().endpoints = list();
                "etcd.endpoints"
            }
            ("etcd", "collect_log_key") => {
                self.low.etcd.get_or_insert_default().collect_key = text();
                "etcd.collect_key"
            }
            ("etcd", "timeout") => {
                self.low.etcd.get_or_insert_default().timeout_s = self.number(section, key, value);
                "etcd.timeout_s"
            }
            ("es", "address") => {
                self.low.elasticsearch.get_or_insert_default().nodes = list();
                "elasticsearch.nodes"
            }
            ("es", "workers") => {
                let workers = self.number(section, key, value);
                self.low.elasticsearch.get_or_insert_default().workers = workers;
                "elasticsearch.workers"
            }
            ("es", "chan_max_size") => {
                let held = self.number(section, key, value);
                self.low.elasticsearch.get_or_insert_default().index_documents_max = held;
                "elasticsearch.index_documents_max"
            }
            ("taillog", "filename") => {
                self.seed.filename = text();
                "taillog.filename"
            }
            _ => return self.without_meaning(section, key),
        };
        let place = self.places.line(self.line_of(section, key));
        self.places.set(today, place);
    }

    /// Keys that the seed did not know either.
    fn without_meaning(&mut self, section: &str, key: &str) {
        let place = self.places.line(self.line_of(section, key));
        let siblings = KNOWN.iter().find(|(name, _)| *name == section).map_or(&[][..], |(_, keys)| keys);
        let near = collector_tasks::explain::nearest(key, siblings.iter().copied());
        let hint = near.map_or_else(String::new, |near| format!(": did you mean {near:?}?"));
        self.notes.push(format!("{place}: [{section}] {key} is not known and has no effect{hint}"));
    }

    fn number(&mut self, section: &str, key: &str, value: &str) -> Option<u64> {
        let parsed = value.parse().ok();
        if parsed.is_none() {
            let place = self.places.line(self.line_of(section, key));
            let (problem, fix) =
                (format!("{value:?} is not a number"), "write a whole number, zero or more".to_owned());
            self.problems.push(Problem { place, key: format!("{section}.{key}"), problem, fix });
        }
        parsed
    }

    /// The line (from 1) of a key; the INI parser does not keep it.
    fn line_of(&self, section: &str, key: &str) -> usize {
        let mut current = String::new();
        for (index, line) in self.text.lines().enumerate() {
            let line = line.trim().trim_start_matches('\u{feff}').to_lowercase();
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                current = name.trim().to_owned();
            } else if current == section && line.split(['=', ':']).next().is_some_and(|name| name.trim() == key) {
                return index + 1;
            }
        }
        1
    }
}
