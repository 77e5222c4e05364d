//! Hostile plugins: what they may say and do, and what comes of it.

mod draining;
mod faults;
mod frozen;
mod loading;
mod meta;
mod python;
mod sandbox;
mod swapping;
mod verifying;
mod wasm;
mod watching;

use std::sync::Arc;

use bytes::Bytes;
use collector_model::{
    Batch, BucketDay, EventId, FileUid, ForkPath, LineFlags, Metrics, Origin, Span, TaskKey, Ticket, Topic,
    batch::RawLine,
    fields::{FieldTree, Found},
    table::Event,
};

use crate::{
    Answer, ChainSlot, ChainWorker, Generation, Limits, Manifest, NativePlugin, Output, PluginDirs, PluginHost, Request,
};

/// An answer that a test wrote.
#[derive(Clone, Default)]
struct Script {
    names: Vec<String>,
    arena: Vec<u8>,
    ops: Vec<u32>,
}

type Play = Arc<dyn Fn(&Request<'_>) -> Result<Script, String> + Send + Sync>;

struct Scripted {
    manifest: Manifest,
    play: Play,
    last: Script,
}

impl NativePlugin for Scripted {
    fn manifest(&self) -> Manifest {
        self.manifest.clone()
    }
    fn process(&mut self, request: Request<'_>) -> Result<Answer<'_>, String> {
        self.last = (self.play)(&request)?;
        Ok(Answer { names: &self.last.names, arena: &self.last.arena, ops: &self.last.ops })
    }
}

/// A plugin that answers as the function says; it reads `message` and writes `a`, `b`, `a.b`, `message`.
fn scripted(play: impl Fn(&Request<'_>) -> Result<Script, String> + Send + Sync + 'static) -> crate::NativeOpen {
    let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let manifest = Manifest {
        reads: strings(&["message"]),
        writes: strings(&["a", "b", "a.b", "message"]),
        forks: true,
        required: false,
    };
    let play: Play = Arc::new(play);
    Arc::new(move |_| {
        Ok(Box::new(Scripted { manifest: manifest.clone(), play: Arc::clone(&play), last: Script::default() }))
    })
}

fn host() -> PluginHost {
    PluginHost::new(Limits::default(), None, None, Metrics::default()).unwrap()
}

fn slot_of(host: &PluginHost) -> Arc<ChainSlot> {
    let topic = Topic::new("t").unwrap();
    Arc::new(ChainSlot::new(host.clone(), TaskKey::of_topic(&topic), topic, PluginDirs::or_anywhere(vec![])))
}

/// A worker that runs native plugins one behind the other.
fn worker(plugins: &[crate::NativeOpen]) -> ChainWorker {
    let host = host();
    let plugins: Vec<_> = plugins.iter().map(|open| ("p", "", Arc::clone(open))).collect();
    let slot = slot_of(&host);
    slot.install(Generation::native(&plugins, host.limits()).unwrap());
    ChainWorker::new(slot)
}

fn batch_with(lines: &[&str], flags: LineFlags) -> Batch {
    let mut text = String::new();
    let topic = Topic::new("t").unwrap();
    let raw_lines = lines.iter().map(|line| {
        let raw = Span::between(text.len(), text.len() + line.len());
        let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(1), text.len() as u64, line.as_bytes());
        text += line;
        text += "\n";
        RawLine { raw, id, fork: ForkPath::NONE, flags, origin: 0 }
    });
    let raw_lines = raw_lines.collect();
    let origins = vec![Arc::new(Origin { host_name: "h".into(), ..Origin::default() })];
    Batch::new(TaskKey::of_topic(&topic), topic, Bytes::from(text), raw_lines, origins, Ticket::untracked())
}

fn batch(lines: &[&str]) -> Batch {
    batch_with(lines, LineFlags::default())
}

/// An event's fields, as text: `name=value`.
fn fields(batch: &Batch, output: &Output<'_>, event: &Event) -> Vec<String> {
    let cells = output.table.cells_of(event);
    let mut out = vec![];
    FieldTree::of(output.schema, cells).each(|name, found| {
        let slots = match found {
            Found::Single(slot) => vec![slot],
            Found::Array(slots) => slots.to_vec(),
        };
        let mut json = vec![];
        slots
            .iter()
            .for_each(|&slot| cells[slot as usize].value(&batch.text, output.table.arena()).write_json(&mut json));
        out.push(format!("{name}={}", String::from_utf8(json).unwrap()));
    });
    out.sort();
    out
}

/// The fields of all events of a batch.
fn run(worker: &mut ChainWorker, batch: &Batch) -> Vec<Vec<String>> {
    let output = worker.run(batch);
    output.table.events().iter().map(|event| fields(batch, &output, event)).collect()
}

const fn word(op: u32, kind: u32, name: u32) -> u32 {
    op | kind << 4 | name << 8
}

const NEXT: u32 = 0;
const SET: u32 = 1;
const APPEND: u32 = 2;
const REMOVE: u32 = 3;
const DROP: u32 = 4;
const REJECT: u32 = 5;
const FORK: u32 = 6;
