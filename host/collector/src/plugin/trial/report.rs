//! What the stages say.

use crate::plugin::{
    check::print,
    opening::{self, Opened},
};

/// Prints stage by stage, and remembers whether one failed.
#[derive(Debug, Default)]
pub(super) struct Report {
    failed: usize,
    silent: bool,
    /// Everything that was said.
    pub(super) said: String,
}

impl Report {
    /// Says which plugin it is; its own samples were run when it was opened.
    pub(super) fn begin(opened: &Opened) -> anyhow::Result<Report> {
        let mut report = Report::default();
        let path = opening::shown(&opened.spec.path);
        report.say(&format!("{} (sha256 {:.12}…)\n", path.display(), opened.description.sha256))?;
        if !opened.note.is_empty() {
            report.say(&format!("  note     {}\n", opened.note))?;
        }
        let samples = opened.description.samples.as_deref().map_or(0, count);
        match samples {
            0 => report
                .failed("samples", "none are packed: a collector could not try a new version before it takes it")?,
            1 => report.passed("samples", "the one that is packed holds")?,
            samples => report.passed("samples", &format!("all {samples} that are packed hold"))?,
        }
        Ok(report)
    }

    /// For tests.
    #[cfg(test)]
    pub(super) fn silent() -> Report {
        Report { silent: true, ..Report::default() }
    }

    /// A stage that found nothing.
    pub(super) fn passed(&mut self, stage: &str, text: &str) -> anyhow::Result<()> {
        self.say(&format!("  ok       {stage}: {text}\n"))
    }

    /// A stage that found something.
    pub(super) fn failed(&mut self, stage: &str, text: &str) -> anyhow::Result<()> {
        self.failed += 1;
        self.say(&format!("  FAILED   {stage}: {text}\n"))
    }

    /// True if no stage failed.
    pub(super) fn end(mut self) -> anyhow::Result<bool> {
        let text = match self.failed {
            0 => "everything holds\n".to_owned(),
            1 => "1 stage failed\n".to_owned(),
            failed => format!("{failed} stages failed\n"),
        };
        self.say(&text)?;
        Ok(self.failed == 0)
    }

    fn say(&mut self, text: &str) -> anyhow::Result<()> {
        self.said.push_str(text);
        if self.silent { Ok(()) } else { print(text) }
    }
}

fn count(samples: &str) -> usize {
    serde_json::from_str::<Vec<serde_json::Value>>(samples).map_or(0, |all| all.len())
}
