//! Expressions as they are written to what the engines take.

use std::fmt;

use regex_syntax::{
    ast::{
        self, Ast, ClassAscii, ClassAsciiKind, ClassBracketed, ClassPerl, ClassPerlKind, ClassSet, ClassSetItem,
        ErrorKind, Flag, Flags, FlagsItem, FlagsItemKind, Group, GroupKind,
    },
    hir::{self, Hir, HirKind, translate::TranslatorBuilder},
};

use crate::Anchors;

/// What is wrong with an expression, in words that go on after "the expression …".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Problem {
    pub(crate) fn of_size(error: &str) -> Self {
        Problem(format!("is too large: {error}; make repetitions with a count smaller"))
    }

    fn of_syntax(expression: &str, error: &ast::Error) -> Self {
        let at = error.span().start.offset;
        let rest: String = expression.get(at..).unwrap_or_default().chars().take(24).collect();
        let why = match error.kind() {
            ErrorKind::UnsupportedLookAround => {
                "uses look-around, which needs backtracking; say with the parts before and behind what has to be there"
                    .to_owned()
            }
            ErrorKind::UnsupportedBackreference => "refers back to a group, which needs backtracking".to_owned(),
            ErrorKind::FlagUnrecognized if rest.starts_with('>') => {
                "uses an atomic group `(?>…)`; nothing backtracks here, so write `(?:…)`".to_owned()
            }
            kind => format!("is malformed: {kind}"),
        };
        Problem(format!("{why} (at character {at}: `{rest}`)"))
    }
}

/// Whether that can be the name of a group.
pub fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "_.[]".contains(c);
    name.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_') && name.chars().all(is_part)
}

/// The expression with its named groups alone, and their names.
pub(crate) fn parse(expression: &str, anchors: Anchors) -> Result<(Hir, Vec<String>), Problem> {
    let ast = ast::parse::ParserBuilder::new().nest_limit(250).build().parse(expression);
    let mut ast = ast.map_err(|error| Problem::of_syntax(expression, &error))?;
    to_ascii(&mut ast);
    let translated = TranslatorBuilder::new()
        .dot_matches_new_line(true)
        .multi_line(anchors == Anchors::Lines)
        .build()
        .translate(expression, &ast);
    let hir = translated.map_err(|error| Problem(format!("is malformed: {}", error.kind())))?;
    let mut names = vec![];
    Ok((named_only(&hir, &mut names), names))
}

/// Makes `\w`, `\d`, `\s` and `\b` those of ASCII.
fn to_ascii(ast: &mut Ast) {
    match ast {
        Ast::ClassPerl(class) => *ast = Ast::ClassBracketed(Box::new(bracketed(class))),
        Ast::ClassBracketed(class) => set_to_ascii(&mut class.kind),
        Ast::Assertion(assertion) if assertion.kind == ast::AssertionKind::WordBoundary => {
            let span = assertion.span;
            let items = [FlagsItemKind::Negation, FlagsItemKind::Flag(Flag::Unicode)];
            let items = items.into_iter().map(|kind| FlagsItem { span, kind }).collect();
            let kind = GroupKind::NonCapturing(Flags { span, items });
            let inner = Box::new(std::mem::replace(ast, Ast::empty(span)));
            *ast = Ast::Group(Box::new(Group { span, kind, ast: inner }));
        }
        Ast::Repetition(repetition) => to_ascii(&mut repetition.ast),
        Ast::Group(group) => to_ascii(&mut group.ast),
        Ast::Alternation(alternation) => alternation.asts.iter_mut().for_each(to_ascii),
        Ast::Concat(concat) => concat.asts.iter_mut().for_each(to_ascii),
        Ast::Empty(_) | Ast::Flags(_) | Ast::Literal(_) | Ast::Dot(_) | Ast::Assertion(_) | Ast::ClassUnicode(_) => {}
    }
}

fn ascii_item(class: &ClassPerl) -> ClassSetItem {
    let kind = match class.kind {
        ClassPerlKind::Digit => ClassAsciiKind::Digit,
        ClassPerlKind::Space => ClassAsciiKind::Space,
        ClassPerlKind::Word => ClassAsciiKind::Word,
    };
    ClassSetItem::Ascii(ClassAscii { span: class.span, kind, negated: class.negated })
}

fn bracketed(class: &ClassPerl) -> ClassBracketed {
    ClassBracketed { span: class.span, negated: false, kind: ClassSet::Item(ascii_item(class)) }
}

fn set_to_ascii(set: &mut ClassSet) {
    match set {
        ClassSet::Item(item) => item_to_ascii(item),
        ClassSet::BinaryOp(operation) => {
            set_to_ascii(&mut operation.lhs);
            set_to_ascii(&mut operation.rhs);
        }
    }
}

fn item_to_ascii(item: &mut ClassSetItem) {
    match item {
        ClassSetItem::Perl(class) => *item = ascii_item(class),
        ClassSetItem::Bracketed(class) => set_to_ascii(&mut class.kind),
        ClassSetItem::Union(union) => union.items.iter_mut().for_each(item_to_ascii),
        ClassSetItem::Empty(_)
        | ClassSetItem::Literal(_)
        | ClassSetItem::Range(_)
        | ClassSetItem::Ascii(_)
        | ClassSetItem::Unicode(_) => {}
    }
}

/// Without the groups that have no name; the others are numbered anew, from 1.
fn named_only(hir: &Hir, names: &mut Vec<String>) -> Hir {
    match hir.kind() {
        HirKind::Capture(capture) => match &capture.name {
            Some(name) => {
                names.push(name.to_string());
                let index = names.len() as u32;
                let sub = Box::new(named_only(&capture.sub, names));
                Hir::capture(hir::Capture { index, name: capture.name.clone(), sub })
            }
            None => named_only(&capture.sub, names),
        },
        HirKind::Repetition(repetition) => Hir::repetition(repetition.with(named_only(&repetition.sub, names))),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(|part| named_only(part, names)).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(|part| named_only(part, names)).collect()),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => hir.clone(),
    }
}
