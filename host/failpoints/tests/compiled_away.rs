//! In no program but the torture's own is anything left of the places.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

/// Places are marked so.
const MARKS: [&str; 2] = ["reached(\"", "planted(\""];
/// The variable by which places are switched on.
const VARIABLE: &str = "FAILPOINTS";

/// Puts the names of the places in the sources of a folder into `names`.
fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("a source");
            for mark in MARKS {
                let rest = source.split(mark).skip(1);
                names.extend(rest.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
    }
}

/// The places of all crates beside this one.
fn places() -> BTreeSet<String> {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of the crates");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(host).expect("the crates") {
        let sources = entry.expect("a crate").path().join("src");
        if sources.is_dir() {
            collect(&sources, &mut names);
        }
    }
    names
}

fn has(program: &[u8], name: &str) -> bool {
    memchr::memmem::find(program, name.as_bytes()).is_some()
}

#[test]
fn every_place_is_in_the_tortures_program_alone() {
    let program = |variable| env::var_os(variable).map(|path| fs::read(PathBuf::from(path)).expect("the program"));
    let (Some(plain), Some(armed)) = (program("COLLECTOR_BIN"), program("COLLECTOR_TORTURE_BIN")) else {
        println!("skipped: whether failpoints are compiled away (`cargo xtask test` builds both programs)");
        return;
    };
    let places = places();
    assert!(places.len() >= 20, "the sources have more places than {places:?}");
    for name in places.iter().map(String::as_str).chain([VARIABLE]) {
        assert!(has(&armed, name), "{name} is not in the torture's program");
        // Single words (`committed`) stand in messages of the program, too.
        let is_a_name_alone = name.contains('-') || name == VARIABLE;
        assert!(!is_a_name_alone || !has(&plain, name), "{name} is in the plain program");
    }
}

/// The compiler knows the answer, so what stands behind it is in no program.
#[cfg(not(feature = "armed"))]
#[test]
fn a_wrong_turn_is_decided_while_compiling() {
    const IS_TAKEN: bool = collector_failpoints::planted("commit-early");
    const { assert!(!IS_TAKEN) }
}
