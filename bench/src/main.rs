//! `collector-bench [NAME...] [--json]`: figures, each with its machine and with what it is to be compared with, from the same run.

mod b1;
mod b10;
mod b2;
mod b3;
mod b5;
mod b6;
mod b7;
mod b9;
mod bulk_server;
mod bulk_target;
mod chain;
mod clock;
mod figure;
mod lines;
mod measured;
mod native;
mod peers;
mod program;
mod servers;
mod topic;

use anyhow::bail;
use figure::Figure;

/// A benchmark: its id, what it does in words, and how.
type Bench = (&'static str, &'static str, fn() -> anyhow::Result<Vec<Figure>>);

const ALL: [Bench; 11] = [
    ("B1", "plugins", b1::run),
    ("B2", "plugins", b2::run),
    ("B10", "plugins", b10::run),
    ("B3", "pipeline", b3::run),
    ("B4", "pipeline", b3::run_batch),
    ("B5", "pipeline", b5::run),
    ("B6", "pipeline", b6::run),
    ("B7", "pipeline", b7::steady),
    ("B8", "pipeline", b7::idle),
    ("B9", "pipeline", b9::run),
    ("curves", "curves", b3::curves),
];

fn main() -> anyhow::Result<()> {
    let mut wanted = Vec::new();
    let mut as_json = false;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("json") => as_json = true,
            lexopt::Arg::Long(bulk_server::ARGUMENT) => return bulk_server::serve(),
            lexopt::Arg::Value(name) => wanted.push(name.to_string_lossy().into_owned()),
            other => return Err(other.unexpected().into()),
        }
    }
    let known = |name: &String| ALL.iter().any(|(id, word, _)| name == id || name == word);
    if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
        let names: Vec<String> = ALL.iter().map(|(id, word, _)| format!("{id} ({word})")).collect();
        bail!("there is no benchmark '{unknown}'; there are: {}", names.join(", "));
    }
    for (id, word, run) in ALL {
        if wanted.is_empty() || wanted.iter().any(|name| name == id || name == word) {
            run()?.iter().for_each(|figure| figure.print(as_json));
        }
    }
    Ok(())
}
