//! Which files are text logs that can be followed, and what parses them.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How much of a file is looked at.
const HEAD_BYTES: u64 = 8 * 1024;
/// How many files of a folder are followed at most.
const FILES_MAX: usize = 200;
/// How deep folders are looked into.
const DEPTH_MAX: usize = 6;

/// A file to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// The name under which its lines are found.
    pub(super) topic: String,
    /// The plugin that fits its first line.
    pub(super) plugin: Option<&'static str>,
}

impl fmt::Display for Source {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} as {}", self.path.display(), self.topic)?;
        match self.plugin {
            Some(plugin) => write!(to, ", parsed by {plugin}"),
            None => write!(to, ", as it is"),
        }
    }
}

/// Why a file is not followed.
#[derive(Debug)]
pub(super) enum Skip {
    Unreadable(io::Error),
    NotAFile,
    Empty,
    Compressed,
    Binary,
    TooMany,
}

impl fmt::Display for Skip {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(to, "cannot be read ({error})"),
            Self::NotAFile => write!(to, "is not a file"),
            Self::Empty => write!(to, "is empty"),
            Self::Compressed => write!(to, "is compressed"),
            Self::Binary => write!(to, "is not text"),
            Self::TooMany => write!(to, "more than {FILES_MAX} files; name it to see it"),
        }
    }
}

/// What was looked at.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) sources: Vec<Source>,
    pub(super) skipped: Vec<(PathBuf, Skip)>,
}

impl Found {
    fn look_at(&mut self, path: PathBuf, topic: String) {
        let result = match self.sources.len() < FILES_MAX {
            true => head(&path).and_then(|head| classify(&head)),
            false => Err(Skip::TooMany),
        };
        match result {
            Ok(plugin) => self.sources.push(Source { path, topic, plugin }),
            Err(why) => self.skipped.push((path, why)),
        }
    }

    /// Takes the file that was looked at last although it is empty: whoever named it knows that it will grow.
    fn take_if_empty(&mut self) {
        if let Some((path, _)) = self.skipped.pop_if(|(_, why)| matches!(why, Skip::Empty)) {
            let topic = topic_of(Path::new(path.file_name().unwrap_or_default()));
            self.sources.push(Source { path, topic, plugin: None });
        }
    }
}

/// The files that the user named, each once.
pub(super) fn named(files: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for file in files {
        match file.canonicalize() {
            Ok(path) if found.sources.iter().any(|source| source.path == path) => {}
            Ok(path) => {
                let name = path.file_name().unwrap_or_default();
                let topic = topic_of(Path::new(name));
                found.look_at(path, topic);
                found.take_if_empty();
            }
            Err(error) => found.skipped.push((file.clone(), Skip::Unreadable(error))),
        }
    }
    found
}

/// The files of a folder and of those below it, by name. Links are left out: what they point to is met anyway.
pub(super) fn under(folder: &Path) -> Found {
    let mut found = Found::default();
    let mut paths = Vec::new();
    collect(folder, DEPTH_MAX, &mut paths, &mut found);
    paths.sort();
    for path in paths {
        let topic = topic_of(path.strip_prefix(folder).unwrap_or(&path));
        found.look_at(path, topic);
    }
    found
}

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>, found: &mut Found) {
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) => {
            let skip = (folder.to_path_buf(), Skip::Unreadable(error));
            return found.skipped.push(skip);
        }
    };
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => {
                collect(&entry.path(), depth - 1, paths, found);
            }
            Ok(kind) if kind.is_file() => paths.push(entry.path()),
            _ => {}
        }
    }
}

/// A topic's name: the path's words joined, without `.log` at the end. `apt/term.log` gives `apt-term`.
fn topic_of(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = text.strip_suffix(".log").unwrap_or(&text);
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let name: String = text.chars().map(|letter| if legal(letter) { letter } else { '-' }).collect();
    match name.trim_matches(['.', '-']) {
        "" => "log".to_owned(),
        name => name.to_lowercase(),
    }
}

fn head(path: &Path) -> Result<Vec<u8>, Skip> {
    // Opening a named pipe would wait for its writer.
    let about = fs::metadata(path).map_err(Skip::Unreadable)?;
    if !about.is_file() {
        return Err(Skip::NotAFile);
    }
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head)).map_err(Skip::Unreadable)?;
    Ok(head)
}

/// Whether a file that begins so is text; if so, what parses it.
fn classify(head: &[u8]) -> Result<Option<&'static str>, Skip> {
    const GZIP: &[u8] = b"\x1f\x8b";
    const XZ: &[u8] = b"\xfd7zXZ\0";
    const BZIP2: &[u8] = b"BZh";
    const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
    if head.is_empty() {
        return Err(Skip::Empty);
    }
    if [GZIP, XZ, BZIP2, ZSTD].iter().any(|magic| head.starts_with(magic)) {
        return Err(Skip::Compressed);
    }
    if !is_text(head) {
        return Err(Skip::Binary);
    }
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or(head);
    Ok(plugin_for(&String::from_utf8_lossy(line)))
}

/// Text has no NUL, and few other control characters (escape sequences of terminals among them).
fn is_text(head: &[u8]) -> bool {
    let odd = |byte: &&u8| byte.is_ascii_control() && !b"\t\n\r\x0c".contains(byte);
    !head.contains(&0) && head.iter().filter(odd).count() * 20 <= head.len()
}

/// The plugin that a line looks made for.
fn plugin_for(line: &str) -> Option<&'static str> {
    if serde_json::from_str::<serde_json::Map<_, _>>(line).is_ok() {
        return Some("json");
    }
    if is_syslog(line) {
        return Some("syslog");
    }
    // ADDRESS - USER [TIME] "REQUEST" STATUS BYTES "REFERRER" "AGENT"
    let quoted: Vec<&str> = line.split('"').collect();
    let &[before, _request, numbers, _referrer, " ", _agent, ..] = quoted.as_slice() else {
        return None;
    };
    let mut numbers = numbers.split_whitespace();
    let status = numbers.next().and_then(|word| word.parse::<u16>().ok());
    let is_access = before.ends_with("] ") && before.contains(" [") && status.is_some();
    is_access.then_some("nginx")
}

/// `May  1 10:00:00 HOST PROGRAM…` or `2026-05-01T10:00:00… HOST PROGRAM…`, with a colon behind the program.
fn is_syslog(line: &str) -> bool {
    let is_clock = |word: &str| word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let words: Vec<&str> = line.split_whitespace().take(5).collect();
    match words.as_slice() {
        [month, day, clock, _host, program] => {
            let old = month.len() == 3 && day.parse::<u8>().is_ok() && is_clock(clock) && program.contains(':');
            let new =
                month.len() > 19 && month.as_bytes()[10] == b'T' && (clock.ends_with(':') || clock.ends_with("]:"));
            old || new
        }
        [time, _host, program, ..] => time.len() > 19 && time.as_bytes()[10] == b'T' && program.ends_with(':'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_file_is_told_from_text() {
        assert!(matches!(classify(b""), Err(Skip::Empty)));
        assert!(matches!(classify(b"\x1f\x8b\x08rest"), Err(Skip::Compressed)));
        assert!(matches!(classify(b"BZh91AY"), Err(Skip::Compressed)));
        assert!(matches!(classify(b"LPKSHHRH\0\0"), Err(Skip::Binary)));
        assert!(matches!(classify(&[0x07; 64]), Err(Skip::Binary)));
        assert!(matches!(classify(b"2026-05-01 10:00:00 install base-files\n"), Ok(None)));
        assert!(matches!(
            classify("naïve \x1b[1mbold\x1b[0m, and forty more letters of plain text\n".as_bytes()),
            Ok(None)
        ));
    }

    #[test]
    fn the_first_line_chooses_the_plugin() {
        let access = "::1 - - [01/May/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"curl/8\"";
        assert_eq!(plugin_for(access), Some("nginx"));
        assert_eq!(plugin_for("{\"level\":\"info\",\"n\":1}"), Some("json"));
        assert_eq!(plugin_for("May  1 10:00:00 shop-1 sshd[7]: hi there"), Some("syslog"));
        assert_eq!(plugin_for("2026-05-01T10:00:00.123456+02:00 shop-1 sshd[7]: hi"), Some("syslog"));
        assert_eq!(plugin_for("May be it is not so"), None);
        assert_eq!(plugin_for("{not json}"), None);
        assert_eq!(plugin_for("said \"a\" and \"b\" and \"c\""), None);
    }

    #[test]
    fn topics_are_named_after_the_path() {
        assert_eq!(topic_of(Path::new("apt/term.log")), "apt-term");
        assert_eq!(topic_of(Path::new("syslog.1")), "syslog.1");
        assert_eq!(topic_of(Path::new("Straße 7.log")), "stra-e-7");
        assert_eq!(topic_of(Path::new(".log")), "log");
    }

    #[test]
    fn a_folder_is_searched_and_what_is_left_out_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("sub")).unwrap();
        fs::write(path("sub/a.log"), "text\n").unwrap();
        fs::write(path("empty"), "").unwrap();
        std::os::unix::fs::symlink(path("sub/a.log"), path("link")).unwrap();
        let found = under(folder.path());
        assert_eq!(found.sources.len(), 1);
        assert_eq!(found.sources[0].topic, "sub-a");
        assert_eq!(found.skipped.len(), 1);
        assert_eq!(found.skipped[0].0, path("empty"));
    }

    #[test]
    fn a_file_that_is_named_twice_is_followed_once_and_an_empty_one_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (full, empty) = (folder.path().join("full.log"), folder.path().join("empty.log"));
        fs::write(&full, "text\n").unwrap();
        fs::write(&empty, "").unwrap();
        let found = named(&[full.clone(), empty, full]);
        let topics: Vec<&str> = found.sources.iter().map(|source| source.topic.as_str()).collect();
        assert_eq!(topics, ["full", "empty"]);
        assert!(found.skipped.is_empty());
    }

    #[test]
    fn a_named_file_that_is_missing_is_named_with_the_reason() {
        let found = named(&[PathBuf::from("/no/such/file"), PathBuf::from("/tmp")]);
        assert!(found.sources.is_empty());
        assert!(found.skipped[0].1.to_string().contains("cannot be read"));
        assert_eq!(found.skipped[1].1.to_string(), "is not a file");
    }
}
