//! Written form → tasks.

use std::{collections::HashMap, time::Duration};

use collector_model::{Encoding, Topic};
use serde_json::value::RawValue;

use crate::{
    Bounds, ChainSpec, Defaults, KafkaOptions, Multiline, OnError, PluginSpec, RateLimit, StartAt, Task, TaskError,
    bounds::bad_glob,
    error::{At, Complaints, Trouble},
    explain::{self, did_you_mean, one_of},
    kafka, pattern,
    task::DocumentForm,
    written::{WrittenPlugin, WrittenTask},
};

/// The longest written value, in bytes: what etcd takes at most.
pub const VALUE_BYTES_MAX: usize = 3 << 19;
/// The most tasks in one value.
pub const TASKS_MAX: usize = 10_000;
/// The most plugins in one chain.
pub const PLUGINS_MAX: usize = 32;
/// The longest line that a task may ask for, in bytes.
pub const LINE_BYTES_MAX: usize = 16 << 20;
/// The longest wait for the end of a last line that a task may ask for.
pub const FLUSH_AFTER_MAX: Duration = Duration::from_secs(3600);

/// The highest age that `ignore_older_s` takes: a hundred years.
pub const IGNORE_OLDER_MAX: Duration = Duration::from_secs(100 * 366 * 86_400);

const WHAT: &str = "the tasks";

/// Reads a list of tasks: the seed's `[{"path","topic"}]` or the extended form. `source` (a file or a key) stands in messages.
///
/// The value is taken as a whole or not at all; the error says everything that was found wrong with it.
pub fn parse_tasks(json: &str, source: &str, bounds: &Bounds, defaults: &Defaults) -> Result<Vec<Task>, TaskError> {
    let mut complaints = Complaints::new();
    let Some(elements) = elements(json, &mut complaints) else {
        return Err(complaints.into_error(WHAT, source));
    };
    let mut tasks = Vec::with_capacity(elements.len());
    let mut seen = HashMap::new();
    for (index, raw) in elements.iter().enumerate() {
        let place = format!("[{index}]");
        let lines_before = lines_before(json, raw.get());
        let Some(written) = structure::<WrittenTask>(raw.get(), &place, lines_before, &mut complaints) else {
            continue;
        };
        let mut at = At::new(&mut complaints, place, Some(lines_before + 1));
        let Some(task) = meaning(written, bounds, defaults, &mut at) else { continue };
        if let Some(first) = seen.insert(task.key(), index) {
            let problem = format!("{:?} into topic {} was given by [{first}] already", task.path, task.topic);
            at.complain(problem, "take one of the two away");
        }
        tasks.push(task);
    }
    complaints.into_result(WHAT, source, tasks)
}

impl Task {
    /// A task of which only the path and the topic were given; the error is a problem and its fix.
    pub fn plain(path: &str, topic: &str, bounds: &Bounds, defaults: &Defaults) -> Result<Self, (String, String)> {
        Ok(Task {
            path: bounds.check_path(path, &defaults.base_dir)?,
            topic: topic_of(topic)?,
            exclude: Vec::new(),
            start_at: defaults.start_at,
            encoding: Encoding::UTF_8,
            line_bytes_max: defaults.line_bytes_max,
            flush_after: defaults.flush_after,
            multiline: None,
            rate_limit: None,
            ignore_older: None,
            poll: false,
            kafka: KafkaOptions { partitioning: defaults.partitioning, ..KafkaOptions::default() },
            chain: ChainSpec::default(),
            document: defaults.document,
            keep_original: true,
        })
    }
}

/// The tasks as raw JSON, or complaints about the list itself.
fn elements<'a>(json: &'a str, complaints: &mut Complaints) -> Option<Vec<&'a RawValue>> {
    let parsed = check_size(json).map(|()| serde_json::from_str::<Vec<&RawValue>>(json));
    let mut whole = At::new(complaints, String::new(), None);
    match whole.take(parsed)? {
        Ok(list) if list.len() > TASKS_MAX => {
            whole.complain(format!("it holds {} tasks", list.len()), format!("{TASKS_MAX} at most: use globs"));
            None
        }
        Ok(list) => Some(list),
        Err(error) if error.is_data() => {
            whole.complain("it is not a list", "write a list of tasks: [{\"path\": …, \"topic\": …}]");
            None
        }
        Err(error) => {
            complaints.push(explain::of_json(String::new(), &error, 0));
            None
        }
    }
}

/// Refuses what is empty or longer than a value may be.
pub(crate) fn check_size(json: &str) -> Result<(), Trouble> {
    if json.trim().is_empty() {
        return Err(("it is empty".into(), "write a list of tasks; [] collects nothing".into()));
    }
    if json.len() > VALUE_BYTES_MAX {
        let fix = format!("{VALUE_BYTES_MAX} bytes at most: use globs, or several keys");
        return Err((format!("it is {} bytes long", json.len()), fix));
    }
    Ok(())
}

/// Deserializes one part of a value; what does not fit becomes a complaint with its place.
pub(crate) fn structure<T: serde::de::DeserializeOwned>(
    json: &str,
    place: &str,
    lines_before: usize,
    complaints: &mut Complaints,
) -> Option<T> {
    if !json.trim_start().starts_with('{') && serde_json::from_str::<&RawValue>(json).is_ok() {
        // serde would take a list for a struct.
        let mut at = At::new(complaints, place.to_owned(), Some(lines_before + 1));
        at.complain("an object is expected here", "write an object { … } instead");
        return None;
    }
    let mut parser = serde_json::Deserializer::from_str(json);
    let result = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
        let dot = if place.is_empty() { "" } else { "." };
        let inner = error.path().to_string();
        let place = if inner == "." { place.to_owned() } else { format!("{place}{dot}{inner}") };
        explain::of_json(place, error.inner(), lines_before)
    });
    let ended = |value| parser.end().map(|()| value).map_err(|e| explain::of_json(place.to_owned(), &e, lines_before));
    result.and_then(ended).map_err(|complaint| complaints.push(complaint)).ok()
}

/// How many lines of `json` stand before `part`, which is a piece of it.
fn lines_before(json: &str, part: &str) -> usize {
    let offset = (part.as_ptr() as usize).saturating_sub(json.as_ptr() as usize);
    json.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// What a written task means; complaints where it means nothing.
fn meaning(written: WrittenTask, bounds: &Bounds, defaults: &Defaults, at: &mut At<'_>) -> Option<Task> {
    let path = at.key("path").take(bounds.check_path(&written.path, &defaults.base_dir));
    let topic = at.key("topic").take(topic_of(&written.topic));
    let start_at = one(at, "start_at", written.start_at.as_deref(), START_AT, defaults.start_at);
    let document = one(at, "document", written.document.as_deref(), DOCUMENT, defaults.document);
    let encoding = at.key("encoding").take(encoding_of(written.encoding.as_deref()));
    let line_bytes_max = at.key("max_line").take(line_limit(written.max_line, defaults));
    let flush_after = at.key("flush_after_ms").take(flush_after(written.flush_after_ms, defaults));
    for (index, glob) in written.exclude.iter().enumerate() {
        let compiled = pattern::compile(glob).map_err(|error| bad_glob(glob, &error));
        at.key("exclude").index(index).take(compiled);
    }
    let rate_limit = at.key("rate_limit").take(written.rate_limit.as_ref().map(RateLimit::of).transpose());
    let ignore_older = at.key("ignore_older_s").take(written.ignore_older_s.map(ignore_older).transpose());
    let multiline = at.key("multiline").take(written.multiline.as_ref().map(Multiline::of).transpose());
    let has_plugins = !written.plugins.is_empty();
    let kafka = kafka::options(&written.kafka, has_plugins, defaults, &mut at.key("kafka"));
    let chain = chain(written.plugins, bounds, defaults, &mut at.key("plugins"));
    Some(Task {
        path: path?,
        topic: topic?,
        exclude: written.exclude,
        start_at: start_at?,
        encoding: encoding?,
        line_bytes_max: line_bytes_max?,
        flush_after: flush_after?,
        multiline: multiline?,
        rate_limit: rate_limit?,
        ignore_older: ignore_older?,
        poll: written.poll.unwrap_or(false),
        kafka: kafka?,
        chain: chain?,
        document: document?,
        keep_original: written.keep_original.unwrap_or(true),
    })
}

const START_AT: &[(&str, StartAt)] = &[("beginning", StartAt::Beginning), ("end", StartAt::End)];
pub(crate) const DOCUMENT: &[(&str, DocumentForm)] = &[("ecs", DocumentForm::Ecs), ("seed", DocumentForm::Seed)];
const ON_ERROR: &[(&str, OnError)] =
    &[("keep", OnError::Keep), ("drop", OnError::Drop), ("dead_letter", OnError::DeadLetter)];

/// One of the choices, or the default where the key is absent.
pub(crate) fn one<T: Copy>(
    at: &mut At<'_>,
    key: &str,
    word: Option<&str>,
    choices: &[(&str, T)],
    default: T,
) -> Option<T> {
    word.map_or(Some(default), |word| at.key(key).take(one_of(word, choices)))
}

fn topic_of(name: &str) -> Result<Topic, Trouble> {
    let fix = || "write 1 to 249 letters, digits, '.', '_' or '-'".to_owned();
    Topic::new(name).map_err(|error| (error.to_string(), fix()))
}

fn encoding_of(name: Option<&str>) -> Result<Encoding, Trouble> {
    let Some(name) = name else { return Ok(Encoding::UTF_8) };
    Encoding::named(name).ok_or_else(|| (format!("the encoding {name:?} is not known"), did_you_mean(name, ENCODINGS)))
}

/// The encodings that are proposed where another one is not known.
const ENCODINGS: &[&str] = &[
    "utf-8",
    "utf-16le",
    "utf-16be",
    "gbk",
    "gb18030",
    "big5",
    "shift_jis",
    "euc-jp",
    "euc-kr",
    "latin1",
    "windows-1252",
];

fn line_limit(written: Option<u64>, defaults: &Defaults) -> Result<usize, Trouble> {
    let Some(bytes) = written else { return Ok(defaults.line_bytes_max) };
    let fits = usize::try_from(bytes).ok().filter(|bytes| (1..=LINE_BYTES_MAX).contains(bytes));
    let fix = || format!("write a number of bytes from 1 to {LINE_BYTES_MAX}");
    fits.ok_or_else(|| (format!("a line cannot be limited to {bytes} bytes"), fix()))
}

fn flush_after(written: Option<u64>, defaults: &Defaults) -> Result<Duration, Trouble> {
    let Some(ms) = written else { return Ok(defaults.flush_after) };
    let wait = Duration::from_millis(ms);
    let fix = || format!("write a number of milliseconds up to {}", FLUSH_AFTER_MAX.as_millis());
    if wait <= FLUSH_AFTER_MAX { Ok(wait) } else { Err((format!("{ms} ms is too long a wait"), fix())) }
}

fn ignore_older(seconds: u64) -> Result<Duration, Trouble> {
    let age = Duration::from_secs(seconds);
    let fix = || format!("write a number of seconds from 1 to {}", IGNORE_OLDER_MAX.as_secs());
    let fits = (1..=IGNORE_OLDER_MAX.as_secs()).contains(&seconds);
    if fits { Ok(age) } else { Err((format!("files cannot be told apart by an age of {seconds} s"), fix())) }
}

/// The chain that a list of written plugins means.
pub(crate) fn chain(
    written: Vec<WrittenPlugin>,
    bounds: &Bounds,
    defaults: &Defaults,
    at: &mut At<'_>,
) -> Option<ChainSpec> {
    if written.len() > PLUGINS_MAX {
        at.complain(format!("the chain has {} plugins", written.len()), format!("{PLUGINS_MAX} at most"));
        return None;
    }
    let plugins = written.into_iter().enumerate();
    let plugins: Vec<_> =
        plugins.map(|(index, plugin)| one_plugin(plugin, bounds, defaults, &mut at.index(index))).collect();
    Some(ChainSpec { plugins: plugins.into_iter().collect::<Option<_>>()? })
}

fn one_plugin(written: WrittenPlugin, bounds: &Bounds, defaults: &Defaults, at: &mut At<'_>) -> Option<PluginSpec> {
    let path = at.key("path").take(bounds.check_plugin_file(&written.path, &defaults.base_dir));
    let sha256 = written.sha256.map(|digest| at.key("sha256").take(sha256_of(&digest)));
    let on_error = written.on_error.map(|word| at.key("on_error").take(one_of(&word, ON_ERROR)));
    let mut assets = Some(std::collections::BTreeMap::new());
    for (name, file) in written.assets {
        let text = file.to_string_lossy();
        let checked = at.key("assets").key(&name).take(bounds.check_asset(&text, &defaults.base_dir));
        assets = assets.zip(checked).map(|(mut assets, file)| {
            assets.insert(name, file);
            assets
        });
    }
    Some(PluginSpec {
        path: path?,
        sha256: sha256.map_or(Some(None), |checked| checked.map(Some))?,
        config: written.config,
        assets: assets?,
        on_error: on_error.map_or(Some(None), |checked| checked.map(Some))?,
    })
}

fn sha256_of(digest: &str) -> Result<String, Trouble> {
    let legal = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fix = || "write the 64 hexadecimal digits that `sha256sum FILE` prints".to_owned();
    if legal { Ok(digest.to_ascii_lowercase()) } else { Err((format!("{digest:?} is not a sha256"), fix())) }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
