//! The example in Python, through the real host. It is built by `cargo xtask plugins --python`.

use std::{path::PathBuf, time::Instant};

use super::{wasm::chain, *};

/// The component, where it was built.
fn component() -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("COLLECTOR_TEST_PLUGINS")?).join("keyvalue.wasm");
    path.exists().then_some(path)
}

#[test]
fn a_parser_in_python_treats_lines_in_any_batches_alike() {
    let Some(path) = component() else {
        println!("skipped: COLLECTOR_TEST_PLUGINS has no keyvalue.wasm (`cargo xtask plugins --python` makes it)");
        return;
    };
    // Compiling an interpreter takes its time: the result is kept beside the component.
    let cache = path.with_file_name("python-cache");
    let host = PluginHost::new(Limits::default(), Some(cache), None, Metrics::default()).unwrap();
    let slot = slot_of(&host);
    slot.apply(&chain(&path)).unwrap_or_else(|error| panic!("{error}"));
    let mut worker = ChainWorker::new(Arc::clone(&slot));
    let lines: Vec<String> = (0..400)
        .map(|i| match i % 10 {
            9 => format!("no pair in line {i}"),
            _ => format!(r#"time=2026-01-31T12:00:00Z level=info msg="request {i} done" n={i} k{i}=x"#),
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let together = run(&mut worker, &batch(&lines));
    assert_eq!(together.len(), lines.len());
    assert_eq!(
        together[7],
        [
            "@timestamp=\"2026-01-31T12:00:00.000Z\"",
            "event.original=\"time=2026-01-31T12:00:00Z level=info msg=\\\"request 7 done\\\" n=7 k7=x\"",
            "keyvalue.k7=\"x\"",
            "keyvalue.n=7",
            "log.level=\"info\"",
            "message=\"request 7 done\"",
        ]
    );
    assert!(together[9][0].contains("no key=value at byte 0"), "{:?}", together[9]);
    for size in [1, 7] {
        let mut fresh = ChainWorker::new(Arc::clone(&slot));
        let apart: Vec<_> = lines.chunks(size).flat_map(|lines| run(&mut fresh, &batch(lines))).collect();
        assert_eq!(apart, together, "in batches of {size}");
    }
    assert_eq!(slot.status().plugins[0].faults, 0);
    tell_speed(&mut worker, &lines);
}

fn tell_speed(worker: &mut ChainWorker, lines: &[&str]) {
    let batch = batch(lines);
    let (started, mut bytes) = (Instant::now(), 0);
    for _ in 0..20 {
        worker.run(&batch);
        bytes += batch.raw.len();
    }
    println!("the parser in Python: {:.2} MB/s", bytes as f64 / 1e6 / started.elapsed().as_secs_f64());
}
