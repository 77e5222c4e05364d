//! cargo and rustup, run as the author of a plugin would run them.

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

/// Makes sure that the toolchain of that folder can compile plugins.
pub fn ensure_target(dir: &Path) -> anyhow::Result<()> {
    let sysroot = sysroot(dir)?;
    if has_target(&sysroot) {
        return Ok(());
    }
    let mut command = Command::new("rustup");
    command.args(["target", "add", TARGET]).current_dir(dir).stdout(Stdio::null());
    if let Some(toolchain) = sysroot.file_name() {
        command.arg("--toolchain").arg(toolchain);
    }
    eprintln!("collector: the toolchain has no standard library for {TARGET}: {}", spelled(&command));
    let added = output(&mut command);
    if has_target(&sysroot) {
        return Ok(());
    }
    let advice = format!(
        "the toolchain in {} cannot compile for {TARGET}; with rustup: `rustup target add {TARGET}`; where rustup cannot, a checkout's \
         `cargo xtask plugins NAME` builds a plugin below plugins/ with Debian's compiler",
        sysroot.display()
    );
    match added {
        Err(error) => Err(error.context(advice)),
        Ok(_) => bail!(advice),
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
