//! The protobuf compiler that etcd's client needs while it is built.

use std::env;
use std::ffi::OsString;
use std::path::Path;

use anyhow::Context;

use crate::places;

/// What to add to cargo's environment: nothing where `protoc` and Google's own .proto files are installed
/// (or `PROTOC` is set), else the ones that come as a crate.
pub(crate) fn environment() -> anyhow::Result<Vec<(&'static str, OsString)>> {
    let installed = places::on_path("protoc").is_some_and(|protoc| has_includes(&protoc));
    if installed || env::var_os("PROTOC").is_some() {
        return Ok(Vec::new());
    }
    let protoc = protoc_bin_vendored::protoc_bin_path()
        .context("no protoc for this machine is at hand: install protobuf-compiler and libprotobuf-dev")?;
    let include = protoc_bin_vendored::include_path()
        .context("no .proto files are at hand: install protobuf-compiler and libprotobuf-dev")?;
    Ok(vec![("PROTOC", protoc.into_os_string()), ("PROTOC_INCLUDE", include.into_os_string())])
}

/// Whether the .proto files that protoc itself would find are there: Debian has them in a package of their own.
fn has_includes(protoc: &Path) -> bool {
    let Some(prefix) = protoc.parent().and_then(Path::parent) else {
        return false;
    };
    let file = "google/protobuf/descriptor.proto";
    prefix.join("include").join(file).is_file() || Path::new("/usr/include").join(file).is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_without_its_includes_is_not_enough() {
        let folder = tempfile::tempdir().unwrap();
        let protoc = folder.path().join("bin/protoc");
        let expected = Path::new("/usr/include/google/protobuf/descriptor.proto").is_file();
        assert_eq!(has_includes(&protoc), expected);
        let include = folder.path().join("include/google/protobuf");
        std::fs::create_dir_all(&include).unwrap();
        std::fs::write(include.join("descriptor.proto"), "").unwrap();
        assert!(has_includes(&protoc));
    }
}
