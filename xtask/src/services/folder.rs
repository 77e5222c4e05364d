//! Where the servers' programs, data and output lie.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::places;

/// Others may search a folder.
const OTHERS_ENTER: u32 = 0o001;

/// `SERVICES_DIR`, else `target/services`; where that lies in a folder that others may not enter, and root
/// has to start servers as another user, a folder under /tmp.
pub(super) fn find() -> anyhow::Result<PathBuf> {
    let folder = match std::env::var_os("SERVICES_DIR") {
        Some(named) => places::root().join(named),
        None => places::target().join("services"),
    };
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let folder = folder.canonicalize().with_context(|| format!("finding {}", folder.display()))?;
    let user = rustix::process::geteuid();
    if !user.is_root() || others_enter(&folder) {
        return Ok(folder);
    }
    let elsewhere = PathBuf::from(format!("/tmp/collector-services-{}", user.as_raw()));
    create_own(&elsewhere, user.as_raw())?;
    Ok(elsewhere)
}

/// Whether every folder on the way may be entered by any user.
fn others_enter(folder: &Path) -> bool {
    folder.ancestors().all(|step| fs::metadata(step).is_ok_and(|about| about.permissions().mode() & OTHERS_ENTER != 0))
}

/// Creates a folder under a well-known name; one that somebody else put there is refused.
fn create_own(folder: &Path, user: u32) -> anyhow::Result<()> {
    let created = DirBuilder::new().mode(0o755).create(folder);
    let about = fs::symlink_metadata(folder).with_context(|| format!("creating {}: {created:?}", folder.display()))?;
    ensure!(
        about.is_dir() && about.uid() == user,
        "{} is not a folder of ours: remove it, or name another in SERVICES_DIR",
        folder.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_closed_folder_on_the_way_closes_all_below() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!others_enter(&below));
    }

    #[test]
    fn a_link_in_place_of_our_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc", &link).unwrap();
        let user = rustix::process::geteuid().as_raw();
        let error = create_own(&link, user).unwrap_err().to_string();
        assert!(error.contains("SERVICES_DIR"), "{error}");
        create_own(&folder.path().join("own"), user).unwrap();
        create_own(&folder.path().join("own"), user).unwrap();
    }
}
