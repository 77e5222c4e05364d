//! How long each stage of a verb took.

use std::time::{Duration, Instant};

/// The stages so far, in the order in which they ended.
#[derive(Default)]
pub(crate) struct Stages {
    ended: Vec<(String, Duration)>,
}

impl Stages {
    /// Runs one stage, says so, and notes its time, whether it succeeds or not.
    pub(crate) fn run<T>(&mut self, name: &str, stage: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        eprintln!("xtask: {name}");
        let begun = Instant::now();
        let result = stage();
        self.note(name, begun.elapsed());
        result
    }

    /// Notes a stage that was timed elsewhere.
    pub(crate) fn note(&mut self, name: &str, took: Duration) {
        self.ended.push((name.to_owned(), took));
    }

    /// One line per stage.
    pub(crate) fn report(&self) -> String {
        let width = self.ended.iter().map(|(name, _)| name.len()).max();
        let width = width.unwrap_or(0);
        let lines = self.ended.iter().map(|(name, took)| {
            let seconds = took.as_secs_f64();
            format!("xtask: {name:width$}  {seconds:7.1} s\n")
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_stage_is_reported_too() {
        let mut stages = Stages::default();
        stages.note("building", Duration::from_millis(61_250));
        let failed: anyhow::Result<()> = stages.run("x", || anyhow::bail!("no"));
        assert!(failed.is_err());
        assert_eq!(stages.report(), "xtask: building     61.2 s\nxtask: x             0.0 s\n");
    }
}
