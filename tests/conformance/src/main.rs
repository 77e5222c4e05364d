//! `conformance [--diff] [--limit N] [FORMAT...]`: the table, and with `--diff` the lines that disagree.

use std::{io::Write as _, process::ExitCode};

use collector_conformance::report::{self, Row};

struct Wanted {
    diff: bool,
    limit: usize,
    formats: Vec<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    let wanted = arguments()?;
    let Some(rows) = collector_conformance::judge(&wanted.formats)? else {
        println!("skipped: COLLECTOR_CORPORA does not name a folder of lines");
        return Ok(ExitCode::SUCCESS);
    };
    let mut text = String::new();
    if wanted.diff {
        rows.iter().for_each(|row| report::differences(row, wanted.limit, &mut text));
    }
    report::table(&rows, &mut text);
    // A reader that has seen enough, such as `head`, is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(if rows.iter().all(Row::passes) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn arguments() -> anyhow::Result<Wanted> {
    use lexopt::prelude::*;
    let mut wanted = Wanted { diff: false, limit: 20, formats: vec![] };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("diff") => wanted.diff = true,
            Long("limit") => wanted.limit = arguments.value()?.parse()?,
            Value(format) => wanted.formats.push(format.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(wanted)
}
