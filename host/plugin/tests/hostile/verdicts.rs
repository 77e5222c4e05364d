//! Verdicts of a module, through the real sandbox: what is dropped or rejected goes alone.

use collector_tasks::OnError;

use super::{
    guest::{DROP, FORK, Guest, NEXT, REJECT, SET, TEXT, word},
    trial::{BAD, EVERY, Outcome, Place, limits, lines},
};

const REASON: &[u8] = b"no such line";

fn outcome(guest: &Guest, on_error: OnError) -> Outcome {
    let place = Place::new(limits());
    place.put("p", &guest.build());
    place.apply(&[("p", Some(on_error))]).expect("it loads");
    place.worker().run(&lines(true))
}

fn of_bad(outcome: &Outcome) -> Vec<&str> {
    outcome.documents.iter().filter(|(line, _)| *line as usize == BAD).map(|(_, text)| text.as_str()).collect()
}

#[test]
fn a_line_that_is_dropped_is_gone_and_counted_whatever_on_error_says() {
    for on_error in EVERY {
        let outcome = outcome(&Guest::answers(&[word(SET, TEXT, 0), 0, 1, DROP]), on_error);
        assert_eq!((outcome.documents.len(), outcome.dropped, outcome.faulted), (299, 1, 0), "{on_error:?}");
        assert_eq!((of_bad(&outcome).len(), outcome.dead.len()), (0, 0));
    }
}

#[test]
fn a_line_that_is_rejected_goes_where_on_error_says_with_the_reason() {
    let words = [word(SET, TEXT, 0), 0, 1, REJECT, 0, REASON.len() as u32];
    let guest = Guest::answers(&words).with_arena(REASON);
    for on_error in EVERY {
        let outcome = outcome(&guest, on_error);
        let (bad, dead) = (of_bad(&outcome), &outcome.dead);
        assert_eq!(outcome.faulted, 0, "a rejection is no fault");
        match on_error {
            OnError::Keep => {
                assert!(bad[0].contains("p: no such line") && bad[0].contains("_parse_failure"), "{bad:?}");
                assert!(!bad[0].contains("treated"), "what was set before is taken back: {bad:?}");
            }
            OnError::Drop => assert_eq!((bad.len(), dead.len(), outcome.dropped), (0, 0, 1)),
            OnError::DeadLetter => {
                assert_eq!((bad.len(), dead.len(), dead[0].2), (0, 1, "plugin_rejected"));
                assert!(dead[0].3.contains("no such line"), "{dead:?}");
            }
        }
    }
}

#[test]
fn of_the_events_of_a_line_one_alone_can_be_dropped_and_a_rejection_takes_all() {
    let two = Guest::answers(&[FORK, word(SET, TEXT, 0), 0, 1, FORK, DROP]).forking();
    let kept = outcome(&two, OnError::Keep);
    assert_eq!((of_bad(&kept).len(), kept.dropped), (2, 1));
    let none = Guest::answers(&[FORK, FORK, REJECT, 0, REASON.len() as u32]).forking().with_arena(REASON);
    let rejected = outcome(&none, OnError::DeadLetter);
    assert_eq!((of_bad(&rejected).len(), rejected.dead.len()), (0, 1));
    let kept = outcome(&Guest::answers(&[NEXT]), OnError::Keep);
    assert_eq!(of_bad(&kept).len(), 1);
}
