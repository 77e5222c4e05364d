//! What is wrong with a value that somebody wrote, where, and what to do about it.

use std::fmt;

/// One mistake in a written value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The place inside the value, such as `[2].plugins[0].confg`; empty for the value as a whole.
    pub place: String,
    /// The line (from 1) on which it stands.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
}

/// `line 3: [2].topic: … is wrong; do …`.
impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        write!(f, "{}; {}", self.problem, self.fix)
    }
}

/// Why a written value was refused as a whole: everything that is wrong with it, at least one complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskError {
    /// What was being read: `the tasks`, `the rule of topic web`.
    pub what: String,
    /// The file or key it came from.
    pub source: String,
    /// The mistakes, in the order in which they stand.
    pub complaints: Vec<Complaint>,
}

/// One mistake on one line; several one a line, indented, after a heading.
impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reading {} from {}: ", self.what, self.source)?;
        match self.complaints.as_slice() {
            [only] => write!(f, "{only}"),
            several => {
                write!(f, "{} mistakes", several.len())?;
                several.iter().try_for_each(|complaint| write!(f, "\n  {complaint}"))
            }
        }
    }
}

impl std::error::Error for TaskError {}

/// Collects complaints about one value.
pub(crate) struct Complaints {
    found: Vec<Complaint>,
}

impl Complaints {
    pub(crate) fn new() -> Self {
        Complaints { found: Vec::new() }
    }

    pub(crate) fn push(&mut self, complaint: Complaint) {
        self.found.push(complaint);
    }

    /// `Ok` where nothing was complained about.
    pub(crate) fn into_result<T>(self, what: &str, source: &str, value: T) -> Result<T, TaskError> {
        if self.found.is_empty() { Ok(value) } else { Err(self.into_error(what, source)) }
    }

    pub(crate) fn into_error(self, what: &str, source: &str) -> TaskError {
        TaskError { what: what.to_owned(), source: source.to_owned(), complaints: self.found }
    }
}

/// A place inside a value, to which complaints are attached.
pub(crate) struct At<'a> {
    complaints: &'a mut Complaints,
    place: String,
    line: Option<usize>,
}

impl<'a> At<'a> {
    pub(crate) fn new(complaints: &'a mut Complaints, place: String, line: Option<usize>) -> Self {
        At { complaints, place, line }
    }

    /// The place of a key below this one.
    pub(crate) fn key(&mut self, key: &str) -> At<'_> {
        let dot = if self.place.is_empty() { "" } else { "." };
        let place = format!("{}{dot}{key}", self.place);
        At { complaints: self.complaints, place, line: self.line }
    }

    /// The place of an element of the list below this one.
    pub(crate) fn index(&mut self, index: usize) -> At<'_> {
        let place = format!("{}[{index}]", self.place);
        At { complaints: self.complaints, place, line: self.line }
    }

    /// Says what is wrong here and what to do.
    pub(crate) fn complain(&mut self, problem: impl Into<String>, fix: impl Into<String>) {
        let complaint =
            Complaint { place: self.place.clone(), line: self.line, problem: problem.into(), fix: fix.into() };
        self.complaints.push(complaint);
    }

    /// Unwraps a result whose error is a problem and its fix.
    pub(crate) fn take<T>(&mut self, result: Result<T, Trouble>) -> Option<T> {
        result.map_err(|(problem, fix)| self.complain(problem, fix)).ok()
    }
}

/// A problem and its fix, not yet attached to a place.
pub(crate) type Trouble = (String, String);
