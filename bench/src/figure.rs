//! What a benchmark says, and how often it measures before it does.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};

/// Unless `COLLECTOR_BENCH_RUNS` says otherwise.
const RUNS: usize = 3;

/// So often a figure is measured; the middle one counts.
pub(crate) fn runs() -> anyhow::Result<usize> {
    let Some(asked) = std::env::var_os("COLLECTOR_BENCH_RUNS") else { return Ok(RUNS) };
    let asked = asked.to_string_lossy();
    let wrong = || format!("COLLECTOR_BENCH_RUNS is {asked:?}; write how often to measure, at least 1");
    let runs = asked.parse().with_context(wrong)?;
    ensure!(runs > 0, wrong());
    Ok(runs)
}

/// Whether a row of that name is wanted: `COLLECTOR_BENCH_ONLY=nginx` asks for those whose name has that word.
pub(crate) fn is_wanted(name: &str) -> bool {
    std::env::var("COLLECTOR_BENCH_ONLY").ok().is_none_or(|only| name.contains(&only))
}

/// One figure.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Figure {
    /// As performance targets name it.
    pub(crate) id: &'static str,
    /// What was measured.
    pub(crate) name: String,
    /// The figure.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// The same of the native build.
    pub(crate) twin: Option<f64>,
    /// The same of other programs.
    pub(crate) peers: BTreeMap<String, f64>,
    /// How it was measured, in words.
    #[serde(skip)]
    pub(crate) notes: Vec<String>,
}

impl Figure {
    /// Prints it: an object a line, or text.
    pub(crate) fn print(&self, as_json: bool) {
        if as_json {
            // Plain numbers and texts cannot fail to be written.
            println!("{}", serde_json::to_string(self).unwrap_or_default());
            return;
        }
        let digits = if self.value < 10.0 { 2 } else { 0 };
        println!("{} {}: {:.digits$} {}", self.id, self.name, self.value, self.unit);
        if let Some(twin) = self.twin {
            println!("   native twin {twin:.0} {}; time {:.2} x the twin's", self.unit, twin / self.value);
        }
        for (peer, value) in &self.peers {
            println!("   {peer}: {value:.digits$} {}", self.unit);
        }
        self.notes.iter().for_each(|note| println!("   {note}"));
    }
}
