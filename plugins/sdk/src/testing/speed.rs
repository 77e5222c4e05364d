//! How fast a plugin's source is when it is compiled for this machine: what `collector plugin bench` shows beside the sandbox.

use crate::abi::{self, CELL_WORDS, halves};
use crate::plugin::is_pattern;
use crate::{Driver, Plugin, host::with_assets};
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

/// Bytes of one batch.
const BATCH_BYTES: usize = 128 << 10;
/// Lines of one batch.
const BATCH_LINES: usize = 2_000;
/// How long a round is, at least.
const ROUND: Duration = Duration::from_millis(50);

/// The program that `collector plugin bench` makes of a plugin: its arguments are the file of lines, the number of rounds, the
/// configuration (empty for none), and `NAME=FILE` for each asset. It prints how many nanoseconds a line takes, the median of the
/// rounds.
#[must_use]
pub fn program<P: Plugin>() -> ExitCode {
    match run::<P>(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(ns) => {
            println!("{ns}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run<P: Plugin>(arguments: &[String]) -> Result<f64, String> {
    let [file, rounds, config, assets @ ..] = arguments else {
        return Err("the arguments are FILE ROUNDS CONFIG [NAME=FILE]...".to_owned());
    };
    let read = |file: &str| std::fs::read(file).map_err(|error| format!("reading {file}: {error}"));
    let lines = read(file)?;
    let rounds: usize = rounds.parse().map_err(|error| format!("the number of rounds {rounds:?}: {error}"))?;
    let assets = assets.iter().map(|asset| {
        let (name, file) = asset.split_once('=').ok_or_else(|| format!("the asset {asset:?} is not NAME=FILE"))?;
        Ok((name.to_owned(), read(file)?))
    });
    let assets = assets.collect::<Result<Vec<_>, String>>()?;
    let mut driver = with_assets(assets, || Driver::<P>::open(config))?;
    let text = String::from_utf8_lossy(&lines);
    let batches: Vec<Batch<'_>> = batches(&text, driver.manifest().reads());
    if batches.is_empty() {
        return Err(format!("{file} has no lines"));
    }
    let mut measured: Vec<f64> = (0..rounds.max(1)).map(|_| round(&mut driver, &batches)).collect::<Result<_, _>>()?;
    measured.sort_by(f64::total_cmp);
    Ok(measured[measured.len() / 2])
}

/// Nanoseconds of a line.
fn round<P: Plugin>(driver: &mut Driver<P>, batches: &[Batch<'_>]) -> Result<f64, String> {
    let began = thread_time();
    let mut lines = 0u64;
    loop {
        for batch in batches {
            let changes =
                driver.process::<&str>(batch.lines, batch.text.as_bytes(), &batch.cells, &[], &batch.sparse)?;
            black_box(changes.ops.len());
            lines += u64::from(batch.lines);
        }
        let took = thread_time().saturating_sub(began);
        if took >= ROUND {
            return Ok(took.as_nanos() as f64 / lines as f64);
        }
    }
}

/// Lines as a host hands them over.
struct Batch<'t> {
    text: &'t str,
    lines: u32,
    cells: Vec<u32>,
    sparse: Vec<u32>,
}

fn batches<'t>(text: &'t str, reads: &[String]) -> Vec<Batch<'t>> {
    let mut batches = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut batch = Batch { text: rest, lines: 0, cells: Vec::new(), sparse: Vec::new() };
        let mut end = 0;
        for line in rest.split_inclusive('\n').take(BATCH_LINES) {
            if end > 0 && end + line.len() > BATCH_BYTES {
                break;
            }
            batch.push(end, line.strip_suffix('\n').unwrap_or(line).len(), reads);
            end += line.len();
        }
        (batch.text, rest) = rest.split_at(end);
        batches.push(batch);
    }
    batches
}

impl Batch<'_> {
    /// One more line. Of other fields there are none; what a host knows of a line is that it was read today, in UTC.
    fn push(&mut self, start: usize, length: usize, reads: &[String]) {
        let line = [abi::TEXT, start as u32, length as u32];
        for name in reads.iter().filter(|name| !is_pattern(name)) {
            let cell: [u32; CELL_WORDS] = match name.as_str() {
                "message" | "event.original" => line,
                "@meta.timezone" => [abi::I64, 0, 0],
                "@meta.day" => {
                    let [a, b] = halves(today_ns().cast_unsigned());
                    [abi::TIME, a, b]
                }
                _ => [abi::ABSENT, 0, 0],
            };
            self.cells.extend(cell);
        }
        self.lines += 1;
    }
}

fn today_ns() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (now.as_secs() / 86_400 * 86_400) as i64 * crate::time::SECOND_NS
}

/// CPU time of this thread: other work on the machine does not count.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn thread_time() -> Duration {
    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanoseconds: i64,
    }
    const THREAD_CPU_TIME: i32 = 3;
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
    }
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: `Timespec` is what the C library has on 64-bit Linux, and it is written to before the call returns.
    unsafe { clock_gettime(THREAD_CPU_TIME, &raw mut time) };
    Duration::new(time.seconds as u64, time.nanoseconds as u32)
}

/// Time since some moment.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn thread_time() -> Duration {
    static BEGIN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGIN.get_or_init(std::time::Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, Manifest, Parser, Parsing, Reject};

    struct Nothing;

    impl Parser for Nothing {
        type Config = ();

        fn open((): ()) -> Result<Self, String> {
            Ok(Self)
        }

        fn manifest(&self) -> Manifest {
            Manifest::reading(["message", "@meta.day"])
        }

        fn parse<'a>(&mut self, _: &'a [u8], _: &mut Event<'a>) -> Result<(), Reject> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_handed_over_as_a_host_does() {
        let text = "a\n\nbb";
        let batches = batches(text, &["message".to_owned(), "x".to_owned(), "*".to_owned()]);
        assert_eq!(batches.len(), 1);
        assert_eq!((batches[0].lines, batches[0].text), (3, text));
        assert_eq!(batches[0].cells, [1, 0, 1, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 3, 2, 0, 0, 0]);
        let many = super::batches(&"0123456789\n".repeat(40_000), &[]).iter().map(|batch| batch.lines).sum::<u32>();
        assert_eq!(many, 40_000);
    }

    #[test]
    fn a_file_of_lines_is_measured() {
        let file = std::env::temp_dir().join(format!("collector-plugin-speed-{}", std::process::id()));
        std::fs::write(&file, "line\n".repeat(1_000)).unwrap();
        let arguments = [file.to_str().unwrap(), "1", ""].map(str::to_owned);
        let ns = run::<Parsing<Nothing>>(&arguments);
        std::fs::remove_file(&file).unwrap();
        assert!(ns.unwrap() > 0.0);
        assert!(run::<Parsing<Nothing>>(&["/no/such/file", "1", ""].map(str::to_owned)).is_err());
    }
}
