//! Volumes that several machines may have at once: two collectors that read one find each line twice.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use collector_tasks::Task;
use rustix::fs::statfs;

use super::{Report, Severity, tasks};

/// What `statfs` answers for file systems that more than one machine can have mounted: include/uapi/linux/magic.h of Linux, and for
/// those that it does not have, the file systems' own headers, as statfs(2) lists them.
const SHARED: [(u32, &str); 15] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB 2"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x0102_1997, "9P"),
    (0x7375_7245, "Coda"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x1983_0326, "BeeGFS"),
    // GlusterFS, sshfs, s3fs, virtiofs; also some that are of this machine alone.
    (0x6573_5546, "FUSE"),
];

/// The name of a kind of file system that machines share.
fn shared_kind(magic: u32) -> Option<&'static str> {
    SHARED.iter().find(|(known, _)| *known == magic).map(|(_, name)| *name)
}

/// Warns of each directory of tasks that lies on such a volume.
pub(super) fn check_volumes_of(all: &[Task], report: &mut Report) {
    let directories: BTreeSet<PathBuf> = all.iter().map(|task| tasks::literal_dir(&task.path)).collect();
    for directory in directories {
        if let Some(kind) = kind_of(&directory) {
            report.add(Severity::Hint, warning(&directory, kind));
        }
    }
}

/// What a directory lies on, or the nearest one above it that there is.
fn kind_of(directory: &Path) -> Option<&'static str> {
    // The number has the width that a machine gives it; its lower 32 bits are the magic.
    directory.ancestors().find_map(|there| statfs(there).ok()).and_then(|found| shared_kind(found.f_type as u32))
}

fn warning(directory: &Path, kind: &str) -> String {
    format!(
        "the files of {} lie on a volume that other machines may have too ({kind}): each collector that reads them sends every line, so \
         that with two of them each is found twice; let the collector of one machine alone have tasks for them",
        directory.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_that_machines_share_are_told_from_those_of_this_machine() {
        assert_eq!((shared_kind(0x6969), shared_kind(0xff53_4d42)), (Some("NFS"), Some("CIFS")));
        // ext2 to ext4, XFS, Btrfs, tmpfs, overlayfs.
        for local in [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630] {
            assert_eq!(shared_kind(local), None, "{local:x}");
        }
        let magics: BTreeSet<u32> = SHARED.iter().map(|(magic, _)| *magic).collect();
        assert_eq!(magics.len(), SHARED.len(), "one stands there twice");
    }

    #[test]
    fn what_is_not_there_yet_lies_where_its_nearest_directory_does() {
        assert_eq!(kind_of(Path::new("/proc/no/such/directory")), None);
        assert_eq!(kind_of(Path::new("relative/to/nothing")), None);
    }

    #[test]
    fn the_warning_names_the_directory_the_reason_and_what_to_do() {
        let text = warning(Path::new("/mnt/logs"), "NFS");
        for part in ["/mnt/logs", "(NFS)", "found twice", "let the collector of one machine alone"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
