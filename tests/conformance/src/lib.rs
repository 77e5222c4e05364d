//! Compares what the plugins make of real lines with the documents that others made of the same lines.
//!
//! Each plugin's folder says in its `conformance.toml` which lines it can be held to; `README.md` beside this package has the
//! keys. The lines go through the real modules, the real host and the real renderer.

pub mod cases;
pub mod chain;
pub mod compare;
pub mod corpora;
pub mod ecs;
pub mod flat;
pub mod judge;
pub mod names;
pub mod report;
pub mod source;
pub mod spec;

use std::path::PathBuf;

use crate::{corpora::Corpora, ecs::Ecs, judge::Judge, report::Row};

/// Judges every format whose name begins with one of `wanted`, or all where none is given. `None` where no lines are at hand.
pub fn judge(wanted: &[String]) -> anyhow::Result<Option<Vec<Row>>> {
    let Some(corpora) = Corpora::of_environment() else {
        return Ok(None);
    };
    let ecs = Ecs::read(&corpora)?;
    let judge = Judge::new(corpora, ecs, plugin_dir(), checkout().join("target/tmp/conformance"))?;
    let mut rows = vec![];
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| name.starts_with(wanted.as_str()));
    for (plugin, formats) in spec::read_all(&plugins_folder())? {
        match formats {
            // One plugin's mistake is not to hide the others' rows.
            Err(error) if is_wanted(&plugin) => rows.push(Row::broken(&plugin, &plugin, &error)),
            Err(_) => {}
            Ok(formats) => {
                for format in formats.iter().filter(|format| is_wanted(&format.name)) {
                    rows.push(judge.row(format).unwrap_or_else(|error| Row::broken(&format.name, &plugin, &error)));
                }
            }
        }
    }
    Ok(Some(rows))
}

fn checkout() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn plugins_folder() -> PathBuf {
    checkout().join("plugins")
}

/// Where the modules are.
fn plugin_dir() -> PathBuf {
    std::env::var_os("COLLECTOR_TEST_PLUGINS").map_or_else(|| checkout().join("target/plugins"), PathBuf::from)
}
