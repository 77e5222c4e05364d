//! The ways in which writers rotate their files.

use super::Manner;

/// A way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rotation {
    /// Renamed, as logrotate does.
    Renamed,
    /// Renamed three times, one right after the other.
    ThreeAtOnce,
    /// Renamed into another directory.
    Elsewhere,
    /// Renamed, and then under two names.
    HardLinked,
    /// Renamed, and the one before compressed: logrotate's `delaycompress`.
    BeforeCompressed,
    /// A link, switched to the next file.
    LinkSwitched,
    /// Cut off.
    Truncated,
}

impl Rotation {
    /// Its name in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Rotation::Renamed => "rotated: renamed",
            Rotation::ThreeAtOnce => "rotated: three at once",
            Rotation::Elsewhere => "rotated: into another directory",
            Rotation::HardLinked => "rotated: with a hard link",
            Rotation::BeforeCompressed => "rotated: the one before compressed",
            Rotation::LinkSwitched => "rotated: a link switched",
            Rotation::Truncated => "rotated: truncated",
        }
    }

    /// Those of a writer; each comes once in a round.
    pub(super) fn of(manner: Manner) -> &'static [Rotation] {
        use Rotation as R;
        match manner {
            Manner::Link => &[R::LinkSwitched],
            Manner::Truncate => &[R::Truncated],
            Manner::Rename | Manner::Batch | Manner::Poison => &[
                R::Renamed,
                R::Renamed,
                R::Renamed,
                R::BeforeCompressed,
                R::BeforeCompressed,
                R::ThreeAtOnce,
                R::Elsewhere,
                R::HardLinked,
            ],
        }
    }
}
