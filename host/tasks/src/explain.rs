//! Turns what a parser says into what the writer of a value needs: the nearest key, the expected type.

use crate::{Complaint, error::Trouble};

/// The candidate that the word was probably meant to be.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed || related(&lower, candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `plugin_dir` for `dir`: one is a part of the other, and neither is a letter or two.
fn related(word: &str, candidate: &str) -> bool {
    word.len() >= 3 && candidate.len() >= 3 && (candidate.contains(word) || word.contains(candidate))
}

/// The advice for a word that is none of the candidates.
pub fn did_you_mean(word: &str, candidates: &[&str]) -> String {
    match nearest(word, candidates.iter().copied()) {
        Some(candidate) => format!("did you mean {candidate:?}?"),
        None => format!("use one of: {}", candidates.join(", ")),
    }
}

/// One of several words, or what is wrong with it.
pub(crate) fn one_of<T: Copy>(word: &str, choices: &[(&str, T)]) -> Result<T, Trouble> {
    let exact = choices.iter().find(|(name, _)| *name == word);
    exact.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        (format!("{word:?} is not known here"), did_you_mean(word, &names))
    })
}

/// Explains an error of serde_json at `place`. `lines_before` counts the lines of the value before the parsed part.
pub(crate) fn of_json(place: String, error: &serde_json::Error, lines_before: usize) -> Complaint {
    let line = (error.line() > 0).then(|| error.line() + lines_before);
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    let (problem, fix) = if error.is_data() { of_data(message) } else { of_syntax(message, error.column()) };
    Complaint { place, line, problem, fix }
}

fn of_syntax(message: &str, column: usize) -> Trouble {
    let fix = match message {
        "trailing comma" => "take the comma before the closing bracket away",
        "EOF while parsing a value" | "EOF while parsing a list" | "EOF while parsing an object" => {
            "the text ends too early: write the closing brackets"
        }
        "trailing characters" => "one JSON value is expected: take away what follows it",
        _ => "correct the JSON there",
    };
    (format!("this is not JSON: {message} at column {column}"), fix.to_owned())
}

/// Explains what serde says about a value of the wrong shape.
pub fn of_data(message: &str) -> (String, String) {
    if let Some(key) = message.strip_prefix("unknown field ") {
        let mut quoted = key.split('`').skip(1).step_by(2);
        let word = quoted.next().unwrap_or_default();
        let candidates: Vec<&str> = quoted.collect();
        return (format!("there is no key {word:?}"), did_you_mean(word, &candidates));
    }
    if let Some(key) = message.strip_prefix("missing field ") {
        let key = key.trim_matches('`');
        return (format!("the key {key:?} is missing"), format!("add \"{key}\": …"));
    }
    let wrong = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    match wrong.and_then(|rest| rest.split_once(", expected ")) {
        Some((found, expected)) => {
            (format!("{} stands here", plain(found)), format!("write {} instead", plain(expected)))
        }
        None => (message.to_owned(), "correct it".to_owned()),
    }
}

/// Rust's names of types in words.
fn plain(type_name: &str) -> String {
    match type_name {
        "u64" | "usize" | "u32" | "u16" => "a whole number, zero or more".to_owned(),
        "i64" | "i32" => "a whole number".to_owned(),
        "map" | "a map" => "an object { … }".to_owned(),
        "sequence" | "a sequence" => "a list [ … ]".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "null" => "null".to_owned(),
        struct_name if struct_name.starts_with("struct ") => "an object { … }".to_owned(),
        other => {
            let article = ["string", "integer", "boolean", "floating point"];
            let needs = article.iter().any(|word| other.starts_with(word));
            if needs { format!("the {other}") } else { other.to_owned() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_named_and_a_far_one_is_not() {
        let keys = ["path", "topic", "plugins", "config"];
        assert_eq!(nearest("confg", keys), Some("config"));
        assert_eq!(nearest("Plugin", keys), Some("plugins"));
        assert_eq!(nearest("retention", keys), None);
    }

    #[test]
    fn serde_s_words_become_plain_words() {
        let (problem, fix) = of_data("invalid type: integer `5`, expected a string");
        assert_eq!((problem.as_str(), fix.as_str()), ("the integer `5` stands here", "write a string instead"));
        let (problem, fix) = of_data("unknown field `pth`, expected `path` or `topic`");
        assert_eq!((problem.as_str(), fix.as_str()), ("there is no key \"pth\"", "did you mean \"path\"?"));
    }
}
