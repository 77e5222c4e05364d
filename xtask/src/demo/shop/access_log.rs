//! The access log of the shop's nginx.

use std::time::SystemTime;

use super::Dice;

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

/// One line in nginx's `combined` format.
pub(super) fn line(dice: &mut Dice, at: SystemTime) -> String {
    let address = address(dice);
    let time = super::written(at, "%d/%b/%Y:%H:%M:%S +0000");
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
        let mut dice = Dice::new(7);
        for _ in 0..5_000 {
            assert_combined(&line(&mut dice, SystemTime::now()));
        }
    }
}
