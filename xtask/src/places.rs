//! Where things are in a checkout.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where cargo puts what it builds: `CARGO_TARGET_DIR`, else `target` in the checkout.
pub(crate) fn target() -> PathBuf {
    target_of(env::var_os("CARGO_TARGET_DIR"), env::current_dir().ok())
}

/// As cargo understands the variable: it is relative to the directory where cargo was called.
fn target_of(variable: Option<OsString>, here: Option<PathBuf>) -> PathBuf {
    match variable {
        Some(folder) if !folder.is_empty() => here.unwrap_or_else(root).join(folder),
        _ => root().join("target"),
    }
}

/// Where `cargo xtask plugins` puts the WebAssembly plugins: in the checkout that they were built from, wherever cargo builds, since that is
/// where settings, tests and benchmarks look for them.
pub(crate) fn plugins() -> PathBuf {
    root().join("target/plugins")
}

/// The program of a dev build.
pub(crate) fn collector() -> PathBuf {
    target().join("debug/collector")
}

/// The simulator of a dev build.
pub(crate) fn simulator() -> PathBuf {
    target().join("debug/simulate")
}

/// The file that a command name stands for on `PATH`.
pub(crate) fn on_path(command: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(command)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_moves_what_is_built_and_leaves_the_plugins_in_the_checkout() {
        let here = || Some(PathBuf::from("/here"));
        assert_eq!(target_of(None, here()), root().join("target"));
        assert_eq!(target_of(Some("".into()), here()), root().join("target"));
        assert_eq!(target_of(Some("shared".into()), here()), Path::new("/here/shared"));
        assert_eq!(target_of(Some("/shared".into()), here()), Path::new("/shared"));
        assert_eq!(plugins(), root().join("target/plugins"));
    }
}
