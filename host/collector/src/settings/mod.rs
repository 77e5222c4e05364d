//! Settings: what was written (a file in TOML or the seed's INI, the environment, the command line) becomes what it means for a role,
//! once, here. Everything that is wrong is said at once, each with its place and what to do.

// Without the fleet's clients its settings are still read and checked, and nobody uses them.
#![cfg_attr(not(feature = "fleet"), allow(dead_code, unused_imports))]

mod address;
mod agent;
mod elastic;
mod etcd;
mod every_role;
mod file;
mod ini_file;
mod kafka;
mod limits;
mod low;
mod machine;
mod meaning;
mod problem;
mod section;
mod standalone;
mod transfer;

use std::path::{Path, PathBuf};

pub use agent::{AgentSettings, TaskSource};
pub use elastic::{ElasticAuth, ElasticSettings};
pub use etcd::EtcdSettings;
pub use every_role::Common;
pub use kafka::{Compression, KafkaSettings, SaslMechanism};
pub use limits::{Limits, PluginLimits};
pub use machine::Machine;
pub use problem::{Problem, Problems};
pub use standalone::StandaloneSettings;
pub use transfer::TransferSettings;

use self::{ini_file::Seed, low::LowSettings, problem::Places};

/// A text that is not shown in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being shown.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself, for whoever must send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The form of a settings file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// TOML.
    Toml,
    /// The seed system's INI.
    Ini,
}

/// What the command line says about settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--state-dir`.
    pub state_dir: Option<PathBuf>,
}

/// Settings as they were written, ready to be given their meaning for a role.
#[derive(Clone)]
pub struct Written {
    pub(crate) low: LowSettings,
    pub(crate) seed: Seed,
    pub(crate) form: Form,
    pub(crate) file: Option<PathBuf>,
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) machine: Machine,
    pub(crate) places: Places,
    pub(crate) problems: Vec<Problem>,
    pub(crate) notes: Vec<String>,
}

impl Written {
    /// Reads the settings file (`--config`, else `./collector.toml`, else `/etc/collector/collector.toml`, else none) and the
    /// environment. Mistakes are kept, so that the role's own are said together with them.
    pub fn read(request: &Request, machine: Machine) -> Self {
        let file = request.config.as_ref().map(|path| machine.absolute(path)).or_else(|| machine.default_config());
        let mut written = Written {
            low: LowSettings::default(),
            seed: Seed::default(),
            form: file.as_deref().map_or(Form::Toml, form_of),
            places: Places::new(file.as_deref()),
            state_dir: request.state_dir.as_ref().map(|dir| machine.absolute(dir)),
            file,
            machine,
            problems: Vec::new(),
            notes: Vec::new(),
        };
        written.read_file();
        written.read_environment();
        written
    }

    fn read_file(&mut self) {
        let Some(path) = &self.file else { return };
        let text = match file::read_text(path) {
            Ok(text) => text,
            Err(problem) => return self.problems.push(problem),
        };
        match self.form {
            Form::Toml => self.low = file::read_toml(&text, &mut self.places, &mut self.problems),
            Form::Ini => {
                (self.low, self.seed, self.notes) = ini_file::read_ini(&text, &mut self.places, &mut self.problems);
            }
        }
    }

    fn read_environment(&mut self) {
        let values = &self.machine.environment;
        let notes = file::overlay_environment(&mut self.low, values, &mut self.places, &mut self.problems);
        self.notes.extend(notes);
    }

    /// The settings file that was read.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Whether anything was written in a section, right or wrong.
    pub fn mentions(&self, section: &str) -> bool {
        self.places.mention(section)
    }

    /// What is worth a word although nothing is wrong with it.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What the settings mean for an agent.
    pub fn agent(&self) -> Result<AgentSettings, Problems> {
        meaning::of(self, agent::meaning)
    }

    /// What the settings mean for a transfer.
    pub fn transfer(&self) -> Result<TransferSettings, Problems> {
        meaning::of(self, transfer::meaning)
    }

    /// What the settings mean for standalone.
    pub fn standalone(&self) -> Result<StandaloneSettings, Problems> {
        meaning::of(self, standalone::meaning)
    }

    /// How Kafka is reached, for tools that need nothing else.
    #[cfg(feature = "fleet")]
    pub fn kafka(&self) -> Result<KafkaSettings, Problems> {
        meaning::of(self, kafka::meaning)
    }

    /// What every role has, without asking for any role's servers: enough for tools.
    pub fn common(&self) -> Result<Common, Problems> {
        meaning::of(self, every_role::meaning)
    }
}

fn form_of(path: &Path) -> Form {
    let ini = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("ini"));
    if ini { Form::Ini } else { Form::Toml }
}

#[cfg(test)]
mod tests;
