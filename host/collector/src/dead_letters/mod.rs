//! `collector dead-letters …`: looking at the lines that could not be brought where they belong, and sending them once more.

mod arguments;
mod letter;
mod replay;
#[cfg(feature = "fleet")]
mod resend;
mod spool;
mod store;
#[cfg(feature = "standalone")]
mod taking;

use std::io::Write;

use anyhow::bail;

pub use arguments::DeadLettersCommand;
#[cfg(feature = "standalone")]
pub use taking::Taking;

use self::{
    arguments::{FilterArgs, ListArgs, ShowArgs},
    letter::Letter,
    store::Store,
};

/// Does what the command says.
pub fn run(command: &DeadLettersCommand) -> anyhow::Result<()> {
    match command {
        DeadLettersCommand::List(args) => list(args),
        DeadLettersCommand::Show(args) => show(args),
        DeadLettersCommand::Replay(args) => replay::run(args),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let store = Store::of(&args.settings)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut letters = 0u64;
    store.read(&args.filter, &mut |letter| {
        letters += 1;
        match args.json {
            true => writeln!(out, "{}", letter.json_with_beginning())?,
            false => write_entry(&mut out, &letter)?,
        }
        Ok(true)
    })?;
    out.flush()?;
    if !args.json {
        eprintln!("{letters} dead letters in {}", store.name());
    }
    Ok(())
}

fn write_entry(out: &mut impl Write, entry: &Letter) -> std::io::Result<()> {
    let letter = &entry.letter;
    let (time, id, place) = (entry.time(), entry.id(), &entry.place);
    writeln!(out, "{time} {} {} ({}; {place}) {id}", letter.topic, letter.error_type, letter.stage)?;
    writeln!(out, "    {}", letter.error_reason.replace(char::is_control, " "))?;
    writeln!(out, "    {}", entry.beginning())
}

fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let store = Store::of(&args.settings)?;
    let mut found: Option<Letter> = None;
    let mut times = 0u64;
    let filter = FilterArgs { topic: args.topic.clone(), ..FilterArgs::default() };
    store.read(&filter, &mut |letter| {
        if letter.id() == args.id {
            times += 1;
            found = Some(letter);
        }
        Ok(true)
    })?;
    let Some(letter) = found else {
        bail!(
            "looking for the dead letter {:?} in {}: there is none; collector dead-letters list shows their ids",
            args.id,
            store.name()
        );
    };
    let mut out = std::io::stdout().lock();
    match (args.raw, args.json) {
        (true, _) => out.write_all(&letter.letter.value)?,
        (false, true) => writeln!(out, "{}", letter.json_with_value())?,
        (false, false) => write_whole(&mut out, &letter, times)?,
    }
    Ok(())
}

fn write_whole(out: &mut impl Write, shown: &Letter, times: u64) -> std::io::Result<()> {
    let letter = &shown.letter;
    let mut row = |name: &str, value: &dyn std::fmt::Display| writeln!(out, "{name:<14}{value}");
    row("id", &shown.id())?;
    row("topic", &letter.topic)?;
    row("given up", &format!("{} by the {}", shown.time(), letter.stage))?;
    row("error.type", &letter.error_type)?;
    row("error.reason", &letter.error_reason)?;
    row("kept in", &shown.place)?;
    if times > 1 {
        row("", &format!("{times} times in all; this is the last one"))?;
    }
    if let Some(envelope) = shown.envelope() {
        row("read by", &format!("{} ({})", envelope.host_name, envelope.host_ip))?;
        row("from", &format!("{} at byte {}", envelope.path, envelope.id.offset()))?;
        row("day", &envelope.id.day())?;
        row("chain", &envelope.chain)?;
        row("flags", &letter::flags(envelope.flags).join(", "))?;
    }
    row("bytes", &letter.value.len())?;
    if shown.is_cut {
        row("", &"its end is missing: all of the line was more than Kafka takes")?;
    }
    writeln!(out)?;
    out.write_all(&letter.value)?;
    writeln!(out)
}
