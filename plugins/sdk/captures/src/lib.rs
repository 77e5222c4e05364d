//! Regular expressions for plugins that take them from an operator.
//!
//! Two engines, neither of which backtracks. The general one (regex-automata's) finds captures in time linear in the text, but with
//! a good part of a microsecond for each few dozen bytes. Most expressions for log lines are a sequence of parts whose ends can be found
//! one by one, though: a literal, a run of a class, everything up to a literal, or an automaton that needs no captures of its own.
//! A [`plan::Plan`] takes them in turn, each as the expression would prefer it. Where all of them succeed, that is the match
//! that the expression as a whole prefers; where one fails, the general engine decides.

mod class;
mod follow;
mod plan;
mod run;
mod syntax;

use std::ops::Range;

use regex_automata::{Input, meta, util::primitives::NonMaxUsize};

use crate::{plan::Plan, run::Machines};

pub use syntax::{Problem, is_name};

/// Bytes of the compiled general engine, at most.
const PROGRAM_BYTES_MAX: usize = 8 << 20;
/// Bytes of what the general engine keeps between lines, at most.
const CACHE_BYTES_MAX: usize = 512 << 10;

/// One expression, ready to be searched for.
pub struct Expression {
    names: Vec<String>,
    steps: Option<(Plan, Machines)>,
    general: meta::Regex,
    cache: meta::Cache,
    general_slots: Vec<Option<NonMaxUsize>>,
    slots: Vec<usize>,
}

/// What `^` and `$` mean where no flag says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchors {
    /// Beginning and end of the text, as most engines have it.
    Text,
    /// Beginning and end of each line, as Ruby has it, and so grok.
    Lines,
}

/// A slot of a group that took no part.
const ABSENT: usize = usize::MAX;

impl Expression {
    /// Compiles an expression. Its named groups are captured, others are not. `.` matches line breaks too (an event
    /// may have several lines), and `\w`, `\d`, `\s` and `\b` are those of ASCII.
    ///
    /// # Errors
    /// What is wrong with it, or what it would need that no engine without backtracking has.
    pub fn new(expression: &str, anchors: Anchors) -> Result<Self, Problem> {
        let (hir, names) = syntax::parse(expression, anchors)?;
        let config = meta::Config::new()
            .nfa_size_limit(Some(PROGRAM_BYTES_MAX))
            .hybrid_cache_capacity(CACHE_BYTES_MAX)
            .onepass_size_limit(Some(256 << 10));
        let general = meta::Builder::new().configure(config).build_from_hir(&hir);
        let general = general.map_err(|error| Problem::of_size(&error.to_string()))?;
        let steps = plan::of(&hir).and_then(|(plan, automata)| Some((plan, Machines::new(&automata)?)));
        Ok(Expression {
            steps,
            cache: general.create_cache(),
            general_slots: vec![None; (names.len() + 1) * 2],
            slots: vec![ABSENT; names.len() * 2],
            general,
            names,
        })
    }

    /// The names of the groups, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether the first match is found step by step in the usual case.
    pub fn is_stepwise(&self) -> bool {
        self.steps.is_some()
    }

    /// The first match in a text, which is UTF-8: what its groups captured.
    #[inline]
    pub fn find(&mut self, text: &[u8]) -> Option<Groups<'_>> {
        if !self.find_stepwise(text) && !self.find_generally(text) {
            return None;
        }
        Some(Groups { slots: &self.slots })
    }

    #[inline]
    fn find_stepwise(&mut self, text: &[u8]) -> bool {
        let Some((plan, machines)) = &mut self.steps else {
            return false;
        };
        self.slots.fill(ABSENT);
        run::matches(plan, machines, text, &mut self.slots)
    }

    #[inline(never)]
    fn find_generally(&mut self, text: &[u8]) -> bool {
        let found = self.general.search_slots_with(&mut self.cache, &Input::new(text), &mut self.general_slots);
        if found.is_some() {
            for (slot, found) in self.slots.iter_mut().zip(self.general_slots[2..].iter()) {
                *slot = found.map_or(ABSENT, NonMaxUsize::get);
            }
        }
        found.is_some()
    }
}

/// What the groups of a match captured.
#[derive(Clone, Copy)]
pub struct Groups<'a> {
    slots: &'a [usize],
}

impl Groups<'_> {
    /// Where the group of that number (from 0, as in [`Expression::names`]) is; `None` where it took no part.
    #[inline(always)]
    pub fn get(&self, group: usize) -> Option<Range<usize>> {
        match self.slots.get(group * 2..group * 2 + 2) {
            Some(&[start, end]) if start != ABSENT && end != ABSENT => Some(start..end),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
