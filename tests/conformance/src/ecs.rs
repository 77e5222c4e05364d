//! The field names that ECS knows.

use std::collections::HashSet;

use anyhow::Context as _;

use crate::corpora::Corpora;

/// Types of fields below which any name may stand.
const OPEN_TYPES: [&str; 3] = ["object", "flattened", "nested"];
/// What the collector itself puts into every document.
const OWN: [&str; 3] = ["collector.chain", "log.offset", "log.file.path"];

/// The field names that ECS knows.
pub struct Ecs {
    names: HashSet<String>,
    open: Vec<String>,
}

impl Ecs {
    /// Reads the list that is among the lines.
    pub fn read(corpora: &Corpora) -> anyhow::Result<Self> {
        let path = corpora.path("reference/ecs/generated/csv/fields.csv");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading the names of ECS in {}", path.display()))?;
        Ok(Ecs::of(&text))
    }

    /// Of the list's text: version, indexed, set, name, type, and columns that do not matter (the last may have line breaks).
    fn of(text: &str) -> Self {
        let mut ecs = Ecs { names: OWN.map(str::to_owned).into(), open: vec![] };
        for line in text.lines() {
            let mut columns = line.split(',').skip(1);
            let (Some("true" | "false"), Some(_), Some(name), Some(kind)) =
                (columns.next(), columns.next(), columns.next(), columns.next())
            else {
                continue;
            };
            ecs.names.insert(name.to_owned());
            if OPEN_TYPES.contains(&kind) {
                ecs.open.push(format!("{name}."));
            }
        }
        ecs
    }

    /// Whether a document may have that field without the format's own doing.
    pub fn knows(&self, name: &str) -> bool {
        self.names.contains(name) || self.open.iter().any(|open| name.starts_with(open.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_exactly_or_below_an_object() {
        let ecs = Ecs::of(
            "ECS_Version,Indexed,Field_Set,Field,Type\n9.5,true,base,labels,object,\"{\"\"a\"\": 1}\"\n9.5,true,url,url.path,wildcard,x\nmore, of, a description, url.pth, x",
        );
        for (name, known) in
            [("labels.any", true), ("url.path", true), ("url.path.x", false), ("url.pth", false), ("log.offset", true)]
        {
            assert_eq!(ecs.knows(name), known, "{name}");
        }
    }
}
