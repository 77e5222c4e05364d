//! An access log as a small shop's nginx would write it, that keeps growing.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use httpdate::HttpDate;

/// How many lines of the last hour are there from the start.
const HISTORY_LINES: u32 = 15_000;
const HISTORY: Duration = Duration::from_secs(3_600);
/// How long between two additions: the log goes on at the rate of its history.
const PAUSE_MS: std::ops::Range<u64> = 200..1_000;

const PATHS: [&str; 12] = [
    "/",
    "/index.html",
    "/products?page=2",
    "/products/4711",
    "/products/1204?colour=red&size=xl",
    "/cart",
    "/checkout",
    "/api/v1/orders",
    "/api/v1/search?q=caf%C3%A9+cr%C3%A8me",
    "/static/app.9f2c1.js",
    "/static/site.css",
    "/images/banner.webp",
];
const REFERRERS: [&str; 5] = [
    "-",
    "-",
    "https://shop.example/",
    "https://shop.example/products?page=1",
    "https://www.search.example/?q=garden+chairs",
];
const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example/about)",
    "curl/8.14.1",
    "kube-probe/1.33",
];

/// Makes the log with the lines of the last hour.
pub(super) fn begin(path: &Path) -> anyhow::Result<()> {
    let doing = || format!("writing {}", path.display());
    let mut dice = Dice::seeded();
    let mut file = BufWriter::new(File::create(path).with_context(doing)?);
    let start = SystemTime::now() - HISTORY;
    for number in 0..HISTORY_LINES {
        let at = start + HISTORY * number / HISTORY_LINES;
        writeln!(file, "{}", line(&mut dice, at)).with_context(doing)?;
    }
    file.flush().with_context(doing)
}

/// Adds lines to a log, now and then some at once.
pub(super) struct Generator {
    file: File,
    dice: Dice,
}

impl Generator {
    /// Goes on with a log that is there.
    pub(super) fn append_to(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().append(true).open(path).with_context(|| format!("opening {}", path.display()))?;
        let dice = Dice::seeded();
        Ok(Self { file, dice })
    }

    /// Adds one line to four, and says how long to wait before the next.
    pub(super) fn append_some(&mut self) -> anyhow::Result<Duration> {
        let mut text = String::new();
        for _ in 0..=self.dice.below(4) {
            text.push_str(&line(&mut self.dice, SystemTime::now()));
            text.push('\n');
        }
        self.file.write_all(text.as_bytes()).context("adding to the access log")?;
        let more = self.dice.below(PAUSE_MS.end - PAUSE_MS.start);
        Ok(Duration::from_millis(PAUSE_MS.start + more))
    }
}

/// One line in nginx's `combined` format.
fn line(dice: &mut Dice, at: SystemTime) -> String {
    let address = address(dice);
    let time = time_local(at);
    // Somebody always speaks TLS to the plain port: nginx escapes what it got.
    if dice.below(250) == 0 {
        return format!("{address} - - [{time}] \"\\x16\\x03\\x01\\x02\\x00\\x01\\x00\" 400 157 \"-\" \"-\"");
    }
    let user = if dice.below(15) == 0 { "alice" } else { "-" };
    let path = *dice.one_of(&PATHS);
    let method = if path.contains("checkout") { "POST" } else { "GET" };
    let version = if dice.below(4) == 0 { "1.1" } else { "2.0" };
    let status = status(dice);
    let bytes = match status {
        304 => 0,
        404 | 499.. => 120 + dice.below(60),
        _ => 200 + dice.below(90_000),
    };
    let referrer = dice.one_of(&REFERRERS);
    let agent = dice.one_of(&AGENTS);
    format!(
        "{address} - {user} [{time}] \"{method} {path} HTTP/{version}\" {status} {bytes} \"{referrer}\" \"{agent}\""
    )
}

/// Addresses that are set aside for documents; one in eight of the newer kind.
fn address(dice: &mut Dice) -> String {
    match dice.below(8) {
        0 => format!("2001:db8::{:x}", 1 + dice.below(0xffff)),
        1..4 => format!("198.51.100.{}", 1 + dice.below(254)),
        _ => format!("203.0.113.{}", 1 + dice.below(254)),
    }
}

fn status(dice: &mut Dice) -> u64 {
    match dice.below(100) {
        0..80 => 200,
        80..88 => 304,
        88..91 => 302,
        91..96 => 404,
        96..98 => 500,
        98 => 502,
        _ => 499,
    }
}

/// `05/May/2026:13:07:42 +0000`, made of `Tue, 05 May 2026 13:07:42 GMT`.
fn time_local(at: SystemTime) -> String {
    let text = HttpDate::from(at).to_string();
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        [_, day, month, year, time, _] => format!("{day}/{month}/{year}:{time} +0000"),
        _ => text,
    }
}

/// Pseudo-random numbers: splitmix64.
struct Dice(u64);

impl Dice {
    fn seeded() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(now.map_or(1, |since| since.as_secs() ^ u64::from(since.subsec_nanos())))
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }

    fn one_of<'a, T>(&mut self, choice: &'a [T]) -> &'a T {
        let index = usize::try_from(self.below(choice.len() as u64)).unwrap_or(0);
        &choice[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of a `combined` line: what stands before, between and in the quotes.
    fn assert_combined(line: &str) {
        let pieces: Vec<&str> = line.split('"').collect();
        let [before, request, numbers, referrer, " ", agent, ""] = pieces[..] else {
            panic!("not three quoted values: {line}");
        };
        let words: Vec<&str> = before.split(' ').collect();
        let [address, "-", user, date, "+0000]", ""] = words[..] else {
            panic!("not ADDRESS - USER [TIME]: {line}");
        };
        assert!(address.parse::<std::net::IpAddr>().is_ok(), "{line}");
        assert!(date.starts_with('[') && date.len() == "[05/May/2026:13:07:42".len(), "{line}");
        let numbers: Vec<u64> = numbers.split_whitespace().map(|number| number.parse().unwrap()).collect();
        assert!(numbers.len() == 2 && (200..600).contains(&numbers[0]), "{line}");
        for text in [request, referrer, agent, user] {
            assert!(!text.is_empty(), "{line}");
        }
    }

    #[test]
    fn every_generated_line_is_in_the_combined_format() {
        let mut dice = Dice(7);
        for _ in 0..5_000 {
            assert_combined(&line(&mut dice, SystemTime::now()));
        }
    }

    #[test]
    fn an_hour_of_lines_has_what_the_sample_search_looks_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        begin(&path).unwrap();
        let before = std::fs::read_to_string(&path).unwrap();
        assert!(before.contains(" 500 ") && before.contains("2001:db8::"));
        Generator::append_to(&path).unwrap().append_some().unwrap();
        let after = std::fs::read_to_string(&path).unwrap();
        assert!(after.starts_with(&before) && after.len() > before.len());
    }

    #[test]
    fn times_are_spelled_as_nginx_does() {
        let at = UNIX_EPOCH + Duration::from_secs(1_778_000_862);
        assert_eq!(time_local(at), "05/May/2026:17:07:42 +0000");
    }
}
