//! `conformance.toml`: which lines a plugin is held to.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::{names::Renaming, source::Kind};

/// Formats that are held to more than the others.
const STRICT: [&str; 5] = ["nginx", "apache", "syslog", "json", "logfmt"];
const AGREE_STRICT: f64 = 0.99;
const AGREE: f64 = 0.95;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: Vec<Format>,
}

/// A format and what it is held to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// Such as `nginx.access`.
    pub name: String,
    /// Names below which the format's own fields are.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// The chain.
    pub plugins: Vec<ChainEntry>,
    /// The least share of lines that agree.
    agree_min: Option<f64>,
    /// Where the lines are.
    pub source: Vec<Source>,
    /// Expected fields that are not compared.
    #[serde(default)]
    pub exclude: Vec<Exclude>,
    /// The plugin's folder.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// One plugin of a chain.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainEntry {
    /// The module's name.
    pub name: String,
    /// Its configuration.
    #[serde(default)]
    pub config: Value,
    /// Data files by the name under which the plugin asks for them, below the plugin's folder.
    #[serde(default)]
    pub assets: BTreeMap<String, PathBuf>,
}

/// Lines of one origin.
#[derive(Deserialize)]
#[serde(try_from = "toml::Table")]
pub struct Source {
    /// What is true whatever the kind.
    pub common: Common,
    /// How the files are to be understood.
    pub kind: Box<dyn Kind>,
}

/// What is true of a source, whatever its kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// Patterns below the folder of lines.
    pub files: Vec<String>,
    /// `@meta.timezone`: minutes east of UTC of the machine that read the lines.
    #[serde(default)]
    pub timezone_min: i16,
    /// `@meta.day`, as 2020-01-31.
    #[serde(default = "some_day")]
    pub day: String,
    /// `@meta.path`; the file's own path below the folder of lines where absent.
    pub path: Option<String>,
    /// What the corpus calls the fields.
    #[serde(default)]
    pub names: BTreeMap<String, Renaming>,
}

/// An expected field that is not compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclude {
    /// Its name, in ECS.
    pub field: String,
    /// Why.
    pub reason: String,
}

fn some_day() -> String {
    "2020-01-01".to_owned()
}

impl TryFrom<toml::Table> for Source {
    type Error = anyhow::Error;

    fn try_from(table: toml::Table) -> anyhow::Result<Self> {
        let is_common = |key: &String| ["files", "timezone_min", "day", "path", "names"].contains(&key.as_str());
        let (common, mut own): (toml::Table, toml::Table) = table.into_iter().partition(|(key, _)| is_common(key));
        let Some(toml::Value::String(kind)) = own.remove("kind") else {
            bail!("a source needs a `kind`");
        };
        let common = common.try_into().with_context(|| format!("reading a source of the kind {kind:?}"))?;
        Ok(Source { common, kind: crate::source::of(&kind, own)? })
    }
}

impl Format {
    /// The least share of lines that agree.
    pub fn agree_min(&self) -> f64 {
        self.agree_min.unwrap_or_else(|| self.agree_floor())
    }

    fn agree_floor(&self) -> f64 {
        let family = self.name.split('.').next().unwrap_or_default();
        if STRICT.contains(&family) { AGREE_STRICT } else { AGREE }
    }

    fn check(&self) -> anyhow::Result<()> {
        let floor = self.agree_floor();
        ensure!(self.agree_min() >= floor, "agree_min of {} is below {floor}, to which it is held", self.name);
        ensure!(!self.plugins.is_empty(), "{} has no plugins", self.name);
        for exclude in &self.exclude {
            ensure!(!exclude.reason.trim().is_empty(), "{} excludes {} without a reason", self.name, exclude.field);
        }
        Ok(())
    }

    /// Whether a field is below one of the format's own names.
    pub fn owns(&self, field: &str) -> bool {
        let below = |prefix: &String| {
            let prefix = prefix.trim_end_matches(['*', '.']);
            field.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.prefixes.iter().any(below)
    }
}

/// The formats of every plugin, by the folders' names in order.
pub fn read_all(plugins: &Path) -> anyhow::Result<BTreeMap<String, anyhow::Result<Vec<Format>>>> {
    let mut formats = BTreeMap::new();
    for entry in std::fs::read_dir(plugins).with_context(|| format!("listing {}", plugins.display()))? {
        let folder = entry.with_context(|| format!("listing {}", plugins.display()))?.path();
        let path = folder.join("conformance.toml");
        if path.exists() {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            formats.insert(name, read(&folder, &path).with_context(|| format!("reading {}", path.display())));
        }
    }
    Ok(formats)
}

fn read(folder: &Path, path: &Path) -> anyhow::Result<Vec<Format>> {
    let mut file: File = toml::from_str(&std::fs::read_to_string(path)?)?;
    for format in &mut file.format {
        format.check()?;
        format.folder = folder.to_owned();
    }
    Ok(file.format)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        [[format]]
        name = "redis.log"
        prefixes = ["redis.log"]
        plugins = [{ name = "redis", config = { event_fields = true } }]
        [[format.source]]
        kind = "beats"
        files = ["beats/redis/*.log"]
        timezone_min = -120
        day = "2016-05-30"
        skip = "^#"
        names = { "a" = "b", "c" = { skip = "never ours" } }
        [[format.exclude]]
        field = "x.y"
        reason = "it differs"
    "#;

    #[test]
    fn a_whole_file_is_read() {
        let file: File = toml::from_str(WHOLE).unwrap();
        let format = &file.format[0];
        format.check().unwrap();
        assert_eq!((format.agree_min(), format.source[0].common.timezone_min), (0.95, -120));
        assert!(format.owns("redis.log.role") && !format.owns("redis.logs"));
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for (right, wrong) in [
            ("skip =", "skipp ="),
            ("prefixes", "prefix"),
            ("timezone_min", "tz"),
            ("reason", "why"),
            ("\"beats\"", "\"beets\""),
        ] {
            assert!(toml::from_str::<File>(&WHOLE.replace(right, wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_share_below_the_floor_is_refused() {
        let lax = WHOLE.replace("prefixes", "agree_min = 0.9\nprefixes");
        assert!(toml::from_str::<File>(&lax).unwrap().format[0].check().is_err());
    }
}
