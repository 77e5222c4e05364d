//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{dead_letters::DeadLettersCommand, plugin};

/// Collects logs: from files, through WebAssembly plugins, to Kafka and Elasticsearch, or into an index on this machine.
///
/// Without a command it runs; without a role it runs standalone: files into an embedded index with a search page, no server needed.
#[derive(Debug, Parser)]
#[command(name = "collector", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do instead of running.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// How to run.
#[derive(Debug, Args, Clone, Default)]
pub struct RunArgs {
    /// What this process does.
    #[arg(long, value_enum)]
    pub role: Option<Role>,
    /// Where the settings are.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// Where the settings are.
#[derive(Debug, Args, Clone, Default)]
pub struct SettingsArgs {
    /// Settings file, TOML or the older INI [default: ./collector.toml, else /etc/collector/collector.toml].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where this process keeps what it must remember.
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// What a process does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Reads files and sends lines to Kafka.
    Agent,
    /// Takes lines from Kafka and writes documents to Elasticsearch or OpenSearch.
    Transfer,
    /// Reads files into an index on this machine, with a search page.
    #[default]
    Standalone,
    /// Serves the fleet's pages.
    #[value(hide = true)]
    Console,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Says everything that is wrong with settings, tasks and plugins, and what to do about it.
    Check(CheckArgs),
    /// Searches what a running standalone collector has indexed.
    Search(SearchArgs),
    /// Looks at lines that could not be brought where they belong, and sends them once more.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Works with plugins.
    #[command(subcommand)]
    Plugin(PluginCommand),
}

/// `collector check`.
#[derive(Debug, Args, Clone, Default)]
pub struct CheckArgs {
    /// The role that the settings are meant for [default: what the settings suggest].
    #[arg(long, value_enum)]
    pub role: Option<Role>,
    /// Where the settings are.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Files of tasks to check (besides those that the settings name).
    #[arg(long, value_name = "FILE")]
    pub tasks: Vec<PathBuf>,
    /// Plugins to check (besides those that tasks name): a path, or a name.
    #[arg(long, value_name = "FILE")]
    pub plugin: Vec<PathBuf>,
}

/// `collector search`.
#[derive(Debug, Args, Clone)]
pub struct SearchArgs {
    /// Words, or conditions such as http.response.status_code:500; none finds everything.
    #[arg(default_value = "")]
    pub query: String,
    /// The earliest time: a span back from now (90s, 15m, 1h, 7d), or a time (2026-01-31T12:00:00Z).
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// The latest time, written likewise.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only this topic.
    #[arg(long)]
    pub topic: Option<String>,
    /// How many lines to show at most, the newest.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
    /// Print whole documents, one JSON object a line.
    #[arg(long)]
    pub json: bool,
    /// Address of the running collector [default: as the settings say, 127.0.0.1:8686].
    #[arg(long, value_name = "ADDRESS")]
    pub server: Option<String>,
    /// Where the settings are.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// `collector plugin …`.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Makes a crate for a new plugin, with a sample and a test.
    New(plugin::NewArgs),
    /// Compiles a plugin's crate to WebAssembly, and checks it.
    Build(plugin::BuildArgs),
    /// Says what a file is: a plugin with its imports, fields and samples, or why it is refused.
    Check(plugin::CheckArgs),
    /// Tries a plugin hard: samples, purity, random bytes, long lines, little memory.
    Test(plugin::TestArgs),
    /// Measures how fast a plugin is on the lines of a file.
    Bench(plugin::BenchArgs),
    /// Runs plugins over lines and prints one document a line, as it would be indexed.
    Run(PluginRunArgs),
}

/// `collector plugin run`.
#[derive(Debug, Args, Clone)]
pub struct PluginRunArgs {
    /// Configuration of a plugin, as JSON: the first is the first plugin's, and so on.
    #[arg(long, value_name = "JSON")]
    pub config: Vec<String>,
    /// Print each document's id too.
    #[arg(long)]
    pub ids: bool,
    /// The day on which the lines are taken to be read, for timestamps without a year [default: today].
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub day: Option<jiff::civil::Date>,
    /// The zone of timestamps without one [default: this machine's].
    #[arg(long, value_name = "+HH:MM", allow_hyphen_values = true, value_parser = parse_timezone)]
    pub timezone: Option<i16>,
    /// Take the chain of the task for TOPIC in a file of tasks, instead of naming plugins.
    #[arg(long, value_name = "TASKS.json#TOPIC", value_parser = parse_chain)]
    pub chain: Option<ChainArg>,
    /// PLUGIN[,PLUGIN…] (a path or a name; left out with --chain), then files; standard input where none is given.
    #[arg(value_name = "PLUGIN[,PLUGIN…]|FILE")]
    rest: Vec<String>,
}

/// `TASKS.json#TOPIC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainArg {
    /// The file of tasks.
    pub tasks: PathBuf,
    /// The topic whose chain is meant.
    pub topic: String,
}

impl PluginRunArgs {
    /// The plugins that are named; empty with `--chain`.
    pub fn plugins(&self) -> Vec<&str> {
        match (&self.chain, self.rest.first()) {
            (None, Some(plugins)) => plugins.split(',').filter(|plugin| !plugin.is_empty()).collect(),
            _ => Vec::new(),
        }
    }

    /// The files to read; empty for standard input.
    pub fn files(&self) -> Vec<PathBuf> {
        let skipped = usize::from(self.chain.is_none());
        self.rest.iter().skip(skipped).map(PathBuf::from).collect()
    }

    /// What is wrong with the combination, and what to do: nothing says which plugins, or more configurations than plugins.
    pub fn mistake(&self) -> Option<String> {
        let plugins = self.plugins().len();
        if self.chain.is_none() && plugins == 0 {
            return Some(
                "no plugin is named: write collector plugin run PLUGIN[,PLUGIN…] [FILE…], or --chain TASKS.json#TOPIC"
                    .into(),
            );
        }
        if self.chain.is_some() && !self.config.is_empty() {
            return Some(
                "--config and --chain exclude each other: the chain's configurations stand in the tasks".into(),
            );
        }
        let configs = self.config.len();
        (self.chain.is_none() && configs > plugins)
            .then(|| format!("{configs} --config for {plugins} plugins: name as many plugins, or take a --config away"))
    }
}

fn parse_chain(text: &str) -> Result<ChainArg, String> {
    match text.rsplit_once('#') {
        Some((tasks, topic)) if !tasks.is_empty() && !topic.is_empty() => {
            Ok(ChainArg { tasks: tasks.into(), topic: topic.to_owned() })
        }
        _ => Err("write the file of tasks, '#' and the topic: tasks/web.json#web_log".to_owned()),
    }
}

/// Minutes east of UTC.
fn parse_timezone(text: &str) -> Result<i16, String> {
    let wrong = || format!("write the offset from UTC as +02:00 or -03:30, or UTC, not {text:?}");
    if matches!(text, "UTC" | "Z") {
        return Ok(0);
    }
    let (sign, clock) = match text.split_at_checked(1) {
        Some(("+", clock)) => (1, clock),
        Some(("-", clock)) => (-1, clock),
        _ => return Err(wrong()),
    };
    let (hours, minutes) = clock.split_once(':').ok_or_else(wrong)?;
    let part = |text: &str, below: i16| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i16>().ok().filter(|number| is_number && *number < below)
    };
    match (part(hours, 24), part(minutes, 60)) {
        (Some(hours), Some(minutes)) => Ok(sign * (60 * hours + minutes)),
        _ => Err(wrong()),
    }
}

impl SettingsArgs {
    /// The request to the settings.
    pub fn request(&self) -> crate::settings::Request {
        crate::settings::Request { config: self.config.clone(), state_dir: self.state_dir.clone() }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Cli {
        Cli::try_parse_from(std::iter::once("collector").chain(line.split_whitespace())).unwrap()
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn offsets_from_utc_are_minutes() {
        for (text, minutes) in [("+02:00", 120), ("-03:30", -210), ("UTC", 0)] {
            assert_eq!(parse_timezone(text), Ok(minutes));
        }
        for wrong in ["", "2", "+2:00", "+02", "+02:60", "+24:00", "é", "++1:00"] {
            assert!(parse_timezone(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn without_anything_it_runs_standalone() {
        let cli = parse("");
        assert!(cli.command.is_none());
        assert_eq!(cli.run.role.unwrap_or_default(), Role::Standalone);
        assert_eq!(parse("--role agent --config a.ini").run.role, Some(Role::Agent));
    }

    #[test]
    fn plugins_and_files_of_plugin_run_are_told_apart() {
        let run = |line: &str| match parse(line).command {
            Some(Command::Plugin(PluginCommand::Run(args))) => args,
            other => panic!("{other:?}"),
        };
        let args = run("plugin run --config {} --ids nginx,./redact.wasm a.log b.log");
        assert_eq!(args.plugins(), ["nginx", "./redact.wasm"]);
        assert_eq!(args.files(), [PathBuf::from("a.log"), PathBuf::from("b.log")]);
        assert!(args.ids && args.mistake().is_none());
        let args = run("plugin run --chain tasks/web.json#web a.log");
        assert_eq!((args.plugins().len(), args.files().len()), (0, 1));
        assert_eq!(args.chain, Some(ChainArg { tasks: "tasks/web.json".into(), topic: "web".into() }));
        assert!(
            run("plugin run --config {} --config {} nginx").mistake().unwrap().starts_with("2 --config for 1 plugins")
        );
        assert!(run("plugin run").mistake().is_some());
    }
}
