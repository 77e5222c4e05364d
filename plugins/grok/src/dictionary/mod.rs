//! The patterns that need no definition.
//!
//! The names and what they match are those that Logstash made usual; the grok crate has them with the names that fields had before
//! ECS. What is here takes their place: definitions that need no backtracking, and those whose fields have other names.

mod applications;
mod bacula;
mod base;
mod network;
mod renamed;
mod servers;

use std::collections::BTreeMap;

use crate::value::Kind;

/// Patterns by name.
pub(crate) struct Dictionary {
    custom: BTreeMap<String, String>,
    known: BTreeMap<&'static str, &'static str>,
    ecs: bool,
}

impl Dictionary {
    /// The usual patterns, with the field names of ECS or with those before, and an operator's own.
    pub(crate) fn new(ecs: bool, custom: BTreeMap<String, String>) -> Result<Self, String> {
        if let Some(name) = custom.keys().find(|name| !is_pattern_name(name)) {
            return Err(format!("`custom` defines `{name}`: the name of a pattern has letters, digits and `_` alone"));
        }
        let mut known: BTreeMap<_, _> = grok::patterns().iter().copied().collect();
        known.extend(base::PATTERNS.iter().copied());
        if ecs {
            let families = [servers::PATTERNS, applications::PATTERNS, network::PATTERNS, bacula::PATTERNS];
            known.extend(families.into_iter().flatten().copied());
        }
        Ok(Dictionary { custom, known, ecs })
    }

    /// The definition of a pattern.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.custom.get(name).map(String::as_str).or_else(|| self.known.get(name).copied())
    }

    /// The field of ECS, and its type, for one that a pattern of the usual dictionary has under another name.
    pub(crate) fn renamed(&self, pattern: &str, field: &str) -> Option<(&'static str, Kind)> {
        if !self.ecs || self.custom.contains_key(pattern) {
            return None;
        }
        renamed::find(pattern, field)
    }
}

fn is_pattern_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use collector_captures::{Anchors, Expression};

    use super::*;
    use crate::expansion::expand;

    #[test]
    fn no_field_has_a_name_from_before_ecs() {
        let dictionary = Dictionary::new(true, BTreeMap::new()).unwrap();
        let mut found = vec![];
        for name in dictionary.known.keys() {
            for group in expand(&dictionary, &format!("%{{{name}}}")).unwrap().groups {
                let is_known = group.field.contains('.') || ["timestamp", "message"].contains(&group.field.as_str());
                if !is_known && !UNCHANGED.iter().any(|family| name.starts_with(family)) {
                    found.push(format!("{name}: {}", group.field));
                }
            }
        }
        assert_eq!(found, [""; 0]);
    }

    /// Rare ones that keep what they had.
    const UNCHANGED: [&str; 1] = ["SFW2"];

    #[test]
    fn every_pattern_can_be_used_without_backtracking() {
        for ecs in [true, false] {
            let dictionary = Dictionary::new(ecs, BTreeMap::new()).unwrap();
            for name in dictionary.known.keys() {
                let expanded = expand(&dictionary, &format!("%{{{name}}}")).unwrap();
                if let Err(problem) = Expression::new(&expanded.expression, Anchors::Lines) {
                    panic!("{name} {problem}");
                }
            }
        }
    }
}
