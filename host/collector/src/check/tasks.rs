//! Files of tasks, the files they name, and their plugins.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use collector_tasks::{
    Bounds, ChainSpec, Defaults, PluginSpec, Task, TaskError, explain, parse::VALUE_BYTES_MAX, parse_tasks, pattern,
};
use serde_json::Value;

use super::{Probe, Report, Severity};
use crate::settings::Common;

/// Reads files of tasks; what is good of them is returned.
pub(super) fn check_files(files: &[PathBuf], bounds: &Bounds, defaults: &Defaults, report: &mut Report) -> Vec<Task> {
    let mut tasks = Vec::new();
    for file in files {
        report.note(format!("tasks: {}", file.display()));
        match read(file) {
            Ok(text) => match parse_tasks(&text, &file.display().to_string(), bounds, defaults) {
                Ok(found) => tasks.extend(found),
                Err(error) => add_complaints(file, &error, report),
            },
            Err(text) => report.add(Severity::Wrong, text),
        }
    }
    tasks
}

/// One finding for each mistake, with the file and the line.
fn add_complaints(file: &Path, error: &TaskError, report: &mut Report) {
    for complaint in &error.complaints {
        let line = complaint.line.map_or_else(String::new, |line| format!(":{line}"));
        let place = if complaint.place.is_empty() { String::new() } else { format!("{}: ", complaint.place) };
        let text = format!("{}{line}: {place}{}; {}", file.display(), complaint.problem, complaint.fix);
        report.add(Severity::Wrong, text);
    }
}

fn read(file: &Path) -> Result<String, String> {
    let say = |why: &str, fix: &str| format!("reading the tasks from {}: {why}; {fix}", file.display());
    let found = fs::metadata(file).and_then(|found| match found.len() {
        _ if found.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        bytes if bytes > VALUE_BYTES_MAX as u64 => Err(io::Error::from(io::ErrorKind::FileTooLarge)),
        _ => fs::read(file),
    });
    let bytes = found.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => say("there is no such file", "correct the name"),
        io::ErrorKind::PermissionDenied => say("permission denied", "make it readable for this user"),
        io::ErrorKind::IsADirectory => say("it is a directory", "name a .json file in it"),
        io::ErrorKind::FileTooLarge => say("it is too large", "write fewer tasks with globs, or several files"),
        _ => say(&error.to_string(), "name a readable file"),
    })?;
    String::from_utf8(bytes).map_err(|_| say("it is not UTF-8 text", "save it as UTF-8"))
}

/// Reads the watched directory.
pub(super) fn check_directory(dir: &Path, bounds: &Bounds, defaults: &Defaults, report: &mut Report) -> Vec<Task> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            report.add(
                Severity::Hint,
                format!(
                    "there is no tasks directory {}: nothing is collected until it is made; {}",
                    dir.display(),
                    make_one(dir)
                ),
            );
            return Vec::new();
        }
        Err(error) => {
            let text =
                format!("reading the tasks directory {}: {error}; make it readable, or set [tasks] dir", dir.display());
            report.add(Severity::Unusable, text);
            return Vec::new();
        }
    };
    let is_json = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_json).collect();
    files.sort();
    if files.is_empty() {
        report.add(Severity::Hint, format!("there are no tasks in {}; {}", dir.display(), make_one(dir)));
    }
    check_files(&files, bounds, defaults, report)
}

/// The command that makes a first task.
pub fn make_one(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "make one: mkdir -p {dir} && echo '[{{\"path\":\"/var/log/syslog\",\"topic\":\"syslog\"}}]' > {dir}/syslog.json"
    )
}

/// Whether the file of a task can be read now. One that is missing is waited for, and is worth a hint.
pub(super) fn check_file_of(task: &Task, report: &mut Report) {
    let what = format!("the task {} → {}", task.path, task.topic);
    if !pattern::is_literal(&task.path) {
        let dir = literal_dir(&task.path);
        if let Err(error) = fs::read_dir(&dir) {
            add_unreadable(&what, &dir, &error, report);
        }
        return;
    }
    let path = Path::new(&task.path);
    match fs::File::open(path).and_then(|file| file.metadata()) {
        Ok(found) if found.is_dir() => {
            let text = format!("{what}: it names a directory; write {:?} for the files in it", path.join("*"));
            report.add(Severity::Wrong, text);
        }
        Ok(_) => {}
        Err(error) => add_unreadable(&what, path, &error, report),
    }
}

fn add_unreadable(what: &str, path: &Path, error: &io::Error, report: &mut Report) {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            report.add(Severity::Hint, format!("{what}: there is no {path} yet; it is waited for"));
        }
        io::ErrorKind::PermissionDenied => {
            let fix = "let the user that runs the collector read it (often: put it into the group adm)";
            report.add(Severity::Unusable, format!("{what}: reading {path}: permission denied; {fix}"));
        }
        _ => report.add(Severity::Unusable, format!("{what}: reading {path}: {error}; make it readable")),
    }
}

/// The path up to the first wildcard.
pub(super) fn literal_dir(glob: &str) -> PathBuf {
    let parts = glob.split('/').take_while(|part| pattern::is_literal(part));
    let dir = parts.collect::<Vec<_>>().join("/");
    PathBuf::from(if dir.is_empty() { "/" } else { &dir })
}

/// Loads every plugin that a task or the command line names, each once.
pub(super) fn check_plugins(
    tasks: &[Task],
    named: &[PathBuf],
    common: &Common,
    probe: &dyn Probe,
    report: &mut Report,
) {
    let mut seen: Vec<(PluginSpec, bool)> = Vec::new();
    let of_tasks = tasks.iter().flat_map(|task| &task.chain.plugins).map(|plugin| (plugin.clone(), false));
    let of_arguments = named.iter().map(|path| (plain_plugin(path), true));
    for (plugin, anywhere) in of_tasks.chain(of_arguments) {
        if seen.contains(&(plugin.clone(), anywhere)) {
            continue;
        }
        let chain = ChainSpec { plugins: vec![plugin.clone()] };
        match probe.plugin(&chain, common, anywhere) {
            Ok(said) => report.note(said),
            Err(said) => {
                report.add(Severity::Wrong, format!("{said}{}", near(&plugin.path, &common.bounds.plugin_dirs)));
            }
        }
        seen.push((plugin, anywhere));
    }
}

fn plain_plugin(path: &Path) -> PluginSpec {
    PluginSpec { path: path.to_owned(), sha256: None, config: Value::Null, assets: Default::default(), on_error: None }
}

/// ` (did you mean "nginx"?)` where a bare name is almost one that is there.
fn near(path: &Path, dirs: &[PathBuf]) -> String {
    let Some(name) = path.to_str().filter(|name| !name.contains('/')) else { return String::new() };
    let name = name.trim_end_matches(".wasm");
    let files = dirs.iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten().map(|entry| entry.path());
    let names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "wasm"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    match explain::nearest(name, names.iter().map(String::as_str)) {
        Some(near) if near != name => format!(" (did you mean {near:?}?)"),
        _ => String::new(),
    }
}
