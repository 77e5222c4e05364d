//! The file system that logs are written to: names, links, inodes that are used again, and what the system tells of changes.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use collector_tail::{DirEntry, FileMeta};

use crate::{
    streams::{Promise, Stream, StreamId},
    time::Time,
};

/// How finely births are told apart, in ms.
const BIRTH_TICK_MS: i64 = 4;
const BIRTHS_FROM_MS: i64 = 1_000_000;

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    File(u64),
    Link(PathBuf),
}

/// An inode.
struct Node {
    stream: StreamId,
    birth_ns: i64,
    changed_ms: i64,
    /// How often the agent has it open.
    opened: usize,
    /// How many writers write to it.
    writers: usize,
}

/// What the system tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Grew(PathBuf),
    Renamed(PathBuf),
}

/// The file system.
pub(crate) struct Logs {
    time: Time,
    names: BTreeMap<PathBuf, Name>,
    nodes: BTreeMap<u64, Node>,
    /// Inodes that nobody has any more; the last one is used first.
    free: Vec<u64>,
    inodes_made: u64,
    pub(crate) streams: Vec<Stream>,
    /// Another one after each start of the machine.
    pub(crate) device: u64,
    pub(crate) has_births: bool,
    /// The agent is running.
    pub(crate) is_watched: bool,
    /// Tasks mean the names that rotation gives, too.
    pub(crate) finds_renamed: bool,
    pub(crate) told: Vec<Told>,
}

fn file_of((path, name): (&PathBuf, &Name)) -> Option<(u64, PathBuf)> {
    if let Name::File(inode) = name { Some((*inode, path.clone())) } else { None }
}

impl Logs {
    pub(crate) fn new(time: Time, has_births: bool) -> Self {
        Logs {
            time,
            names: BTreeMap::new(),
            nodes: BTreeMap::new(),
            free: vec![],
            inodes_made: 100,
            streams: vec![],
            device: 1,
            has_births,
            is_watched: false,
            finds_renamed: false,
            told: vec![],
        }
    }

    fn resolve(&self, path: &Path) -> Option<u64> {
        let mut at = path;
        for _ in 0..8 {
            match self.names.get(at)? {
                Name::File(inode) => return Some(*inode),
                Name::Link(to) => at = to,
            }
        }
        None
    }

    /// The inode at a path.
    pub(crate) fn inode(&self, path: &Path) -> io::Result<u64> {
        self.resolve(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    pub(crate) fn exists(&self, path: &Path) -> bool {
        self.names.contains_key(path)
    }

    pub(crate) fn meta(&self, inode: u64) -> FileMeta {
        let links = self.names.values().filter(|name| **name == Name::File(inode)).count() as u64;
        let node = self.nodes.get(&inode);
        FileMeta {
            device: self.device,
            inode,
            birth_ns: node.map_or(0, |node| node.birth_ns),
            changed_ms: node.map_or(0, |node| node.changed_ms),
            size_bytes: node.map_or(0, |node| self.bytes(node).len() as u64),
            links,
            is_file: true,
        }
    }

    fn bytes(&self, node: &Node) -> &[u8] {
        &self.streams[node.stream].bytes
    }

    pub(crate) fn read_at(&self, inode: u64, offset: u64, len: usize) -> Vec<u8> {
        let Some(node) = self.nodes.get(&inode) else { return vec![] };
        let bytes = self.bytes(node);
        let start = (offset as usize).min(bytes.len());
        bytes[start..(start + len).min(bytes.len())].to_vec()
    }

    pub(crate) fn entries(&self, dir: &Path) -> Vec<DirEntry> {
        let inside = self.names.iter().filter(|(path, _)| path.parent() == Some(dir));
        let entry = |(path, name): (&PathBuf, &Name)| {
            // A link has an inode of its own.
            let inode = if let Name::File(inode) = name { *inode } else { 0 };
            DirEntry { path: path.clone(), inode }
        };
        inside.map(entry).collect()
    }

    pub(crate) fn link_target(&self, path: &Path) -> Option<PathBuf> {
        match self.names.get(path)? {
            Name::Link(to) if self.names.contains_key(to) => Some(to.clone()),
            _ => None,
        }
    }

    /// The names that there are.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.names.keys()
    }

    /// Somebody holds a file open.
    pub(crate) fn hold(&mut self, inode: u64) {
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.opened += 1;
        }
    }

    /// Somebody lets go of it.
    pub(crate) fn release(&mut self, inode: u64) {
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.opened -= 1;
        }
        self.free_if_gone(inode);
    }

    fn free_if_gone(&mut self, inode: u64) {
        let has_name = self.names.values().any(|name| *name == Name::File(inode));
        if !has_name && self.nodes.get(&inode).is_some_and(|node| node.opened + node.writers == 0) {
            self.nodes.remove(&inode);
            self.free.push(inode);
        }
    }

    /// A writer writes to it from now on.
    pub(crate) fn take_up(&mut self, inode: u64) {
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.writers += 1;
        }
    }

    /// A writer does not write to it any more.
    pub(crate) fn let_go(&mut self, inode: u64) {
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.writers -= 1;
        }
        self.free_if_gone(inode);
    }

    pub(crate) fn stream_of(&self, inode: u64) -> Option<StreamId> {
        self.nodes.get(&inode).map(|node| node.stream)
    }

    /// Creates a file with nothing in it.
    pub(crate) fn create(&mut self, path: &Path) -> u64 {
        let inode = self.free.pop().unwrap_or_else(|| {
            self.inodes_made += 1;
            self.inodes_made
        });
        // Whoever sets the clock back makes births useless; here they follow the steady clock.
        let tick = self.time.passed_ms() / BIRTH_TICK_MS * BIRTH_TICK_MS;
        let birth_ns = if self.has_births { (tick + BIRTHS_FROM_MS) * 1_000_000 } else { 0 };
        let stream = self.begin_stream(path);
        self.nodes.insert(inode, Node { stream, birth_ns, changed_ms: self.time.wall_ms(), opened: 0, writers: 0 });
        self.names.insert(path.to_owned(), Name::File(inode));
        self.told.push(Told::Renamed(path.to_owned()));
        inode
    }

    fn begin_stream(&mut self, path: &Path) -> StreamId {
        self.streams.push(Stream::new(path.to_owned()));
        self.streams.len() - 1
    }

    pub(crate) fn append(&mut self, inode: u64, bytes: &[u8]) {
        let Some(node) = self.nodes.get_mut(&inode) else { return };
        node.changed_ms = self.time.wall_ms();
        self.streams[node.stream].bytes.extend_from_slice(bytes);
        let names = self.names.iter().filter(|(_, name)| **name == Name::File(inode));
        self.told.extend(names.map(|(path, _)| Told::Grew(path.clone())));
    }

    /// Gives a file another name, in the place of what had it.
    pub(crate) fn rename(&mut self, from: &Path, to: &Path) {
        let Some(name) = self.names.remove(from) else { return };
        // What the agent has open while its tasks are gone, it closes as soon as it hears of that.
        if let Name::File(inode) = &name
            && self.nodes.get(inode).is_some_and(|node| node.opened == 0 || !self.is_watched)
        {
            self.forsake_unknown(*inode, to);
        }
        let replaced = self.names.insert(to.to_owned(), name);
        self.told.push(Told::Renamed(from.to_owned()));
        self.told.push(Told::Renamed(to.to_owned()));
        if let Some(Name::File(inode)) = replaced {
            self.lose_name(inode);
        }
    }

    pub(crate) fn remove(&mut self, path: &Path) {
        let removed = self.names.remove(path);
        self.told.push(Told::Renamed(path.to_owned()));
        if let Some(Name::File(inode)) = removed {
            self.lose_name(inode);
        }
    }

    /// The last name may be gone: the rest is found only if somebody reads it before letting go.
    fn lose_name(&mut self, inode: u64) {
        if self.names.values().all(|name| *name != Name::File(inode)) {
            self.set_apart(inode);
        }
        self.free_if_gone(inode);
    }

    /// No name of a task leads to the file, nor will it be looked for elsewhere.
    fn set_apart(&mut self, inode: u64) {
        let Some(node) = self.nodes.get(&inode) else { return };
        let stream = &mut self.streams[node.stream];
        stream.is_named = false;
        if node.opened > 0 && self.is_watched && stream.promise == Promise::Whole {
            stream.promise = Promise::WhileOpen;
        } else {
            stream.forsake();
        }
    }

    /// The agent ends, or reads nothing of it any more: what it had open and nobody finds again is lost to whoever moved it.
    pub(crate) fn agent_ends(&mut self) {
        self.streams.iter_mut().for_each(|stream| stream.is_read = false);
        for stream in self.streams.iter_mut().filter(|stream| stream.promise == Promise::WhileOpen) {
            stream.forsake();
        }
        let named: Vec<(u64, PathBuf)> = self.names.iter().filter_map(file_of).collect();
        for (inode, path) in named {
            self.forsake_unknown(inode, &path);
        }
    }

    /// The agent lets go of a file because a call about it has failed. If it was deleted, and this agent has sent nothing of it, or if
    /// it was renamed, and nothing of it was ever sent, then nobody can find it again.
    pub(crate) fn give_up(&mut self, inode: u64) {
        let is_last = self.nodes.get(&inode).is_some_and(|node| node.opened == 1);
        let Some(stream) = self.stream_of(inode).filter(|_| is_last) else { return };
        let at = self.names.iter().filter_map(file_of).find(|(named, _)| *named == inode);
        let Stream { is_known, is_read, .. } = self.streams[stream];
        match at {
            Some((_, path)) if !is_known => self.forsake_unknown(inode, &path),
            None if !is_read => self.streams[stream].forsake(),
            _ => {}
        }
    }

    /// A file that was renamed before anything of it was sent is found again only by its birth, between those of files that
    /// the agent knows at the same path.
    fn forsake_unknown(&mut self, inode: u64, path: &Path) {
        let Some(stream) = self.stream_of(inode) else { return };
        let (is_known, home) = (self.streams[stream].is_known, self.streams[stream].path.clone());
        let is_at_home = path == home || self.names.iter().any(|(at, name)| *name == Name::File(inode) && *at == home);
        let has_known_neighbour = self.streams[..stream].iter().any(|before| before.path == home && before.is_known);
        // Who reads already looks beside a path when another file stands there, not for those that come and go unseen.
        let is_found_by_birth = self.has_births && has_known_neighbour && !self.is_watched;
        if !(is_known || is_at_home || self.finds_renamed || is_found_by_birth) {
            self.streams[stream].forsake();
        }
    }

    /// A second name for a file.
    pub(crate) fn link(&mut self, path: &Path, second: &Path) {
        let Some(name) = self.names.get(path).cloned() else { return };
        self.names.insert(second.to_owned(), name);
        self.told.push(Told::Renamed(second.to_owned()));
    }

    /// A symbolic link, in the place of the one that had the name.
    pub(crate) fn symlink(&mut self, path: &Path, to: &Path) {
        let before = self.resolve(path);
        self.names.insert(path.to_owned(), Name::Link(to.to_owned()));
        self.told.push(Told::Renamed(path.to_owned()));
        if let Some(inode) = before {
            self.set_apart(inode);
        }
    }

    /// Copies the content (when `copy` says to where) and cuts the file down to nothing.
    pub(crate) fn truncate(&mut self, path: &Path, copy: Option<&Path>) {
        let Some(inode) = self.resolve(path) else { return };
        let Some(old) = self.stream_of(inode) else { return };
        if let Some(copy) = copy {
            let bytes = self.streams[old].bytes.clone();
            let made = self.create(copy);
            if let Some(stream) = self.stream_of(made) {
                (self.streams[stream].bytes, self.streams[stream].promise) = (bytes, Promise::Copy);
            }
        }
        self.streams[old].forsake();
        self.streams[old].is_named = false;
        let stream = self.begin_stream(path);
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.stream = stream;
        }
        self.told.push(Told::Grew(path.to_owned()));
    }
}
