//! The seed system's INI files, as they are.

use std::collections::BTreeMap;

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
    /// The keys of today that the file has, as they stand there (`kafka.address`).
    names: BTreeMap<&'static str, String>,
}

/// A key of the seed's files.
struct Key {
    section: &'static str,
    name: &'static str,
    /// What it is called today.
    today: &'static str,
    take: fn(&mut Reading<'_>, &Entry<'_>),
}

/// A key and its value, as they stand in a file.
struct Entry<'a> {
    section: &'a str,
    key: &'a str,
    value: &'a str,
}

const fn key(
    section: &'static str,
    name: &'static str,
    today: &'static str,
    take: fn(&mut Reading<'_>, &Entry<'_>),
) -> Key {
    Key { section, name, today, take }
}

/// The keys that the seed's files have. Of two that mean the same, the first is the one to recommend.
const KEYS: [Key; 11] = [
    key("kafka", "address", "kafka.brokers", |file, entry| {
        file.low.kafka.get_or_insert_default().brokers = Some(split_list(entry.value));
    }),
    key("kafka", "topic", "kafka.topics", |file, entry| {
        file.low.kafka.get_or_insert_default().topics = Some(split_list(entry.value));
        file.seed.topic = Some(entry.value.to_owned());
    }),
    key("kafka", "chan_max_size", "kafka.queue_records_max", |file, entry| {
        file.low.kafka.get_or_insert_default().queue_records_max = file.number(entry);
    }),
    key("kafka", MISSPELT, "kafka.queue_records_max", |file, entry| {
        file.low.kafka.get_or_insert_default().queue_records_max = file.number(entry);
        let place = file.places.line(file.line_of(entry));
        file.notes.push(format!("{place}: [kafka] {MISSPELT} is a misspelling of chan_max_size: taken as that"));
    }),
    key("etcd", "address", "etcd.endpoints", |file, entry| {
        file.low.etcd.get_or_insert_default().endpoints = Some(split_list(entry.value));
    }),
    key("etcd", "timeout", "etcd.timeout_s", |file, entry| {
        file.low.etcd.get_or_insert_default().timeout_s = file.number(entry);
    }),
    key("etcd", "collect_log_key", "etcd.collect_key", |file, entry| {
        file.low.etcd.get_or_insert_default().collect_key = Some(entry.value.to_owned());
    }),
    key("es", "address", "elasticsearch.nodes", |file, entry| {
        file.low.elasticsearch.get_or_insert_default().nodes = Some(split_list(entry.value));
    }),
    key("es", "chan_max_size", "elasticsearch.index_documents_max", |file, entry| {
        file.low.elasticsearch.get_or_insert_default().index_documents_max = file.number(entry);
    }),
    key("es", "workers", "elasticsearch.workers", |file, entry| {
        file.low.elasticsearch.get_or_insert_default().workers = file.number(entry);
    }),
    key("taillog", "filename", "taillog.filename", |file, entry| file.seed.filename = Some(entry.value.to_owned())),
];

/// How one of the seed's files has chan_max_size.
const MISSPELT: &str = "chan_max_zise";

impl Seed {
    /// Says the key as it stands, or would stand, in the file.
    pub(crate) fn name_as_written(&self, problem: &mut Problem) {
        let would_stand = || {
            let key = KEYS.iter().find(|key| key.today == problem.key)?;
            Some(format!("{}.{}", key.section, key.name))
        };
        if let Some(name) = self.names.get(&*problem.key).cloned().or_else(would_stand) {
            problem.key = name;
        }
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
                for (key, value) in properties {
                    let key = key.trim().to_lowercase();
                    file.take(&Entry { section: &section, key: &key, value: value.trim() });
                }
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
    fn take(&mut self, entry: &Entry<'_>) {
        let Some(key) = KEYS.iter().find(|key| (key.section, key.name) == (entry.section, entry.key)) else {
            return self.without_meaning(entry);
        };
        let place = self.places.line(self.line_of(entry));
        (key.take)(self, entry);
        self.places.set(key.today, place);
        self.seed.names.insert(key.today, format!("{}.{}", key.section, key.name));
    }

    /// Keys that the seed did not know either.
    fn without_meaning(&mut self, entry: &Entry<'_>) {
        let Entry { section, key, .. } = entry;
        let place = self.places.line(self.line_of(entry));
        let siblings = KEYS.iter().filter(|known| known.section == *section).map(|known| known.name);
        let near = collector_tasks::explain::nearest(key, siblings);
        let hint = near.map_or_else(String::new, |near| format!(": did you mean {near:?}?"));
        self.notes.push(format!("{place}: [{section}] {key} is not known and has no effect{hint}"));
    }

    fn number(&mut self, entry: &Entry<'_>) -> Option<u64> {
        let Entry { section, key, value } = entry;
        let parsed = value.parse().ok();
        if parsed.is_none() {
            let place = self.places.line(self.line_of(entry));
            let (problem, fix) =
                (format!("{value:?} is not a number"), "write a whole number, zero or more".to_owned());
            self.problems.push(Problem { place, key: format!("{section}.{key}"), problem, fix });
        }
        parsed
    }

    /// The line (from 1) of a key; the INI parser does not keep it.
    fn line_of(&self, entry: &Entry<'_>) -> usize {
        let mut current = String::new();
        for (index, line) in self.text.lines().enumerate() {
            let line = line.trim().trim_start_matches('\u{feff}').to_lowercase();
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                current = name.trim().to_owned();
            } else if current == entry.section
                && line.split(['=', ':']).next().is_some_and(|name| name.trim() == entry.key)
            {
                return index + 1;
            }
        }
        1
    }
}
