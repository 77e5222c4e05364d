//! A limit that is met shows in the metrics, and a plugin that writes to the log does not fill it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use collector_plugin_host::Limits;
use tracing::{Event, Metadata, Subscriber, span};

use super::{
    guest::Guest,
    trial::{Place, limits, lines},
};

const FLOOD: &str = "(local.set $len (i32.const 10000))
    (loop $more
      (call $log (i32.const 2) (i32.const 8192) (i32.const 5))
      (local.set $len (i32.sub (local.get $len) (i32.const 1)))
      (br_if $more (local.get $len)))";
const LOG: &str = r#"(import "collector:plugin/host@0.1.0" "log" (func $log (param i32 i32 i32)))"#;

/// Counts what plugins write to the log.
struct Counting(Arc<AtomicU64>);

impl Subscriber for Counting {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "collector_plugin_host::log"
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Runs a plugin on the bad line three times; gives the number of messages that reached the log.
fn logged(guest: &Guest, limits: Limits) -> (Place, u64) {
    let count = Arc::<AtomicU64>::default();
    let place = Place::new(limits);
    tracing::subscriber::with_default(Counting(Arc::clone(&count)), || {
        place.put("p", &guest.clone().with(LOG).with_arena(b"flood").build());
        place.apply(&[("p", None)]).unwrap();
        let mut runner = place.worker();
        for _ in 0..2 {
            assert_eq!(runner.run(&lines(true)).documents.len(), lines(true).len());
        }
    });
    (place, count.load(Ordering::Relaxed))
}

#[test]
fn log_flood() {
    let guest = Guest::on_bad(&format!("{FLOOD} (call $word (i32.const 0))"));
    let (place, count) = logged(&guest, limits());
    // Ten for each second that it took, and it took a fraction of one.
    assert!((10..1_000).contains(&count), "{count} messages reached the log");
    assert_eq!(place.met("log_messages"), 20_000 - count);
    assert_eq!(place.slot.status().plugins[0].faults, 0, "who writes much is a nuisance, no fault");
}

#[test]
fn log_flood_of_a_plugin_that_faults_gets_no_new_allowance_with_each_instance() {
    let guest = Guest::on_bad(&format!("{FLOOD} unreachable"));
    let (place, count) = logged(&guest, limits());
    assert!((10..1_000).contains(&count), "{count} messages reached the log");
    assert!(place.met("log_messages") > 20_000);
}

#[test]
fn log_limit_is_a_setting() {
    let guest = Guest::on_bad(&format!("{FLOOD} (call $word (i32.const 0))"));
    let (place, count) = logged(&guest, Limits { log_messages_max: 0, ..limits() });
    assert_eq!((count, place.met("log_messages")), (0, 20_000));
}

/// What a plugin met on one bad line.
fn met_by(on_bad: &str, limits: Limits) -> Place {
    let place = Place::new(limits);
    place.put("p", &Guest::on_bad(on_bad).build());
    place.apply(&[("p", None)]).unwrap();
    place.worker().run(&lines(true));
    place
}

#[test]
fn limits_that_are_met_are_counted() {
    let bomb = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    assert!(met_by(bomb, limits()).met("memory") > 0);
    let polite = "(drop (memory.grow (i32.const 2048))) (call $word (i32.const 0))";
    let place = met_by(polite, limits());
    assert_eq!((place.met("memory"), place.slot.status().plugins[0].faults), (1, 0), "who does without goes on");
    let large = "(global.set $arena_len (i32.const 500000)) (call $word (i32.const 0))";
    assert_eq!(met_by(large, limits()).met("output"), 1);
    let place =
        met_by("(loop $again (br $again))", Limits { process_time_max: Duration::from_millis(200), ..limits() });
    assert_eq!((place.met("process_time"), place.met("process_warn")), (1, 0));
}

#[test]
fn slow_batch_is_counted_and_goes_on() {
    // Work of some milliseconds, far over a warning at none and far below the limit.
    let work = "(local.set $len (i32.const 3000000))
        (loop $more (local.set $len (i32.sub (local.get $len) (i32.const 1))) (br_if $more (local.get $len)))
        (call $word (i32.const 0))";
    let place = met_by(
        work,
        Limits { process_time_warn: Duration::ZERO, process_time_max: Duration::from_secs(60), ..limits() },
    );
    assert_eq!(
        (place.met("process_warn"), place.met("process_time"), place.slot.status().plugins[0].faults),
        (1, 0, 0)
    );
}
