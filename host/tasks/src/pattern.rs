//! Patterns of paths: what they mean, and whether one lies within another.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// Compiles a pattern as it is meant everywhere: `*` and `?` stay within a directory, `**` crosses directories.
pub fn compile(pattern: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(pattern).literal_separator(true).backslash_escape(cfg!(unix)).build()
}

/// Compiles several patterns into one set.
pub fn compile_all<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(compile(pattern)?);
    }
    set.build()
}

/// Whether the text is a path and not a pattern.
pub fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '[', '{'])
}

/// Whether everything that `asked` can match is matched by `allowed` too. May say no where the answer is hard to see, never a wrong
/// yes.
pub fn contains(allowed: &str, asked: &str) -> bool {
    let parts = |pattern: &'_ str| pattern.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (allowed, asked) = (parts(allowed), parts(asked));
    asked.iter().all(|part| part != ".." && balanced(part)) && contains_parts(&allowed, &asked)
}

fn contains_parts(allowed: &[String], asked: &[String]) -> bool {
    match (allowed, asked) {
        ([], []) => true,
        ([last], _) if last == "**" => !asked.is_empty(),
        ([first, rest @ ..], _) if first == "**" => {
            contains_parts(rest, asked) || (!asked.is_empty() && contains_parts(allowed, &asked[1..]))
        }
        ([a, allowed @ ..], [b, asked @ ..]) => contains_part(a, b) && contains_parts(allowed, asked),
        _ => false,
    }
}

/// One name between slashes. A text match is a proof only where neither side has more than `*` and `?`: then each of the asked
/// pattern's wildcards was swallowed whole by a `*` of the allowed one.
fn contains_part(allowed: &str, asked: &str) -> bool {
    if allowed == asked || (allowed == "*" && asked != "**") {
        return true;
    }
    let matches = || compile(allowed).is_ok_and(|glob| glob.compile_matcher().is_match(asked));
    if is_literal(asked) && !asked.contains('\\') {
        return matches();
    }
    let simple = |part: &str, refused: &[char]| !part.contains(refused);
    asked != "**"
        && simple(allowed, &['?', '[', ']', '{', '}', '\\'])
        && simple(asked, &['[', ']', '{', '}', '\\'])
        && matches()
}

/// Braces and brackets that span a slash would make the parts lie.
fn balanced(part: &str) -> bool {
    let count = |c: char| part.chars().filter(|found| *found == c).count();
    count('{') == count('}') && count('[') == count(']')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stays_within_its_directory() {
        let set = compile_all(["/var/log/*.log"]).unwrap();
        assert!(set.is_match("/var/log/a.log"));
        assert!(!set.is_match("/var/log/nginx/a.log"));
    }

    #[test]
    fn what_is_asked_must_lie_within_what_is_allowed() {
        for (allowed, asked) in [
            ("/var/log/**", "/var/log/a.log"),
            ("/var/log/**", "/var/log/**/a.log"),
            ("/var/log/**", "/var/log/*/b-*.log"),
            ("/srv/*/log/*.log", "/srv/app/log/nginx-*.log"),
            ("/**", "/etc/passwd"),
            ("/srv/**/log/**", "/srv/a/b/log/x"),
        ] {
            assert!(contains(allowed, asked), "{allowed} {asked}");
        }
        for (allowed, asked) in [
            ("/var/log/**", "/var/log"),
            ("/var/log/**", "/var/*/x"),
            ("/var/log/**", "/var/log/../../etc/passwd"),
            ("/var/log/*", "/var/log/**"),
            ("/var/log/*.log*", "/var/log/[.log]*"),
            ("/var/log/**", "/var/{log/a,../etc/passwd}"),
            ("/var/log/**", "/**"),
        ] {
            assert!(!contains(allowed, asked), "{allowed} {asked}");
        }
    }

    proptest! {
        /// A yes is never wrong: whatever the asked pattern matches, the allowed one matches.
        #[test]
        fn containment_is_sound(
            allowed in "(/(a|b|\\*|\\*\\*|a\\*|\\*b)){1,3}",
            asked in "(/(a|b|\\*|\\*\\*|a\\*|\\*b|\\?|ab)){1,3}",
            path in "(/[ab]{1,3}){1,4}",
        ) {
            let matches = |pattern: &str| compile(pattern).unwrap().compile_matcher().is_match(&path);
            if contains(&allowed, &asked) && matches(&asked) {
                prop_assert!(matches(&allowed), "{} is in {} but not in {}", path, asked, allowed);
            }
        }
    }
}
