//! What a run and its negative controls have shown together, in one line.

use std::{fmt, time::Duration};

use crate::report::Report;

/// When a wrong turn has to be caught.
const CAUGHT_WITHIN: Duration = Duration::from_secs(120);

/// What became of a negative control.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// Its name.
    pub name: &'static str,
    /// How long it took the checker to notice the wrong turn; none where it has not, or where there was no verdict.
    pub caught: Option<Duration>,
}

impl Control {
    /// By what the run with the wrong turn has come to.
    pub fn of(name: &'static str, report: &Report) -> Control {
        Control { name, caught: report.caught().then_some(report.took) }
    }

    /// Whether the checker has noticed the wrong turn in time.
    pub fn is_caught(&self) -> bool {
        self.caught.is_some_and(|took| took <= CAUGHT_WITHIN)
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.caught {
            None => write!(f, "{} MISSED", self.name),
            Some(took) if self.is_caught() => write!(f, "{} caught after {} s", self.name, took.as_secs()),
            Some(took) => write!(f, "{} TOO LATE, after {} s", self.name, took.as_secs()),
        }
    }
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The seed.
    pub seed: u64,
    /// The run in which faults struck; none where controls alone were asked for.
    pub run: Option<Report>,
    /// The negative controls.
    pub controls: Vec<Control>,
}

impl Verdict {
    /// Whether every promise held, and every wrong turn was noticed.
    pub fn held(&self) -> bool {
        self.run.as_ref().is_none_or(Report::held) && self.controls.iter().all(Control::is_caught)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "torture: seed {}: ", self.seed)?;
        if let Some(run) = &self.run {
            write!(f, "{run}; ")?;
        }
        let controls = self.controls.iter().map(Control::to_string).collect::<Vec<_>>().join(", ");
        let controls = if controls.is_empty() { "not run" } else { &controls };
        write!(f, "controls: {controls}: {}", if self.held() { "passed" } else { "FAILED" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(controls: &[Option<u64>]) -> Verdict {
        let control = |seconds: &Option<u64>| Control { name: "random-ids", caught: seconds.map(Duration::from_secs) };
        Verdict { seed: 7, run: None, controls: controls.iter().map(control).collect() }
    }

    #[test]
    fn a_control_that_was_missed_or_caught_too_late_fails_the_whole() {
        let line = |controls: &[Option<u64>]| verdict(controls).to_string();
        assert_eq!(line(&[Some(50)]), "torture: seed 7: controls: random-ids caught after 50 s: passed");
        assert_eq!(
            line(&[Some(121), None]),
            "torture: seed 7: controls: random-ids TOO LATE, after 121 s, random-ids MISSED: FAILED"
        );
        assert_eq!(line(&[]), "torture: seed 7: controls: not run: passed");
        assert!(verdict(&[Some(50)]).held() && !verdict(&[Some(50), None]).held() && !verdict(&[Some(121)]).held());
    }

    #[test]
    fn a_promise_that_does_not_hold_fails_the_whole() {
        let (run, broken) = (Report::default(), vec!["I1: lines are lost: 1".to_owned()]);
        let with = |run: Report| Verdict { run: Some(run), ..verdict(&[Some(50)]) };
        assert!(with(run.clone()).held());
        let verdict = with(Report { broken, ..run });
        assert!(!verdict.held() && verdict.to_string().ends_with("caught after 50 s: FAILED"), "{verdict}");
    }
}
