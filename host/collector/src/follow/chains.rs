//! Noticing that a plugin's file was changed in place.

use std::sync::{Arc, Weak};

use collector_plugin_host::{ChainSlot, FileWatch};

use super::apply::Applying;
use crate::routes::Rule;

/// Watches the files of the chains that run.
pub struct Watching {
    watch: Option<FileWatch>,
    known: Vec<Weak<ChainSlot>>,
}

impl Watching {
    /// Starts watching.
    pub fn start<R: Rule>(applying: &Applying<R>) -> Self {
        let watch = FileWatch::start()
            .inspect_err(|error| tracing::error!(%error, "plugins that are changed in place are not noticed"));
        let mut watching = Watching { watch: watch.ok(), known: vec![] };
        watching.follow(applying);
        watching
    }

    /// Watches the files of the chains that run now.
    pub fn follow<R: Rule>(&mut self, applying: &Applying<R>) {
        let Some(watch) = &self.watch else { return };
        self.known.retain(|slot| slot.strong_count() > 0);
        for slot in applying.chains() {
            if !self.known.iter().any(|known| known.as_ptr() == Arc::as_ptr(&slot)) {
                watch.add(&slot);
                self.known.push(Arc::downgrade(&slot));
            }
        }
    }
}
