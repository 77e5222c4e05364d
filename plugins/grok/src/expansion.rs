//! A pattern written out: one expression, and what its groups are.

use std::fmt::Write as _;

use crate::{
    dialect::{self, Piece},
    dictionary::Dictionary,
    value::Kind,
};

/// How deep patterns may refer to others.
const DEPTH_MAX: usize = 32;
/// Bytes of a pattern that is written out, at most.
const EXPRESSION_BYTES_MAX: usize = 1 << 20;

/// A pattern written out.
#[derive(Debug, Default)]
pub(crate) struct Expanded {
    /// The expression; its groups with a name are those below, in order.
    pub(crate) expression: String,
    pub(crate) groups: Vec<Group>,
}

/// What becomes of a group.
#[derive(Debug)]
pub(crate) struct Group {
    /// By dotted name.
    pub(crate) field: String,
    pub(crate) kind: Kind,
    pub(crate) dash_is_absent: bool,
}

/// Writes a pattern out.
pub(crate) fn expand(dictionary: &Dictionary, pattern: &str) -> Result<Expanded, String> {
    let mut expander = Expander { dictionary, trail: vec![], expanded: Expanded::default() };
    expander.add(pattern).map_err(|problem| expander.placed(pattern, &problem))?;
    Ok(expander.expanded)
}

struct Expander<'a> {
    dictionary: &'a Dictionary,
    /// The names of the patterns that are being written out.
    trail: Vec<String>,
    expanded: Expanded,
}

impl Expander<'_> {
    /// The problem with the pattern that has it.
    fn placed(&self, pattern: &str, problem: &str) -> String {
        match self.trail.last() {
            Some(name) => format!("the pattern {name} (in `{pattern}`) {problem}"),
            None => format!("the pattern `{pattern}` {problem}"),
        }
    }

    fn add(&mut self, pattern: &str) -> Result<(), String> {
        for piece in dialect::pieces(pattern)? {
            match piece {
                Piece::Text(text) => self.expanded.expression.push_str(text),
                Piece::Brace => self.expanded.expression.push_str("\\{"),
                Piece::HexDigit { in_class: false } => self.expanded.expression.push_str("[0-9A-Fa-f]"),
                Piece::HexDigit { in_class: true } => self.expanded.expression.push_str("0-9A-Fa-f"),
                Piece::Group(written) => self.open_group(written, "")?,
                Piece::Reference { name, field, kind } => self.refer(name, field, kind)?,
            }
        }
        if self.expanded.expression.len() > EXPRESSION_BYTES_MAX {
            return Err("is too large where it is written out".to_owned());
        }
        Ok(())
    }

    fn open_group(&mut self, written: &str, kind: &str) -> Result<(), String> {
        let as_written = dialect::field(written)?;
        let of_type = Kind::named(kind).ok_or_else(|| {
            format!("gives `{written}` the type `{kind}`; there are int, long, float, double, bool and string")
        })?;
        let pattern = self.trail.last().map(String::as_str);
        let renamed = pattern.and_then(|pattern| self.dictionary.renamed(pattern, &as_written));
        let group = match renamed {
            Some((field, kind)) => Group { field: field.to_owned(), kind, dash_is_absent: true },
            None => Group { field: as_written, kind: of_type, dash_is_absent: false },
        };
        // Writing to a string cannot fail.
        let _ = write!(self.expanded.expression, "(?<g{}>", self.expanded.groups.len());
        self.expanded.groups.push(group);
        Ok(())
    }

    fn refer(&mut self, name: &str, field: &str, kind: &str) -> Result<(), String> {
        let definition = self
            .dictionary
            .get(name)
            .ok_or_else(|| format!("refers to {name}, which nobody defines; define it under `custom`"))?;
        if self.trail.iter().any(|outer| outer == name) || self.trail.len() >= DEPTH_MAX {
            return Err(format!("refers to {name}, which refers back to itself"));
        }
        if field.is_empty() || field.starts_with("[@metadata]") {
            self.expanded.expression.push_str("(?:");
        } else {
            self.open_group(field, kind)?;
        }
        self.trail.push(name.to_owned());
        self.add(definition)?;
        self.trail.pop();
        self.expanded.expression.push(')');
        Ok(())
    }
}
