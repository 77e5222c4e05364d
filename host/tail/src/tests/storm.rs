//! Everything at once: a writer that rotates at random, a reader that crashes at random.

use std::{
    collections::BTreeSet,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

use collector_model::Ticket;

use super::harness::{Bench, DEADLINE, Got, Run, by_id};

/// A small, seeded source of numbers.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// Writes as many more lines as it is told, sometimes in two halves, and rotates by renaming, ten files deep.
fn write(bench: &Bench, told: &Receiver<usize>, dice: &mut Dice, written: &AtomicUsize) {
    for (_, n) in told.iter().flat_map(|more| 0..more).zip(1..) {
        let line = format!("line {n} {}\n", "x".repeat(dice.below(200) as usize));
        let (first, second) = line.split_at(dice.below(line.len() as u64) as usize);
        bench.append("a.log", first);
        bench.append("a.log", second);
        written.store(n + 1, Ordering::Release);
        if dice.below(60) == 0 {
            for old in (1..400).rev().filter(|n| bench.path(&format!("a.log.{n}")).exists()) {
                bench.rename(&format!("a.log.{old}"), &format!("a.log.{}", old + 1));
            }
            bench.rename("a.log", "a.log.1");
        }
    }
}

/// Takes batches until so many lines are written; completes some tickets, in any order, gives some up, and leaves some open, so that
/// there is something to read again.
fn read_a_while(run: &mut Run, dice: &mut Dice, written: &AtomicUsize, lines: usize) {
    let until = Instant::now() + DEADLINE;
    while written.load(Ordering::Acquire) < lines || run.open.is_empty() {
        assert!(Instant::now() < until, "{lines} lines are written, and none of the last comes");
        if run.take(Duration::from_millis(2)) && run.open.len() > 1 && dice.below(3) > 0 {
            let at = dice.below(run.open.len() as u64) as usize;
            let ticket = run.open.swap_remove(at);
            if dice.below(40) == 0 { drop(ticket) } else { Ticket::complete(ticket) }
        }
    }
}

fn storm(seed: u64, lines: usize) {
    let mut bench = Bench::new();
    bench.settings.batch_lines_max = 7;
    let bench = bench;
    let task = [bench.task("a.log")];
    let written = AtomicUsize::new(1);
    // What was rotated away before the file was ever seen is nobody's.
    bench.append("a.log", "line 0\n");
    let mut run = bench.start(&task);
    run.hold(1);
    let mut runs: Vec<Vec<Got>> = vec![run.crash()];
    std::thread::scope(|scope| {
        // The writer does not run ahead of a reader that begins anew again and again, however busy the machine is.
        let (tell, told) = channel();
        let (bench, written) = (&bench, &written);
        scope.spawn(move || write(bench, &told, &mut Dice(seed | 1), written));
        let (mut dice, mut wanted) = (Dice(seed.wrapping_mul(77) | 1), 1);
        while wanted < lines {
            let more = (20 + dice.below(120) as usize).min(lines - wanted);
            wanted += more;
            tell.send(more).unwrap();
            let mut run = bench.start(&task);
            read_a_while(&mut run, &mut dice, written, wanted);
            runs.push(run.crash());
        }
        drop(tell);
    });
    let mut run = bench.start(&task);
    let wanted: BTreeSet<usize> = (0..lines).collect();
    let number = |text: &String| text.split(' ').nth(1).and_then(|n| n.parse::<usize>().ok());
    let until = Instant::now() + DEADLINE;
    loop {
        while run.take(Duration::from_millis(20)) {
            run.complete();
        }
        let found = runs.iter().flatten().chain(&run.got).filter_map(|got| number(&got.text));
        if found.collect::<BTreeSet<_>>() == wanted {
            break;
        }
        if Instant::now() > until {
            let found: BTreeSet<_> = runs.iter().flatten().chain(&run.got).filter_map(|g| number(&g.text)).collect();
            panic!("seed {seed}: lost {:?}", wanted.difference(&found).collect::<Vec<_>>());
        }
    }
    runs.push(run.stop());
    let all = by_id(&runs.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let given: usize = runs.iter().map(Vec::len).sum();
    assert_eq!(all.len(), lines, "seed {seed}: a line has two ids");
    assert!(runs.len() > 3 && given > lines, "nothing was read twice, so nothing was proved: {} runs", runs.len());
}

#[test]
fn whatever_happens_every_line_comes_out_under_one_id() {
    for seed in [3, 17, 2026] {
        storm(seed, 1500);
    }
}
