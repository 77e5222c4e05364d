//! How fast the parser goes natively: `cargo run --release -p plugin-nginx --example parse_speed`.

use collector_plugin::Driver;
use std::hint::black_box;
use std::time::Instant;

/// Bytes of one batch.
const BATCH_BYTES: usize = 128 * 1024;

fn main() {
    let mut text = String::new();
    let mut cells = Vec::new();
    while text.len() < BATCH_BYTES {
        let n = cells.len() * 2_654_435_761 % 1_000_003;
        let (a, b, c) = (n % 223 + 1, n % 101, n % 251);
        let line = format!(
            "{a}.{b}.{c}.17 - - [01/Jan/2026:12:{:02}:{:02} +0000] \"GET /shop/products/{n}/reviews?page={}&sort=newest HTTP/1.1\" 200 {} \"https://www.example.com/shop/category/{b}\" \"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)\"",
            n % 60,
            c % 60,
            n % 40,
            n % 100_000,
        );
        cells.extend([1, text.len() as u32, line.len() as u32]);
        text.push_str(&line);
        text.push('\n');
    }
    let events = (cells.len() / 3) as u32;
    let mut driver = Driver::<plugin_nginx::Plugin>::open("").expect("the defaults are valid");
    let mut best = f64::MAX;
    for _ in 0..50 {
        let start = Instant::now();
        for _ in 0..40 {
            let changes =
                driver.process::<&str>(events, text.as_bytes(), &cells, &[], &[]).expect("the lists fit together");
            black_box(changes.ops.len());
        }
        best = best.min(start.elapsed().as_secs_f64() / 40.0);
    }
    let (bytes, events) = (text.len() as f64, f64::from(events));
    println!(
        "{:.0} bytes a line, {:.0} MB/s, {:.1} ns a line",
        bytes / events,
        bytes / best / 1e6,
        best / events * 1e9
    );
}
