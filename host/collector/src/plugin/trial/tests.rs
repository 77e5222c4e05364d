//! Plugins that do what they must not, and one that does not.

use std::{fs, sync::Arc};

use collector_plugin_host::{Answer, Generation, Limits, Manifest, NativePlugin, Request};
use serde_json::{Value, json};

use super::{
    case::Case,
    hardship,
    lane::{Lane, Material},
    long_lines, purity,
    report::Report,
    sample_files::SampleFiles,
};
use crate::plugin::opening::trial_host;

const NEXT: u32 = 0;
const SET_FIRST_INT: u32 = 1 | 3 << 4;

/// Writes a number for each line into the field `number`.
struct Numbering<F> {
    number: F,
    batches: u32,
    seen: u32,
    ops: Vec<u32>,
}

/// What is known when a line is numbered: its length, its place in the batch, batches before it, and lines before it.
struct Known {
    length: u32,
    place: u32,
    batches: u32,
    seen: u32,
}

impl<F: FnMut(Known) -> u32 + Send> NativePlugin for Numbering<F> {
    fn manifest(&self) -> Manifest {
        Manifest { reads: vec!["message".into()], writes: vec!["number".into()], ..Manifest::default() }
    }

    fn process(&mut self, request: Request<'_>) -> Result<Answer<'_>, String> {
        self.ops.clear();
        for (place, cell) in request.cells.chunks(3).enumerate() {
            let known = Known { length: cell[2], place: place as u32, batches: self.batches, seen: self.seen };
            self.ops.extend([SET_FIRST_INT, (self.number)(known), 0, NEXT]);
            self.seen += 1;
        }
        self.batches += 1;
        Ok(Answer { names: &[], arena: &[], ops: &self.ops })
    }
}

fn lane(number: fn(Known) -> u32) -> Lane {
    let open = move |_: &str| {
        let plugin: Box<dyn NativePlugin> = Box::new(Numbering { number, batches: 0, seen: 0, ops: vec![] });
        Ok(plugin)
    };
    let generation = Generation::native(&[("numbering", "", Arc::new(open))], &Limits::default()).unwrap();
    let cases = ["a", "bb", "ccc", "dddd", "a b c d e"].map(|line| Case::line(format!("line {line}"), line));
    let material = Material { config: Value::Null, cases: cases.to_vec() };
    Lane::of(&trial_host(Limits::default(), None).unwrap(), generation, &material).unwrap()
}

fn said_of_purity(number: fn(Known) -> u32) -> String {
    let mut report = Report::silent();
    purity::check(&[lane(number)], 1, &mut report).unwrap();
    report.said
}

#[test]
fn a_pure_plugin_passes() {
    let said = said_of_purity(|known| known.length);
    assert!(said.contains("ok       purity: 2000 events"), "{said}");
}

#[test]
fn a_counter_in_the_output_is_caught() {
    let said = said_of_purity(|known| known.seen);
    assert!(said.contains("FAILED   purity") && said.contains("comes again"), "{said}");
    assert!(said.contains(r#"line a "a""#) && said.contains("must not show"), "{said}");
}

#[test]
fn what_depends_on_the_batch_is_caught() {
    let said = said_of_purity(|known| u32::from(known.place >= 1_990));
    assert!(said.contains("FAILED"), "{said}");
    let said = said_of_purity(|known| known.batches);
    assert!(said.contains("in batches of 1"), "{said}");
}

#[test]
fn what_depends_on_the_line_before_is_caught() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static LAST: AtomicU32 = AtomicU32::new(0);
    // The same in every order in which the same line comes first; shuffled it is not.
    let said = said_of_purity(|known| LAST.swap(known.length, Ordering::Relaxed));
    assert!(said.contains("FAILED"), "{said}");
}

#[test]
fn a_plugin_that_breaks_at_some_bytes_is_caught() {
    let lane = faulty_lane(|request| request.text.contains(&0));
    let mut report = Report::silent();
    hardship::check(&[lane], 1, &mut report).unwrap();
    assert!(report.said.contains("FAILED   random bytes: drawn line"), "{}", report.said);
    let mut report = Report::silent();
    hardship::check(&[self::lane(|known| known.length)], 1, &mut report).unwrap();
    assert!(report.said.contains("no fault"), "{}", report.said);
}

#[test]
fn a_plugin_that_breaks_at_long_lines_is_caught() {
    let mut report = Report::silent();
    long_lines::check(&[faulty_lane(|request| request.text.len() > 100_000)], &mut report).unwrap();
    assert!(report.said.contains("FAILED   long lines"), "{}", report.said);
}

/// Answers with nothing at all, which is a fault, where that says so.
fn faulty_lane(is_faulty: fn(&Request<'_>) -> bool) -> Lane {
    struct Faulty(fn(&Request<'_>) -> bool, Vec<u32>);
    impl NativePlugin for Faulty {
        fn manifest(&self) -> Manifest {
            Manifest { reads: vec!["message".into()], ..Manifest::default() }
        }
        fn process(&mut self, request: Request<'_>) -> Result<Answer<'_>, String> {
            self.1 = if (self.0)(&request) { vec![] } else { vec![NEXT; request.events as usize] };
            Ok(Answer { names: &[], arena: &[], ops: &self.1 })
        }
    }
    let open = move |_: &str| {
        let plugin: Box<dyn NativePlugin> = Box::new(Faulty(is_faulty, vec![]));
        Ok(plugin)
    };
    let generation = Generation::native(&[("faulty", "", Arc::new(open))], &Limits::default()).unwrap();
    Lane::of(&trial_host(Limits::default(), None).unwrap(), generation, &Material::default()).unwrap()
}

#[test]
fn expected_fields_are_compared_nested_or_dotted() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("a.log", "a\nbb\n");
    write("a.expected.ndjson", "{\"number\": 1}\n{\"number\": 2}\n");
    write("b.log", "a\nbb");
    write("b.expected.ndjson", "{\"number\": 1}\n{\"number\": 7}\n");
    let said = || {
        let mut report = Report::silent();
        let files = SampleFiles::read(dir.path()).unwrap();
        files.compare(&[lane(|known| known.length)], &mut report).unwrap();
        report.said
    };
    assert!(said().contains("a.log: all 2 lines"), "{}", said());
    assert!(
        said().contains(r#"1 of 2 lines of b.log"#)
            && said().contains(r#"b.log:2 "bb": expected {"number":7}, got {"number":2}"#),
        "{}",
        said()
    );
    write("b.expected.ndjson", "{\"number\": 1}\n");
    assert!(SampleFiles::read(dir.path()).unwrap_err().to_string().contains("has 1 lines for the 2 of b.log"));
}

#[test]
fn a_line_with_fields_comes_as_an_event_that_has_them() {
    let fields = json!({"a.b": 1, "@meta.timezone": 60});
    let case = Case::with_fields("s".into(), "text", fields.as_object().unwrap());
    assert_eq!(Value::from(case.document().unwrap()), json!({"message": "text", "a.b": 1}));
    let plain = Case::with_fields("s".into(), "text", json!({"@meta.timezone": 60}).as_object().unwrap());
    assert!(plain.document().is_none());
}
