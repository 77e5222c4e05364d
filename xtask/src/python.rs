//! The example plugin in Python: componentize-py from PyPI in an environment of its own, and the component that it makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::{debian, places, plugins, process};

/// The example's module, which is the plugin's name too.
const MODULE: &str = "keyvalue";
/// How long the download may take.
const INSTALL_SECONDS_MAX: &str = "300";

/// An environment with what the example needs; kept under `target/` until its requirements change.
pub(crate) struct Environment(PathBuf);

impl Environment {
    /// Makes one, or finds the one that was made before.
    pub(crate) fn prepare() -> anyhow::Result<Self> {
        let folder = places::target().join("python");
        let requirements = folder_of_example().join("requirements.txt");
        let wanted = fs::read(&requirements).with_context(|| format!("reading {}", requirements.display()))?;
        let installed = folder.join("installed");
        if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
            return Ok(Environment(folder));
        }
        make(&folder)?;
        let mut pip = Command::new("timeout");
        pip.arg(INSTALL_SECONDS_MAX).arg(folder.join("bin/python")).args(["-m", "pip", "install", "-q"]);
        pip.args(["--disable-pip-version-check", "--timeout", "15", "--retries", "2", "-r"]).arg(&requirements);
        process::run(&mut pip).context("installing what the plugin in Python needs from PyPI")?;
        fs::write(&installed, wanted).with_context(|| format!("writing {}", installed.display()))?;
        Ok(Environment(folder))
    }

    /// Builds the example into `target/plugins/`, unless nothing of it has changed.
    pub(crate) fn build(&self) -> anyhow::Result<()> {
        let (example, to) = (folder_of_example(), places::plugins().join(format!("{MODULE}.wasm")));
        let sources = sources(&example)?;
        let stamp = self.0.join("built");
        if to.exists() && fs::read(&stamp).is_ok_and(|built| built == sources) {
            eprintln!("xtask: {} unchanged", to.display());
            return Ok(());
        }
        let component = self.0.join(format!("{MODULE}.wasm"));
        let mut componentize = Command::new(self.0.join("bin/componentize-py"));
        componentize.arg("-q").arg("-d").arg(places::root().join("wit/v0.1")).args(["-w", "plugin", "componentize"]);
        componentize.arg("-p").arg(&example).arg(MODULE).arg("-o").arg(&component).current_dir(&self.0);
        process::run(&mut componentize).context("building the plugin in Python")?;
        let mut add = Command::new(self.0.join("bin/python"));
        add.arg(example.join("add_samples.py")).arg(&component).arg(example.join("samples/samples.json"));
        process::run(&mut add).context("packing the samples of the plugin in Python")?;
        fs::create_dir_all(places::plugins()).with_context(|| format!("creating {}", places::plugins().display()))?;
        plugins::publish(&component, &to).with_context(|| format!("copying to {}", to.display()))?;
        fs::write(&stamp, sources).with_context(|| format!("writing {}", stamp.display()))?;
        eprintln!("xtask: {} built ({} KiB)", to.display(), fs::metadata(&to)?.len().div_ceil(1024));
        Ok(())
    }
}

fn folder_of_example() -> PathBuf {
    places::root().join("plugins/examples/python")
}

fn make(folder: &Path) -> anyhow::Result<()> {
    debian::ensure(&[debian::Tool { command: "python3", packages: "python3 python3-venv" }])?;
    let venv = || process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
    venv().or_else(|error| {
        // Debian has the module that it needs in a package of its own.
        debian::install("python3-venv", "an environment for the plugin in Python").context(error)?;
        venv()
    })
}

/// Everything that the component is made of, one file behind the other.
fn sources(example: &Path) -> anyhow::Result<Vec<u8>> {
    let wit = places::root().join("wit/v0.1/plugin.wit");
    let files = ["keyvalue.py", "changes.py", "add_samples.py", "requirements.txt", "samples/samples.json"];
    let files = files.iter().map(|file| example.join(file)).chain([wit]);
    let contents = files.map(|file| fs::read(&file).with_context(|| format!("reading {}", file.display())));
    Ok(contents.collect::<anyhow::Result<Vec<_>>>()?.concat())
}
