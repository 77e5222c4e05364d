//! Families whose patterns are the usual ones, with other names for their fields.

use crate::value::Kind;

/// A field before ECS, the field of ECS, its type.
type Renamed = (&'static str, &'static str, Kind);

/// The beginning of the patterns' names, and their fields.
const FAMILIES: &[(&str, &[Renamed])] = &[("BACULA", BACULA)];

const BACULA: &[Renamed] = &[
    ("bts", "timestamp", Kind::Text),
    ("hostname", "host.hostname", Kind::Text),
    ("jobid", "bacula.job.id", Kind::Text),
    ("job", "bacula.job.name", Kind::Text),
    ("volume", "bacula.volume.name", Kind::Text),
    ("device", "bacula.volume.device", Kind::Text),
    ("path", "bacula.volume.path", Kind::Text),
    ("client", "bacula.client.name", Kind::Text),
];

/// The field of ECS for one of a pattern, and its type.
pub(crate) fn find(pattern: &str, field: &str) -> Option<(&'static str, Kind)> {
    let (_, fields) = FAMILIES.iter().find(|(family, _)| pattern.starts_with(family))?;
    fields.iter().find(|(before, ..)| *before == field).map(|&(_, now, kind)| (now, kind))
}
