//! The native twin: a small program made of the plugin's own source, that runs it over the same lines.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};
use collector_tasks::PluginSpec;

use super::number;
use crate::plugin::{crate_folder::CrateFolder, toolchain};

/// Its source. The library goes by the name of `plugin` there.
const MAIN: &str = "//! Made by `collector plugin bench`.\n\nfn main() -> std::process::ExitCode {\n    \
                    collector_plugin::testing::speed::program::<plugin::Plugin>()\n}\n";

/// Compiles the twin and runs it: nanoseconds of a line.
pub(super) fn measure(folder: &CrateFolder, spec: &PluginSpec, lines: &Path, rounds: u32) -> anyhow::Result<f64> {
    let Some(sdk) = &folder.sdk else {
        bail!(
            "building {} for this machine: it does not depend on collector-plugin by a path, so there is no native twin",
            folder.package
        );
    };
    let dir = folder.target.join("native-twin").join(&folder.package);
    write(&dir, folder, sdk)?;
    eprintln!("collector: compiling {} for this machine", folder.package);
    let mut cargo = toolchain::cargo(&dir);
    cargo.args(["build", "--release", "--quiet", "--target-dir"]).arg(folder.target.join("native-twin/target"));
    toolchain::output(&mut cargo)?;
    let mut program = Command::new(folder.target.join("native-twin/target/release/native-twin"));
    let config = if spec.config.is_null() { String::new() } else { spec.config.to_string() };
    program.arg(lines).arg(rounds.to_string()).arg(config);
    for (name, file) in &spec.assets {
        program.arg(format!("{name}={}", file.display()));
    }
    number(&toolchain::output(&mut program)?)
}

fn write(dir: &Path, folder: &CrateFolder, sdk: &Path) -> anyhow::Result<()> {
    let files: [(PathBuf, String); 2] =
        [(dir.join("Cargo.toml"), manifest(folder, sdk)), (dir.join("src/main.rs"), MAIN.to_owned())];
    fs::create_dir_all(dir.join("src")).with_context(|| format!("making the folder {}", dir.display()))?;
    for (path, text) in files {
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    // The versions that the plugin is built with: nothing has to be looked up.
    let lock = folder.dir.ancestors().map(|dir| dir.join("Cargo.lock")).find(|lock| lock.is_file());
    if let Some(lock) = lock {
        fs::copy(&lock, dir.join("Cargo.lock")).with_context(|| format!("copying {}", lock.display()))?;
    }
    Ok(())
}

fn manifest(folder: &CrateFolder, sdk: &Path) -> String {
    let text = |text: String| serde_json::Value::from(text).to_string();
    format!(
        "[package]\nname = \"native-twin\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[dependencies]\n\
         plugin = {{ package = {}, path = {} }}\ncollector-plugin = {{ path = {} }}\n\n\
         [profile.release]\nlto = \"fat\"\ncodegen-units = 1\npanic = \"abort\"\n\n[workspace]\n",
        text(folder.package.clone()),
        text(folder.dir.display().to_string()),
        text(sdk.display().to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twin_depends_on_the_plugin_and_on_nothing_around_it() {
        let folder = CrateFolder {
            dir: "/p/my parser".into(),
            package: "my-parser".into(),
            library: "my_parser".into(),
            sdk: None,
            target: "/t".into(),
        };
        let manifest: toml::Table = manifest(&folder, Path::new("/sdk")).parse().unwrap();
        assert_eq!(manifest["dependencies"]["plugin"]["path"].as_str(), Some("/p/my parser"));
        assert_eq!(manifest["dependencies"]["plugin"]["package"].as_str(), Some("my-parser"));
        assert!(manifest.contains_key("workspace"));
    }
}
