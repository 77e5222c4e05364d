//! Every format agrees with what others made of its lines.

use collector_conformance::report::{self, Row};

#[test]
fn documents_are_those_that_others_made_of_the_same_lines() {
    let Some(rows) = collector_conformance::judge(&[]).unwrap() else {
        println!("skipped: COLLECTOR_CORPORA does not name a folder of lines");
        return;
    };
    let mut text = String::new();
    report::table(&rows, &mut text);
    println!("{text}");
    if !rows.iter().all(Row::passes) {
        rows.iter().for_each(|row| report::differences(row, 5, &mut text));
        panic!("some format does not pass; `conformance --diff FORMAT` has all lines:\n{text}");
    }
}
