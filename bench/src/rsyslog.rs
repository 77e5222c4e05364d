//! rsyslog on the same lines: a file on tmpfs, parsed by mmnormalize, written as JSON lines, by the CPU time of its process.

use std::{
    fs,
    io::{BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};

use crate::{clock::cpu_of, figure::Figure, lines};

/// Different lines, written again and again.
const LINES: usize = 8_192;
const REPEATS: usize = 32;
const RUN_TIME_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What was found.
pub(crate) enum Peer {
    /// Its version and its rate in MB/s of one core.
    Measured(String, f64),
    /// It is not there.
    Missing,
}

impl Peer {
    /// Puts it beside a figure of ours.
    pub(crate) fn put_into(&self, figure: &mut Figure) {
        match self {
            Peer::Measured(version, rate) => {
                figure.peers.insert(format!("{version}, mmnormalize, file to JSON file on tmpfs"), *rate);
            }
            Peer::Missing => figure.notes.push("rsyslog is not on PATH: not compared".to_owned()),
        }
    }
}

/// Runs it once.
pub(crate) fn rate() -> anyhow::Result<Peer> {
    let Some(program) = program() else { return Ok(Peer::Missing) };
    let tmpfs = Path::new("/dev/shm");
    let root = if tmpfs.is_dir() { tmpfs.to_owned() } else { std::env::temp_dir() };
    let home = root.join(format!("collector-bench-{}", std::process::id()));
    fs::create_dir_all(&home)?;
    let result = run(&program, &home);
    fs::remove_dir_all(&home)?;
    result
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    places.map(|folder| folder.join("rsyslogd")).find(|program| program.is_file())
}

fn run(program: &Path, home: &Path) -> anyhow::Result<Peer> {
    let input = home.join("access.log");
    let mut log = BufWriter::new(fs::File::create(&input)?);
    let different = lines::nginx(LINES);
    for line in (0..REPEATS).flat_map(|_| &different) {
        writeln!(log, "{line}")?;
    }
    log.flush()?;
    let bytes = fs::metadata(&input)?.len();
    let settings = settings(home, &input)?;
    let mut command = Command::new(program);
    command.args(["-n", "-i", "NONE", "-f"]).arg(&settings).stdin(Stdio::null()).stdout(Stdio::null());
    let mut process =
        Process(command.stderr(fs::File::create(home.join("log"))?).spawn().context("starting rsyslogd")?);
    let written = process.until_written(&home.join("out.json"), LINES * REPEATS)?;
    ensure!(!written.contains("unparsed-data"), "rsyslog did not parse all lines: {written}");
    let cpu_s = cpu_of(process.0.id())?;
    Ok(Peer::Measured(version(program), bytes as f64 / 1e6 / cpu_s))
}

/// Its settings and the rules of mmnormalize.
fn settings(home: &Path, input: &Path) -> anyhow::Result<PathBuf> {
    let rules = r#"version=2
rule=:%client:word% %ident:word% %user:word% [%time:char-to:]%] "%method:word% %url:word% HTTP/%version:char-to:"%" %status:number% %bytes:number% "%referrer:char-to:"%" "%agent:char-to:"%"
"#;
    let (rulebase, path) = (home.join("rules"), home.join("rsyslog.conf"));
    fs::write(&rulebase, rules)?;
    let text = format!(
        r#"global(workDirectory={home:?})
module(load="imfile")
module(load="mmnormalize")
template(name="json" type="list") {{ property(name="$!all-json-plain") constant(value="\n") }}
input(type="imfile" File={input:?} Tag="nginx" ruleset="nginx" reopenOnTruncate="off")
ruleset(name="nginx" queue.type="linkedList" queue.size="100000" queue.dequeueBatchSize="4096") {{
  action(type="mmnormalize" rulebase={rulebase:?})
  action(type="omfile" file={:?} template="json" ioBufferSize="256k" asyncWriting="off")
}}
"#,
        home.join("out.json")
    );
    fs::write(&path, text)?;
    Ok(path)
}

fn version(program: &Path) -> String {
    let output = Command::new(program).arg("-v").output().map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&output);
    let number = text.split_whitespace().nth(1).map(|number| number.trim_end_matches(','));
    format!("rsyslog {}", number.unwrap_or("of an unknown version"))
}

/// rsyslog's process; killed when dropped.
struct Process(Child);

impl Process {
    /// Waits for so many lines; gives the first of them.
    fn until_written(&mut self, path: &Path, lines: usize) -> anyhow::Result<String> {
        let began = Instant::now();
        let mut file = None;
        let (mut content, mut first, mut found) = (vec![], vec![], 0);
        while found < lines {
            if let Some(status) = self.0.try_wait()? {
                bail!("rsyslogd ended with {status}");
            }
            ensure!(began.elapsed() < RUN_TIME_MAX, "rsyslogd wrote {found} of {lines} lines in {RUN_TIME_MAX:?}");
            std::thread::sleep(LOOK_EVERY);
            file = file.or_else(|| fs::File::open(path).ok());
            if let Some(file) = &mut file {
                content.clear();
                file.read_to_end(&mut content)?;
                found += content.iter().filter(|byte| **byte == b'\n').count();
                if first.is_empty() {
                    first.extend(content.iter().copied().take_while(|byte| *byte != b'\n'));
                }
            }
        }
        Ok(String::from_utf8_lossy(&first).into_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
