//! `collector dead-letters replay`: which letters are sent once more, and which are not.

use std::collections::{BTreeMap, HashSet};

use anyhow::bail;
use collector_model::{EventId, ForkPath, Stage, Topic};

#[cfg(feature = "fleet")]
use super::resend;
use super::{arguments::ReplayArgs, letter::Letter, spool, store::Store};

/// Sends the letters that are meant, or says which ones it would send.
pub fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    let store = Store::of(&args.settings)?;
    let mut choice = Choice::new(args);
    let wanted = |choice: &mut Choice<'_>, send: &mut dyn FnMut(&Letter) -> anyhow::Result<()>| {
        store.read(&args.filter, &mut |letter| {
            if choice.takes(&letter) {
                send(&letter)?;
            }
            Ok(true)
        })
    };
    let what_became = if args.dry_run {
        wanted(&mut choice, &mut |_| Ok(()))?;
        "would be sent again; nothing was sent (--dry-run)".to_owned()
    } else {
        match &store {
            #[cfg(feature = "fleet")]
            Store::Kafka(settings) => {
                let mut sending = resend::Sending::start(settings)?;
                wanted(&mut choice, &mut |letter| sending.send(letter))?;
                sending.finish()?;
                "were sent again to their topics, acknowledged by Kafka".to_owned()
            }
            Store::Files(directory) => {
                let mut spool = spool::Writing::start(directory);
                wanted(&mut choice, &mut |letter| spool.add(&letter.letter))?;
                spool.finish()?
            }
        }
    };
    choice.tell(&what_became);
    choice.check(&store)
}

/// Which letters are meant, each line of them once.
struct Choice<'a> {
    args: &'a ReplayArgs,
    /// Ids that were not met yet.
    missing: HashSet<&'a str>,
    seen: HashSet<(Topic, EventId, ForkPath)>,
    taken: BTreeMap<Topic, u64>,
    again: u64,
    of_agents: u64,
    cut: u64,
    unreadable: u64,
}

impl<'a> Choice<'a> {
    fn new(args: &'a ReplayArgs) -> Self {
        Choice {
            args,
            missing: args.ids.iter().map(String::as_str).collect(),
            seen: HashSet::new(),
            taken: BTreeMap::new(),
            again: 0,
            of_agents: 0,
            cut: 0,
            unreadable: 0,
        }
    }

    /// Whether the letter is to be sent.
    fn takes(&mut self, letter: &Letter) -> bool {
        let id = letter.id();
        if !self.args.all && !self.args.ids.contains(&id) {
            return false;
        }
        self.missing.remove(id.as_str());
        let topic = &letter.letter.topic;
        let Some(envelope) = letter.envelope() else {
            self.unreadable += 1;
            return false;
        };
        if !self.seen.insert((topic.clone(), envelope.id, envelope.fork)) {
            self.again += 1;
            return false;
        }
        if letter.is_cut {
            self.cut += 1;
            return false;
        }
        if letter.letter.stage == Stage::Agent && !self.args.skip_agent_plugins {
            self.of_agents += 1;
            return false;
        }
        *self.taken.entry(topic.clone()).or_default() += 1;
        true
    }

    /// Says how many were sent, and why the others were not.
    fn tell(&self, what_became: &str) {
        let total: u64 = self.taken.values().sum();
        println!("{total} dead letters {what_became}");
        self.taken.iter().for_each(|(topic, letters)| println!("    {topic}: {letters}"));
        let left = [
            (self.again, "are there more than once: each line is sent once"),
            (
                self.of_agents,
                "were given up by an agent's plugins, which would not run again: --skip-agent-plugins sends the lines as they are",
            ),
            (self.cut, "lack the end of their line and stay where they are"),
            (self.unreadable, "have a key that this version cannot read and stay where they are"),
        ];
        left.into_iter().filter(|(letters, _)| *letters > 0).for_each(|(letters, why)| println!("{letters} {why}"));
    }

    /// Fails where an id that was named is nowhere.
    fn check(&self, store: &Store) -> anyhow::Result<()> {
        let mut missing: Vec<&str> = self.missing.iter().copied().collect();
        missing.sort_unstable();
        if missing.is_empty() {
            return Ok(());
        }
        bail!(
            "looking for dead letters in {}: there is none with the id {}; collector dead-letters list shows their ids",
            store.name(),
            missing.join(", ")
        )
    }
}
