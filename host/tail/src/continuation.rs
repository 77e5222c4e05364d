//! Looking for what became of files that were compressed before they were read to their end: beside their path, by their content.
//! Unpacking takes time, so it is done on a thread of its own.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
};

use collector_model::{FileUid, TaskKey};

use crate::{
    disk::Disk,
    gunzip::Gunzip,
    identity::Mark,
    inbox::Inbox,
    listing::Listings,
    rotation::{is_rotated_name, without_gz},
};

/// Files that are not where they were.
#[derive(Clone, Debug)]
pub(crate) struct Hunt {
    pub(crate) task: TaskKey,
    /// The path at which they were.
    pub(crate) origin: PathBuf,
    /// What is looked for.
    pub(crate) wanted: Vec<(FileUid, Mark)>,
    /// Other files that were known there, under this or another name that begins so.
    pub(crate) known: Vec<Mark>,
    /// When the last one changed last of those that were found uncompressed, where others may have come after it unseen.
    pub(crate) known_until_ms: Option<i64>,
    /// When the last one had changed last of those that were read and deleted.
    pub(crate) deleted_ms: Option<i64>,
    /// Uncompressed files beside the path: who has one of them needs no compressed copy of it.
    pub(crate) plain: Vec<PathBuf>,
}

/// A compressed file to be read.
pub(crate) struct Continued {
    /// The known file that it is; none where it is one that nobody saw, of the time after the known ones.
    pub(crate) uid: Option<FileUid>,
    pub(crate) path: PathBuf,
    pub(crate) body: Gunzip,
}

/// What a hunt found.
pub(crate) struct Found {
    pub(crate) task: TaskKey,
    pub(crate) origin: PathBuf,
    pub(crate) files: Vec<Continued>,
}

/// Who looks.
pub(crate) struct Hunter {
    disk: Arc<dyn Disk>,
    inbox: Arc<Inbox>,
    thread: Option<HunterThread>,
}

struct HunterThread {
    orders: Option<Sender<Vec<Hunt>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hunter {
    /// Starts a thread that looks; what it finds goes to the inbox.
    pub(crate) fn start(disk: Arc<dyn Disk>, inbox: Arc<Inbox>) -> io::Result<Self> {
        let (orders, received): (_, Receiver<Vec<Hunt>>) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, on_thread) = (Arc::clone(&stop), Self::without_thread(disk, inbox));
        let hunter = Self::without_thread(Arc::clone(&on_thread.disk), Arc::clone(&on_thread.inbox));
        let hunt =
            move || received.into_iter().for_each(|hunts| on_thread.look(hunts, &|| stopped.load(Ordering::Relaxed)));
        let thread = std::thread::Builder::new().name("tail-unzip".into()).spawn(hunt)?;
        Ok(Hunter { thread: Some(HunterThread { orders: Some(orders), stop, thread: Some(thread) }), ..hunter })
    }

    /// Looks whenever it is asked to, at once.
    pub(crate) fn without_thread(disk: Arc<dyn Disk>, inbox: Arc<Inbox>) -> Self {
        Hunter { disk, inbox, thread: None }
    }

    /// Has files looked for.
    pub(crate) fn send(&self, hunts: Vec<Hunt>) {
        match self.thread.as_ref().and_then(|thread| thread.orders.as_ref()) {
            // The thread lives as long as this sender.
            Some(orders) => drop(orders.send(hunts)),
            None => self.look(hunts, &|| false),
        }
    }

    fn look(&self, hunts: Vec<Hunt>, give_up: &dyn Fn() -> bool) {
        let mut listings = Listings::of(&self.disk);
        for hunt in hunts {
            let was_listed = listings.knows_beside(&hunt.origin);
            let mut search = search(&*self.disk, &hunt, &mut listings, give_up);
            if search.met_nothing && was_listed {
                // What was listed for another hunt was renamed since.
                listings.forget_beside(&hunt.origin);
                search = self::search(&*self.disk, &hunt, &mut listings, give_up);
            }
            let found = Found { task: hunt.task, origin: hunt.origin, files: search.files };
            self.inbox.post(|mail| mail.found.push(found));
        }
    }
}

impl Drop for HunterThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A compressed file that is none of those that are looked for.
struct Stranger {
    path: PathBuf,
    changed_ms: i64,
    body: Gunzip,
}

/// What a hunt came to.
struct Search {
    files: Vec<Continued>,
    /// A file was not there that had been listed.
    met_nothing: bool,
}

fn search(disk: &dyn Disk, hunt: &Hunt, listings: &mut Listings, give_up: &dyn Fn() -> bool) -> Search {
    let (mut wanted, mut files, mut strangers) = (hunt.wanted.clone(), vec![], vec![]);
    let (mut newest_known, mut met_nothing) = (hunt.known_until_ms, false);
    for path in compressed_beside(hunt, listings) {
        match look_at(disk, &path, &mut wanted, give_up) {
            Ok((changed_ms, Some(uid), body)) => {
                newest_known = newest_known.max(Some(changed_ms));
                files.push(Continued { uid: Some(uid), path, body });
            }
            Ok((changed_ms, None, body)) => strangers.push(Stranger { path, changed_ms, body }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => met_nothing = true,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "looking into a compressed file for what was not read: it is passed over");
            }
        }
    }
    // What was rotated after the last known one, and compressed, all while nobody read. Without a known one there is no telling.
    let Some(newest_known) = newest_known.map(|newest| hunt.deleted_ms.map_or(newest, |deleted| deleted.max(newest)))
    else {
        return Search { files, met_nothing };
    };
    let late = strangers.into_iter().filter(|stranger| stranger.changed_ms >= newest_known);
    let unseen = late.filter(|stranger| {
        is_rotated_name(&hunt.origin, &without_gz(&stranger.path)) && !is_known(stranger, &hunt.known, give_up)
    });
    files.extend(unseen.map(|stranger| Continued { uid: None, path: stranger.path, body: stranger.body }));
    Search { files, met_nothing }
}

/// Opens a compressed file, and tells which of those that are looked for it is.
fn look_at(
    disk: &dyn Disk,
    path: &Path,
    wanted: &mut Vec<(FileUid, Mark)>,
    give_up: &dyn Fn() -> bool,
) -> io::Result<(i64, Option<FileUid>, Gunzip)> {
    let file = disk.open(path)?;
    let changed_ms = file.metadata()?.changed_ms;
    let body = Gunzip::open(file.into());
    for at in 0..wanted.len() {
        if body.fits(&wanted[at].1, give_up)? {
            return Ok((changed_ms, Some(wanted.swap_remove(at).0), body));
        }
    }
    Ok((changed_ms, None, body))
}

/// Whether it is a file of which lines were read. What cannot be told is not read, for it might be.
fn is_known(stranger: &Stranger, known: &[Mark], give_up: &dyn Fn() -> bool) -> bool {
    known.iter().any(|mark| {
        stranger.body.fits(mark, give_up).unwrap_or_else(|error| {
            tracing::warn!(path = %stranger.path.display(), %error, "looking into a compressed file for what was not read: it is passed over");
            true
        })
    })
}

/// The compressed files beside the path that are named after it (`app.log.2.gz`, `app-20260131.log.gz`) and no copies of plain ones
/// there. Without a look at the names, thousands of files that are gone would have thousands of others unpacked for each.
fn compressed_beside(hunt: &Hunt, listings: &mut Listings) -> Vec<PathBuf> {
    let stem = hunt.origin.file_stem().unwrap_or_default().as_encoded_bytes();
    let is_compressed = |path: &PathBuf| path.as_os_str().as_encoded_bytes().ends_with(b".gz");
    let compressed = listings.beginning_with(&hunt.origin, stem).into_iter().filter(is_compressed);
    compressed.filter(|path| !hunt.plain.contains(&without_gz(path))).collect()
}
