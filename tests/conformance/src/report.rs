//! The table, and the lines that disagree.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::cases::Case;

/// How much of a line is shown.
const SHOWN_CHARS: usize = 400;

/// What there is to say of one format.
pub struct Row {
    /// Its name.
    pub format: String,
    /// The chain.
    pub plugins: String,
    /// How many files there were.
    pub files: usize,
    /// How many lines.
    pub lines: usize,
    /// The share of lines that agree, 0 to 1.
    pub agree: f64,
    /// How many field names were compared.
    pub compared: usize,
    /// Expected names that were not.
    pub excluded: Vec<String>,
    /// Names that neither ECS nor the format knows.
    pub invented: Vec<String>,
    /// Why it does not pass.
    pub problems: Vec<String>,
    /// The lines that disagree.
    pub differences: Vec<Difference>,
}

impl Row {
    /// A format that could not be judged.
    pub fn broken(format: &str, plugins: &str, error: &anyhow::Error) -> Self {
        Row {
            format: format.to_owned(),
            plugins: plugins.to_owned(),
            files: 0,
            lines: 0,
            agree: 0.0,
            compared: 0,
            excluded: vec![],
            invented: vec![],
            problems: vec![format!("{error:#}")],
            differences: vec![],
        }
    }

    /// Whether it passes.
    pub fn passes(&self) -> bool {
        self.problems.is_empty()
    }
}

/// A line that disagrees.
pub struct Difference {
    place: String,
    line: String,
    /// Field and what is wrong with it; no field where it is the line as a whole.
    wrong: Vec<(String, String)>,
}

impl Difference {
    /// Of a case.
    pub fn new(case: &Case, wrong: Vec<(String, String)>) -> Self {
        let line = String::from_utf8_lossy(&case.line);
        let mut shown: String = line.chars().take(SHOWN_CHARS).collect();
        if shown.len() < line.len() {
            shown.push('…');
        }
        Difference { place: case.place.clone(), line: shown, wrong }
    }
}

/// Writes the lines of a format that disagree, at most `limit`, and how often each field does.
pub fn differences(row: &Row, limit: usize, out: &mut String) {
    if row.differences.is_empty() {
        return;
    }
    let mut counts = BTreeMap::<&str, usize>::new();
    // Writing to a string cannot fail.
    for difference in row.differences.iter().take(limit) {
        let _ = writeln!(out, "{} · {}\n  {:?}", row.format, difference.place, difference.line);
        for (field, wrong) in &difference.wrong {
            let _ = writeln!(out, "    {field}{}{wrong}", if field.is_empty() { "" } else { ": " });
        }
    }
    for (field, _) in row.differences.iter().flat_map(|difference| &difference.wrong) {
        *counts.entry(if field.is_empty() { "(the line)" } else { field }).or_default() += 1;
    }
    let _ = writeln!(out, "{} · {} lines disagree, by field: {counts:?}\n", row.format, row.differences.len());
}

const HEAD: [&str; 9] = ["format", "plugin", "files", "lines", "agree %", "fields", "excluded", "invented", "verdict"];

/// Writes the table.
pub fn table(rows: &[Row], out: &mut String) {
    let mut lines = vec![HEAD.map(str::to_owned)];
    for row in rows {
        lines.push([
            row.format.clone(),
            row.plugins.clone(),
            row.files.to_string(),
            row.lines.to_string(),
            format!("{:.1}", row.agree * 100.0),
            row.compared.to_string(),
            row.excluded.len().to_string(),
            row.invented.len().to_string(),
            if row.passes() { "ok" } else { "FAILS" }.to_owned(),
        ]);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
            2..=7 => format!("{cell:>width$}"),
            _ => format!("{cell:<width$}"),
        });
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    for row in rows {
        for problem in &row.problems {
            let _ = writeln!(out, "{}: {problem}", row.format);
        }
    }
}
