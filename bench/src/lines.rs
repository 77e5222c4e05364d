//! Lines as a busy site writes them: the same on every run.

use std::fmt::Write;

/// A small generator of numbers (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
];
const METHODS: [&str; 6] = ["GET", "GET", "GET", "GET", "POST", "HEAD"];
const PATHS: [&str; 5] =
    ["/products/", "/assets/js/app.", "/api/v2/orders/", "/images/thumbs/", "/search?q=shoes&page="];
const STATUSES: [&str; 8] = ["200", "200", "200", "200", "304", "301", "404", "500"];
const REFERRERS: [&str; 3] = ["-", "https://www.example.com/", "https://www.example.com/catalogue/summer?page=2"];

/// nginx's combined access log.
pub(crate) fn nginx(count: usize) -> Vec<String> {
    let mut numbers = Numbers(1);
    let mut second = 0;
    let mut line = || {
        second += u64::from(numbers.below(40) == 0);
        let mut line = String::new();
        let mut octet = || 1 + numbers.below(254);
        let ip = format!("{}.{}.{}.{}", octet(), octet(), octet(), octet());
        // Writing into a String cannot fail.
        let _ = write!(
            line,
            "{ip} - - [12/Jun/2024:{:02}:{:02}:{:02} +0000] \"{} {}{:x} HTTP/1.1\" {} {} \"{}\" \"{}\"",
            second / 3600 % 24,
            second / 60 % 60,
            second % 60,
            numbers.pick(&METHODS),
            numbers.pick(&PATHS),
            numbers.next() >> 20,
            numbers.pick(&STATUSES),
            numbers.below(90_000),
            numbers.pick(&REFERRERS),
            numbers.pick(&AGENTS),
        );
        line
    };
    (0..count).map(|_| line()).collect()
}

/// A service's log, one JSON object a line.
pub(crate) fn json(count: usize) -> Vec<String> {
    let mut numbers = Numbers(2);
    let mut line = || {
        format!(
            "{{\"level\":\"{}\",\"logger\":\"com.example.shop.{}\",\"message\":\"order {} accepted\",\"user\":{{\"id\":{},\"name\":\"u{:x}\"}},\
             \"http\":{{\"method\":\"{}\",\"status\":{},\"bytes\":{}}},\"duration\":{}.{},\"cached\":{},\"trace\":\"{:016x}\"}}",
            numbers.pick(&["info", "info", "warn", "error"]),
            numbers.pick(&["Cart", "Checkout", "Search"]),
            numbers.below(1 << 40),
            numbers.below(1 << 30),
            numbers.below(1 << 24),
            numbers.pick(&METHODS),
            numbers.pick(&STATUSES),
            numbers.below(90_000),
            numbers.below(1000),
            1 + numbers.below(8),
            numbers.below(2) == 0,
            numbers.next(),
        )
    };
    (0..count).map(|_| line()).collect()
}

/// A service's log in logfmt.
pub(crate) fn logfmt(count: usize) -> Vec<String> {
    let mut numbers = Numbers(3);
    let mut line = || {
        format!(
            "time=2024-06-12T07:{:02}:{:02}.{:03}Z level={} logger=com.example.shop.{} msg=\"order {} accepted\" user.id={} user.name=u{:x} \
             http.method={} http.status={} http.bytes={} duration={}.{} cached={} trace={:016x}",
            numbers.below(60),
            numbers.below(60),
            numbers.below(1000),
            numbers.pick(&["info", "info", "warn", "error"]),
            numbers.pick(&["Cart", "Checkout", "Search"]),
            numbers.below(1 << 40),
            numbers.below(1 << 30),
            numbers.below(1 << 24),
            numbers.pick(&METHODS),
            numbers.pick(&STATUSES),
            numbers.below(90_000),
            numbers.below(1000),
            1 + numbers.below(8),
            numbers.below(2) == 0,
            numbers.next(),
        )
    };
    (0..count).map(|_| line()).collect()
}

/// What the parser in Python reads.
pub(crate) fn key_value(count: usize) -> Vec<String> {
    let mut numbers = Numbers(4);
    let mut line = || {
        format!(
            "time=2024-06-12T07:{:02}:{:02}Z level={} msg=\"order {} accepted\" user={} took={}.{} cached={}",
            numbers.below(60),
            numbers.below(60),
            numbers.pick(&["info", "warn"]),
            numbers.below(1 << 40),
            numbers.below(1 << 30),
            numbers.below(1000),
            1 + numbers.below(8),
            numbers.below(2) == 0,
        )
    };
    (0..count).map(|_| line()).collect()
}
