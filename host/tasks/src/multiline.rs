//! Lines that belong together: which ones make one event.

use std::time::Duration;

use regex::bytes::Regex;
use serde::Deserialize;
use serde_json::Value;

use crate::error::Trouble;

/// How long an event waits for its next line where nothing is said.
const WAIT: Duration = Duration::from_secs(1);
/// The longest such wait that a task may ask for.
const WAIT_MAX: Duration = Duration::from_secs(3600);
/// How many lines an event has at most where nothing is said.
const LINES_MAX: u32 = 500;
/// What a task may ask for.
const LINES_LIMIT: u32 = 100_000;

/// Which lines make one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multiline {
    /// What tells the lines of an event.
    pub rule: MultilineRule,
    /// How many lines an event has at most; more begin another one.
    pub lines_max: u32,
    /// How long the last event of a file waits for its next line.
    pub wait: Duration,
}

/// What tells the lines of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MultilineRule {
    /// A line that matches begins an event; all others go on with it.
    Start(String),
    /// A line that matches goes on with the event before it; all others begin one.
    Continue(String),
    /// The parts into which a container runtime splits a line (`P`, and `F` for the last).
    Cri,
    /// The parts into which Docker splits a line: all but the last have no line feed in `log`.
    Docker,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object is expected")]
struct Written {
    start: Option<String>,
    #[serde(rename = "continue")]
    goes_on: Option<String>,
    join: Option<String>,
    max_lines: Option<u32>,
    timeout_ms: Option<u64>,
}

impl Multiline {
    /// What the value of `multiline` means; the error is a problem and its fix.
    pub(crate) fn of(value: &Value) -> Result<Self, Trouble> {
        let example =
            || r#"write {"start": "^\\d{4}-"}, {"continue": "^\\s"}, {"join": "cri"} or {"join": "docker"}"#.to_owned();
        let written: Written = serde_json::from_value(value.clone()).map_err(|error| (error.to_string(), example()))?;
        let rule = match (written.start, written.goes_on, written.join.as_deref()) {
            (Some(start), None, None) => MultilineRule::Start(checked(start)?),
            (None, Some(goes_on), None) => MultilineRule::Continue(checked(goes_on)?),
            (None, None, Some("cri")) => MultilineRule::Cri,
            (None, None, Some("docker")) => MultilineRule::Docker,
            (None, None, Some(other)) => return Err((format!("{other:?} are no parts that can be joined"), example())),
            _ => return Err(("it names no rule, or several".to_owned(), example())),
        };
        let lines_max = written.max_lines.unwrap_or(LINES_MAX);
        if !(1..=LINES_LIMIT).contains(&lines_max) {
            return Err((
                format!("an event cannot be limited to {lines_max} lines"),
                format!("write a number from 1 to {LINES_LIMIT}"),
            ));
        }
        let wait = written.timeout_ms.map_or(WAIT, Duration::from_millis);
        if wait > WAIT_MAX {
            let fix = format!("write a number of milliseconds up to {}", WAIT_MAX.as_millis());
            return Err((format!("{} ms is too long a wait", wait.as_millis()), fix));
        }
        Ok(Multiline { rule, lines_max, wait })
    }
}

fn checked(pattern: String) -> Result<String, Trouble> {
    match Regex::new(&pattern) {
        Ok(_) => Ok(pattern),
        // The last line says what is wrong; those before it draw the place.
        Err(error) => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Err((
                format!("the pattern {pattern:?} cannot be used: {reason}"),
                "correct the regular expression".to_owned(),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_rule_is_read_with_its_limits() {
        let read = |value: Value| Multiline::of(&value).unwrap();
        let start = read(json!({"start": "^\\d"}));
        assert_eq!(
            start,
            Multiline { rule: MultilineRule::Start("^\\d".to_owned()), lines_max: LINES_MAX, wait: WAIT }
        );
        let goes_on = read(json!({"continue": "^\\s", "max_lines": 7, "timeout_ms": 20}));
        assert_eq!((goes_on.lines_max, goes_on.wait), (7, Duration::from_millis(20)));
        assert_eq!(read(json!({"join": "cri"})).rule, MultilineRule::Cri);
        assert_eq!(read(json!({"join": "docker"})).rule, MultilineRule::Docker);
    }

    #[test]
    fn what_is_no_rule_is_refused_with_the_way_to_write_one() {
        for (value, part) in [
            (json!({}), "names no rule"),
            (json!({"start": "a", "continue": "b"}), "or several"),
            (json!({"start": "("}), "unclosed group"),
            (json!({"join": "podman"}), "no parts"),
            (json!({"start": "a", "max_lines": 0}), "0 lines"),
            (json!({"start": "a", "timeout_ms": 4_000_000}), "too long"),
            (json!({"begin": "a"}), "begin"),
            (json!("^a"), "an object"),
        ] {
            let (problem, fix) = Multiline::of(&value).unwrap_err();
            assert!(problem.contains(part) && !fix.is_empty(), "{value}: {problem}; {fix}");
        }
    }
}
