//! What a check has found.

use std::io::Write;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Hint,
    /// Something that is needed cannot be reached or used at the moment.
    Unusable,
    /// Settings, tasks or plugins are wrong.
    Wrong,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was being done, to what, why it failed and what to do.
    pub text: String,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub struct Report {
    notes: Vec<String>,
    findings: Vec<Finding>,
}

impl Report {
    /// Says what was looked at.
    pub fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// Adds a finding, once.
    pub fn add(&mut self, severity: Severity, text: String) {
        let finding = Finding { severity, text };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// 0 fine, 1 something cannot be used, 2 something is wrong.
    pub fn exit_code(&self) -> u8 {
        match self.findings.iter().map(|finding| finding.severity).max() {
            None | Some(Severity::Hint) => 0,
            Some(Severity::Unusable) => 1,
            Some(Severity::Wrong) => 2,
        }
    }

    /// Prints what was looked at, then the findings, the worst last, where the eye is.
    pub fn print(&self, out: &mut dyn Write) {
        let mut text = String::new();
        self.notes.iter().for_each(|note| text.push_str(&format!("{note}\n")));
        let mut findings: Vec<&Finding> = self.findings.iter().collect();
        findings.sort_by_key(|finding| finding.severity);
        for finding in findings {
            let word = if finding.severity == Severity::Hint { "hint" } else { "error" };
            text.push_str(&format!("{word}: {}\n", finding.text));
        }
        let errors = self.findings.iter().filter(|finding| finding.severity != Severity::Hint).count();
        text.push_str(&match errors {
            0 => "everything is fine\n".to_owned(),
            1 => "1 error\n".to_owned(),
            several => format!("{several} errors\n"),
        });
        // Whoever stops reading has read enough.
        let _ = out.write_all(text.as_bytes());
    }
}
