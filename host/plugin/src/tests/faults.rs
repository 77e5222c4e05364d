//! A plugin that fails: the bad event is found, the others go on, and one that fails again and again is put into quarantine.

use collector_tasks::OnError;

use super::*;

/// Sets `a` on every line; answers with an error where a line is bad.
fn touchy() -> crate::NativeOpen {
    scripted(|request| {
        if request.text.windows(3).any(|window| window == b"bad") {
            return Err("I do not like it".to_owned());
        }
        let mut ops = vec![];
        (0..request.events).for_each(|_| ops.extend([word(SET, 3, 0), 1, 0, NEXT]));
        Ok(Script { ops, ..Script::default() })
    })
}

#[test]
fn the_one_bad_line_is_isolated_and_the_others_go_on_in_order() {
    let lines: Vec<String> = (0..1500).map(|i| if i == 777 { "bad".to_owned() } else { format!("line {i}") }).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut worker = worker(&[touchy()]);
    let batch = batch(&lines);
    let output = worker.run(&batch);
    let order: Vec<u32> = output.table.events().iter().map(|event| event.line).collect();
    assert_eq!(order, (0..1500).collect::<Vec<u32>>());
    assert_eq!(output.table.counts.faulted, 1);
    let found = fields(&batch, &output, &output.table.events()[777]);
    assert_eq!(found[0], "error.message=\"p: it answered with an error: I do not like it\"");
    assert_eq!(fields(&batch, &output, &output.table.events()[778]), ["a=1", "message=\"line 778\""]);
    assert_eq!(worker.slot().status().plugins[0].faults, 1, "finding it does not count again");
}

#[test]
fn a_batch_that_is_bad_throughout_ends_in_bounded_time() {
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let mut worker = worker(&[scripted(move |_| {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Err("no".to_owned())
    })]);
    let events = run(&mut worker, &batch(&["x"; 2000]));
    assert_eq!(events.len(), 2000);
    assert!(calls.load(std::sync::atomic::Ordering::Relaxed) < 2100);
}

#[test]
fn three_faults_in_a_minute_are_quarantine_for_all_workers_until_a_new_version_comes() {
    let mut worker = worker(&[touchy()]);
    let mut other = ChainWorker::new(Arc::clone(worker.slot()));
    for _ in 0..3 {
        run(&mut worker, &batch(&["bad"]));
    }
    assert_eq!(worker.slot().status().state, "quarantined");
    let bypassed = run(&mut other, &batch(&["good"]));
    assert_eq!(bypassed[0][1..], ["message=\"good\"", "tags=\"_plugin_bypassed\""]);
    let metrics = worker.slot().metrics().render();
    assert!(metrics.contains("collector_chain_quarantined{topic=\"t\"} 1"), "{metrics}");
    assert!(metrics.contains("collector_events_bypassed_total{topic=\"t\"} 1"), "{metrics}");
    let host = host();
    let next = Generation::native(&[("q", "", touchy())], host.limits()).unwrap();
    assert!(worker.slot().install(next));
    assert_eq!(run(&mut other, &batch(&["good"])), [["a=1", "message=\"good\""]]);
    assert_eq!(worker.slot().status().state, "running");
}

#[test]
fn on_error_says_what_becomes_of_a_rejected_line() {
    let reject = || {
        scripted(|request| {
            let ops = (0..request.events).flat_map(|_| [word(REJECT, 0, 0), 0, 2]).collect();
            Ok(Script { arena: b"no".to_vec(), ops, ..Script::default() })
        })
    };
    for on_error in [OnError::Drop, OnError::DeadLetter] {
        let host = host();
        let mut generation = Generation::native(&[("p", "", reject())], host.limits()).unwrap();
        generation.set_on_error(on_error);
        let slot = slot_of(&host);
        slot.install(generation);
        let mut worker = ChainWorker::new(slot);
        let batch = batch(&["x", "y"]);
        let output = worker.run(&batch);
        assert_eq!((output.table.events().len(), output.table.counts.rejected), (0, 2));
        let dead: Vec<(u32, &str, &str)> =
            output.table.dead().iter().map(|dead| (dead.line, dead.error_type, dead.reason.as_str())).collect();
        match on_error {
            OnError::Drop => assert_eq!((dead.len(), output.table.counts.dropped), (0, 2)),
            _ => assert_eq!(dead, [(0, "plugin_rejected", "p: no"), (1, "plugin_rejected", "p: no")]),
        }
    }
}
