//! A plan's parts, one after the other.

use memchr::{memchr, memrchr};
use regex_automata::{
    Anchored, Input, MatchKind,
    hybrid::dfa::{Cache, DFA},
    nfa::thompson::{Compiler, Config, WhichCaptures},
};
use regex_syntax::hir::{Hir, Look};

use crate::plan::{Branch, Part, Plan};

/// Bytes of the states that an automaton keeps between lines, at most.
const STATES_BYTES_MAX: usize = 256 << 10;

/// The automata of a plan, with the states that they have met so far (which saves time and changes nothing).
pub(crate) struct Machines {
    machines: Vec<(DFA, Cache)>,
}

impl Machines {
    /// `None` where one cannot be built.
    pub(crate) fn new(automata: &[Hir]) -> Option<Self> {
        let machine = |hir: &Hir| {
            let config = Config::new().which_captures(WhichCaptures::None);
            let nfa = Compiler::new().configure(config).build_from_hir(hir).ok()?;
            let config = DFA::config()
                .match_kind(MatchKind::LeftmostFirst)
                .cache_capacity(STATES_BYTES_MAX)
                .skip_cache_capacity_check(true)
                .unicode_word_boundary(true);
            let dfa = DFA::builder().configure(config).build_from_nfa(nfa).ok()?;
            let cache = dfa.create_cache();
            Some((dfa, cache))
        };
        Some(Machines { machines: automata.iter().map(machine).collect::<Option<_>>()? })
    }

    #[inline(always)]
    fn end(&mut self, number: usize, text: &[u8], at: usize) -> Result<Option<usize>, ()> {
        let (dfa, cache) = &mut self.machines[number];
        let input = Input::new(text).range(at..).anchored(Anchored::Yes);
        dfa.try_search_fwd(cache, &input).map(|found| found.map(|end| end.offset())).map_err(drop)
    }
}

/// Whether a plan succeeds from the beginning of the text; then the slots of the groups are set. Where it does not, nothing
/// is known yet.
#[inline]
pub(crate) fn matches(plan: &Plan, machines: &mut Machines, text: &[u8], slots: &mut [usize]) -> bool {
    let mut runner = Runner { machines, text, slots };
    runner.parts(&plan.parts, 0).is_ok()
}

/// A part failed. `certain`: no other choice before it could have changed that.
struct Failed {
    certain: bool,
}

struct Runner<'a> {
    machines: &'a mut Machines,
    text: &'a [u8],
    slots: &'a mut [usize],
}

impl Runner<'_> {
    fn parts(&mut self, parts: &[Part], start: usize) -> Result<usize, Failed> {
        let (mut at, mut certain) = (start, true);
        for part in parts {
            let end = match part {
                Part::Mark(slot) => {
                    self.slots[*slot] = at;
                    Some(at)
                }
                Part::Literal(literal) => self.text[at..].starts_with(literal).then_some(at + literal.len()),
                Part::Look(look) => holds(*look, self.text, at).ok_or(Failed { certain: false })?.then_some(at),
                Part::Run { bytes, min, max, sure } => {
                    let length = bytes.run(&self.text[at..], *max);
                    let enough = length >= *min;
                    certain &= *sure || !enough;
                    enough.then_some(at + length)
                }
                Part::Rest => {
                    certain = false;
                    Some(self.text.len())
                }
                part => {
                    let end = self.searching(part, at, certain)?;
                    certain = false;
                    Some(end)
                }
            };
            at = end.ok_or(Failed { certain })?;
        }
        Ok(at)
    }

    /// The parts that have other ends than the one they prefer. Where they have none at all, that is certain.
    fn searching(&mut self, part: &Part, at: usize, certain: bool) -> Result<usize, Failed> {
        let rest = &self.text[at..];
        let found = match part {
            Part::RunBefore { bytes, min, then } => last_before(rest, *min, bytes.run(rest, usize::MAX), then),
            Part::UntilLiteral { bytes, min, then } => {
                let found = first(rest, *min, then);
                found.filter(|&found| bytes.as_ref().is_none_or(|bytes| bytes.run(rest, found) == found))
            }
            Part::UntilOneOf { bytes, min, then } => {
                let found = rest.iter().skip(*min).position(|&byte| then.has(byte)).map(|found| found + min);
                found.filter(|&found| bytes.run(rest, found) == found)
            }
            Part::Automaton(number) => {
                let end = self.machines.end(*number, self.text, at).map_err(|()| Failed { certain: false })?;
                return end.ok_or(Failed { certain });
            }
            Part::Either(branches) => return self.either(branches, at, certain),
            Part::Mark(_) | Part::Literal(_) | Part::Look(_) | Part::Run { .. } | Part::Rest => Some(0),
        };
        found.map(|length| at + length).ok_or(Failed { certain })
    }

    fn either(&mut self, branches: &[Branch], at: usize, certain: bool) -> Result<usize, Failed> {
        for branch in branches {
            match self.parts(&branch.parts, at) {
                Ok(end) => return Ok(end),
                Err(Failed { certain: false }) => return Err(Failed { certain: false }),
                Err(Failed { certain: true }) => self.slots[branch.slots.clone()].fill(crate::ABSENT),
            }
        }
        Err(Failed { certain })
    }
}

/// The first place of a literal from `min` on.
#[inline(always)]
fn first(text: &[u8], min: usize, literal: &[u8]) -> Option<usize> {
    let (&head, tail) = literal.split_first()?;
    let mut from = min;
    loop {
        let found = from + memchr(head, text.get(from..)?)?;
        if text[found + 1..].starts_with(tail) {
            return Some(found);
        }
        from = found + 1;
    }
}

/// The last place of a literal from `min` to `max`.
#[inline(always)]
fn last_before(text: &[u8], min: usize, max: usize, literal: &[u8]) -> Option<usize> {
    let (&head, tail) = literal.split_first()?;
    let mut end = (max + 1).min(text.len());
    loop {
        let found = min + memrchr(head, text.get(min..end)?)?;
        if text[found + 1..].starts_with(tail) {
            return Some(found);
        }
        end = found;
    }
}

/// Whether an assertion holds; `None` for those of Unicode.
#[inline(always)]
fn holds(look: Look, text: &[u8], at: usize) -> Option<bool> {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    let behind = text.get(at);
    Some(match look {
        Look::Start => at == 0,
        Look::End => at == text.len(),
        Look::StartLF => before.is_none_or(|&byte| byte == b'\n'),
        Look::EndLF => behind.is_none_or(|&byte| byte == b'\n'),
        Look::WordAscii => is_word(before) != is_word(behind),
        _ => return None,
    })
}
