//! A plugin called by itself: what an answer takes, without its verification and what comes behind it. For measurements.

use std::time::Duration;

use collector_model::{Batch, Line, Schema, Table};

use crate::{
    error::LoadProblem, generation::Generation, guest::Guest, host::not_opened, limits::Limits, meta::Lines,
    reads::Reader,
};

/// An instance of the first plugin of a chain.
pub struct Solo {
    guest: Guest,
    reader: Reader,
    table: Table,
    schema: Schema,
    limits: Limits,
}

impl Solo {
    /// Opens it; nothing where the chain has no plugin.
    pub fn open(generation: &Generation) -> Result<Option<Solo>, LoadProblem> {
        let Some(plugin) = generation.plugins.first() else { return Ok(None) };
        let opened = plugin.instance_with(&plugin.config);
        let (guest, manifest) = opened.map_err(|error| not_opened(&plugin.config, error))?;
        Ok(Some(Solo {
            guest,
            reader: Reader::new(&manifest),
            table: Table::default(),
            schema: Schema::default(),
            limits: plugin.limits.clone(),
        }))
    }

    /// Hands over the lines of a batch at once, and throws the answer away: how long the call took by that clock.
    pub fn call(&mut self, batch: &Batch, clock: impl Fn() -> Duration) -> Result<Duration, String> {
        self.table.clear();
        let lines = Lines::of(batch);
        let begin = |(index, line): (usize, &Line)| self.table.begin(index as u32, line.text);
        let events: Vec<_> = batch.lines.iter().enumerate().map(begin).collect();
        let (request, _) = self.reader.request(&lines, &self.table, &self.schema, &events);
        let (time_max, output_max) = (self.limits.process_time_max, self.limits.output_bytes_max(request.bytes()));
        let began = clock();
        let called = self.guest.process(request, time_max, output_max, |_| clock());
        called.map(|answered| answered.saturating_sub(began)).map_err(|error| error.to_string())
    }
}
