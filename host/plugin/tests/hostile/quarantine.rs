//! A plugin that faults again and again is not run any more, and nothing passes where nothing may.

use std::time::Duration;

use collector_plugin_host::Limits;
use collector_tasks::OnError;

use super::{
    guest::{Guest, NEXT},
    trial::{EVERY, Outcome, Place, limits, lines},
};

const ALL: usize = 300;

fn trapping() -> Guest {
    Guest::on_bad("unreachable")
}

/// A place whose plugin has faulted so often that it is in quarantine.
fn quarantined(guest: &Guest, on_error: Option<OnError>) -> Place {
    let place = Place::new(limits());
    place.put("p", &guest.build());
    place.apply(&[("p", on_error)]).unwrap();
    let mut runner = place.worker();
    for faults in 0..3 {
        assert_eq!(
            (place.slot.status().state, runner.run(&lines(true)).faulted),
            ("running", 1),
            "after {faults} faults"
        );
    }
    assert_eq!(place.slot.status().state, "quarantined");
    place
}

fn is_bypassed(document: &str) -> bool {
    document.contains("_plugin_bypassed")
        && document.contains("the plugin is in quarantine")
        && !document.contains("\"treated\"")
}

#[test]
fn three_faults_are_quarantine_in_which_every_event_is_treated_as_on_error_says() {
    for on_error in EVERY {
        let place = quarantined(&trapping(), Some(on_error));
        let Outcome { documents, dead, dropped, faulted, bypassed } = place.worker().run(&lines(false));
        assert_eq!((faulted, bypassed), (0, ALL as u64));
        let expected = match on_error {
            OnError::Keep => (ALL, 0, 0),
            OnError::Drop => (0, 0, ALL as u64),
            OnError::DeadLetter => (0, ALL, 0),
        };
        assert_eq!((documents.len(), dead.len(), dropped), expected, "{on_error:?}");
        assert!(documents.iter().all(|(_, document)| is_bypassed(document)));
        assert!(dead.iter().all(|(_, _, kind, _)| *kind == "plugin_bypassed"));
        assert!(
            dead.iter().zip(lines(false)).all(|((_, text, ..), line)| *text == line),
            "each with its line, in order"
        );
        assert_eq!(place.metric("collector_chain_quarantined{topic=\"t\"}"), 1);
        assert_eq!(place.metric("collector_events_bypassed_total{topic=\"t\"}"), ALL as u64);
        assert_eq!(place.met("faults"), 1);
    }
}

#[test]
fn new_version_ends_the_quarantine() {
    let place = quarantined(&trapping(), None);
    assert!(!place.slot.reload().unwrap(), "the same version is no new one");
    assert_eq!(place.slot.status().state, "quarantined");
    place.put("p", &Guest::answers(&[NEXT]).build());
    assert!(place.slot.reload().unwrap());
    assert_eq!((place.slot.status().state, place.slot.status().plugins[0].faults), ("running", 0));
    assert_eq!(place.metric("collector_chain_quarantined{topic=\"t\"}"), 0);
    let outcome = place.worker().run(&lines(true));
    assert_eq!((outcome.documents.len(), outcome.faulted, outcome.bypassed), (ALL, 0, 0));
}

#[test]
fn version_that_is_refused_does_not_end_the_quarantine() {
    let place = quarantined(&trapping(), None);
    place.put("p", b"\x7fELF");
    assert!(place.slot.reload().is_err());
    assert_eq!(place.slot.status().state, "quarantined");
    assert_eq!(place.worker().run(&lines(false)).bypassed, ALL as u64);
}

#[test]
fn swap_of_another_plugin_of_the_chain_does_not_end_the_quarantine() {
    let place = quarantined(&trapping(), None);
    place.put("good", &Guest::answers(&[NEXT]).build());
    assert!(place.apply(&[("good", None), ("p", None)]).unwrap());
    let status = place.slot.status();
    assert_eq!((status.state, status.generation), ("quarantined", 2));
    assert_eq!(
        status.plugins.iter().map(|plugin| (plugin.faults, plugin.quarantined)).collect::<Vec<_>>(),
        [(0, false), (3, true)]
    );
    assert_eq!(place.metric("collector_chain_quarantined{topic=\"t\"}"), 1);
    let outcome = place.worker().run(&lines(false));
    assert_eq!(outcome.bypassed, ALL as u64);
    assert!(outcome.documents.iter().all(|(_, document)| document.contains("\"treated\"")), "the other one runs");
}

#[test]
fn nothing_passes_a_required_plugin_in_quarantine() {
    let required = trapping().required();
    let place = quarantined(&required, None);
    let outcome = place.worker().run(&lines(false));
    assert_eq!((outcome.documents.len(), outcome.dead.len()), (0, ALL));
    // Whatever stands before or behind it in the chain.
    place.put("good", &Guest::answers(&[NEXT]).build());
    for chain in [[("good", None), ("p", None)], [("p", None), ("good", None)]] {
        place.apply(&chain).unwrap();
        let outcome = place.worker().run(&lines(true));
        assert_eq!((outcome.documents.len(), outcome.dead.len(), outcome.dropped), (0, ALL, 0));
    }
}

#[test]
fn nothing_that_a_required_plugin_faulted_on_passes() {
    let place = Place::new(limits());
    place.put("p", &trapping().required().build());
    place.apply(&[("p", None)]).unwrap();
    let outcome = place.worker().run(&lines(true));
    assert_eq!((outcome.documents.len(), outcome.dead.len()), (ALL - 1, 1));
    assert!(outcome.documents.iter().all(|(_, document)| document.contains("\"treated\"")), "nothing passed untreated");
}

#[test]
fn faults_that_are_old_do_not_count() {
    // A window that is over at once: no number of faults falls into it.
    let place = Place::new(Limits { faults_window: Duration::ZERO, ..limits() });
    place.put("p", &trapping().build());
    place.apply(&[("p", None)]).unwrap();
    let mut runner = place.worker();
    for _ in 0..5 {
        runner.run(&lines(true));
    }
    assert_eq!((place.slot.status().state, place.slot.status().plugins[0].faults), ("running", 5));
}

#[test]
fn faults_of_all_workers_count_together() {
    let place = Place::new(limits());
    place.put("p", &trapping().build());
    place.apply(&[("p", None)]).unwrap();
    let mut runners = [place.worker(), place.worker(), place.worker()];
    runners.iter_mut().for_each(|runner| assert_eq!(runner.run(&lines(true)).faulted, 1));
    assert_eq!(place.slot.status().state, "quarantined");
    runners.iter_mut().for_each(|runner| assert_eq!(runner.run(&lines(true)).bypassed, ALL as u64));
}
