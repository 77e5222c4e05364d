//! Where in the nest of objects a member lies.

use crate::NO_OBJECT;
use crate::value::skip_space;
use collector_plugin::abi::NAME_SEGMENTS_MAX;
use collector_plugin::{Field, Reject};

/// The objects that the member at hand lies in.
#[derive(Default)]
pub(crate) struct Place {
    pub(crate) parent: Option<Field>,
    /// Parents of the parent's; the first `depth` count.
    above: [Option<Field>; NAME_SEGMENTS_MAX],
    pub(crate) depth: usize,
}

/// What comes behind a value.
pub(crate) enum Next {
    /// A key, whose quote is there.
    Member(usize),
    /// Nothing: the line's object ended before.
    End(usize),
}

impl Place {
    /// In the line's own object.
    #[inline(always)]
    pub(crate) fn reset(&mut self) {
        self.parent = None;
        self.depth = 0;
    }

    /// Into an object that is not empty.
    #[inline(always)]
    pub(crate) fn enter(&mut self, object: Field) -> Result<(), Reject> {
        // The objects so far, this one, and the name of what is in it.
        if self.depth + 2 > NAME_SEGMENTS_MAX {
            return Err(Reject("nested too deep"));
        }
        self.above[self.depth] = self.parent;
        self.depth += 1;
        self.parent = Some(object);
        Ok(())
    }

    /// Says whether there was an object to leave.
    #[inline(always)]
    fn leave(&mut self) -> bool {
        match self.depth.checked_sub(1).and_then(|depth| Some((depth, *self.above.get(depth)?))) {
            Some((depth, parent)) => {
                (self.depth, self.parent) = (depth, parent);
                true
            }
            None => false,
        }
    }

    /// Out of the objects that end at `at`, and over the comma.
    #[inline(never)]
    pub(crate) fn go_on(&mut self, line: &[u8], at: usize) -> Result<Next, Reject> {
        let mut at = skip_space(line, at);
        while line.get(at) == Some(&b'}') {
            if !self.leave() {
                return Ok(Next::End(at + 1));
            }
            at = skip_space(line, at + 1);
        }
        if line.get(at) != Some(&b',') {
            return Err(NO_OBJECT);
        }
        at = skip_space(line, at + 1);
        if line.get(at) == Some(&b'"') { Ok(Next::Member(at)) } else { Err(NO_OBJECT) }
    }
}
