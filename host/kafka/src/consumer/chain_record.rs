//! Which chain treats the lines behind what is committed: it stands in the metadata of the commit, so that whoever reads the partition
//! next treats by it again what it may have treated already. Takes events, does no I/O.
//!
//! The metadata is `chain=<hash> to=<offset>`: lines from the committed offset on and before that one may have been treated by that chain.
//! Chains that do not fork are not recorded: what they make overwrites itself.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How many records beyond those at hand are entered at once, each time with a commit that has to be waited for: few where they come
/// slowly, since after a crash all of them go by that chain.
const AHEAD_MIN: u64 = 1 << 10;
const AHEAD_MAX: u64 = 1 << 20;
/// What is used up within that time is doubled the next time.
const USED_UP_SOON: Duration = Duration::from_secs(5);

/// What is recorded of one partition, and what is to be.
#[derive(Debug)]
pub(crate) struct ChainRecord {
    recorded: Option<Recorded>,
    wanted: Option<Recorded>,
    ahead: u64,
    committed_at: Option<Instant>,
}

/// A chain, and the first offset that it has not treated; no chain where it does not fork.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recorded {
    chain: Arc<str>,
    to: u64,
}

impl Recorded {
    /// As it stands in a commit.
    pub(crate) fn metadata(&self) -> String {
        if self.chain.is_empty() { String::new() } else { format!("chain={} to={}", self.chain, self.to) }
    }
}

impl ChainRecord {
    /// What a commit's metadata says; nothing where others wrote it.
    pub(crate) fn read(metadata: &str) -> Self {
        let (mut chain, mut to) = (None, None);
        for word in metadata.split(' ') {
            match word.split_once('=') {
                Some(("chain", hash)) => chain = Some(hash.into()),
                Some(("to", offset)) => to = offset.parse().ok(),
                _ => {}
            }
        }
        ChainRecord {
            recorded: chain.zip(to).map(|(chain, to)| Recorded { chain, to }),
            wanted: None,
            ahead: AHEAD_MIN,
            committed_at: None,
        }
    }

    /// The chain by which the line at an offset may have been treated before.
    pub(crate) fn before(&self, offset: u64) -> Option<Arc<str>> {
        self.recorded.as_ref().filter(|recorded| offset < recorded.to).map(|recorded| Arc::clone(&recorded.chain))
    }

    /// Asks for a chain to be recorded for lines up to `to`; true where it is. `goes_on` where it will treat what follows, too.
    pub(crate) fn ask(&mut self, to: u64, chain: &str, goes_on: bool) -> bool {
        let (known, known_to) = self.recorded.as_ref().map_or(("", u64::MAX), |known| (&*known.chain, known.to));
        let is_recorded = known == chain && to <= known_to;
        let is_enough = chain.is_empty() || !goes_on || known_to.saturating_sub(to) > self.ahead / 2;
        if !is_recorded || !is_enough {
            if self.wanted.is_none() {
                self.pace();
            }
            let to = if goes_on { to + self.ahead } else { to };
            self.wanted = Some(Recorded { chain: chain.into(), to });
        }
        is_recorded
    }

    fn pace(&mut self) {
        let soon = self.committed_at.is_some_and(|at| at.elapsed() < USED_UP_SOON);
        self.ahead = if soon { self.ahead * 2 } else { self.ahead / 2 }.clamp(AHEAD_MIN, AHEAD_MAX);
    }

    /// What is to be committed before those who asked may go on.
    pub(crate) fn wanted(&self) -> Option<&Recorded> {
        self.wanted.as_ref()
    }

    /// That was committed.
    pub(crate) fn committed(&mut self, committed: Recorded) {
        if self.wanted.as_ref() == Some(&committed) {
            self.wanted = None;
        }
        self.committed_at = Some(Instant::now());
        self.recorded = (!committed.chain.is_empty()).then_some(committed);
    }

    /// The metadata of a commit that changes nothing but the offset.
    pub(crate) fn metadata(&self) -> String {
        self.recorded.as_ref().map(Recorded::metadata).unwrap_or_default()
    }

    /// The metadata of the last commit, after which no line from `end` on is treated any more.
    pub(crate) fn last_metadata(&self, end: u64) -> String {
        let last = self.recorded.clone().map(|recorded| Recorded { to: recorded.to.min(end), ..recorded });
        last.as_ref().map(Recorded::metadata).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commits what is wanted.
    fn commit(record: &mut ChainRecord) -> String {
        let wanted = record.wanted().unwrap().clone();
        record.committed(wanted);
        record.metadata()
    }

    #[test]
    fn chains_that_do_not_fork_are_not_recorded() {
        let mut record = ChainRecord::read("");
        assert!(record.ask(10, "", true) && record.wanted().is_none());
        assert_eq!((record.metadata(), record.before(0)), (String::new(), None));
    }

    #[test]
    fn a_chain_that_forks_is_committed_before_its_first_line_and_then_well_ahead() {
        let mut record = ChainRecord::read("");
        assert!(!record.ask(10, "0a", true));
        assert_eq!(commit(&mut record), format!("chain=0a to={}", 10 + AHEAD_MIN));
        assert!(record.ask(10, "0a", true) && record.ask(100, "0a", true) && record.wanted().is_none());
        assert!(record.ask(AHEAD_MIN / 2 + 20, "0a", true), "there is room yet");
        assert!(record.wanted().is_some(), "and more is asked for in time");
        assert!(!record.ask(10 + AHEAD_MIN + 1, "0a", true));
        assert_eq!(record.last_metadata(600), "chain=0a to=600");
        assert_eq!(commit(&mut record), format!("chain=0a to={}", 10 + AHEAD_MIN + 1 + 2 * AHEAD_MIN), "twice as many");
    }

    #[test]
    fn the_next_reader_knows_which_lines_the_chain_may_have_treated() {
        let mut record = ChainRecord::read("chain=0a to=50");
        assert_eq!((record.before(49).as_deref(), record.before(50)), (Some("0a"), None));
        assert!(record.ask(45, "0a", false) && record.wanted().is_none());
        assert!(!record.ask(52, "0a", false), "a batch reaches beyond");
        assert_eq!(commit(&mut record), "chain=0a to=52");
        assert!(!record.ask(60, "0b", true));
        commit(&mut record);
        assert_eq!(record.before(51).as_deref(), Some("0b"));
        assert!(!record.ask(70, "", true));
        assert_eq!(commit(&mut record), "");
        assert!(record.ask(80, "", true));
    }

    #[test]
    fn what_others_wrote_into_a_commit_says_nothing() {
        for metadata in ["hello", "chain=", "chain=0a", "to=5", "chain=0a to=x", "chain=0a to=-1"] {
            assert_eq!(ChainRecord::read(metadata).before(0), None, "{metadata}");
        }
    }
}
