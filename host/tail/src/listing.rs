//! What lies in directories, each of them listed once: for looking beside many paths at the same moment.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    disk::{DirEntry, Disk},
    rotation::is_rotated_name,
};

/// Directories as they were when something beside them was looked for first.
pub(crate) struct Listings {
    disk: Arc<dyn Disk>,
    of_dir: HashMap<PathBuf, Listing>,
}

/// The entries of a directory by their names, and where each inode is among them.
#[derive(Default)]
struct Listing {
    by_name: Vec<DirEntry>,
    by_inode: HashMap<u64, Vec<usize>>,
}

impl Listings {
    /// Nothing is listed yet.
    pub(crate) fn of(disk: &Arc<dyn Disk>) -> Self {
        Listings { disk: Arc::clone(disk), of_dir: HashMap::new() }
    }

    /// What lies beside a path and may have been called so: it has that inode, or a name that rotation makes.
    pub(crate) fn rotated(&mut self, path: &Path, inode: u64) -> Vec<DirEntry> {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let listing = self.beside(path);
        let same_inode = listing.by_inode.get(&inode).into_iter().flatten().copied();
        let named_after = listing.beginning_with(name).filter(|&at| is_rotated_name(path, &listing.by_name[at].path));
        let found: BTreeSet<usize> = same_inode.chain(named_after).collect();
        found.into_iter().map(|at| listing.by_name[at].clone()).collect()
    }

    /// What lies beside a path and has a name that begins so.
    pub(crate) fn beginning_with(&mut self, path: &Path, beginning: &[u8]) -> Vec<PathBuf> {
        let listing = self.beside(path);
        listing.beginning_with(beginning).map(|at| listing.by_name[at].path.clone()).collect()
    }

    /// What lies beside a path and has that inode.
    pub(crate) fn with_inode(&mut self, path: &Path, inode: u64) -> Vec<DirEntry> {
        let listing = self.beside(path);
        listing.by_inode.get(&inode).into_iter().flatten().map(|&at| listing.by_name[at].clone()).collect()
    }

    /// Whether something beside a path has that inode.
    pub(crate) fn has_inode(&mut self, path: &Path, inode: u64) -> bool {
        self.beside(path).by_inode.contains_key(&inode)
    }

    /// Whether the directory of a path was listed before.
    pub(crate) fn knows_beside(&self, path: &Path) -> bool {
        self.of_dir.contains_key(dir_of(path))
    }

    /// The directory of a path has changed: it is listed anew.
    pub(crate) fn forget_beside(&mut self, path: &Path) {
        self.of_dir.remove(dir_of(path));
    }

    fn beside(&mut self, path: &Path) -> &Listing {
        let dir = dir_of(path);
        if !self.of_dir.contains_key(dir) {
            self.of_dir.insert(dir.to_owned(), Listing::of(self.disk.entries(dir)));
        }
        &self.of_dir[dir]
    }
}

fn dir_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

impl Listing {
    fn of(mut entries: Vec<DirEntry>) -> Self {
        entries.sort_by(|a, b| a.path.file_name().cmp(&b.path.file_name()));
        let mut by_inode: HashMap<u64, Vec<usize>> = HashMap::new();
        for (at, entry) in entries.iter().enumerate() {
            by_inode.entry(entry.inode).or_default().push(at);
        }
        Listing { by_name: entries, by_inode }
    }

    fn beginning_with<'a>(&'a self, beginning: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        fn name(entry: &DirEntry) -> &[u8] {
            entry.path.file_name().unwrap_or_default().as_encoded_bytes()
        }
        let first = self.by_name.partition_point(|entry| name(entry) < beginning);
        let found = self.by_name[first..].iter().take_while(move |entry| name(entry).starts_with(beginning)).count();
        first..first + found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::doubles::WatchedDisk;

    #[test]
    fn what_belongs_to_a_path_is_found_by_its_inode_and_by_its_name_and_the_directory_is_listed_once() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["a.log", "app.log", "app.log.1", "app.log.2.gz", "apple", "moved", "z"];
        names.iter().for_each(|name| std::fs::write(dir.path().join(name), "").unwrap());
        let watched = WatchedDisk::default();
        let disk: Arc<dyn Disk> = Arc::new(watched.clone());
        let inode = disk.metadata(&dir.path().join("moved")).unwrap().inode;
        let mut listings = Listings::of(&disk);
        let path = dir.path().join("app.log");
        let named = |found: Vec<PathBuf>| -> Vec<String> {
            found.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
        };
        let paths = |found: Vec<DirEntry>| found.into_iter().map(|entry| entry.path).collect();
        assert_eq!(named(paths(listings.rotated(&path, inode))), ["app.log.1", "moved"]);
        assert_eq!(named(paths(listings.rotated(&path, 0))), ["app.log.1"]);
        assert_eq!(named(listings.beginning_with(&path, b"app")), ["app.log", "app.log.1", "app.log.2.gz", "apple"]);
        assert_eq!(named(listings.beginning_with(&path, b"zz")), [""; 0]);
        assert!(listings.has_inode(&path, inode) && !listings.has_inode(&path, 0));
        assert_eq!(watched.listed(), 1);
        listings.forget_beside(&path);
        assert!(listings.has_inode(&path, inode));
        assert_eq!(watched.listed(), 2);
    }
}
