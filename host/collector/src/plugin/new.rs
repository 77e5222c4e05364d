//! `collector plugin new`: a crate that builds, with a parser or filter, samples and tests.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail, ensure};

use super::{NewArgs, check, opening};

/// Where the SDK lies in a checkout.
const SDK: &str = "plugins/sdk";
const NAME_CHARS_MAX: usize = 64;
/// What cannot be the name of a library, or would hide one.
const TAKEN: &[&str] = &[
    "alloc",
    "as",
    "async",
    "await",
    "box",
    "break",
    "collector-plugin",
    "const",
    "continue",
    "core",
    "crate",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "unsafe",
    "use",
    "where",
    "while",
    "yield",
];

/// A file of the new crate, with its text.
type File = (&'static str, String);

/// Makes the crate and says what to do next.
pub fn new(args: &NewArgs) -> anyhow::Result<()> {
    let name = name_of(&args.path)?;
    ensure!(
        !args.path.exists(),
        "making {}: there is something of that name already; choose another name, or remove it",
        args.path.display()
    );
    let sdk = find_sdk(args.sdk.as_deref())?;
    let place = Place::of(&args.path, &sdk)?;
    let files = files(name, args.filter, &place);
    for (file, text) in &files {
        let path = args.path.join(file);
        let parent = path.parent().unwrap_or(&args.path);
        fs::create_dir_all(parent).with_context(|| format!("making the folder {}", parent.display()))?;
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    if !place.is_member {
        copy_versions(&sdk, &args.path)?;
    }
    let dir = opening::shown(&args.path);
    let dir = dir.display();
    let kind = if args.filter { "filter" } else { "parser" };
    let listed: String = files.iter().map(|(file, _)| format!("  {dir}/{file}\n")).collect();
    check::print(&format!(
        "made a {kind} in {dir}\n{listed}next: collector plugin test {dir}; collector plugin build {dir}\n"
    ))
}

/// Begins with the versions that the SDK is tested with: cargo takes those that it needs, and looks up none.
fn copy_versions(sdk: &Path, dir: &Path) -> anyhow::Result<()> {
    let lock = sdk.ancestors().nth(2).map(|checkout| checkout.join("Cargo.lock")).filter(|lock| lock.is_file());
    let Some(lock) = lock else { return Ok(()) };
    fs::copy(&lock, dir.join("Cargo.lock")).map(drop).with_context(|| format!("copying {}", lock.display()))
}

fn name_of(path: &Path) -> anyhow::Result<&str> {
    let name = match path.components().next_back() {
        Some(Component::Normal(name)) => name.to_str().unwrap_or_default(),
        _ => "",
    };
    let legal = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= NAME_CHARS_MAX
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    ensure!(
        legal,
        "naming the plugin {:?}: a name begins with a letter and has small letters, digits, '-' and '_' only, {NAME_CHARS_MAX} at most",
        path.file_name().unwrap_or_default()
    );
    ensure!(
        !TAKEN.contains(&name.replace('_', "-").as_str()),
        "naming the plugin {name:?}: Rust needs that name itself; choose another"
    );
    Ok(name)
}

/// The folder of the SDK: the named one, else that of the checkout around the working directory or around this program.
fn find_sdk(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let is_sdk = |dir: &Path| {
        fs::read_to_string(dir.join("Cargo.toml")).is_ok_and(|text| text.contains("name = \"collector-plugin\""))
    };
    if let Some(named) = named {
        ensure!(
            is_sdk(named),
            "taking the SDK from {}: it is not the folder of the crate collector-plugin; name plugins/sdk of a checkout",
            named.display()
        );
        return named.canonicalize().with_context(|| format!("resolving {}", named.display()));
    }
    let starts =
        [std::env::current_dir().ok(), std::env::current_exe().and_then(|program| program.canonicalize()).ok()];
    let around = starts.iter().flatten().flat_map(|start| start.ancestors().map(|dir| dir.join(SDK)));
    around.into_iter().find(|dir| is_sdk(dir)).ok_or_else(|| {
        anyhow!(
            "looking for the SDK, the crate collector-plugin: neither the working directory nor this program lies in a checkout of the \
             collector; clone it, and name its folder: collector plugin new NAME --sdk CHECKOUT/{SDK}"
        )
    })
}

/// Where the new crate lies in respect of the SDK.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    /// The path of the SDK, as the manifest has it.
    sdk: PathBuf,
    /// The crate lies beside the SDK, so it is a member of the checkout's workspace.
    is_member: bool,
}

impl Place {
    fn of(dir: &Path, sdk: &Path) -> anyhow::Result<Place> {
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Ok(parent) = parent.canonicalize() else {
            // The folders above are still to be made; they lie outside of any workspace.
            return Ok(Place { sdk: sdk.to_owned(), is_member: false });
        };
        let plugins = sdk.parent().ok_or_else(|| anyhow!("{} lies in no folder", sdk.display()))?;
        if parent == plugins {
            return Ok(Place { sdk: "../sdk".into(), is_member: true });
        }
        if parent.starts_with(plugins) && parent.parent() == Some(plugins) {
            bail!("making a plugin in {}: that folder is another crate's; make it beside it", parent.display());
        }
        Ok(Place { sdk: sdk.to_owned(), is_member: false })
    }
}

fn files(name: &str, filter: bool, place: &Place) -> Vec<File> {
    let package = if place.is_member { format!("plugin-{name}") } else { name.to_owned() };
    let description = if filter {
        "Tells what failed by the status of an HTTP response."
    } else {
        "Reads the lines of an application's log."
    };
    let filled = |template: &str| {
        template
            .replace("@PACKAGE@", &package)
            .replace("@NAME@", name)
            .replace("@TYPE@", &type_name(name))
            .replace("@DESCRIPTION@", description)
            .replace("@SDK@", &place.sdk.display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
    };
    let mut manifest = include_str!("template/Cargo.toml.in").to_owned();
    if !place.is_member {
        manifest.push_str(include_str!("template/own-workspace.toml.in"));
    }
    let [library, tests, samples] = if filter {
        [
            include_str!("template/filter/lib.rs.in"),
            include_str!("template/filter/tests.rs.in"),
            include_str!("template/filter/samples.json.in"),
        ]
    } else {
        [
            include_str!("template/parser/lib.rs.in"),
            include_str!("template/parser/tests.rs.in"),
            include_str!("template/parser/samples.json.in"),
        ]
    };
    let mut files = vec![
        ("Cargo.toml", filled(&manifest)),
        ("src/lib.rs", filled(library)),
        ("src/tests.rs", filled(tests)),
        ("samples/samples.json", samples.to_owned()),
        ("README.md", filled(include_str!("template/README.md.in"))),
        (".gitignore", filled(include_str!("template/gitignore.in"))),
    ];
    if !place.is_member {
        files.push((".cargo/config.toml", include_str!("template/cargo-config.toml.in").to_owned()));
    }
    files
}

/// `my-parser` → `MyParser`.
fn type_name(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    name.split(['-', '_']).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cargo_or_rust_would_not_take_are_refused() {
        for bad in ["", ".", "..", "1st", "My", "a b", "a.b", "é", "type", "proc_macro", "serde", "x/", "/"] {
            let refused = name_of(Path::new(bad)).is_err();
            assert_eq!(refused, bad != "x/", "{bad:?}");
        }
        assert_eq!(name_of(Path::new("/tmp/my-parser2")).unwrap(), "my-parser2");
        assert_eq!(type_name("my-parser_2"), "MyParser2");
    }

    #[test]
    fn a_crate_beside_the_sdk_belongs_to_the_checkout_and_others_stand_alone() {
        let checkout = tempfile::tempdir().unwrap();
        let root = checkout.path().canonicalize().unwrap();
        let sdk = root.join("plugins/sdk");
        fs::create_dir_all(&sdk).unwrap();
        let inside = Place::of(&root.join("plugins/shop"), &sdk).unwrap();
        assert_eq!(inside, Place { sdk: "../sdk".into(), is_member: true });
        let manifest = &files("shop", false, &inside)[0].1;
        assert!(manifest.contains("name = \"plugin-shop\"") && !manifest.contains("[workspace]"), "{manifest}");
        let outside = Place::of(&root.join("shop"), &sdk).unwrap();
        assert!(!outside.is_member);
        let manifest = &files("shop", false, &outside)[0].1;
        assert!(manifest.contains("name = \"shop\"") && manifest.contains("[workspace]"), "{manifest}");
        let error = Place::of(&sdk.join("shop"), &sdk).unwrap_err().to_string();
        assert!(error.contains("make it beside it"), "{error}");
    }

    #[test]
    fn every_placeholder_is_filled() {
        let place = Place { sdk: "/sdk".into(), is_member: false };
        for filter in [false, true] {
            for (name, text) in files("my-plugin", filter, &place) {
                let left = text.replace("\"@timestamp\"", "").replace("@timestamp", "");
                assert!(!left.contains('@'), "{name}: {left}");
            }
        }
    }

    #[test]
    fn a_folder_that_is_no_sdk_is_refused_in_words() {
        let error = find_sdk(Some(Path::new("/tmp"))).unwrap_err().to_string();
        assert!(error.contains("name plugins/sdk of a checkout"), "{error}");
    }
}
