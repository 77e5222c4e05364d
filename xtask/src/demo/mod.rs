//! `cargo xtask demo [--port N] [FILE...]`: log files in a search page on this machine, with no server at all.

mod folder;
mod logs;
mod page;
mod shop;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use lexopt::ValueExt;

use crate::{interrupt, native, places, plugins, process};

use folder::Folder;
use logs::Source;
use shop::Shop;

/// How long the collector may take to serve: it compiles the plugins first.
const READY_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// The verb's arguments.
#[derive(Default)]
struct Wanted {
    port: Option<u16>,
    files: Vec<PathBuf>,
}

/// Runs the verb.
pub(crate) fn run(arguments: lexopt::Parser) -> anyhow::Result<()> {
    let wanted = parse(arguments)?;
    let folder = Folder::create(&places::target().join("demo"))?;
    let sources = sources(&wanted, &folder)?;
    build()?;
    // Its last hour ends now, not before the build.
    let shop = if wanted.files.is_empty() { Some(Shop::open(&folder.logs())?) } else { None };
    let port = page::choose_port(wanted.port)?;
    folder.configure(&sources, port)?;
    let mut collector = start(&folder)?;
    let result = serve(&mut collector, &folder, shop, port);
    process::end(&mut collector);
    result
}

fn parse(mut arguments: lexopt::Parser) -> anyhow::Result<Wanted> {
    let mut wanted = Wanted::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("port") => wanted.port = Some(arguments.value()?.parse()?),
            lexopt::Arg::Value(file) => wanted.files.push(file.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(wanted)
}

/// What to follow; says what is not, and why.
fn sources(wanted: &Wanted, folder: &Folder) -> anyhow::Result<Vec<Source>> {
    let found = if wanted.files.is_empty() { logs::under(Path::new("/var/log")) } else { logs::named(&wanted.files) };
    for (path, why) in &found.skipped {
        println!("skipped  {}: {why}", path.display());
    }
    let mut sources = found.sources;
    if wanted.files.is_empty() {
        sources.extend(shop::sources(&folder.logs()));
    }
    ensure!(!sources.is_empty(), "none of the files can be followed");
    for source in &sources {
        println!("follows  {source}");
    }
    Ok(sources)
}

/// Without what talks to servers: no C++ and a third of the dependencies.
fn build() -> anyhow::Result<()> {
    plugins::build(&[])?;
    let words = ["build", "--package", "collector", "--bin", "collector"];
    let mut command = native::cargo(&words)?;
    command.args(["--no-default-features", "--features", "standalone"]);
    process::run(&mut command)
}

fn start(folder: &Folder) -> anyhow::Result<Child> {
    let output = File::create(folder.output()).with_context(|| format!("creating {}", folder.output().display()))?;
    let mut command = Command::new(places::collector());
    command
        .args(["--role", "standalone", "--config"])
        .arg(folder.settings())
        .stdout(output.try_clone()?)
        .stderr(output);
    process::spawn(&mut command)
}

/// Waits until the page is there, says where, and keeps the generated logs growing until Ctrl-C.
fn serve(collector: &mut Child, folder: &Folder, mut shop: Option<Shop>, port: u16) -> anyhow::Result<()> {
    wait_until_ready(collector, folder, port)?;
    if interrupt::requested() {
        return Ok(());
    }
    announce(folder, port, shop.is_some());
    while !interrupt::requested() {
        ensure_running(collector, folder)?;
        let pause = match &mut shop {
            Some(shop) => shop.append_some()?,
            None => POLL,
        };
        thread::sleep(pause);
    }
    println!("stopped");
    Ok(())
}

fn wait_until_ready(collector: &mut Child, folder: &Folder, port: u16) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_WITHIN;
    while !interrupt::requested() && !page::is_ready(port) {
        ensure_running(collector, folder)?;
        if Instant::now() > deadline {
            bail!(
                "the collector does not serve after {} s; it printed:\n{}",
                READY_WITHIN.as_secs(),
                folder.output_end()
            );
        }
        thread::sleep(POLL);
    }
    Ok(())
}

fn ensure_running(collector: &mut Child, folder: &Folder) -> anyhow::Result<()> {
    if let Some(status) = collector.try_wait()? {
        bail!("the collector ended ({status}); it printed:\n{}", folder.output_end());
    }
    Ok(())
}

fn announce(folder: &Folder, port: u16, generated: bool) {
    let collector = places::collector();
    // Of files that the user named nothing is known, not even of which year they are.
    let search = if generated { "'http.response.status_code:500' --since 1h" } else { "--limit 10" };
    println!();
    println!("search page:   http://127.0.0.1:{port}/");
    println!("command line:  {} search --config {} {search}", collector.display(), folder.settings().display());
    println!("its log:       {}", folder.output().display());
    println!("Ctrl-C ends it.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_and_files_are_understood() {
        let words = ["--port", "9000", "a.log", "b.log"];
        let wanted = parse(lexopt::Parser::from_args(words)).unwrap();
        assert_eq!(wanted.port, Some(9000));
        assert_eq!(wanted.files, [Path::new("a.log"), Path::new("b.log")]);
        assert!(parse(lexopt::Parser::from_args(["--port", "70000"])).is_err());
    }
}
