//! The folder of a plugin's crate, as cargo understands it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;

use super::toolchain;

/// What is needed to know of a plugin's crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrateFolder {
    /// The folder, absolute.
    pub dir: PathBuf,
    /// The package's name.
    pub package: String,
    /// The library's name, as other crates import it.
    pub library: String,
    /// The folder of the crate collector-plugin, where it is a path dependency.
    pub sdk: Option<PathBuf>,
    /// Where cargo puts what it builds.
    pub target: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    path: Option<PathBuf>,
}

impl CrateFolder {
    /// Asks cargo.
    pub fn read(dir: &Path) -> anyhow::Result<CrateFolder> {
        let manifest = dir.join("Cargo.toml");
        if !manifest.is_file() {
            bail!(
                "looking for a plugin's crate in {}: it has no Cargo.toml; name the plugin's folder, or make one: collector plugin new NAME",
                dir.display()
            );
        }
        let manifest = manifest.canonicalize().with_context(|| format!("resolving {}", manifest.display()))?;
        let dir = manifest.parent().unwrap_or(dir);
        let mut command = toolchain::cargo(dir);
        command.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(&manifest);
        let json = toolchain::output(&mut command)?;
        Self::understand(&json, &manifest)
    }

    fn understand(metadata: &[u8], manifest: &Path) -> anyhow::Result<CrateFolder> {
        let metadata: Metadata = serde_json::from_slice(metadata).context("reading what `cargo metadata` says")?;
        let package = metadata.packages.into_iter().find(|package| package.manifest_path == manifest);
        let package =
            package.ok_or_else(|| anyhow!("{} has no [package]: name the plugin's own folder", manifest.display()))?;
        let library = package.targets.iter().find(|target| target.kind.iter().any(|kind| kind == "cdylib"));
        let library = library.ok_or_else(|| {
            anyhow!("{} makes no module: add crate-type = [\"cdylib\", \"rlib\"] under [lib]", manifest.display())
        })?;
        let sdk = package.dependencies.iter().find(|dependency| dependency.name == "collector-plugin");
        Ok(CrateFolder {
            dir: manifest.parent().unwrap_or(manifest).to_owned(),
            library: library.name.replace('-', "_"),
            sdk: sdk.and_then(|sdk| sdk.path.clone()),
            target: metadata.target_directory,
            package: package.name,
        })
    }

    /// The plugin's name in chains: the package's, without the `plugin-` that tells it from other crates.
    pub fn name(&self) -> &str {
        self.package.strip_prefix("plugin-").unwrap_or(&self.package)
    }

    /// Where `collector plugin build` puts the plugin, unless it is told otherwise.
    pub fn wasm(&self) -> PathBuf {
        self.dir.join(self.file_name())
    }

    /// Where `collector plugin test` puts it: out of the way of what a collector may be running.
    pub fn wasm_on_trial(&self) -> PathBuf {
        self.target.join("plugin-test").join(self.file_name())
    }

    fn file_name(&self) -> String {
        format!("{}.wasm", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(targets: &str) -> anyhow::Result<CrateFolder> {
        let json = format!(
            r#"{{"target_directory": "/t", "packages": [{{"name": "plugin-my-parser", "manifest_path": "/p/Cargo.toml", "targets": {targets},
            "dependencies": [{{"name": "serde", "path": null}}, {{"name": "collector-plugin", "path": "/sdk"}}]}}]}}"#
        );
        CrateFolder::understand(json.as_bytes(), Path::new("/p/Cargo.toml"))
    }

    #[test]
    fn a_crate_is_understood_from_what_cargo_says() {
        let found = understood(r#"[{"name": "my_parser", "kind": ["cdylib", "rlib"]}]"#).unwrap();
        assert_eq!((found.name(), found.library.as_str()), ("my-parser", "my_parser"));
        assert_eq!(found.wasm(), Path::new("/p/my-parser.wasm"));
        assert_eq!(found.wasm_on_trial(), Path::new("/t/plugin-test/my-parser.wasm"));
        assert_eq!(found.sdk.as_deref(), Some(Path::new("/sdk")));
    }

    #[test]
    fn a_crate_that_makes_no_module_is_told_what_to_add() {
        let error = understood(r#"[{"name": "my_parser", "kind": ["lib"]}]"#).unwrap_err().to_string();
        assert!(error.contains("crate-type"), "{error}");
        let error = CrateFolder::read(Path::new("/proc")).unwrap_err().to_string();
        assert!(error.contains("collector plugin new NAME"), "{error}");
    }
}
