//! A chain that forks is swapped when what it treated has landed.

use std::collections::HashMap;

use collector_model::{Acknowledge, Permit, Position, Source};
use parking_lot::Mutex;

use super::*;

/// Makes that many events of every line.
fn forking(events: u32) -> crate::NativeOpen {
    scripted(move |request| {
        let one = |_| std::iter::repeat_n(FORK, events as usize - 1).chain([NEXT]);
        Ok(Script { ops: (0..request.events).flat_map(one).collect(), ..Script::default() })
    })
}

/// Changes nothing, and says so.
fn steady() -> crate::NativeOpen {
    let plain = scripted(|request| Ok(Script { ops: vec![NEXT; request.events as usize], ..Script::default() }));
    Arc::new(move |config| {
        struct Steady(Box<dyn NativePlugin>);
        impl NativePlugin for Steady {
            fn manifest(&self) -> Manifest {
                Manifest { forks: false, ..self.0.manifest() }
            }
            fn process(&mut self, request: Request<'_>) -> Result<Answer<'_>, String> {
                self.0.process(request)
            }
        }
        Ok(Box::new(Steady(plain(config)?)))
    })
}

/// A source that keeps what it is told, as a partition does.
#[derive(Default)]
struct Told {
    answers: Mutex<Vec<(bool, u64, u64)>>,
    recorded: Mutex<Option<(Arc<str>, u64)>>,
    /// Recording takes until this is set.
    may_record: Mutex<bool>,
}

impl Acknowledge for Told {
    fn acknowledged(&self, position: &Position) {
        self.answers.lock().push((true, position.from, position.to));
    }
    fn lost(&self, position: &Position) {
        self.answers.lock().push((false, position.from, position.to));
    }
    fn chain_before(&self, position: &Position) -> Option<Arc<str>> {
        self.recorded.lock().as_ref().filter(|(_, to)| position.from < *to).map(|(chain, _)| Arc::clone(chain))
    }
    fn record_chain(&self, position: &Position, chain: &str, _: bool) -> bool {
        let mut recorded = self.recorded.lock();
        if recorded.as_ref().map_or("", |(chain, _)| chain) != chain {
            if !*self.may_record.lock() {
                return false;
            }
            *recorded = Some((chain.into(), position.to));
        }
        true
    }
}

struct Ground {
    slot: Arc<ChainSlot>,
    worker: ChainWorker,
    told: HashMap<i32, Arc<Told>>,
}

impl Ground {
    fn with(chain: Generation, host: &PluginHost) -> Self {
        let slot = slot_of(host);
        slot.install(chain);
        Ground { worker: ChainWorker::new(Arc::clone(&slot)), slot, told: HashMap::new() }
    }

    fn told(&mut self, partition: i32) -> Arc<Told> {
        let told = self.told.entry(partition).or_default();
        Arc::clone(told)
    }

    /// Two lines at that place of a partition.
    fn lines(&mut self, partition: i32, from: u64) -> Batch {
        let source = Source::Partition(Topic::new("t").unwrap(), partition);
        let position = Position { source, from, to: from + 2 };
        let mut batch = batch(&["a", "b"]);
        batch.ticket = Ticket::new(position, Permit::none(), self.told(partition));
        batch
    }

    /// How many events come of the batch, which is kept; none where it has to wait.
    fn events(&mut self, batch: &mut Batch) -> Option<usize> {
        self.worker.admit(batch).then(|| self.worker.run(batch).table.events().len())
    }
}

fn land(batch: Batch) {
    batch.ticket.complete();
}

fn chain(name: &str, open: crate::NativeOpen, host: &PluginHost) -> Generation {
    Generation::native(&[(name, "", open)], host.limits()).unwrap()
}

#[test]
fn lines_wait_for_those_that_the_version_before_has_under_way() {
    let host = host();
    let mut ground = Ground::with(chain("two", forking(2), &host), &host);
    *ground.told(1).may_record.lock() = true;
    *ground.told(2).may_record.lock() = true;
    let (mut first, mut second) = (ground.lines(1, 0), ground.lines(1, 2));
    assert_eq!((ground.events(&mut first), ground.events(&mut second)), (Some(4), Some(4)));
    assert!(ground.slot.install(chain("three", forking(3), &host)));
    assert_eq!(ground.slot.status().state, "draining");
    let mut third = ground.lines(1, 4);
    assert_eq!(ground.events(&mut third), None);
    let mut elsewhere = ground.lines(2, 0);
    assert_eq!(ground.events(&mut elsewhere), Some(6), "another partition has nothing under way");
    land(first);
    assert_eq!(ground.events(&mut third), None);
    land(second);
    assert_eq!(ground.events(&mut third), Some(6));
    assert_eq!(ground.slot.status().state, "running");
    land(third);
    assert_eq!(*ground.told(1).answers.lock(), [(true, 0, 2), (true, 2, 4), (true, 4, 6)]);
}

#[test]
fn lines_that_are_read_again_go_by_the_version_that_treated_them_first() {
    let host = host();
    let mut ground = Ground::with(chain("two", forking(2), &host), &host);
    *ground.told(1).may_record.lock() = true;
    let (mut first, mut second) = (ground.lines(1, 0), ground.lines(1, 2));
    ground.events(&mut first);
    ground.events(&mut second);
    ground.slot.install(chain("three", forking(3), &host));
    drop(first);
    land(second);
    assert_eq!(*ground.told(1).answers.lock(), [(false, 0, 2), (true, 2, 4)]);
    let (mut behind, mut again) = (ground.lines(1, 4), ground.lines(1, 0));
    assert_eq!(ground.events(&mut behind), None, "what was given up is still owed");
    assert_eq!(ground.events(&mut again), Some(4));
    land(again);
    assert_eq!(ground.events(&mut behind), Some(6));
}

#[test]
fn chains_that_do_not_fork_are_swapped_at_once() {
    let host = host();
    let mut ground = Ground::with(chain("one", steady(), &host), &host);
    let mut first = ground.lines(1, 0);
    assert_eq!(ground.events(&mut first), Some(2));
    ground.slot.install(chain("other", steady(), &host));
    let mut second = ground.lines(1, 2);
    assert_eq!(ground.events(&mut second), Some(2));
    ground.slot.install(chain("two", forking(2), &host));
    *ground.told(1).may_record.lock() = true;
    let mut third = ground.lines(1, 4);
    assert_eq!(ground.events(&mut third), None, "a swap to one that forks waits");
    land(second);
    land(first);
    assert_eq!(ground.events(&mut third), Some(4));
}

#[test]
fn nothing_is_treated_by_a_chain_that_forks_before_the_source_has_recorded_it() {
    let host = host();
    let mut ground = Ground::with(chain("two", forking(2), &host), &host);
    let mut first = ground.lines(1, 0);
    assert_eq!(ground.events(&mut first), None);
    *ground.told(1).may_record.lock() = true;
    assert_eq!(ground.events(&mut first), Some(4));
    let hash = ground.slot.generation().hash().to_string();
    assert_eq!(ground.told(1).recorded.lock().as_ref().map(|(chain, to)| (chain.to_string(), *to)), Some((hash, 2)));
}

#[test]
fn after_a_crash_lines_go_by_the_chain_that_the_source_has_recorded() {
    let (dir, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let spec_of = |events: usize| {
        let path = wasm::write(dir.path(), "fork.wasm", &wasm::forking(events));
        wasm::chain(&path)
    };
    let host_here =
        || PluginHost::new(Limits::default(), None, Some(state.path().to_owned()), Metrics::default()).unwrap();
    let host = host_here();
    let mut ground = Ground::with(host.prepare(&spec_of(2), &PluginDirs::or_anywhere(vec![])).unwrap(), &host);
    let told = ground.told(1);
    *told.may_record.lock() = true;
    let mut batch = ground.lines(1, 0);
    // One event is all that this module makes of a batch, and its forks.
    batch.lines.truncate(1);
    assert_eq!(ground.events(&mut batch), Some(2));
    drop((batch, ground, host));

    let host = host_here();
    let spec = spec_of(3);
    let mut ground = Ground::with(host.prepare(&spec, &PluginDirs::or_anywhere(vec![])).unwrap(), &host);
    ground.told.insert(1, told);
    let mut one_line = |from| {
        let mut batch = ground.lines(1, from);
        batch.lines.truncate(1);
        let events = ground.events(&mut batch);
        land(batch);
        events
    };
    assert_eq!((one_line(0), one_line(2), one_line(4)), (Some(2), Some(3), Some(3)));
}
