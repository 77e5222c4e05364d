//! Every format agrees with what others made of its lines. Not a test of the usual harness: its table is to be read where all is well, too.

use std::process::ExitCode;

use collector_conformance::report::{self, Row};

fn main() -> anyhow::Result<ExitCode> {
    let Some(rows) = collector_conformance::judge(&[])? else {
        println!("conformance skipped: COLLECTOR_CORPORA does not name a folder of lines");
        return Ok(ExitCode::SUCCESS);
    };
    let mut text = String::new();
    report::table(&rows, &mut text);
    let passes = rows.iter().all(Row::passes);
    if !passes {
        rows.iter().for_each(|row| report::differences(row, 5, &mut text));
        text.push_str("some format does not pass; `conformance --diff FORMAT` has all lines\n");
    }
    println!("{text}");
    Ok(if passes { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
