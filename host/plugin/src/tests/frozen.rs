//! The published interface stays as it is.

use sha2::{Digest, Sha256};

use crate::artifact::hex;

/// The files of `wit/v0.1` and their sha256.
const FILES: [(&str, &str); 2] = [
    ("README.md", "134c82b3d01acb09585e362b089b1334936d23c17c0f4d3305bbba8d61fd4eb8"),
    ("plugin.wit", "3d54acc1ea2d101b736036dca5635cd1d6e23ef9ff903b00e2875ddf4df3d2ad"),
];

#[test]
fn the_interface_0_1_is_as_it_was_published() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/v0.1");
    let mut found: Vec<String> =
        std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    let expected: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
    let instead = "plugins that are deployed rely on every word of wit/v0.1: put what is new into wit/v0.2, with its own package version, \
                   and have the host know both";
    assert_eq!(found, expected, "{instead}");
    for (name, sha256) in FILES {
        let bytes = std::fs::read(dir.join(name)).unwrap();
        assert_eq!(hex(&Sha256::digest(&bytes)), sha256, "wit/v0.1/{name} was changed: {instead}");
    }
}
