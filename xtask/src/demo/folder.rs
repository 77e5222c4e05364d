//! The demo's folder: settings, tasks, state, the generated log, what the collector printed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::logs::Source;
use crate::places;

/// How much of the collector's output is shown when it ends.
const OUTPUT_LINES: usize = 20;

/// The folder, ours alone as long as this lives.
pub(super) struct Folder {
    folder: PathBuf,
    settings: PathBuf,
    output: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes the folder and empties it: each demo begins with nothing indexed.
    pub(super) fn create(folder: &Path) -> anyhow::Result<Self> {
        let doing = || format!("preparing {}", folder.display());
        fs::create_dir_all(folder).with_context(doing)?;
        let lock = File::create(folder.join("lock")).with_context(doing)?;
        if lock.try_lock().is_err() {
            bail!("another demo uses {}: end it first (Ctrl-C there)", folder.display());
        }
        for old in ["state", "tasks", "logs"] {
            match fs::remove_dir_all(folder.join(old)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(doing);
                }
                _ => {}
            }
        }
        fs::create_dir(folder.join("tasks")).with_context(doing)?;
        fs::create_dir(folder.join("logs")).with_context(doing)?;
        Ok(Self {
            settings: folder.join("collector.toml"),
            output: folder.join("collector.log"),
            folder: folder.to_path_buf(),
            _lock: lock,
        })
    }

    pub(super) fn settings(&self) -> &Path {
        &self.settings
    }

    /// Where the generated logs lie.
    pub(super) fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// Where the collector's own log goes.
    pub(super) fn output(&self) -> &Path {
        &self.output
    }

    /// The last lines of that.
    pub(super) fn output_end(&self) -> String {
        let text = fs::read(&self.output).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(OUTPUT_LINES)..].join("\n")
    }

    /// Writes the settings and the tasks.
    pub(super) fn configure(&self, sources: &[Source], port: u16) -> anyhow::Result<()> {
        let settings = settings(&self.folder, sources, port);
        fs::write(&self.settings, settings).with_context(|| format!("writing {}", self.settings.display()))?;
        let file = self.folder.join("tasks/demo.json");
        let tasks = serde_json::to_string_pretty(&tasks(sources))?;
        fs::write(&file, tasks).with_context(|| format!("writing {}", file.display()))
    }
}

/// The settings file. A JSON string is a TOML string too.
fn settings(folder: &Path, sources: &[Source], port: u16) -> String {
    let text = |path: &Path| Value::from(path.to_string_lossy()).to_string();
    let allowed: Vec<String> = sources.iter().map(|source| glob_of(&source.path)).collect();
    format!(
        "# Written by `cargo xtask demo`.\n\
         allowed_paths = {allowed}\n\
         plugin_dirs = [{plugins}]\n\n\
         [state]\ndir = {state}\n\n\
         [tasks]\ndir = {tasks}\n\n\
         [http]\nlisten = \"127.0.0.1:{port}\"\n",
        allowed = Value::from(allowed),
        plugins = text(&places::plugins()),
        state = text(&folder.join("state")),
        tasks = text(&folder.join("tasks")),
    )
}

fn tasks(sources: &[Source]) -> Value {
    let task = |source: &Source| {
        let mut task = json!({"path": glob_of(&source.path), "topic": source.topic});
        if let Some(plugin) = source.plugin {
            task["plugins"] = json!([entry(plugin)]);
        }
        task
    };
    sources.iter().map(task).collect()
}

/// The entry of a chain. Lines that name their fields mean by `time`, `level` and `msg` what most loggers do.
fn entry(plugin: &str) -> Value {
    match plugin {
        "json" | "logfmt" => json!({"path": plugin, "config": {"ecs": true}}),
        _ => json!({"path": plugin}),
    }
}

/// A glob that matches this path alone.
fn glob_of(path: &Path) -> String {
    let mut glob = String::new();
    for letter in path.to_string_lossy().chars() {
        if "*?[]{}".contains(letter) {
            glob.extend(['[', letter, ']']);
        } else {
            glob.push(letter);
        }
    }
    glob
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_name_the_plugin_that_fits() {
        let source = |path: &str, plugin| Source { path: path.into(), topic: "nginx-access".to_owned(), plugin };
        let sources = [
            source("/demo/access.log", Some("nginx")),
            source("/demo/app.log", Some("logfmt")),
            source("/var/log/odd[1].log", None),
        ];
        assert_eq!(
            tasks(&sources),
            json!([
                {"path": "/demo/access.log", "topic": "nginx-access", "plugins": [{"path": "nginx"}]},
                {"path": "/demo/app.log", "topic": "nginx-access", "plugins": [{"path": "logfmt", "config": {"ecs": true}}]},
                {"path": "/var/log/odd[[]1[]].log", "topic": "nginx-access"},
            ])
        );
    }

    #[test]
    fn two_demos_do_not_share_a_folder() {
        let place = tempfile::tempdir().unwrap();
        let first = Folder::create(place.path()).unwrap();
        let error = Folder::create(place.path()).err().unwrap().to_string();
        assert!(error.contains("another demo"), "{error}");
        drop(first);
        Folder::create(place.path()).unwrap();
    }

    #[test]
    fn the_end_of_the_output_is_what_is_shown() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        assert_eq!(folder.output_end(), "");
        let lines: Vec<String> = (0..30).map(|number| number.to_string()).collect();
        fs::write(folder.output(), lines.join("\n")).unwrap();
        let end = folder.output_end();
        assert!(end.starts_with("10\n11\n") && end.ends_with("\n29"));
    }
}
