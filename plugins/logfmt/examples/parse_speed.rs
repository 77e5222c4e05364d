//! How fast the parser goes natively: `cargo run --release -p plugin-logfmt --example parse_speed [CONFIG]`.

use collector_plugin::Driver;
use std::hint::black_box;
use std::time::Instant;

/// Bytes of one batch.
const BATCH_BYTES: usize = 128 * 1024;

fn main() {
    let config = std::env::args().nth(1).unwrap_or_default();
    let mut driver = match Driver::<plugin_logfmt::Plugin>::open(&config) {
        Ok(driver) => driver,
        Err(error) => return eprintln!("{error}"),
    };
    let columns = driver.manifest().reads().len();
    let mut text = String::new();
    let mut cells = Vec::new();
    let mut events = 0;
    while text.len() < BATCH_BYTES {
        let n = events as usize * 2_654_435_761 % 1_000_003;
        let line = format!(
            "level={} time=2026-01-01T12:{:02}:{:02}.{:03}Z logger=com.example.shop.Checkout msg=\"order {n} accepted\" user={n} name=u{n:x} method=GET status=200 bytes={} duration={}.5 cached={} trace={:016x}",
            if n.is_multiple_of(3) { "warn" } else { "info" },
            n % 60,
            n % 59,
            n % 1000,
            n % 90_000,
            n % 1000,
            n.is_multiple_of(2),
            n * 0x9e37_79b9_7f4a,
        );
        cells.extend([1, text.len() as u32, line.len() as u32]);
        // What is known of the machine: nothing.
        cells.resize(cells.len() + 3 * (columns - 1), 0);
        text.push_str(&line);
        text.push('\n');
        events += 1;
    }
    let mut best = f64::MAX;
    for _ in 0..50 {
        let start = Instant::now();
        for _ in 0..40 {
            let changes = driver.process::<&str>(events, text.as_bytes(), &cells, &[], &[]);
            black_box(changes.map(|changes| changes.ops.len())).ok();
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
