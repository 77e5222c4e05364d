//! Stand-ins for what the runtimes of other languages import of `wasi:*`: they look like a machine on which time stands still and
//! nothing is connected. Everything is the same for every instance, so a plugin stays a pure function.
//!
//! Clocks always tell 1970, random bytes are one fixed sequence, environment and arguments are empty, there are no files, standard
//! input is at its end, standard output and error go to the rate-limited log. To exit is a trap, and so is everything that is not
//! named here: sockets, for example.

use wasmtime::{
    Engine, Result, StoreContextMut, bail,
    component::{
        Component, Linker, LinkerInstance, Resource, ResourceType, Val,
        types::{ComponentFunc, ComponentItem},
    },
};

use crate::guest::HostState;

/// How much a stream says that it takes at once.
const WRITE_BYTES_MAX: u64 = 64 << 10;
/// Random bytes that are given at once: more is a trap.
const RANDOM_BYTES_MAX: u64 = 1 << 20;
/// What the log says of standard output and error.
const STDOUT_LEVEL: u32 = 2;
const STDERR_LEVEL: u32 = 1;

/// Where in the fixed sequence of random numbers an instance is.
#[derive(Default)]
pub(crate) struct FixedRandom(u64);

impl FixedRandom {
    /// The next number, by the generator that is known as splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// A stream to read from, which is at its end.
struct Input;
/// A stream to write to: the number of its resource is the level of the log.
struct Output;
/// Something to wait for, which has happened.
struct Happened;

/// Gives the component what it imports of `wasi:*`.
pub(crate) fn stand_in(linker: &mut Linker<HostState>, engine: &Engine, component: &Component) -> Result<()> {
    let of_component = component.component_type();
    let mut is_empty = true;
    for (import, item) in of_component.imports(engine).filter(|(name, _)| name.starts_with("wasi:")) {
        let ComponentItem::ComponentInstance(instance) = item.ty else { continue };
        is_empty = false;
        let mut at = linker.instance(import)?;
        // Interfaces name the resources of others too: it has to be the same one everywhere.
        let named = instance.exports(engine).filter(|(_, item)| matches!(item.ty, ComponentItem::Resource(_)));
        named.into_iter().try_for_each(|(name, _)| resource(&mut at, name))?;
        // The version behind the `@` does not matter: whatever of 0.2 it is, these functions are the same.
        define(&mut at, import.split('@').next().unwrap_or_default())?;
    }
    if is_empty {
        return Ok(());
    }
    linker.define_unknown_imports_as_traps(component)
}

fn resource(at: &mut LinkerInstance<'_, HostState>, name: &str) -> Result<()> {
    let of_type = match name {
        "pollable" => ResourceType::host::<Happened>(),
        "input-stream" => ResourceType::host::<Input>(),
        "output-stream" => ResourceType::host::<Output>(),
        _ => return Ok(()),
    };
    at.resource(name, of_type, |_, _| Ok(()))
}

fn define(at: &mut LinkerInstance<'_, HostState>, interface: &str) -> Result<()> {
    match interface {
        "wasi:cli/environment" => {
            constant(at, "get-environment", || Val::List(vec![]))?;
            constant(at, "get-arguments", || Val::List(vec![]))?;
            constant(at, "initial-cwd", || Val::Option(None))
        }
        "wasi:cli/exit" => {
            function(at, "exit", |_, _| bail!("it ended itself (exit)"))?;
            function(at, "exit-with-code", |_, _| bail!("it ended itself (exit)"))
        }
        "wasi:cli/stdin" => owned::<Input>(at, "get-stdin", 0),
        "wasi:cli/stdout" => owned::<Output>(at, "get-stdout", STDOUT_LEVEL),
        "wasi:cli/stderr" => owned::<Output>(at, "get-stderr", STDERR_LEVEL),
        "wasi:cli/terminal-stdin" => constant(at, "get-terminal-stdin", || Val::Option(None)),
        "wasi:cli/terminal-stdout" => constant(at, "get-terminal-stdout", || Val::Option(None)),
        "wasi:cli/terminal-stderr" => constant(at, "get-terminal-stderr", || Val::Option(None)),
        "wasi:filesystem/preopens" => constant(at, "get-directories", || Val::List(vec![])),
        "wasi:clocks/wall-clock" => {
            constant(at, "now", || date_time(0))?;
            constant(at, "resolution", || date_time(1))
        }
        "wasi:clocks/monotonic-clock" => {
            constant(at, "now", || Val::U64(0))?;
            constant(at, "resolution", || Val::U64(1))?;
            owned::<Happened>(at, "subscribe-instant", 0)?;
            owned::<Happened>(at, "subscribe-duration", 0)
        }
        "wasi:random/random" => random(at, "get-random-bytes", "get-random-u64"),
        "wasi:random/insecure" => random(at, "get-insecure-random-bytes", "get-insecure-random-u64"),
        "wasi:random/insecure-seed" => constant(at, "insecure-seed", || Val::Tuple(vec![Val::U64(0), Val::U64(0)])),
        "wasi:io/poll" => poll(at),
        "wasi:io/streams" => streams(at),
        _ => Ok(()),
    }
}

/// Defines a function. What it was lent is given back.
fn function(
    at: &mut LinkerInstance<'_, HostState>,
    name: &str,
    call: impl Fn(&mut StoreContextMut<'_, HostState>, &[Val]) -> Result<Option<Val>> + Send + Sync + 'static,
) -> Result<()> {
    at.func_new(name, move |mut store, _, parameters, results| {
        let value = call(&mut store, parameters)?;
        results.iter_mut().zip(value).for_each(|(result, value)| *result = value);
        give_back(&mut store, parameters)
    })
}

fn give_back(store: &mut StoreContextMut<'_, HostState>, values: &[Val]) -> Result<()> {
    values.iter().try_for_each(|value| match value {
        Val::Resource(lent) => lent.resource_drop(&mut *store),
        Val::List(values) => give_back(store, values),
        _ => Ok(()),
    })
}

fn constant(at: &mut LinkerInstance<'_, HostState>, name: &str, value: fn() -> Val) -> Result<()> {
    function(at, name, move |_, _| Ok(Some(value())))
}

/// A function that gives a resource away.
fn owned<T: 'static>(at: &mut LinkerInstance<'_, HostState>, name: &str, number: u32) -> Result<()> {
    function(at, name, move |store, _| {
        Ok(Some(Val::Resource(Resource::<T>::new_own(number).try_into_resource_any(store)?)))
    })
}

fn date_time(nanoseconds: u32) -> Val {
    Val::Record(vec![("seconds".to_owned(), Val::U64(0)), ("nanoseconds".to_owned(), Val::U32(nanoseconds))])
}

fn random(at: &mut LinkerInstance<'_, HostState>, bytes: &str, word: &str) -> Result<()> {
    function(at, bytes, |store, parameters| {
        let wanted = match parameters {
            [Val::U64(wanted)] if *wanted <= RANDOM_BYTES_MAX => *wanted as usize,
            _ => bail!("it wants more than {RANDOM_BYTES_MAX} random bytes at once"),
        };
        let random = &mut store.data_mut().random;
        let bytes = std::iter::repeat_with(|| random.next().to_le_bytes()).flatten().take(wanted);
        Ok(Some(Val::List(bytes.map(Val::U8).collect())))
    })?;
    function(at, word, |store, _| Ok(Some(Val::U64(store.data_mut().random.next()))))
}

fn poll(at: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    constant(at, "[method]pollable.ready", || Val::Bool(true))?;
    function(at, "[method]pollable.block", |_, _| Ok(None))?;
    function(at, "poll", |_, parameters| {
        let happened = match parameters {
            [Val::List(waited)] => waited.len() as u32,
            _ => 0,
        };
        Ok(Some(Val::List((0..happened).map(Val::U32).collect())))
    })
}

fn streams(at: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    let at_end = || Val::Result(Err(Some(Box::new(Val::Variant("closed".to_owned(), None)))));
    for name in ["read", "blocking-read", "skip", "blocking-skip"] {
        constant(at, &format!("[method]input-stream.{name}"), at_end)?;
    }
    owned::<Happened>(at, "[method]input-stream.subscribe", 0)?;
    owned::<Happened>(at, "[method]output-stream.subscribe", 0)?;
    let room = || Val::Result(Ok(Some(Box::new(Val::U64(WRITE_BYTES_MAX)))));
    constant(at, "[method]output-stream.check-write", room)?;
    for name in ["flush", "blocking-flush"] {
        constant(at, &format!("[method]output-stream.{name}"), || Val::Result(Ok(None)))?;
    }
    for name in ["write", "blocking-write-and-flush"] {
        at.func_new(&format!("[method]output-stream.{name}"), write)?;
    }
    Ok(())
}

/// Standard output and error are for the log.
fn write(
    mut store: StoreContextMut<'_, HostState>,
    _: ComponentFunc,
    parameters: &[Val],
    results: &mut [Val],
) -> Result<()> {
    if let [Val::Resource(stream), Val::List(bytes)] = parameters {
        // This gives back what was lent.
        let level = Resource::<Output>::try_from_resource_any(*stream, &mut store)?.rep() as u8;
        let bytes: Vec<u8> = bytes.iter().map(|byte| if let Val::U8(byte) = byte { *byte } else { b'?' }).collect();
        let text = String::from_utf8_lossy(&bytes);
        if !text.trim().is_empty() {
            store.data_mut().write_to_log(level, text.trim());
        }
    }
    results.iter_mut().for_each(|result| *result = Val::Result(Ok(None)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_of_random_numbers_is_always_the_same() {
        let numbers = |mut random: FixedRandom| [random.next(), random.next(), random.next()];
        assert_eq!(numbers(FixedRandom::default()), numbers(FixedRandom::default()));
        assert_eq!(numbers(FixedRandom::default())[0], 0xe220_a839_7b1d_cdaf, "as its authors publish it");
    }
}
