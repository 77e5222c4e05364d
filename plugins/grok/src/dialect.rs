//! Patterns are written for another engine (Oniguruma); this is what differs.

use collector_captures::is_name;

/// A piece of a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A part of a regular expression, as the engine here takes it.
    Text(&'a str),
    /// A brace that is no repetition.
    Brace,
    /// `\h`: a hexadecimal digit, inside a class or not.
    HexDigit { in_class: bool },
    /// `(?<name>`
    Group(&'a str),
    /// `%{NAME:field:type}`
    Reference { name: &'a str, field: &'a str, kind: &'a str },
}

/// Takes a pattern apart.
pub(crate) fn pieces(pattern: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut scanner = Scanner { pattern, at: 0, done: 0, depth: 0, pieces: vec![] };
    while scanner.at < pattern.len() {
        scanner.step()?;
    }
    scanner.flush(pattern.len());
    Ok(scanner.pieces)
}

struct Scanner<'a> {
    pattern: &'a str,
    at: usize,
    /// Up to where pieces were made.
    done: usize,
    /// How deep within classes.
    depth: usize,
    pieces: Vec<Piece<'a>>,
}

impl<'a> Scanner<'a> {
    fn step(&mut self) -> Result<(), String> {
        let rest = &self.pattern[self.at..];
        let mut chars = rest.chars();
        match chars.next() {
            Some('\\') => self.escape(rest, chars.next()),
            Some('[') if self.depth == 0 || rest.starts_with("[:") || nests(rest) => {
                self.depth += 1;
                self.at += class_head(rest);
            }
            Some(']') if self.depth > 0 => {
                self.depth -= 1;
                self.at += 1;
            }
            Some('%') if rest.starts_with("%{") => self.reference(rest)?,
            Some('{') if self.depth == 0 && !is_repetition(rest) => self.replace(Piece::Brace, 1),
            Some('(') if self.depth == 0 => self.group(rest)?,
            Some(c) => self.at += c.len_utf8(),
            None => {}
        }
        Ok(())
    }

    fn escape(&mut self, rest: &'a str, escaped: Option<char>) {
        if rest.starts_with("\\h") {
            self.replace(Piece::HexDigit { in_class: self.depth > 0 }, 2);
        } else {
            self.at += 1 + escaped.map_or(0, char::len_utf8);
        }
    }

    fn group(&mut self, rest: &'a str) -> Result<(), String> {
        let (head, end) = match rest {
            _ if rest.starts_with("(?<=") || rest.starts_with("(?<!") => return self.refuse("a look-behind `(?<…)`"),
            _ if rest.starts_with("(?=") || rest.starts_with("(?!") => return self.refuse("a look-ahead `(?=…)`"),
            _ if rest.starts_with("(?>") => return self.refuse("an atomic group `(?>…)`"),
            _ if rest.starts_with("(?<") => (3, '>'),
            _ if rest.starts_with("(?P<") => (4, '>'),
            _ if rest.starts_with("(?'") => (3, '\''),
            _ => {
                self.at += 1;
                return Ok(());
            }
        };
        let length =
            rest[head..].find(end).ok_or_else(|| format!("has a group whose name does not end: `{}`", start(rest)))?;
        self.replace(Piece::Group(&rest[head..head + length]), head + length + 1);
        Ok(())
    }

    fn refuse(&self, what: &str) -> Result<(), String> {
        Err(format!("uses {what}, which needs backtracking: `{}`", start(&self.pattern[self.at..])))
    }

    fn reference(&mut self, rest: &'a str) -> Result<(), String> {
        let malformed = || format!("has a reference that is not `%{{NAME:field:type}}`: `{}`", start(rest));
        let end = rest.find('}').ok_or_else(malformed)?;
        let mut parts = rest[2..end].splitn(3, ':');
        let (name, field, kind) = (parts.next().unwrap_or_default(), parts.next(), parts.next().unwrap_or_default());
        let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_word(name) || field.is_some_and(str::is_empty) {
            return Err(malformed());
        }
        self.replace(Piece::Reference { name, field: field.unwrap_or_default(), kind }, end + 1);
        Ok(())
    }

    /// Makes a piece of the next `length` bytes.
    fn replace(&mut self, piece: Piece<'a>, length: usize) {
        self.flush(self.at);
        self.pieces.push(piece);
        self.at += length;
        self.done = self.at;
    }

    fn flush(&mut self, to: usize) {
        if self.done < to {
            self.pieces.push(Piece::Text(&self.pattern[self.done..to]));
        }
    }
}

fn start(text: &str) -> String {
    text.chars().take(24).collect()
}

/// Whether a bracket within a class begins a class of its own (otherwise the engine would not take it either).
fn nests(rest: &str) -> bool {
    rest[1..].contains(']')
}

/// The bracket with what may not end the class: `[]`, `[^]`.
fn class_head(rest: &str) -> usize {
    let caret = usize::from(rest[1..].starts_with('^'));
    1 + caret + usize::from(rest[1 + caret..].starts_with(']'))
}

/// `{2}`, `{2,}`, `{2,3}`
fn is_repetition(rest: &str) -> bool {
    let Some((inside, _)) = rest[1..].split_once('}') else {
        return false;
    };
    let (min, max) = inside.split_once(',').unwrap_or((inside, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !min.is_empty() && is_number(min) && is_number(max)
}

/// A field as it is written, `[a][b]` or `a.b`, with dots.
pub(crate) fn field(written: &str) -> Result<String, String> {
    let inner = written.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    // A mark of the usual dictionary that has no meaning.
    let name = inner.map_or(written.to_owned(), |inner| inner.replace("][", ".")).replace('?', "");
    let is_right = !name.is_empty()
        && name
            .split('.')
            .all(|segment| !segment.is_empty() && segment.chars().all(|c| !"[]{}:\"'".contains(c) && !c.is_control()));
    let is_own = is_name(&name) || name.starts_with('@') || name.chars().all(|c| !c.is_whitespace());
    if is_right && is_own {
        Ok(name)
    } else {
        Err(format!("has the field `{written}`, which is neither `a.b` nor `[a][b]`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_taken_apart() {
        let found = pieces(r#"\{"a": %{INT:[a][b]:int}}{2} (?<x>[{\h]) \h"#).unwrap();
        let expected = [
            Piece::Text("\\{\"a\": "),
            Piece::Reference { name: "INT", field: "[a][b]", kind: "int" },
            Piece::Text("}{2} "),
            Piece::Group("x"),
            Piece::Text("[{"),
            Piece::HexDigit { in_class: true },
            Piece::Text("]) "),
            Piece::HexDigit { in_class: false },
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_brace_that_is_no_repetition_is_a_brace() {
        assert_eq!(pieces("{a}").unwrap(), [Piece::Brace, Piece::Text("a}")]);
    }

    #[test]
    fn what_needs_backtracking_is_named() {
        for (pattern, word) in [
            ("(?<=a)", "look-behind"),
            ("(?!a)", "look-ahead"),
            ("(?>a)", "atomic"),
            ("%{A", "reference"),
            ("(?<a", "does not end"),
        ] {
            assert!(pieces(pattern).unwrap_err().contains(word), "{pattern}");
        }
    }

    #[test]
    fn fields_are_written_in_two_ways() {
        assert_eq!(field("[url][original]").unwrap(), "url.original");
        assert_eq!(field("url.original").unwrap(), "url.original");
        assert_eq!(field("@timestamp").unwrap(), "@timestamp");
        for wrong in ["", "[a", "a..b", "[a][]"] {
            assert!(field(wrong).is_err(), "{wrong}");
        }
    }
}
