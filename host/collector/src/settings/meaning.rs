//! The way from what was written to what it means: collects the problems of a role.

use std::path::{Path, PathBuf};

use super::{Form, Problem, Problems, Written, address::Trouble};

/// Gives written settings their meaning.
pub(crate) struct Meaning<'a> {
    pub(crate) written: &'a Written,
    problems: Vec<Problem>,
}

/// Runs one role's reading; `Ok` where neither the file nor the role has a problem.
pub(crate) fn of<T>(written: &Written, read: impl FnOnce(&mut Meaning<'_>) -> Option<T>) -> Result<T, Problems> {
    let mut meaning = Meaning { written, problems: written.problems.clone() };
    let value = read(&mut meaning);
    // A key that could not be read at all is not also missing.
    let mut seen = Vec::new();
    meaning.problems.retain(|problem| {
        let again = !problem.key.is_empty() && seen.contains(&problem.key);
        seen.push(problem.key.clone());
        !again
    });
    if written.form == Form::Ini {
        meaning.problems.iter_mut().for_each(|problem| written.seed.name_as_written(problem));
    }
    match value {
        Some(value) if meaning.problems.is_empty() => Ok(value),
        _ => Err(Problems(meaning.problems)),
    }
}

impl Meaning<'_> {
    /// Says what is wrong with a key.
    pub(crate) fn complain(&mut self, key: &str, problem: impl Into<String>, fix: impl Into<String>) {
        self.problems.push(self.written.places.problem(key, problem, fix));
    }

    /// Unwraps a result whose error is a problem and its fix.
    pub(crate) fn take<T>(&mut self, key: &str, result: Result<T, Trouble>) -> Option<T> {
        result.map_err(|(problem, fix)| self.complain(key, problem, fix)).ok()
    }

    /// Each entry of a list, parsed; `None` where one is wrong.
    pub(crate) fn list<T>(
        &mut self,
        key: &str,
        entries: &[String],
        parse: impl Fn(&str) -> Result<T, Trouble>,
    ) -> Option<Vec<T>> {
        let parsed: Vec<Option<T>> = entries.iter().map(|entry| self.take(key, parse(entry))).collect();
        parsed.into_iter().collect()
    }

    /// A list that must have an entry.
    pub(crate) fn required_list<T>(
        &mut self,
        key: &str,
        entries: Option<&Vec<String>>,
        example: &str,
        parse: impl Fn(&str) -> Result<T, Trouble>,
    ) -> Option<Vec<T>> {
        match entries {
            Some(entries) if !entries.is_empty() => self.list(key, entries, parse),
            Some(_) => {
                self.complain(key, "it is empty", format!("name at least one: {example}"));
                None
            }
            None => {
                let variable = super::section::Variables::name(key);
                let fix = match self.written.form {
                    Form::Toml => format!("add {example}, or set {variable}"),
                    Form::Ini => format!("add it there, or set {variable}"),
                };
                self.complain(key, "it is not set, and this role needs it", fix);
                None
            }
        }
    }

    /// A number within its range, or the default where it is not written.
    pub(crate) fn number(
        &mut self,
        key: &str,
        written: Option<u64>,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = written.unwrap_or(default);
        if range.contains(&value) {
            return Some(value);
        }
        let fix = format!("write a number from {} to {}", range.start(), range.end());
        self.complain(key, format!("{value} is out of range"), fix);
        None
    }

    /// A path; a relative one is relative to the settings file.
    pub(crate) fn path(&self, text: &str) -> PathBuf {
        self.beside().join(text)
    }

    /// The directory of the settings file, or the working directory where there is none.
    pub(crate) fn beside(&self) -> &Path {
        let dir = self.written.file.as_deref().and_then(Path::parent);
        dir.unwrap_or(&self.written.machine.working_dir)
    }

    /// A file that must be readable.
    pub(crate) fn readable_file(&mut self, key: &str, text: Option<&String>) -> Option<Option<PathBuf>> {
        let Some(text) = text else { return Some(None) };
        let path = self.path(text);
        let opened = std::fs::File::open(&path).and_then(|file| file.metadata());
        let trouble = match opened {
            Ok(found) if found.is_file() => return Some(Some(path)),
            Ok(_) => "it is not a file".to_owned(),
            Err(error) => match error.kind() {
                std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
                _ => error.to_string(),
            },
        };
        self.complain(
            key,
            format!("{path:?} cannot be read: {trouble}"),
            "name a readable PEM file, or take the key away",
        );
        None
    }
}
