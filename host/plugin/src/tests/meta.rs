//! What the host knows of a line, for those who ask.

use super::*;

/// Answers with all columns that it was handed, as kind and words or text.
fn columns(reads: &[&str]) -> (crate::NativeOpen, Arc<parking_lot::Mutex<Vec<String>>>) {
    let seen: Arc<parking_lot::Mutex<Vec<String>>> = Arc::default();
    let manifest = Manifest { reads: reads.iter().map(|name| (*name).to_owned()).collect(), ..Manifest::default() };
    let told = Arc::clone(&seen);
    let play: Play = Arc::new(move |request| {
        for cell in request.cells.as_chunks::<3>().0 {
            let [kind, a, b] = *cell;
            told.lock().push(match kind {
                1 => String::from_utf8(request.text[a as usize..(a + b) as usize].to_vec()).unwrap(),
                3 | 7 => format!("{kind}:{}", (u64::from(a) | u64::from(b) << 32) as i64),
                kind => format!("{kind}"),
            });
        }
        told.lock().push(format!("{} of text, {} rows", request.text.len(), request.sparse.len() / 5));
        Ok(Script { ops: vec![NEXT; request.events as usize], ..Script::default() })
    });
    let open: crate::NativeOpen = Arc::new(move |_| {
        Ok(Box::new(Scripted { manifest: manifest.clone(), play: Arc::clone(&play), last: Script::default() }))
    });
    (open, seen)
}

/// Lines of two files, and another producer's record.
fn known_batch() -> Batch {
    let mut batch = batch(&["one", "two", "three"]);
    let origin = |path: &str, timezone_minutes| {
        Arc::new(Origin { host_name: "web-1".into(), path: path.into(), timezone_minutes, ..Origin::default() })
    };
    batch.origins = vec![origin("/a.log", -120), Arc::default()];
    let day = BucketDay::from_days(20_000).unwrap();
    batch.lines[0].id = EventId::ours(day, FileUid(1), 0, b"one");
    batch.lines[2].origin = 1;
    batch
}

fn seen(reads: &[&str]) -> Vec<String> {
    let (open, seen) = columns(reads);
    let mut worker = worker(&[open]);
    run(&mut worker, &known_batch());
    seen.lock().clone()
}

#[test]
fn day_and_timezone_come_beside_lines_that_lie_where_they_lay() {
    let day = 20_000i64 * 86_400_000_000_000;
    let expected = ["one", &format!("7:{day}"), "3:-120", "two", "7:0", "3:-120", "three", "7:0", "3:0"];
    let seen = seen(&["message", "@meta.day", "@meta.timezone"]);
    assert_eq!(seen[..9], expected);
    assert_eq!(seen[9], "13 of text, 0 rows", "the chunk itself, line feeds included");
}

#[test]
fn host_path_and_topic_come_once_for_lines_that_share_them() {
    let seen = seen(&["@meta.host", "@meta.path", "@meta.topic", "message"]);
    assert_eq!(seen[..4], ["web-1", "/a.log", "t", "one"]);
    assert_eq!(seen[8..12], ["0", "0", "t", "three"], "nobody knows the host and file of another producer's record");
    assert_eq!(seen[12], format!("{} of text, 0 rows", "web-1/a.logtonetwothree".len()));
}

#[test]
fn no_pattern_and_no_unknown_name_gives_what_the_host_knows() {
    assert_eq!(
        seen(&["@meta", "@meta.x", "@meta.days", "@meta.*"]),
        ["0"; 9].iter().copied().chain(["0 of text, 0 rows"]).collect::<Vec<_>>()
    );
    assert_eq!(seen(&["*"]), ["11 of text, 3 rows"]);
}
