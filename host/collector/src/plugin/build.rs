//! `collector plugin build`: a plugin's crate becomes NAME.wasm.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use serde::Deserialize;

use super::{
    BuildArgs, check,
    crate_folder::CrateFolder,
    opening,
    toolchain::{self, Compiler},
};

/// How the release profile is set, whatever the crate's own says: small and fast. A panic ends the instance in any case.
const PROFILE: [&str; 5] = ["opt-level=3", "lto=\"fat\"", "codegen-units=1", "panic=\"abort\"", "strip=\"debuginfo\""];
/// The SDK's scanners, and memchr and its like, use SIMD only where it is on at compile time.
const SIMD: &str = "-Ctarget-feature=+simd128";

/// Builds, checks, and says where the plugin is.
pub fn build(args: &BuildArgs) -> anyhow::Result<()> {
    let folder = CrateFolder::read(&args.dir)?;
    let wasm = args.out.clone().unwrap_or_else(|| folder.wasm());
    compile(&folder, &wasm)?;
    let wasm = wasm.canonicalize().with_context(|| format!("resolving {}", wasm.display()))?;
    let host = opening::trial_host(Default::default(), None)?;
    let opened = opening::open(&host, &args.opening, &wasm, &opening::plugin_dirs()?)?;
    check::print(&format!("built {}: {}\n", opening::shown(&wasm).display(), check::summary(&opened)))
}

/// Compiles a crate into that file. What lay there is replaced in one step, so that a running collector never reads a part of it.
pub fn compile(folder: &CrateFolder, wasm: &Path) -> anyhow::Result<()> {
    let mut command = Compiler::find(&folder.dir)?.cargo_build(&folder.dir);
    command.args(["--release", "--lib", "--package", &folder.package, "--message-format", "json-render-diagnostics"]);
    for setting in PROFILE {
        command.args(["--config", &format!("profile.release.{setting}")]);
    }
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    command.env("RUSTFLAGS", format!("{flags} {SIMD}").trim_start());
    let messages = toolchain::output(&mut command)?;
    let made = artefact(&messages, &folder.package)
        .ok_or_else(|| anyhow!("cargo built {} but named no .wasm file of it", folder.package))?;
    publish(&made, wasm).with_context(|| format!("copying {} to {}", made.display(), wasm.display()))
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// The module among the files that cargo says it made: the package's own is the last.
fn artefact(messages: &[u8], package: &str) -> Option<PathBuf> {
    let messages =
        messages.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    let of_package = messages.filter(|message| message.package_id.contains(package));
    let mut files = of_package.flat_map(|message| message.filenames);
    files.rfind(|file| file.extension().is_some_and(|ending| ending == "wasm"))
}

fn publish(from: &Path, to: &Path) -> std::io::Result<()> {
    if let Some(parent) = to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    let unfinished = to.with_extension("wasm.new");
    fs::copy(from, &unfinished)?;
    fs::rename(&unfinished, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_found_among_the_messages_of_cargo() {
        let messages = br#"{"reason":"compiler-artifact","package_id":"path+file:///sdk#collector-plugin@0.1.0","filenames":["/t/libcollector_plugin.rlib"]}
{"reason":"compiler-artifact","package_id":"path+file:///p/shop#0.1.0","filenames":["/t/shop.wasm","/t/libshop.rlib"]}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(artefact(messages, "shop"), Some("/t/shop.wasm".into()));
        assert_eq!(artefact(b"{\"reason\":\"build-finished\",\"success\":false}", "shop"), None);
    }
}
