//! A chain that is swapped while lines flow.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// Writes its own number into `a`.
fn numbered(number: u32) -> crate::NativeOpen {
    scripted(move |request| {
        let mut ops = vec![];
        (0..request.events).for_each(|_| ops.extend([word(SET, 3, 0), number, 0, NEXT]));
        Ok(Script { ops, ..Script::default() })
    })
}

#[test]
fn fifty_swaps_under_load_lose_nothing_and_every_event_names_the_chain_that_made_it() {
    let host = host();
    let slot = slot_of(&host);
    let names: Vec<String> = (0..=50).map(|i| format!("v{i}")).collect();
    let make = |i: usize| Generation::native(&[(&names[i], "", numbered(i as u32))], host.limits()).unwrap();
    let chains: Vec<Arc<str>> = (0..=50).map(|i| Arc::clone(make(i).hash())).collect();
    slot.install(make(0));
    let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let lines = vec!["a line of some length"; 300];
    let batch = batch(&lines);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let (mut worker, mut seen) = (ChainWorker::new(Arc::clone(&slot)), std::collections::BTreeSet::new());
            while !done.load(Ordering::Acquire) || !seen.contains(&50) {
                let output = worker.run(&batch);
                let order: Vec<u32> = output.table.events().iter().map(|event| event.line).collect();
                assert_eq!(order, (0..300).collect::<Vec<u32>>());
                let made_by = chains.iter().position(|chain| *chain == output.table.chain).unwrap();
                for event in output.table.events() {
                    assert_eq!(output.table.cells_of(event)[1].a as usize, made_by);
                }
                seen.insert(made_by);
                begun.store(true, Ordering::Release);
            }
            seen.len()
        });
        while !begun.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        for i in 1..=50 {
            let before = slot.generation().number();
            assert!(slot.install(make(i)));
            assert_eq!(slot.generation().number(), before + 1);
            std::thread::yield_now();
        }
        done.store(true, Ordering::Release);
        assert!(load.join().unwrap() >= 2);
    });
}

#[test]
fn the_same_chain_again_is_no_swap() {
    let host = host();
    let slot = slot_of(&host);
    let make = || Generation::native(&[("p", "{\"x\":1,\"y\":2}", numbered(1))], host.limits()).unwrap();
    assert!(slot.install(make()));
    assert!(!slot.install(make()));
    let reordered = Generation::native(&[("p", "{\"y\":2,\"x\":1}", numbered(1))], host.limits()).unwrap();
    assert_eq!(reordered.hash(), slot.generation().hash());
    let other = Generation::native(&[("p", "{\"y\":3,\"x\":1}", numbered(1))], host.limits()).unwrap();
    assert_ne!(other.hash(), slot.generation().hash());
    assert_eq!(slot.generation().hash().len(), 8);
}
