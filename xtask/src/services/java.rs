//! The Java that Kafka, Elasticsearch and OpenSearch run on.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::{debian, places};

/// Kafka needs the first; OpenSearch 2 does not start on what comes after the last.
const VERSIONS: std::ops::RangeInclusive<u32> = 17..=23;
/// Debian 12 has the first of them, later releases only the second.
const PACKAGES: [&str; 2] = ["openjdk-17-jre-headless", "openjdk-21-jre-headless"];

/// The `java` program of a fitting version; installs one where that is possible.
pub(super) fn find() -> anyhow::Result<PathBuf> {
    if let Some(java) = installed() {
        return Ok(java);
    }
    let why = "a Java 17 or 21 for Kafka and the search servers";
    debian::install_first(PACKAGES, why)?;
    installed().with_context(|| format!("{why} is not in /usr/lib/jvm, although it was installed"))
}

fn installed() -> Option<PathBuf> {
    let mut homes: Vec<PathBuf> = env::var_os("JAVA_HOME").into_iter().map(PathBuf::from).collect();
    let on_path = places::on_path("java").and_then(|java| java.canonicalize().ok());
    homes.extend(on_path.and_then(|java| Some(java.parent()?.parent()?.to_path_buf())));
    let packaged = Path::new("/usr/lib/jvm").read_dir();
    homes.extend(packaged.into_iter().flatten().flatten().map(|entry| entry.path()));
    homes
        .into_iter()
        .map(|home| home.join("bin/java"))
        .find(|java| version_of(java).is_some_and(|version| VERSIONS.contains(&version)))
}

fn version_of(java: &Path) -> Option<u32> {
    let output = Command::new(java).arg("-version").stdin(Stdio::null()).output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stderr))
}

/// The main version in what `java -version` says: 17 of `openjdk version "17.0.13" 2024-10-15`.
fn parse_version(text: &str) -> Option<u32> {
    let quoted = text.split('"').nth(1)?;
    let main = quoted.split(['.', '-', '+']).next()?;
    main.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_version_is_read_from_every_spelling() {
        for (text, version) in [
            ("openjdk version \"17.0.13\" 2024-10-15\nOpenJDK", Some(17)),
            ("openjdk version \"21\" 2023-09-19", Some(21)),
            ("openjdk version \"25-ea\" 2025-09-16", Some(25)),
            ("java version \"1.8.0_392\"", Some(1)),
            ("The operation couldn't be completed.", None),
        ] {
            assert_eq!(parse_version(text), version, "{text}");
        }
    }
}
