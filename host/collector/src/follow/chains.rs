//! Noticing that a plugin's file was changed in place.

use super::apply::Applying;
use crate::routes::Rule;

/// Watches the files of the chains that run.
pub struct Watching;

impl Watching {
    /// Starts watching.
    pub fn start<R: Rule>(_: &Applying<R>) -> Self {
        Watching
    }

    /// Watches the files of the chains that run now.
    pub fn follow<R: Rule>(&mut self, _: &Applying<R>) {}
}
