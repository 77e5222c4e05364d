//! How settings are read: each key from the file and from its environment variable, with the place of every mistake.

use std::collections::BTreeMap;

use collector_tasks::explain;
use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeValue, ValueDeserializer},
};

use super::problem::{Place, Places, Problem, Shown};

/// Something that may be written under a key: a value, or a section of further keys.
pub(crate) trait Setting: Sized {
    /// Reads what the file says.
    fn read(slot: &mut Option<Self>, value: Spanned<DeValue<'_>>, key: &str, file: &mut Reading<'_>);
    /// Lets environment variables override it.
    fn overlay(slot: &mut Option<Self>, key: &str, variables: &mut Variables<'_>);
    /// Adds the full names of the keys below (or the key itself).
    fn keys(key: &str, out: &mut Vec<String>);
}

/// A file that is being read.
pub(crate) struct Reading<'a> {
    pub(crate) text: &'a str,
    pub(crate) places: &'a mut Places,
    pub(crate) problems: &'a mut Vec<Problem>,
    /// Every key there is, by its full name.
    pub(crate) known: &'a [String],
}

impl Reading<'_> {
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
    }

    /// Remembers where the key stands.
    pub(crate) fn found(&mut self, key: &str, offset: usize) {
        let place = self.places.line(self.line_of(offset));
        self.places.set(key, place);
    }

    pub(crate) fn complain(&mut self, key: &str, (problem, fix): (String, String)) {
        self.problems.push(self.places.problem(key, problem, fix));
    }

    /// A key that does not exist: the nearest of its section, or the same key of another section.
    pub(crate) fn unknown(&mut self, key: &str, name: &str, siblings: &[&str]) {
        let elsewhere = || self.known.iter().find(|known| known.rsplit('.').next() == Some(name));
        let fix = match (explain::nearest(name, siblings.iter().copied()), elsewhere()) {
            (Some(near), _) => format!("did you mean {near:?}?"),
            (None, Some(other)) => format!("did you mean {}?", Shown(other)),
            (None, None) => format!("known here: {}", siblings.join(", ")),
        };
        self.complain(key, ("there is no such key".to_owned(), fix));
    }

    fn value<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'_>>, key: &str) -> Option<T> {
        let result = T::deserialize(ValueDeserializer::from(value));
        result.map_err(|error| self.complain(key, explain::of_data(error.message()))).ok()
    }
}

/// The environment variables `COLLECTOR_…`.
pub(crate) struct Variables<'a> {
    pub(crate) values: &'a BTreeMap<String, String>,
    pub(crate) places: &'a mut Places,
    pub(crate) problems: &'a mut Vec<Problem>,
}

impl Variables<'_> {
    /// The variable of a key: `kafka.brokers` is overridden by `COLLECTOR_KAFKA_BROKERS`.
    pub(crate) fn name(key: &str) -> String {
        format!("COLLECTOR_{}", key.replace('.', "_").to_uppercase())
    }

    fn take<T>(&mut self, slot: &mut Option<T>, key: &str, parse: impl FnOnce(&str) -> Result<T, String>) {
        let name = Self::name(key);
        let Some(text) = self.values.get(&name) else { return };
        self.places.set(key, Place::Variable(name));
        match parse(text) {
            Ok(value) => *slot = Some(value),
            Err(expected) => {
                let fix = format!("write {expected} instead");
                self.problems.push(self.places.problem(key, format!("{text:?} stands there"), fix));
            }
        }
    }
}

/// A value that one variable can carry.
macro_rules! value {
    ($type:ty, $parse:expr) => {
        impl Setting for $type {
            fn read(slot: &mut Option<Self>, value: Spanned<DeValue<'_>>, key: &str, file: &mut Reading<'_>) {
                *slot = file.value(value, key);
            }
            fn overlay(slot: &mut Option<Self>, key: &str, variables: &mut Variables<'_>) {
                variables.take(slot, key, $parse);
            }
            fn keys(key: &str, out: &mut Vec<String>) {
                out.push(key.to_owned());
            }
        }
    };
}

value!(String, |text| Ok(text.to_owned()));
value!(u64, |text| text.trim().parse().map_err(|_| "a whole number, zero or more".to_owned()));
value!(bool, |text| text.trim().parse().map_err(|_| "true or false".to_owned()));
value!(Vec<String>, |text| Ok(split_list(text)));
value!(BTreeMap<String, String>, |text| {
    let pairs = split_list(text).into_iter().map(|pair| {
        let (name, value) = pair.split_once('=').ok_or_else(|| "NAME=VALUE;NAME=VALUE".to_owned())?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    });
    pairs.collect()
});

/// The parts of a list in one text, separated by `;`.
pub(crate) fn split_list(text: &str) -> Vec<String> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// A section: a struct of optional settings, read key by key, so that every mistake is found at once.
macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name { $($(#[$doc])* pub $field: Option<$type>,)* }

        impl Setting for $name {
            fn read(slot: &mut Option<Self>, value: Spanned<DeValue<'_>>, key: &str, file: &mut Reading<'_>) {
                match value.into_inner() {
                    DeValue::Table(table) => slot.get_or_insert_default().read_table(table, key, file),
                    _ => file.complain(key, crate::settings::section::not_a_section(key)),
                }
            }
            fn overlay(slot: &mut Option<Self>, key: &str, variables: &mut Variables<'_>) {
                let mut section = slot.take().unwrap_or_default();
                $(<$type as Setting>::overlay(&mut section.$field, &join(key, stringify!($field)), variables);)*
                *slot = (section != Self::default()).then_some(section);
            }
            fn keys(key: &str, out: &mut Vec<String>) {
                $(<$type as Setting>::keys(&join(key, stringify!($field)), out);)*
            }
        }

        impl $name {
            /// Reads the keys of the section one by one.
            pub(crate) fn read_table(&mut self, table: DeTable<'_>, prefix: &str, file: &mut Reading<'_>) {
                for (name, value) in table {
                    let key = join(prefix, name.get_ref());
                    file.found(&key, name.span().start);
                    match name.get_ref().as_ref() {
                        $(stringify!($field) => <$type as Setting>::read(&mut self.$field, value, &key, file),)*
                        unknown => file.unknown(&key, unknown, &[$(stringify!($field)),*]),
                    }
                }
            }
        }
    };
}
pub(crate) use section;

pub(crate) fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

pub(crate) fn not_a_section(key: &str) -> (String, String) {
    (format!("{key:?} is a section, not a value"), format!("write [{key}] on a line of its own, and its keys below"))
}
