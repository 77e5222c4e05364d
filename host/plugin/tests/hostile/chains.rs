//! A hostile plugin between good ones.

use collector_tasks::OnError;

use super::{
    guest::{Guest, NEXT},
    trial::{BAD, Place, limits, lines},
};

#[test]
fn what_one_plugin_faults_on_meets_the_next_one_where_it_is_kept() {
    let place = Place::new(limits());
    place.put("p", &Guest::on_bad("unreachable").build());
    place.put("last", &Guest::answers(&[NEXT]).build());
    for (on_error, documents) in [(OnError::Keep, 300), (OnError::Drop, 299), (OnError::DeadLetter, 299)] {
        place.apply(&[("last", None), ("p", Some(on_error)), ("last", None)]).unwrap();
        let outcome = place.worker().run(&lines(true));
        assert_eq!((outcome.documents.len(), outcome.faulted), (documents, 1), "{on_error:?}");
        let order: Vec<u32> = outcome.documents.iter().map(|(line, _)| *line).collect();
        assert!(order.is_sorted() && order.windows(2).all(|pair| pair[0] < pair[1]));
        let bad = outcome.documents.iter().find(|(line, _)| *line as usize == BAD);
        assert_eq!(bad.is_some_and(|(_, document)| document.contains("_parse_failure")), on_error == OnError::Keep);
    }
}

#[test]
fn two_bad_lines_of_a_batch_are_both_found() {
    let place = Place::new(limits());
    place.put("p", &Guest::on_bad("unreachable").build());
    place.apply(&[("p", None)]).unwrap();
    let mut two = lines(true);
    two[5] = "!".to_owned();
    let outcome = place.worker().run(&two);
    assert_eq!((outcome.documents.len(), outcome.faulted), (300, 2));
    let tagged = |(_, document): &&(u32, String)| document.contains("_parse_failure");
    assert_eq!(outcome.documents.iter().filter(tagged).map(|(line, _)| *line).collect::<Vec<_>>(), [5, BAD as u32]);
    assert_eq!(place.slot.status().plugins[0].faults, 1, "finding them does not count again");
}
