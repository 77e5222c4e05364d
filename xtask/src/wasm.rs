//! How plugins are compiled for WebAssembly here.
//!
//! The ordinary way is rustup's standard library for the target. Where rustup has none (a mirror that carries
//! the toolchain alone, a machine behind a wall), Debian's compiler and its sources build that library.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::{debian, places, process};

/// The target of every plugin.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: &str = "rustc-web rust-web-src libstd-rust-web-dev";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";

/// A compiler that can make WebAssembly.
#[derive(Debug)]
pub(crate) enum Compiler {
    /// The active toolchain has the target.
    Rustup,
    /// Debian's compiler builds the target's standard library too.
    Debian {
        /// A linker for WebAssembly.
        linker: PathBuf,
    },
}

impl Compiler {
    /// Finds one; installs what is missing where that is possible.
    ///
    /// `COLLECTOR_WASM=debian` takes Debian's although the toolchain has the target.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let sysroot = PathBuf::from(process::output(Command::new("rustc").args(["--print", "sysroot"]))?);
        let debian_is_wanted = env::var_os("COLLECTOR_WASM").is_some_and(|way| way == "debian");
        if !debian_is_wanted && (has_target(&sysroot) || rustup_adds_target(&sysroot)) {
            return Ok(Self::Rustup);
        }
        if !Path::new(DEBIAN_SOURCES).exists() || !Path::new(DEBIAN_RUSTC).exists() {
            debian::install(DEBIAN_PACKAGES, "a standard library for WebAssembly plugins")
                .with_context(|| format!("the toolchain has no {TARGET} and rustup cannot add it"))?;
        }
        let linker = linker(&sysroot)?;
        Ok(Self::Debian { linker })
    }

    /// `cargo build` for the target, in a target directory of its own: its lock and its artefacts do not
    /// get in the way of native builds.
    pub(crate) fn build(&self) -> Command {
        let mut command = Command::new("cargo");
        command
            .args(["build", "--target", TARGET, "--profile", "plugin", "--lib"])
            // memchr and its like use SIMD only where it is on at compile time.
            .env("RUSTFLAGS", "-Ctarget-feature=+simd128")
            .env("CARGO_TARGET_DIR", folder())
            .current_dir(places::root());
        if let Self::Debian { linker } = self {
            command
                .args(["-Zbuild-std=std,panic_abort", "--ignore-rust-version"])
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                .env_remove("RUSTC_WRAPPER")
                .env_remove("RUSTC_WORKSPACE_WRAPPER");
        }
        command
    }
}

/// Where the builds for WebAssembly lie.
pub(crate) fn folder() -> PathBuf {
    places::target().join("wasm")
}

/// Where cargo leaves the artefacts.
pub(crate) fn artefacts() -> PathBuf {
    folder().join(TARGET).join("plugin")
}

fn has_target(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir()
}

/// Asks rustup for the target. Quietly: a refusal is ordinary where a mirror carries the host's part alone.
fn rustup_adds_target(sysroot: &Path) -> bool {
    if places::on_path("rustup").is_none() {
        return false;
    }
    eprintln!("xtask: rustup target add {TARGET}");
    let mut command = Command::new("rustup");
    command.args(["target", "add", TARGET]).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(toolchain) = sysroot.file_name() {
        command.arg("--toolchain").arg(toolchain);
    }
    process::run(&mut command).is_ok() && has_target(sysroot)
}

/// The linker that comes with rustup's toolchain, else the one of Debian's `lld`.
fn linker(sysroot: &Path) -> anyhow::Result<PathBuf> {
    let hosts = sysroot.join("lib/rustlib");
    let folders = hosts.read_dir().with_context(|| format!("looking for rust-lld in {}", hosts.display()))?;
    let shipped = folders.flatten().map(|host| host.path().join("bin/rust-lld")).find(|file| file.is_file());
    match shipped.or_else(|| places::on_path("wasm-ld")) {
        Some(linker) => Ok(linker),
        None => {
            debian::ensure(&[debian::Tool { command: "wasm-ld", packages: "lld" }])?;
            places::on_path("wasm-ld").context("wasm-ld is not on PATH, although lld was installed")
        }
    }
}
