//! Faults of one process that reads files, whatever it does with the lines. `planted` is what is armed in it anyway.

use std::time::Duration;

use rustix::process::Signal;

use crate::{fleet::Program, random::Random, wait::within, writers::Writers};

/// How long a process may take to come to the place where it is to end.
const REACHED_WITHIN: Duration = Duration::from_secs(40);

/// More than a file or two that need no write would give, with what they have reserved.
const LINES_AFTER_DISK_FULL: f64 = 10_000.0;
/// How long it may take until everything is acknowledged, after what struck before.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(180);
/// How long the disk may be full, and lines may take to come again.
const FULL_AT_MOST: Duration = Duration::from_secs(120);

pub(crate) async fn killed(program: &mut Program, planted: &str) -> anyhow::Result<bool> {
    program.kill()?;
    program.start(planted)?;
    Ok(true)
}

/// Ends the process at a place in its code, after it came past a number of times.
pub(crate) async fn killed_at(
    (point, passes_max): (&str, u64),
    program: &mut Program,
    planted: &str,
    random: &mut Random,
) -> anyhow::Result<bool> {
    let armed = armed(planted, point, random.below(passes_max));
    program.kill()?;
    program.start_to_be_killed(&armed)?;
    let met = came_to_its_end(program).await;
    program.kill()?;
    program.start(planted)?;
    Ok(met)
}

/// What is armed so that a process ends at a place after so many passes.
pub(super) fn armed(planted: &str, point: &str, passes: u64) -> String {
    // A count of 0 is none to the crate that reads it.
    let passes = if passes > 0 { format!("{passes}*off->") } else { String::new() };
    format!("{}{point}={passes}return", before_more(planted))
}

fn before_more(planted: &str) -> String {
    if planted.is_empty() { String::new() } else { format!("{planted};") }
}

pub(super) async fn came_to_its_end(program: &mut Program) -> bool {
    within("a failpoint", REACHED_WITHIN, async || Ok(program.was_killed().then_some(()))).await.is_ok()
}

/// Lets something go wrong inside the process for a while, and then no more.
pub(crate) async fn with_wrong(
    wrong: &str,
    program: &mut Program,
    planted: &str,
    random: &mut Random,
) -> anyhow::Result<bool> {
    wrong_for((wrong, (20, 200)), program, planted, random).await?;
    Ok(program.is_running())
}

/// The same for a number of passes between those.
async fn wrong_for(
    (wrong, (least, most)): (&str, (u64, u64)),
    program: &mut Program,
    planted: &str,
    random: &mut Random,
) -> anyhow::Result<()> {
    let (before, during) = (random.between(5, 50), random.between(least, most));
    program.kill()?;
    program.start(&format!("{}{wrong}={before}*off->{during}*return->off", before_more(planted)))?;
    tokio::time::sleep(Duration::from_millis(random.between(2_000, 6_000))).await;
    Ok(())
}

/// Lets the process's own files be refused for some writes, which come about once a second, and waits until lines are read again:
/// what strikes next is to meet a process that collects.
pub(crate) async fn disk_full(program: &mut Program, planted: &str, random: &mut Random) -> anyhow::Result<bool> {
    wrong_for(("disk-full", (5, 25)), program, planted, random).await?;
    program.ready().await?;
    let read = "collector_lines_read_total";
    let until = program.metric(read).await.unwrap_or(0.0) + LINES_AFTER_DISK_FULL;
    within("lines to be read again after the disk was full", FULL_AT_MOST, async || {
        Ok(program.metric(read).await.is_some_and(|lines| lines >= until).then_some(()))
    })
    .await?;
    Ok(program.is_running())
}

/// Rotates every file three times while the process is down.
pub(crate) async fn rotated_while_down(
    program: &mut Program,
    writers: &Writers,
    planted: &str,
) -> anyhow::Result<bool> {
    program.kill()?;
    let rotated = writers.rotate_thrice().await;
    program.start(planted)?;
    rotated.map(|()| true)
}

/// Copies files and truncates them, in a pause of all writers in which every line is acknowledged: each of them is to be found.
pub(crate) async fn copied_and_truncated(program: &mut Program, writers: &Writers) -> anyhow::Result<bool> {
    program.ready().await?;
    let rate = writers.pause();
    // What came after the first time is claimed by the second: that the file was begun anew has to be noticed.
    let first = truncated_when_acknowledged(program, writers).await;
    let second = truncated_when_acknowledged(program, writers).await;
    writers.resume(rate);
    Ok(first? > 0 && second? > 0)
}

async fn truncated_when_acknowledged(program: &Program, writers: &Writers) -> anyhow::Result<u64> {
    acknowledged(program).await?;
    writers.copy_and_truncate().await
}

/// Waits until everything is acknowledged: the gauge, which is set once a second, says so three times.
async fn acknowledged(program: &Program) -> anyhow::Result<()> {
    let mut times = 0;
    within("every line to be acknowledged", ACKNOWLEDGED_WITHIN, async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let files = program.metric("collector_files_followed").await;
        let lag = program.metric("collector_lag_bytes").await;
        times = if lag == Some(0.0) && files.is_some_and(|files| files > 0.0) { times + 1 } else { 0 };
        Ok((times >= 3).then_some(()))
    })
    .await
}

pub(crate) async fn terminated(program: &mut Program, planted: &str) -> anyhow::Result<bool> {
    program.ready().await?;
    program.terminate().await?;
    program.start(planted)?;
    Ok(true)
}

pub(crate) async fn frozen(program: &mut Program, random: &mut Random) -> anyhow::Result<bool> {
    program.signal(Signal::STOP)?;
    tokio::time::sleep(Duration::from_millis(random.between(500, 5_000))).await;
    program.signal(Signal::CONT)?;
    Ok(true)
}

/// Takes the checkpoint away, empties it, or cuts it off, while the process is down.
pub(crate) async fn checkpoint_damaged(
    program: &mut Program,
    planted: &str,
    random: &mut Random,
) -> anyhow::Result<bool> {
    program.kill()?;
    let path = program.state_path().join("checkpoint");
    let bytes = std::fs::read(&path).unwrap_or_default();
    let cut = random.below(bytes.len() as u64 + 1) as usize;
    match random.below(3) {
        0 => std::fs::remove_file(&path).ok(),
        1 => std::fs::write(&path, "").ok(),
        _ => std::fs::write(&path, &bytes[..cut]).ok(),
    };
    program.start(planted)?;
    Ok(!bytes.is_empty())
}
