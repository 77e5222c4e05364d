//! cargo and rustup, run as the author of a plugin would run them.
//!
//! The ordinary way is rustup's standard library for the target. Where rustup has none (a mirror that carries the toolchain alone),
//! Debian's compiler and its sources build that library.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

/// The target of every plugin.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// cargo, working in that folder: a toolchain that the folder asks for is heeded.
pub fn cargo(dir: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(dir);
    command
}

/// What a command writes to standard output; what it says on standard error is seen.
pub fn output(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("starting `{}`; is it installed? See https://rustup.rs", spelled(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({}): what it said stands above", spelled(command), output.status);
    }
    Ok(output.stdout)
}

/// The command as one would type it.
pub fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// A compiler that can make WebAssembly.
#[derive(Debug, PartialEq, Eq)]
pub enum Compiler {
    /// The toolchain has the target's standard library.
    Toolchain,
    /// Debian's compiler builds that library from its sources, with this linker.
    Debian(PathBuf),
}

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";
const DEBIAN_PACKAGES: &str = "rustc-web rust-web-src libstd-rust-web-dev lld";

impl Compiler {
    /// Finds one for a plugin in that folder; rustup is asked for what is missing.
    pub fn find(dir: &Path) -> anyhow::Result<Compiler> {
        let sysroot = sysroot(dir)?;
        if has_target(&sysroot) || rustup_adds_target(dir, &sysroot) {
            return Ok(Compiler::Toolchain);
        }
        let has_debians = Path::new(DEBIAN_RUSTC).exists() && Path::new(DEBIAN_SOURCES).exists();
        match linker(&sysroot).filter(|_| has_debians) {
            Some(linker) => Ok(Compiler::Debian(linker)),
            None => bail!(
                "the toolchain in {} has no standard library for {TARGET}, and rustup did not add it; run `rustup target add {TARGET}`, or, \
                 where rustup cannot, on Debian: `apt-get install {DEBIAN_PACKAGES}`",
                sysroot.display()
            ),
        }
    }

    /// `cargo build` for the target.
    pub fn cargo_build(&self, dir: &Path) -> Command {
        let mut command = cargo(dir);
        command.args(["build", "--target", TARGET]);
        if let Compiler::Debian(linker) = self {
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

fn sysroot(dir: &Path) -> anyhow::Result<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = output(Command::new(rustc).args(["--print", "sysroot"]).current_dir(dir))?;
    Ok(PathBuf::from(String::from_utf8_lossy(&printed).trim()))
}

fn has_target(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir()
}

/// Asks rustup for the target. Its refusal is said by whoever finds no other way.
fn rustup_adds_target(dir: &Path, sysroot: &Path) -> bool {
    let mut command = Command::new("rustup");
    command.args(["target", "add", TARGET]).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null());
    if let Some(toolchain) = sysroot.file_name() {
        command.arg("--toolchain").arg(toolchain);
    }
    eprintln!("collector: the toolchain has no standard library for {TARGET}: {}", spelled(&command));
    command.status().is_ok_and(|status| status.success()) && has_target(sysroot)
}

/// The linker that comes with rustup's toolchain, else the one of Debian's `lld`.
fn linker(sysroot: &Path) -> Option<PathBuf> {
    let hosts = sysroot.join("lib/rustlib").read_dir().into_iter().flatten().flatten();
    let shipped = hosts.map(|host| host.path().join("bin/rust-lld")).find(|file| file.is_file());
    shipped.or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("wasm-ld")).find(|file| file.is_file())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_compiler_builds_the_library_too() {
        let build = Compiler::Debian("/usr/bin/wasm-ld".into()).cargo_build(Path::new("/"));
        assert!(spelled(&build).starts_with("cargo build --target wasm32-unknown-unknown -Zbuild-std=std,panic_abort"));
        assert!(
            build.get_envs().any(|(name, value)| name == "RUSTC" && value.is_some_and(|value| value == DEBIAN_RUSTC))
        );
        assert_eq!(Compiler::Toolchain.cargo_build(Path::new("/")).get_envs().count(), 0);
    }
}
