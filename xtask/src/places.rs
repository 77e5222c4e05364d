//! Where things are in a checkout.

use std::env;
use std::path::{Path, PathBuf};

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where cargo puts what it builds: `CARGO_TARGET_DIR`, else `target` in the checkout.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) if !folder.is_empty() => root().join(folder),
        _ => root().join("target"),
    }
}

/// Where `cargo xtask plugins` puts the WebAssembly plugins.
pub(crate) fn plugins() -> PathBuf {
    target().join("plugins")
}

/// The program of a dev build.
pub(crate) fn collector() -> PathBuf {
    target().join("debug/collector")
}

/// The file that a command name stands for on `PATH`.
pub(crate) fn on_path(command: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(command)).find(|file| file.is_file())
}
