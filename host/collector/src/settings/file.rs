//! Settings files in TOML, and what the environment adds.

use std::{collections::BTreeMap, path::Path};

use toml::de::DeTable;

use super::{
    low::LowSettings,
    problem::{Place, Places, Problem},
    section::{Reading, Setting, Variables},
};

/// Every key there is, by its full name (`kafka.brokers`).
pub fn known_keys() -> Vec<String> {
    let mut keys = Vec::new();
    LowSettings::keys("", &mut keys);
    keys
}

/// Reads TOML. What cannot be read is left out and added to the problems.
pub(crate) fn read_toml(text: &str, places: &mut Places, problems: &mut Vec<Problem>) -> LowSettings {
    let mut low = LowSettings::default();
    let known = known_keys();
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut file = Reading { text, places, problems, known: &known };
    if errors.is_empty() {
        low.read_table(table.into_inner(), "", &mut file);
    }
    for error in errors.into_iter().take(3) {
        let line = error.span().map(|span| file.line_of(span.start));
        let place = line.map_or_else(|| file.places.of(""), |line| file.places.line(line));
        let problem = format!("this is not TOML: {}", error.message().replace('\n', ", "));
        let fix = "correct the line: KEY = VALUE, texts in \"quotes\", lists in [brackets]".to_owned();
        file.problems.push(Problem { place, key: String::new(), problem, fix });
    }
    low
}

/// Lets `COLLECTOR_SECTION_KEY` override each key. Returns notes on variables that are no setting's.
pub(crate) fn overlay_environment(
    low: &mut LowSettings,
    values: &BTreeMap<String, String>,
    places: &mut Places,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let mut slot = Some(std::mem::take(low));
    LowSettings::overlay(&mut slot, "", &mut Variables { values, places, problems });
    *low = slot.unwrap_or_default();
    let names: Vec<String> = known_keys().iter().map(|key| Variables::name(key)).collect();
    let strangers = values.keys().filter(|name| name.starts_with("COLLECTOR_") && !names.contains(name));
    strangers.filter_map(|name| stranger(name, &names)).collect()
}

/// A note on a variable that looks like a setting's. Others are left alone: orchestrators set some of their own.
fn stranger(name: &str, names: &[String]) -> Option<String> {
    let near = names.iter().find(|known| strsim::damerau_levenshtein(known, name) <= 2)?;
    Some(format!("the environment variable {name} is not a setting's: did you mean {near}?"))
}

/// Reads the file's text, or says why it cannot be read.
pub(crate) fn read_text(path: &Path) -> Result<String, Problem> {
    let result = std::fs::metadata(path).and_then(|found| {
        if found.is_dir() { Err(std::io::Error::other("it is a directory")) } else { std::fs::read(path) }
    });
    let trouble = |problem: String, fix: &str| Problem {
        place: Place::File(path.to_owned(), None),
        key: String::new(),
        problem,
        fix: fix.to_owned(),
    };
    let bytes = result.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => trouble(
            "there is no such settings file".into(),
            "name an existing file with --config, or leave --config out to start with the defaults",
        ),
        std::io::ErrorKind::PermissionDenied => trouble(
            "the settings file cannot be read: permission denied".into(),
            "run as a user who may read it, or change its owner or mode",
        ),
        _ => trouble(format!("the settings file cannot be read: {error}"), "name a readable file with --config"),
    })?;
    let text = String::from_utf8(bytes);
    text.map_err(|_| trouble("the settings file is not UTF-8 text".into(), "save it as UTF-8"))
}
