//! The command line of `collector dead-letters …`.

use clap::{Args, Subcommand};
use collector_model::Topic;

use crate::{cli::SettingsArgs, work::dead::now_ms};

/// `collector dead-letters …`.
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// Lists the dead letters: when, which topic, why, where, and how the line begins.
    List(ListArgs),
    /// Shows everything that is known of one dead letter, and its line as it was.
    Show(ShowArgs),
    /// Sends dead letters once more along the normal way, under the ids that they had: what is in the index already stays there once.
    Replay(ReplayArgs),
}

/// Which letters are meant.
#[derive(Debug, Args, Clone, Default)]
pub struct FilterArgs {
    /// Only those of this topic (without .dead); may be given several times [default: every topic that has some].
    #[arg(long, value_name = "TOPIC", value_parser = parse_topic)]
    pub topic: Vec<Topic>,
    /// Only those given up since then: a span back from now (90s, 15m, 1h, 7d), or a time (2026-01-31T12:00:00Z).
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub since: Option<i64>,
    /// Only those whose error.type is this, or whose reason contains it.
    #[arg(long, value_name = "TEXT")]
    pub error: Option<String>,
}

/// `collector dead-letters list`.
#[derive(Debug, Args, Clone)]
pub struct ListArgs {
    /// Which ones.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Print one JSON object a line.
    #[arg(long)]
    pub json: bool,
    /// Where the settings are.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// `collector dead-letters show`.
#[derive(Debug, Args, Clone)]
pub struct ShowArgs {
    /// The letter's id, as the list shows it.
    #[arg(value_name = "ID")]
    pub id: String,
    /// Only look in this topic (without .dead); may be given several times.
    #[arg(long, value_name = "TOPIC", value_parser = parse_topic)]
    pub topic: Vec<Topic>,
    /// Print a JSON object, with the line's bytes as base64.
    #[arg(long, conflicts_with = "raw")]
    pub json: bool,
    /// Print the line's bytes alone, exactly as they were.
    #[arg(long)]
    pub raw: bool,
    /// Where the settings are.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// `collector dead-letters replay`.
#[derive(Debug, Args, Clone)]
pub struct ReplayArgs {
    /// Ids of letters, as the list shows them.
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub ids: Vec<String>,
    /// Send every letter, or every one that the filters leave.
    #[arg(long)]
    pub all: bool,
    /// Which ones.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Say what would be sent, and send nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Send lines too that the agent's plugins gave up. Those plugins do not run again: what they would have removed (redact) stays.
    #[arg(long)]
    pub skip_agent_plugins: bool,
    /// Where the settings are.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

fn parse_topic(text: &str) -> Result<Topic, String> {
    Topic::new(text).map_err(|error| error.to_string())
}

fn parse_since(text: &str) -> Result<i64, String> {
    collector_web::parse_time(text, now_ms()).map_err(|error| error.to_string())
}
