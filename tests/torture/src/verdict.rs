//! What a run and its negative controls have shown together, in one line.

use std::{fmt, time::Duration};

use crate::report::Report;

/// When a wrong turn has to be caught.
const CAUGHT_WITHIN: Duration = Duration::from_secs(120);

/// How often each fault has to strike over several seeds.
const STRUCK_MIN: u64 = 5;
/// How many lines have to be written over several seeds.
const LINES_MIN: u64 = 10_000_000;

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

/// What several seeds have shown together, with more asked of them than of each.
#[derive(Clone, Debug)]
pub struct Total {
    seeds: Vec<u64>,
    /// All runs as if they were one; none where controls alone were asked for.
    run: Option<Report>,
    controls: Vec<Control>,
    /// What was to be shown by all of them together, and was not.
    unproved: Vec<String>,
}

impl Total {
    /// Those verdicts together.
    pub fn of(verdicts: &[Verdict]) -> Total {
        let runs = verdicts.iter().filter_map(|verdict| verdict.run.clone());
        let run = runs.reduce(Report::and);
        let unproved = run.as_ref().map(unproved).unwrap_or_default();
        let seeds = verdicts.iter().map(|verdict| verdict.seed).collect();
        Total { seeds, run, controls: verdicts.iter().flat_map(|verdict| verdict.controls.clone()).collect(), unproved }
    }

    /// Whether each of them held, and all of them together.
    pub fn held(&self) -> bool {
        let are_caught = self.controls.iter().all(Control::is_caught);
        self.run.as_ref().is_none_or(Report::held) && are_caught && self.unproved.is_empty()
    }
}

/// What runs of several seeds do not show.
fn unproved(run: &Report) -> Vec<String> {
    let rare = run.struck.iter().filter(|(_, times)| **times < STRUCK_MIN);
    let mut unproved: Vec<String> =
        rare.map(|(name, times)| format!("{name} struck {times} times of {STRUCK_MIN}")).collect();
    if run.lines < LINES_MIN {
        unproved.push(format!("{} lines of {LINES_MIN} were written", run.lines));
    }
    unproved
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeds = self.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        write!(f, "torture: seeds {seeds} together: ")?;
        if let Some(run) = &self.run {
            write!(f, "{run}; ")?;
        }
        self.unproved.iter().try_for_each(|unproved| write!(f, "not shown: {unproved}; "))?;
        let caught = self.controls.iter().filter(|control| control.is_caught()).count();
        let latest = self.controls.iter().filter_map(|control| control.caught).max().unwrap_or_default();
        write!(
            f,
            "controls: {caught} of {} caught in time, after {} s at most: ",
            self.controls.len(),
            latest.as_secs()
        )?;
        f.write_str(if self.held() { "passed" } else { "FAILED" })
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
    #[test]
    fn several_seeds_have_to_strike_five_times_and_to_write_ten_million_lines() {
        let run = |lines, times| Report { lines, struck: [("agent killed", times)].into(), ..Report::default() };
        let total = |runs: [Report; 2]| {
            let verdicts = runs.map(|run| Verdict { run: Some(run), ..verdict(&[Some(50), Some(60)]) });
            Total::of(&verdicts)
        };
        let whole = total([run(6_000_000, 2), run(4_000_000, 3)]);
        assert!(whole.held());
        let line = whole.to_string();
        assert!(line.starts_with("torture: seeds 7, 7 together: struck: agent killed 5; 10000000 lines, "), "{line}");
        assert!(line.ends_with("; controls: 4 of 4 caught in time, after 60 s at most: passed"), "{line}");
        for short in [[run(6_000_000, 2), run(4_000_000, 2)], [run(6_000_000, 2), run(3_999_999, 3)]] {
            let total = total(short);
            assert!(!total.held() && total.to_string().contains("not shown: "), "{total}");
        }
        let broken = Report { broken: vec!["I1: lines are lost: 1".to_owned()], ..run(6_000_000, 2) };
        assert!(!total([broken, run(4_000_000, 3)]).held());
    }
}
