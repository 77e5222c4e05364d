//! The disk that the agent's state is on: what was not synced can be lost, or torn, when the power goes.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// A file of the state.
#[derive(Clone, Default)]
struct Node {
    /// As a program sees it.
    live: Vec<u8>,
    /// As it is on disk for certain.
    durable: Vec<u8>,
}

/// A change of names that may not be on disk yet.
#[derive(Clone)]
enum Change {
    Enter(PathBuf, usize),
    Rename(PathBuf, PathBuf),
}

/// The disk of the state.
#[derive(Default)]
pub(crate) struct State {
    nodes: Vec<Node>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    changes: Vec<Change>,
    /// Syncing a file brings its name to disk, too, as most file systems do and none promises.
    pub(crate) is_lenient: bool,
    /// No space is left.
    pub(crate) is_full: bool,
    /// After how many that work a sync fails.
    pub(crate) syncs_until_failure: Option<u8>,
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Change::Enter(path, node) => drop(names.insert(path.clone(), *node)),
            Change::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }
}

impl State {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.changes.push(change);
    }

    /// The file at a path, made where it is missing.
    pub(crate) fn open(&mut self, path: &Path, is_emptied: bool) -> io::Result<usize> {
        let node = match self.names.get(path) {
            Some(&node) => node,
            None => {
                self.check_space()?;
                self.nodes.push(Node::default());
                self.change(Change::Enter(path.to_owned(), self.nodes.len() - 1));
                self.nodes.len() - 1
            }
        };
        if is_emptied {
            self.nodes[node].live.clear();
        }
        Ok(node)
    }

    fn check_space(&self) -> io::Result<()> {
        if self.is_full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let node = self.names.get(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(self.nodes[*node].live.clone())
    }

    pub(crate) fn bytes(&mut self, node: usize) -> &mut Vec<u8> {
        &mut self.nodes[node].live
    }

    /// Writes; where there is no space, half of it.
    pub(crate) fn write(&mut self, node: usize, bytes: &[u8]) -> io::Result<()> {
        let fits = if self.is_full { bytes.len() / 2 } else { bytes.len() };
        self.nodes[node].live.extend_from_slice(&bytes[..fits]);
        self.check_space()
    }

    pub(crate) fn sync(&mut self, node: usize) -> io::Result<()> {
        self.check_sync()?;
        self.nodes[node].durable = self.nodes[node].live.clone();
        if self.is_lenient {
            let is_of_file = |change: &Change| matches!(change, Change::Enter(_, entered) if *entered == node);
            let (synced, left) = self.changes.drain(..).partition(is_of_file);
            self.changes = left;
            let synced: Vec<Change> = synced;
            synced.iter().for_each(|change| change.apply(&mut self.durable_names));
        }
        Ok(())
    }

    pub(crate) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        if !self.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change(Change::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    pub(crate) fn sync_dir(&mut self) -> io::Result<()> {
        self.check_sync()?;
        for change in std::mem::take(&mut self.changes) {
            change.apply(&mut self.durable_names);
        }
        Ok(())
    }

    fn check_sync(&mut self) -> io::Result<()> {
        if self.syncs_until_failure == Some(0) {
            self.syncs_until_failure = None;
            return Err(io::Error::other("the disk does not answer"));
        }
        self.syncs_until_failure = self.syncs_until_failure.map(|left| left - 1);
        Ok(())
    }

    /// The power goes: some of the last changes of names, and any part of what was written last, are gone.
    pub(crate) fn lose_power(&mut self, dice: &mut fastrand::Rng) {
        let kept = dice.usize(..=self.changes.len());
        for change in std::mem::take(&mut self.changes).iter().take(kept) {
            change.apply(&mut self.durable_names);
        }
        self.names = self.durable_names.clone();
        for node in &mut self.nodes {
            tear(node, dice);
        }
    }
}

fn tear(node: &mut Node, dice: &mut fastrand::Rng) {
    if node.live != node.durable {
        let same = node.live.iter().zip(&node.durable).take_while(|(live, durable)| live == durable).count();
        match dice.u8(..4) {
            0 => node.live.clone_from(&node.durable),
            1 => {}
            how => {
                let kept = dice.usize(same..=node.live.len());
                // The size is on disk before the bytes are: zeros stand in their place.
                let zeros = if how == 2 { dice.usize(..=node.live.len() - kept) } else { 0 };
                node.live.truncate(kept);
                node.live.resize(kept + zeros, 0);
            }
        }
    }
    node.durable.clone_from(&node.live);
}
