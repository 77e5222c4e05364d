//! `cargo xtask plugins [--python] [NAME...]`: the plugins of this repository as WebAssembly.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::wasm::{self, Compiler};
use crate::{places, process, python};

/// Folders under `plugins/` that hold no plugin of the standard library.
const NOT_PLUGINS: [&str; 2] = ["sdk", "examples"];

/// Runs the verb.
pub(crate) fn run(mut arguments: lexopt::Parser) -> anyhow::Result<()> {
    let (mut names, mut with_python) = (Vec::new(), false);
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("python") => with_python = true,
            lexopt::Arg::Value(name) => names.push(name.to_string_lossy().into_owned()),
            other => return Err(other.unexpected().into()),
        }
    }
    if !with_python || !names.is_empty() {
        build(&names)?;
    }
    if with_python { python::Environment::prepare()?.build() } else { Ok(()) }
}

/// Builds the named plugins (none named: all) into `target/plugins/NAME.wasm`.
pub(crate) fn build(names: &[String]) -> anyhow::Result<()> {
    build_with(&Compiler::find()?, names)
}

/// As [`build`], with a compiler that was found before.
pub(crate) fn build_with(compiler: &Compiler, names: &[String]) -> anyhow::Result<()> {
    let names = chosen(available(&places::root().join("plugins"))?, names)?;
    let mut command = compiler.build();
    for name in &names {
        command.args(["--package", &format!("plugin-{name}")]);
    }
    process::run(&mut command).context("building the plugins for WebAssembly")?;
    fs::create_dir_all(places::plugins()).with_context(|| format!("creating {}", places::plugins().display()))?;
    for name in &names {
        let artefact = format!("plugin_{}.wasm", name.replace('-', "_"));
        let from = wasm::artefacts().join(artefact);
        let to = places::plugins().join(format!("{name}.wasm"));
        let news = publish(&from, &to).with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
        let bytes = fs::metadata(&to)?.len();
        let state = if news { "built" } else { "unchanged" };
        eprintln!("xtask: {} {state} ({} KiB)", to.display(), bytes.div_ceil(1024));
    }
    Ok(())
}

/// The plugins there are: every folder with a manifest, by name.
fn available(plugins: &Path) -> anyhow::Result<Vec<String>> {
    let entries = plugins.read_dir().with_context(|| format!("listing {}", plugins.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !NOT_PLUGINS.contains(&name.as_str()))
        .collect();
    names.sort();
    Ok(names)
}

fn chosen(available: Vec<String>, wanted: &[String]) -> anyhow::Result<Vec<String>> {
    if wanted.is_empty() {
        return Ok(available);
    }
    if let Some(unknown) = wanted.iter().find(|name| !available.contains(name)) {
        bail!("there is no plugin '{unknown}'; there are: {}", available.join(", "));
    }
    Ok(wanted.to_vec())
}

/// Copies a file where its content differs; a reader of `to` sees the old content or the new, never a part.
pub(crate) fn publish(from: &Path, to: &Path) -> anyhow::Result<bool> {
    let content = fs::read(from)?;
    if fs::read(to).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    let unfinished = to.with_extension("wasm.new");
    fs::write(&unfinished, content)?;
    fs::rename(&unfinished, to)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_a_folder_with_a_manifest() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["zeta", "alpha", "sdk", "examples"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("Cargo.toml"), "").unwrap();
        }
        fs::create_dir(folder.path().join("empty")).unwrap();
        assert_eq!(available(folder.path()).unwrap(), ["alpha", "zeta"]);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let available = vec!["json".to_owned(), "nginx".to_owned()];
        let error = chosen(available, &["ngnix".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "there is no plugin 'ngnix'; there are: json, nginx");
    }

    #[test]
    fn an_unchanged_artefact_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("b.wasm"));
        fs::write(&from, "one").unwrap();
        assert!(publish(&from, &to).unwrap());
        assert!(!publish(&from, &to).unwrap());
        fs::write(&from, "two").unwrap();
        assert!(publish(&from, &to).unwrap());
        assert_eq!(fs::read(&to).unwrap(), b"two");
    }
}
