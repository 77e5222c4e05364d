//! An expression as a sequence of parts, each of which has one preferred end.

use std::ops::Range;

use regex_syntax::hir::{Hir, HirKind, Look, Repetition};

use crate::{
    class::{Bytes, Width},
    follow::Follow,
};

/// The parts of an expression, to be taken from the beginning of a text.
pub(crate) struct Plan {
    pub(crate) parts: Vec<Part>,
}

/// One part.
pub(crate) enum Part {
    /// A group begins or ends.
    Mark(usize),
    Literal(Box<[u8]>),
    Look(Look),
    /// As many bytes of a set as there are. `sure`: no smaller number could go on.
    Run {
        bytes: Bytes,
        min: usize,
        max: usize,
        sure: bool,
    },
    /// Everything.
    Rest,
    /// As many bytes of a set as there are with that literal behind them.
    RunBefore {
        bytes: Bytes,
        min: usize,
        then: Box<[u8]>,
    },
    /// As few bytes of a set as there are with that literal behind them.
    UntilLiteral {
        bytes: Option<Bytes>,
        min: usize,
        then: Box<[u8]>,
    },
    /// As few bytes of a set as there are with one of another set behind them.
    UntilOneOf {
        bytes: Bytes,
        min: usize,
        then: Bytes,
    },
    /// What the automaton of that number prefers.
    Automaton(usize),
    /// The first branch that goes.
    Either(Vec<Branch>),
}

/// One way to go on.
pub(crate) struct Branch {
    pub(crate) parts: Vec<Part>,
    /// The slots of the groups in it.
    pub(crate) slots: Range<usize>,
}

/// A part before it is known what follows it.
enum Draft {
    Mark(usize),
    Literal(Vec<u8>),
    Look(Look),
    Run { bytes: Bytes, min: usize, max: Option<usize>, greedy: bool, hir: Hir },
    Other(Hir),
    Either(Vec<Vec<Draft>>),
}

/// The plan of an expression with the automata that it needs; `None` where it has none.
pub(crate) fn of(hir: &Hir) -> Option<(Plan, Vec<Hir>)> {
    let mut drafts = vec![];
    draft(hir, &mut drafts)?;
    let mut automata = vec![];
    let parts = parts(drafts, &Follow::End, &mut automata)?;
    Some((Plan { parts }, automata))
}

fn has_groups(hir: &Hir) -> bool {
    hir.properties().explicit_captures_len() > 0
}

fn draft(hir: &Hir, drafts: &mut Vec<Draft>) -> Option<()> {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => match drafts.last_mut() {
            Some(Draft::Literal(before)) => before.extend_from_slice(&literal.0),
            _ => drafts.push(Draft::Literal(literal.0.to_vec())),
        },
        HirKind::Look(look) => drafts.push(Draft::Look(*look)),
        HirKind::Class(class) => match Bytes::of(class) {
            Some((bytes, Width::One)) => {
                drafts.push(Draft::Run { bytes, min: 1, max: Some(1), greedy: true, hir: hir.clone() });
            }
            _ => drafts.push(Draft::Other(hir.clone())),
        },
        HirKind::Repetition(repetition) => draft_repetition(hir, repetition, drafts)?,
        HirKind::Capture(capture) => {
            let slot = (capture.index as usize - 1) * 2;
            drafts.push(Draft::Mark(slot));
            draft(&capture.sub, drafts)?;
            drafts.push(Draft::Mark(slot + 1));
        }
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| draft(part, drafts))?,
        HirKind::Alternation(branches) if has_groups(hir) => {
            drafts.push(Draft::Either(branches.iter().map(drafts_of).collect::<Option<_>>()?));
        }
        HirKind::Alternation(_) => drafts.push(Draft::Other(hir.clone())),
    }
    Some(())
}

fn drafts_of(hir: &Hir) -> Option<Vec<Draft>> {
    let mut drafts = vec![];
    draft(hir, &mut drafts)?;
    Some(drafts)
}

fn draft_repetition(hir: &Hir, repetition: &Repetition, drafts: &mut Vec<Draft>) -> Option<()> {
    let (min, max) = (repetition.min as usize, repetition.max.map(|max| max as usize));
    if let HirKind::Class(class) = repetition.sub.kind()
        && let Some((bytes, width)) = Bytes::of(class)
        && (width == Width::One || min <= 1 && max.is_none())
    {
        drafts.push(Draft::Run { bytes, min, max, greedy: repetition.greedy, hir: hir.clone() });
    } else if !has_groups(hir) {
        drafts.push(Draft::Other(hir.clone()));
    } else if (min, max) == (0, Some(1)) {
        let (with, without) = (drafts_of(&repetition.sub)?, vec![]);
        drafts.push(Draft::Either(if repetition.greedy { vec![with, without] } else { vec![without, with] }));
    } else {
        return None;
    }
    Some(())
}

/// Gives each draft its form, from the last to the first: what one is depends on what follows it.
fn parts(drafts: Vec<Draft>, follow: &Follow, automata: &mut Vec<Hir>) -> Option<Vec<Part>> {
    let mut follow = follow.clone();
    let mut parts = vec![];
    for draft in joined(drafts).into_iter().rev() {
        parts.push(part(draft, &mut follow, automata)?);
    }
    parts.reverse();
    Some(parts)
}

fn part(draft: Draft, follow: &mut Follow, automata: &mut Vec<Hir>) -> Option<Part> {
    Some(match draft {
        Draft::Mark(slot) => Part::Mark(slot),
        Draft::Literal(literal) => {
            *follow = Follow::Literal(literal.clone().into());
            Part::Literal(literal.into())
        }
        Draft::Look(look) => {
            *follow = if look == Look::End { Follow::TextEnd } else { Follow::Unknown };
            Part::Look(look)
        }
        Draft::Run { bytes, min, max, greedy, .. } => {
            let then = if min > 0 { Follow::OneOf(bytes.clone()) } else { Follow::Unknown };
            let before = std::mem::replace(follow, then);
            if greedy { greedy_run(bytes, min, max, before) } else { lazy_run(bytes, min, max, before)? }
        }
        Draft::Other(hir) => {
            *follow = Follow::Unknown;
            automata.push(hir);
            Part::Automaton(automata.len() - 1)
        }
        Draft::Either(branches) => {
            let before = std::mem::replace(follow, Follow::Unknown);
            let branch = |drafts: Vec<Draft>| {
                let slots = slots(&drafts);
                Some(Branch { parts: parts(drafts, &before, automata)?, slots })
            };
            Part::Either(branches.into_iter().map(branch).collect::<Option<_>>()?)
        }
    })
}

fn greedy_run(bytes: Bytes, min: usize, max: Option<usize>, follow: Follow) -> Part {
    match (max, follow) {
        (None, Follow::Literal(then)) if bytes.has(then[0]) => Part::RunBefore { bytes, min, then },
        (None, _) if min == 0 && bytes.is_everything() => Part::Rest,
        (max, follow) => {
            let sure = max == Some(min) || follow.excludes(&bytes);
            Part::Run { bytes, min, max: max.unwrap_or(usize::MAX), sure }
        }
    }
}

fn lazy_run(bytes: Bytes, min: usize, max: Option<usize>, follow: Follow) -> Option<Part> {
    Some(match (max, follow) {
        (None, Follow::Literal(then)) => {
            let bytes = Some(bytes).filter(|bytes| !bytes.is_everything());
            Part::UntilLiteral { bytes, min, then }
        }
        (None, Follow::TextEnd) => Part::Run { bytes, min, max: usize::MAX, sure: true },
        (None, Follow::OneOf(then)) => Part::UntilOneOf { bytes, min, then },
        (_, Follow::End) => Part::Run { bytes, min, max: min, sure: false },
        _ => return None,
    })
}

/// The slots of all groups in these drafts; groups are numbered in order, so they are adjacent.
fn slots(drafts: &[Draft]) -> Range<usize> {
    let mut all = vec![];
    add_slots(drafts, &mut all);
    match (all.iter().min(), all.iter().max()) {
        (Some(&first), Some(&last)) => first..last + 1,
        _ => 0..0,
    }
}

fn add_slots(drafts: &[Draft], all: &mut Vec<usize>) {
    for draft in drafts {
        match draft {
            Draft::Mark(slot) => all.push(*slot),
            Draft::Either(branches) => branches.iter().for_each(|branch| add_slots(branch, all)),
            _ => {}
        }
    }
}

/// Puts what only an automaton can find together with its neighbours up to the next such part: one automaton for all of it.
fn joined(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut done = vec![];
    let mut stretch = vec![];
    for draft in drafts {
        if matches!(draft, Draft::Mark(_) | Draft::Either(_)) {
            join_stretch(&mut stretch, &mut done);
            done.push(draft);
        } else {
            stretch.push(draft);
        }
    }
    join_stretch(&mut stretch, &mut done);
    done
}

/// A stretch without groups.
fn join_stretch(stretch: &mut Vec<Draft>, done: &mut Vec<Draft>) {
    let needs_automaton = |index: usize, draft: &Draft| match draft {
        Draft::Other(_) => true,
        // As few as possible before something that is no literal.
        Draft::Run { greedy: false, .. } => {
            stretch.get(index + 1).is_some_and(|next| !matches!(next, Draft::Literal(_) | Draft::Run { .. }))
        }
        _ => false,
    };
    let mut hard = (0..stretch.len()).filter(|&index| needs_automaton(index, &stretch[index]));
    let Some(first) = hard.next() else {
        done.append(stretch);
        return;
    };
    let last = hard.next_back().unwrap_or(first);
    let mut behind = stretch.split_off(first);
    let rest = behind.split_off((last - first + 1).min(behind.len()));
    done.append(stretch);
    let mut next = rest.into_iter().peekable();
    if matches!(behind.last(), Some(Draft::Run { greedy: false, .. })) {
        behind.extend(next.next());
    }
    done.push(Draft::Other(Hir::concat(behind.into_iter().filter_map(hir_of).collect())));
    done.extend(next);
}

fn hir_of(draft: Draft) -> Option<Hir> {
    match draft {
        Draft::Literal(literal) => Some(Hir::literal(literal)),
        Draft::Look(look) => Some(Hir::look(look)),
        Draft::Run { hir, .. } | Draft::Other(hir) => Some(hir),
        Draft::Mark(_) | Draft::Either(_) => None,
    }
}
