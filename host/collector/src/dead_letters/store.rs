//! Where dead letters are kept: in topics of Kafka, or in files of the state directory where there is no Kafka.

use std::path::PathBuf;
#[cfg(feature = "fleet")]
use std::time::Duration;

use anyhow::{Context as _, anyhow};
#[cfg(feature = "fleet")]
use collector_kafka::{KafkaSettings, StoredLetter};
use collector_model::Topic;

use super::{
    arguments::FilterArgs,
    letter::{Letter, Place},
};
#[cfg(feature = "fleet")]
use crate::clients;
use crate::{
    cli::SettingsArgs,
    dead_file,
    settings::{Machine, Written},
};

/// How long Kafka is waited for.
#[cfg(feature = "fleet")]
pub const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Where dead letters are kept.
pub enum Store {
    /// Topics of Kafka.
    #[cfg(feature = "fleet")]
    Kafka(Box<KafkaSettings>),
    /// A directory of files.
    Files(PathBuf),
}

impl Store {
    /// Kafka where the settings name one, else the state directory.
    pub fn of(settings: &SettingsArgs) -> anyhow::Result<Store> {
        let written = Written::read(&settings.request(), Machine::here());
        let common = written.common().map_err(|problems| anyhow!("{problems}"))?;
        #[cfg(feature = "fleet")]
        if written.mentions("kafka") {
            let kafka = written.kafka().map_err(|problems| anyhow!("{problems}"))?;
            return Ok(Store::Kafka(Box::new(clients::kafka(&kafka, &common.limits))));
        }
        Ok(Store::Files(common.state_dir.join("dead")))
    }

    /// What it is called in messages.
    pub fn name(&self) -> String {
        match self {
            #[cfg(feature = "fleet")]
            Store::Kafka(settings) => format!("Kafka at {}", settings.address()),
            Store::Files(directory) => directory.display().to_string(),
        }
    }

    /// Hands out every letter that the filter admits, topic by topic, the oldest first; `each` may end it with `false`.
    pub fn read(
        &self,
        filter: &FilterArgs,
        each: &mut dyn FnMut(Letter) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let mut admitted = |letter: Letter| if admits(filter, &letter) { each(letter) } else { Ok(true) };
        match self {
            #[cfg(feature = "fleet")]
            Store::Kafka(settings) => read_kafka(settings, &filter.topic, &mut admitted),
            Store::Files(directory) => read_files(directory, &filter.topic, &mut admitted),
        }
    }
}

fn admits(filter: &FilterArgs, letter: &Letter) -> bool {
    let error = |text: &String| letter.letter.error_type == *text || letter.letter.error_reason.contains(text.as_str());
    filter.since.is_none_or(|since| letter.letter.time_ms >= since) && filter.error.as_ref().is_none_or(error)
}

#[cfg(feature = "fleet")]
fn read_kafka(
    settings: &KafkaSettings,
    named: &[Topic],
    each: &mut dyn FnMut(Letter) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let topics = match named {
        [] => collector_kafka::topics_with_letters(settings, ANSWER_WITHIN)?,
        named => named.to_vec(),
    };
    for topic in topics {
        let mut outcome = Ok(true);
        let foreign = collector_kafka::read_letters(settings, &topic, ANSWER_WITHIN, &mut |stored| {
            outcome = each(of_kafka(stored));
            matches!(outcome, Ok(true))
        })?;
        if foreign > 0 {
            eprintln!("{topic}.dead: {foreign} records are no dead letters of a collector and were passed over");
        }
        if !outcome? {
            break;
        }
    }
    Ok(())
}

#[cfg(feature = "fleet")]
fn of_kafka(stored: StoredLetter) -> Letter {
    let StoredLetter { letter, partition, offset, is_cut } = stored;
    Letter { letter, place: Place::Partition { partition, offset }, is_cut }
}

fn read_files(
    directory: &std::path::Path,
    named: &[Topic],
    each: &mut dyn FnMut(Letter) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let files = dead_file::files(directory)
        .with_context(|| format!("reading the dead letters in {}: check that this user may", directory.display()))?;
    for (topic, path) in files.into_iter().filter(|(topic, _)| named.is_empty() || named.contains(topic)) {
        let reading = || format!("reading the dead letters in {}", path.display());
        for record in dead_file::Records::open(&topic, &path).with_context(reading)? {
            let (offset, letter) = record.with_context(reading)?;
            if !each(Letter { letter, place: Place::File { path: path.clone(), offset }, is_cut: false })? {
                return Ok(());
            }
        }
    }
    Ok(())
}
