//! The guest's name table, and what names a plugin may use.

use collector_model::{
    Schema,
    schema::{FieldId, check_name},
};

use crate::{error::LoadProblem, guest::Manifest, limits::NAMES_MAX, meta::META};

/// Names below which nobody but the host writes.
const RESERVED: [&str; 3] = ["_id", META, "collector"];

/// Checks what a plugin says of itself.
pub(crate) fn check_manifest(manifest: &Manifest) -> Result<(), LoadProblem> {
    let bad = |reason: String| Err(LoadProblem::BadManifest { reason });
    if manifest.reads.len() + manifest.writes.len() > NAMES_MAX {
        return bad(format!("it has more than {NAMES_MAX} names"));
    }
    for name in &manifest.writes {
        if let Err(reason) = check_writable(name) {
            return bad(format!("it writes {name:?}, but {reason}"));
        }
    }
    for name in manifest.reads.iter().filter(|name| *name != "*") {
        if let Err(reason) = check_name(name.strip_suffix(".*").unwrap_or(name)) {
            return bad(format!("it reads {name:?}, but {reason}"));
        }
    }
    Ok(())
}

/// Whether a plugin may write the field of that name.
pub(crate) fn check_writable(name: &str) -> Result<(), String> {
    check_name(name).map_err(|bad| bad.to_string())?;
    if is_reserved(name) { Err("that name belongs to the host".to_owned()) } else { Ok(()) }
}

/// Whether the name belongs to the host.
pub(crate) fn is_reserved(name: &str) -> bool {
    name.split('.').next().is_some_and(|first| RESERVED.contains(&first))
}

/// What the name ids of one instance mean. Lives as long as the instance.
#[derive(Default)]
pub(crate) struct NameTable {
    names: Vec<String>,
    fields: Vec<FieldId>,
}

impl NameTable {
    /// The table of a fresh instance.
    pub(crate) fn new(writes: &[String], schema: &mut Schema) -> Self {
        let mut table = NameTable { names: writes.to_vec(), fields: vec![] };
        table.map_again(schema);
        table
    }

    /// The fields of all ids.
    #[inline]
    pub(crate) fn fields(&self) -> &[FieldId] {
        &self.fields
    }

    /// How many names there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Adds names that a batch brought.
    pub(crate) fn extend(&mut self, names: &[String], schema: &mut Schema) -> Result<(), String> {
        if self.names.len() + names.len() > NAMES_MAX {
            return Err(format!("its name table has grown beyond {NAMES_MAX} names"));
        }
        for name in names {
            check_writable(name).map_err(|reason| format!("it writes the name {name:?}, but {reason}"))?;
            self.names.push(name.clone());
            self.fields.push(field(name, schema));
        }
        Ok(())
    }

    /// Numbers the fields anew, after the schema started afresh.
    pub(crate) fn map_again(&mut self, schema: &mut Schema) {
        self.fields = self.names.iter().map(|name| field(name, schema)).collect();
    }
}

/// The schema is refreshed long before its four million numbers are used up: one batch cannot bring as many.
fn field(name: &str, schema: &mut Schema) -> FieldId {
    schema.field(name).unwrap_or(FieldId::ERROR_MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_host_cannot_be_written() {
        for bad in ["_id", "_id.x", "@meta", "@meta.host", "collector", "collector.chain", "a..b", ""] {
            assert!(check_writable(bad).is_err(), "{bad}");
        }
        for good in ["_ids", "@timestamp", "collectors.x", "a.collector"] {
            assert_eq!(check_writable(good), Ok(()));
        }
    }

    #[test]
    fn patterns_are_names_that_can_be_read() {
        let reading = |name: &str| Manifest { reads: vec![name.to_owned()], ..Manifest::default() };
        for good in ["*", "a.*", "a.b", "@meta.host", "collector.chain"] {
            assert_eq!(check_manifest(&reading(good)), Ok(()));
        }
        for bad in ["", ".*", "a..*"] {
            assert!(check_manifest(&reading(bad)).is_err(), "{bad}");
        }
    }
}
