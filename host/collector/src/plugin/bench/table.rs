//! The figures, for people.

use std::{fmt, path::PathBuf};

use super::Figures;

/// What was measured, and of what.
pub(super) struct Table {
    pub(super) plugin: PathBuf,
    /// How it was opened, where that is to be said.
    pub(super) note: String,
    pub(super) rounds: u32,
    pub(super) figures: Figures,
    /// Nanoseconds of a line in the native build.
    pub(super) twin: Option<f64>,
    pub(super) lines: usize,
    pub(super) bytes: usize,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line_bytes = self.bytes as f64 / self.lines as f64;
        let row = |f: &mut fmt::Formatter<'_>, name: &str, ns: f64| {
            // Bytes in a nanosecond are GB in a second.
            writeln!(f, "  {name:<16}{:>9.0}{:>10.1}", line_bytes / ns.max(0.1) * 1e3, ns)
        };
        writeln!(
            f,
            "{}: {} lines of {line_bytes:.0} bytes on one core; CPU time, medians of {} rounds",
            self.plugin.display(),
            self.lines,
            self.rounds
        )?;
        if !self.note.is_empty() {
            writeln!(f, "  note: {}", self.note)?;
        }
        writeln!(f, "  {:<16}{:>9}{:>10}", "", "MB/s", "ns/line")?;
        row(f, "parse", self.figures.parse)?;
        row(f, "verify and apply", self.figures.apply)?;
        row(f, "render", self.figures.render)?;
        row(f, "all", self.figures.all())?;
        let Some(twin) = self.twin else {
            return writeln!(f, "  there is no native build beside it: --native DIR names the plugin's folder");
        };
        row(f, "native parse", twin)?;
        writeln!(
            f,
            "  the sandbox: parse takes {:.2} x the native build's time, and all of it {:.2} x",
            self.figures.parse / twin,
            self.figures.all() / (self.figures.all() - self.figures.parse + twin)
        )?;
        if cfg!(debug_assertions) {
            writeln!(f, "  this collector was built without --release: only parse is as fast as it will be")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_set_against_the_native_build() {
        let figures = Figures { parse: 100.0, apply: 40.0, render: 60.0 };
        let table = |twin| Table {
            plugin: "p.wasm".into(),
            note: String::new(),
            rounds: 3,
            figures,
            twin,
            lines: 10,
            bytes: 1_000,
        };
        let text = table(Some(80.0)).to_string();
        assert!(text.starts_with("p.wasm: 10 lines of 100 bytes on one core"), "{text}");
        assert!(text.contains("parse                1000     100.0"), "{text}");
        assert!(text.contains("all                   500     200.0"), "{text}");
        assert!(text.contains("parse takes 1.25 x the native build's time, and all of it 1.11 x"), "{text}");
        assert!(table(None).to_string().contains("--native DIR"));
    }
}
