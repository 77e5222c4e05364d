//! What to do about a file whose name was changed, taken, or removed. Decisions only, no I/O.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::identity::{Identity, Verdict};

/// What stands at a path that belongs to a task, compared with what is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// A reader has this path: whether the file there is the one it reads.
    pub(crate) at_path: Option<bool>,
    /// A reader of the same topic reads this very file.
    pub(crate) read_elsewhere: Option<Elsewhere>,
    /// What the best of the files known from before says.
    pub(crate) known: Verdict,
}

/// Where the reader of a file believes that it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    /// Its own path still leads to it: the path seen is a second name (hard link, symbolic link).
    StillThere,
    /// Its own path leads elsewhere now: it was renamed to the path seen.
    Moved,
}

/// What to do about a sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    /// The reader at the path reads on without a name, until its file is at its end.
    pub(crate) detach: bool,
    /// And then.
    pub(crate) then: Then,
}

/// What becomes of the file seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It is being read already; look whether it grew.
    Look,
    /// The reader that has it goes by the path seen from now on.
    Follow,
    /// It is read under its other name.
    Ignore,
    /// Go on where it was left.
    Resume,
    /// The inode starts afresh: what was known is over, read from the beginning.
    Restart,
    /// Begin with it.
    Begin,
}

/// Decides about a sighting.
pub(crate) fn admit(sighting: Sighting) -> Admission {
    if sighting.at_path == Some(true) {
        return Admission { detach: false, then: Then::Look };
    }
    let then = match (sighting.read_elsewhere, sighting.known) {
        (Some(Elsewhere::StillThere), _) => Then::Ignore,
        (Some(Elsewhere::Moved), _) => Then::Follow,
        (None, Verdict::Same) => Then::Resume,
        (None, Verdict::Restarted) => Then::Restart,
        (None, Verdict::Other) => Then::Begin,
    };
    Admission { detach: sighting.at_path == Some(false), then }
}

/// How a file stands whose name is gone (renamed away or deleted) and that is still open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nameless {
    /// Everything but an unfinished last line was read and handed on.
    pub(crate) at_end: bool,
    /// There are bytes after the last newline.
    pub(crate) has_unfinished: bool,
    /// Everything handed on is acknowledged.
    pub(crate) acknowledged: bool,
    /// How long it has not grown, and had no name.
    pub(crate) quiet_for: Duration,
    /// How long it has had no name.
    pub(crate) nameless_for: Duration,
    /// No name leads to it any more, so that its disk space is held by us.
    pub(crate) deleted: bool,
}

/// What to do about a nameless file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// Read on, look again later.
    ReadOn,
    /// Send the last line although it has no newline: none will come.
    Flush,
    /// Everything is done.
    Close,
    /// It has held its disk space for too long.
    GiveUp,
}

/// Decides about a nameless file.
pub(crate) fn part(file: Nameless, grace: Duration, deleted_hold_max: Duration) -> Parting {
    if file.deleted && file.nameless_for >= deleted_hold_max && !(file.at_end && file.acknowledged) {
        return Parting::GiveUp;
    }
    match (file.at_end && file.quiet_for >= grace, file.has_unfinished, file.acknowledged) {
        (true, true, _) => Parting::Flush,
        (true, false, true) => Parting::Close,
        _ => Parting::ReadOn,
    }
}

/// Whether `candidate` can be a file that was once called `name`, by what rotation appends: `.1`, `-20260131`, `.2026-01-31`.
pub(crate) fn is_rotated_name(name: &Path, candidate: &Path) -> bool {
    let text = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let (Some(name_text), Some(candidate_text)) = (text(name), text(candidate)) else { return false };
    let Some(suffix) = candidate_text.strip_prefix(&name_text) else { return false };
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | ':' | 'T' | 'Z');
    name.parent() == candidate.parent()
        && suffix.starts_with(['.', '-', '_'])
        && suffix.contains(|c: char| c.is_ascii_digit())
        && suffix.chars().all(is_part)
}

/// The name that a compressed file had before.
pub(crate) fn without_gz(path: &Path) -> PathBuf {
    path.with_extension("")
}

/// Whether a file of such a name, never seen before, stood at the path between the file known there and the one there now.
pub(crate) fn was_between(known: Identity, candidate: Identity, now: Identity) -> bool {
    let has_births = known.birth_ns != 0 && candidate.birth_ns != 0 && now.birth_ns != 0;
    // File systems count births in coarse ticks, so equal ones may follow each other.
    has_births && known.birth_ns <= candidate.birth_ns && candidate.birth_ns <= now.birth_ns && candidate != now
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(5);
    const HOLD: Duration = Duration::from_secs(60);
    const NEW: Sighting = Sighting { at_path: None, read_elsewhere: None, known: Verdict::Other };
    const ENDED: Nameless = Nameless {
        at_end: true,
        has_unfinished: false,
        acknowledged: true,
        quiet_for: GRACE,
        nameless_for: GRACE,
        deleted: false,
    };

    fn parting(file: Nameless) -> Parting {
        part(file, GRACE, HOLD)
    }

    #[test]
    fn a_new_file_is_begun_and_a_known_one_resumed() {
        assert_eq!(admit(NEW).then, Then::Begin);
        assert_eq!(admit(Sighting { known: Verdict::Same, ..NEW }).then, Then::Resume);
        assert_eq!(admit(Sighting { known: Verdict::Restarted, ..NEW }).then, Then::Restart);
    }

    #[test]
    fn another_file_at_the_path_detaches_the_reader_there() {
        let seen = Sighting { at_path: Some(false), ..NEW };
        assert_eq!(admit(seen), Admission { detach: true, then: Then::Begin });
    }

    #[test]
    fn a_renamed_file_is_followed_and_a_second_name_ignored() {
        let seen = |elsewhere| admit(Sighting { read_elsewhere: Some(elsewhere), ..NEW });
        assert_eq!(seen(Elsewhere::Moved), Admission { detach: false, then: Then::Follow });
        assert_eq!(seen(Elsewhere::StillThere).then, Then::Ignore);
    }

    #[test]
    fn a_rename_over_a_file_that_is_read_detaches_and_follows() {
        let seen = Sighting { at_path: Some(false), read_elsewhere: Some(Elsewhere::Moved), ..NEW };
        assert_eq!(admit(seen), Admission { detach: true, then: Then::Follow });
    }

    #[test]
    fn a_nameless_file_is_read_to_its_end_and_through_the_grace() {
        assert_eq!(parting(ENDED), Parting::Close);
        assert_eq!(parting(Nameless { quiet_for: Duration::from_secs(1), ..ENDED }), Parting::ReadOn);
        assert_eq!(parting(Nameless { at_end: false, ..ENDED }), Parting::ReadOn);
        assert_eq!(parting(Nameless { acknowledged: false, ..ENDED }), Parting::ReadOn);
        assert_eq!(parting(Nameless { has_unfinished: true, ..ENDED }), Parting::Flush);
    }

    #[test]
    fn a_deleted_file_holds_its_space_for_a_while_only() {
        let held = Nameless { at_end: false, deleted: true, nameless_for: HOLD, ..ENDED };
        assert_eq!(parting(held), Parting::GiveUp);
        assert_eq!(parting(Nameless { deleted: false, ..held }), Parting::ReadOn);
        assert_eq!(parting(Nameless { at_end: true, ..held }), Parting::Close);
    }

    #[test]
    fn names_that_rotation_makes_are_known() {
        let is = |candidate: &str| is_rotated_name(Path::new("/l/access.log"), Path::new(candidate));
        for name in ["/l/access.log.1", "/l/access.log-20260131", "/l/access.log.2026-01-31T10:00:00"] {
            assert!(is(name), "{name}");
        }
        for name in ["/l/access.log", "/l/access.log.bak", "/l/access.log.1.gz", "/m/access.log.1", "/l/error.log.1"] {
            assert!(!is(name), "{name}");
        }
    }
}
