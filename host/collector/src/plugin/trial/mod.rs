//! `collector plugin test`: everything that may happen to a plugin, before it happens.

mod case;
mod hardship;
mod lane;
mod long_lines;
mod purity;
mod report;
mod sample_files;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anyhow::Context as _;
use collector_plugin_host::{LoadError, PluginDirs};

use self::{
    lane::{Lane, Material},
    report::Report,
    sample_files::SampleFiles,
};
use super::{
    TestArgs, build, check,
    crate_folder::CrateFolder,
    opening::{self, Opened},
};

/// Runs every stage; false if one found a fault.
pub fn test(args: &TestArgs) -> anyhow::Result<bool> {
    let (plugin, samples_dir) = target(args)?;
    let dirs = opening::plugin_dirs()?;
    let cache = tempfile::tempdir().context("making a folder for compiled code")?;
    let host = opening::trial_host(Default::default(), Some(cache.path()))?;
    let opened = match opening::open(&host, &args.opening, &plugin, &dirs) {
        Ok(opened) => opened,
        Err(LoadError { path, problem }) => {
            check::print(&format!("{}\n  FAILED   loading: {problem}\n", opening::shown(&path).display()))?;
            return Ok(false);
        }
    };
    let samples_dir = samples_dir.or_else(|| beside(&opened));
    let files = samples_dir.as_deref().map(SampleFiles::read).transpose()?.unwrap_or_default();
    let mut report = Report::begin(&opened)?;
    let material = Material::gather(&opened, &files)?;
    let lanes =
        material.iter().map(|material| Lane::load(&host, &opened.spec, material)).collect::<Result<Vec<_>, _>>()?;
    files.compare(&lanes, &mut report)?;
    purity::check(&lanes, args.seed, &mut report)?;
    hardship::check(&lanes, args.seed, &mut report)?;
    long_lines::check(&lanes, &mut report)?;
    long_lines::check_with_little_memory(&opened.spec, &material, cache.path(), &mut report)?;
    report.end()
}

/// The plugin's file, and the folder with more samples: a folder is built first.
fn target(args: &TestArgs) -> anyhow::Result<(PathBuf, Option<PathBuf>)> {
    if !args.plugin.is_dir() {
        return Ok((args.plugin.clone(), args.samples.clone()));
    }
    let folder = CrateFolder::read(&args.plugin)?;
    let wasm = folder.wasm_on_trial();
    build::compile(&folder, &wasm).with_context(|| format!("building {}", folder.package))?;
    let samples = args.samples.clone().or_else(|| Some(folder.dir.join("samples")));
    Ok((wasm, samples))
}

/// The samples of a plugin whose file lies in its crate's folder.
fn beside(opened: &Opened) -> Option<PathBuf> {
    opened.spec.path.parent().map(|dir| dir.join("samples")).filter(|dir| dir.is_dir())
}

/// What is loaded is loaded from the path that was resolved.
fn anywhere() -> PluginDirs {
    PluginDirs::or_anywhere(vec![])
}
