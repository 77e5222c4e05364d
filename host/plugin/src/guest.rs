//! One running plugin: an instance in the sandbox, or the same code compiled natively behind the same interface.

use std::{sync::Arc, time::Duration};

use wasmtime::{
    Engine, Store, Trap,
    component::{Component, ComponentType, Func, Instance, InstancePre, Lift, Linker, WasmList},
};

use crate::{
    artifact::{HOST, TRANSFORM},
    assets::Assets,
    clock::CallClock,
    limits::{Limits, LimitsMet, TICK},
    log::LogGate,
    memory::MemoryGate,
    wasi::{self, FixedRandom},
};

/// Bytes that a plugin may hand over in one call while it opens: its manifest, a reason, a message.
const OPEN_BYTES_MAX: usize = 4 << 20;
/// What is copied out of a guest has a few times its size here: a name of no bytes has 24.
const FUEL_PER_BYTE: usize = 4;
/// What the engine says where a guest hands over more than it may; the error has no type of its own.
const FUEL_USED_UP: &str = "fuel allocated for hostcalls has been exhausted";

/// What a plugin says of itself when it is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Fields to hand over: names are columns, `*` and `prefix.*` come as sparse rows.
    pub reads: Vec<String>,
    /// Names of the ids 0, 1, 2, … in ops.
    pub writes: Vec<String>,
    /// The plugin may make several events of one line.
    pub forks: bool,
    /// What the plugin could not treat must not pass.
    pub required: bool,
}

/// One batch for a plugin; shapes as `wit/v0.1/README.md` defines them.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// How many events.
    pub events: u32,
    /// Valid UTF-8.
    pub text: &'a [u8],
    /// `events × columns` cells of three words.
    pub cells: &'a [u32],
    /// Names that are added to the host's table.
    pub names: &'a [String],
    /// Rows of five words.
    pub sparse: &'a [u32],
}

impl Request<'_> {
    /// Bytes of everything that is handed over.
    pub(crate) fn bytes(&self) -> usize {
        let names: usize = self.names.iter().map(|name| name.len() + 8).sum();
        self.text.len() + 4 * (self.cells.len() + self.sparse.len()) + names
    }
}

/// What a plugin changes. Nothing of it has been checked.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Names that are added to the guest's table.
    pub names: &'a [String],
    /// Bytes that the plugin made.
    pub arena: &'a [u8],
    /// The operations.
    pub ops: &'a [u32],
}

/// A plugin that is compiled into this process: for tests, and to measure what the sandbox costs.
pub trait NativePlugin: Send {
    /// What the plugin says of itself.
    fn manifest(&self) -> Manifest;
    /// Treats one batch; the answer lies in the plugin's buffers until the next call.
    fn process(&mut self, request: Request<'_>) -> Result<Answer<'_>, String>;
}

/// Opens a native plugin with its configuration.
pub type NativeOpen = Arc<dyn Fn(&str) -> Result<Box<dyn NativePlugin>, String> + Send + Sync>;

/// Why a call into a plugin failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    #[error("it took longer than {} ms", .0.as_millis())]
    TooSlow(Duration),
    #[error("it wanted more than {0} bytes of memory and stopped where it did not get them")]
    OutOfMemory(usize),
    #[error("it is not the interface that it claims to be: {0}")]
    WrongInterface(String),
    #[error("it returned too much to be looked at, the limit is {0} bytes")]
    TooMuch(usize),
    #[error("it trapped: {0}")]
    Trapped(String),
    #[error("it answered with an error: {0}")]
    Refused(String),
}

/// What an instance may reach.
pub(crate) struct HostState {
    memory: MemoryGate,
    assets: Arc<Assets>,
    is_opening: bool,
    log: Arc<LogGate>,
    pub(crate) random: FixedRandom,
}

impl HostState {
    /// What the guest writes to its standard output and error.
    pub(crate) fn write_to_log(&mut self, level: u8, text: &str) {
        self.log.pass(level, text);
    }
}

/// What is needed to make instances of one plugin.
#[derive(Clone)]
pub(crate) enum Code {
    Wasm { engine: Engine, clock: CallClock, pre: InstancePre<HostState>, has_post_return: bool },
    Native(NativeOpen),
}

/// How an instance is to be opened.
pub(crate) struct Opening<'a> {
    pub(crate) config: &'a str,
    pub(crate) assets: &'a Arc<Assets>,
    pub(crate) limits: &'a Limits,
    pub(crate) log: &'a Arc<LogGate>,
    pub(crate) met: &'a Arc<LimitsMet>,
}

/// Makes `log` and `asset` available, and stand-ins for what the component imports of `wasi:*`.
pub(crate) fn linker(engine: &Engine, component: &Component) -> wasmtime::Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    let mut host = linker.instance(HOST)?;
    host.func_wrap("log", |mut store: wasmtime::StoreContextMut<'_, HostState>, (level, message): (u8, String)| {
        store.data_mut().log.pass(level, &message);
        Ok(())
    })?;
    host.func_wrap("asset", |store: wasmtime::StoreContextMut<'_, HostState>, (name,): (String,)| {
        let state = store.data();
        let answer = if state.is_opening {
            state.assets.get(&name).map(<[u8]>::to_vec)
        } else {
            Err("assets can be had while `open` runs only".to_owned())
        };
        Ok((answer,))
    })?;
    wasi::stand_in(&mut linker, engine, component)?;
    Ok(linker)
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct ManifestRecord {
    reads: Vec<String>,
    writes: Vec<String>,
    forks: bool,
    required: bool,
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct ChangesInPlace {
    names: Vec<String>,
    arena: WasmList<u8>,
    ops: WasmList<u32>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct ChangesCopied {
    names: Vec<String>,
    arena: Vec<u8>,
    ops: Vec<u32>,
}

type Parameters<'a> = (u32, &'a [u8], &'a [u32], &'a [String], &'a [u32]);

/// A running plugin.
pub(crate) enum Guest {
    Wasm(Box<WasmGuest>),
    Native(Box<dyn NativePlugin>),
}

pub(crate) struct WasmGuest {
    store: Store<HostState>,
    clock: CallClock,
    process: Func,
    has_post_return: bool,
}

impl Guest {
    /// Makes and opens an instance.
    pub(crate) fn open(code: &Code, opening: &Opening<'_>) -> Result<(Guest, Manifest), CallError> {
        match code {
            Code::Wasm { engine, clock, pre, has_post_return } => {
                let (guest, manifest) = WasmGuest::open((engine, clock), pre, *has_post_return, opening)?;
                Ok((Guest::Wasm(Box::new(guest)), manifest))
            }
            Code::Native(open) => {
                let plugin = open(opening.config).map_err(CallError::Refused)?;
                let manifest = plugin.manifest();
                Ok((Guest::Native(plugin), manifest))
            }
        }
    }

    /// Treats one batch and hands the answer, as it lies in the guest's memory, to `take`.
    pub(crate) fn process<R>(
        &mut self,
        request: Request<'_>,
        time_max: Duration,
        output_bytes_max: usize,
        take: impl FnOnce(Answer<'_>) -> R,
    ) -> Result<R, CallError> {
        match self {
            Guest::Wasm(guest) => guest.process(request, time_max, output_bytes_max, take),
            Guest::Native(plugin) => plugin.process(request).map(take).map_err(CallError::Refused),
        }
    }
}

impl WasmGuest {
    fn open(
        (engine, clock): (&Engine, &CallClock),
        pre: &InstancePre<HostState>,
        has_post_return: bool,
        opening: &Opening<'_>,
    ) -> Result<(Self, Manifest), CallError> {
        let memory =
            MemoryGate::new(opening.limits.memory_bytes_max + 2 * opening.assets.bytes(), Arc::clone(opening.met));
        let (assets, log) = (Arc::clone(opening.assets), Arc::clone(opening.log));
        let mut store =
            Store::new(engine, HostState { memory, assets, is_opening: true, log, random: FixedRandom::default() });
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(FUEL_PER_BYTE * OPEN_BYTES_MAX);
        let time_max = opening.limits.open_time_max;
        let _call = clock.call();
        store.set_epoch_deadline(ticks(time_max));
        let instance = pre.instantiate(&mut store).map_err(|error| call_error(&error, &mut store, time_max))?;
        let open = export(&instance, &mut store, "open")?;
        let open = open.typed::<(&str,), (Result<ManifestRecord, String>,)>(&store);
        let open = open.map_err(|error| CallError::WrongInterface(format!("open: {}", error.root_cause())))?;
        let (manifest,) =
            open.call(&mut store, (opening.config,)).map_err(|error| call_error(&error, &mut store, time_max))?;
        let ManifestRecord { reads, writes, forks, required } = manifest.map_err(CallError::Refused)?;
        store.data_mut().is_opening = false;
        let process = export(&instance, &mut store, "process")?;
        let guest = WasmGuest { store, clock: clock.clone(), process, has_post_return };
        guest.check_type().map_err(|error| CallError::WrongInterface(format!("process: {}", error.root_cause())))?;
        Ok((guest, Manifest { reads, writes, forks, required }))
    }

    fn check_type(&self) -> wasmtime::Result<()> {
        self.process.typed::<Parameters<'_>, (Result<ChangesCopied, String>,)>(&self.store).map(drop)
    }

    fn process<R>(
        &mut self,
        request: Request<'_>,
        time_max: Duration,
        output_bytes_max: usize,
        take: impl FnOnce(Answer<'_>) -> R,
    ) -> Result<R, CallError> {
        let _call = self.clock.call();
        self.store.set_epoch_deadline(ticks(time_max));
        self.store.data_mut().memory.take_refused();
        self.store.set_hostcall_fuel(FUEL_PER_BYTE.saturating_mul(output_bytes_max));
        let parameters = (request.events, request.text, request.cells, request.names, request.sparse);
        if self.has_post_return {
            // What the guest frees in its post-return is overwritten by then.
            let process = self.process.typed::<Parameters<'_>, (Result<ChangesCopied, String>,)>(&self.store);
            let called = process.and_then(|process| process.call(&mut self.store, parameters));
            let (answer,) = called.map_err(|error| call_error(&error, &mut self.store, time_max))?;
            let ChangesCopied { names, arena, ops } = answer.map_err(CallError::Refused)?;
            return Ok(take(Answer { names: &names, arena: &arena, ops: &ops }));
        }
        let process = self.process.typed::<Parameters<'_>, (Result<ChangesInPlace, String>,)>(&self.store);
        let called = process.and_then(|process| process.call(&mut self.store, parameters));
        let (answer,) = called.map_err(|error| call_error(&error, &mut self.store, time_max))?;
        let ChangesInPlace { names, arena, ops } = answer.map_err(CallError::Refused)?;
        let (arena, ops) = (arena.as_le_slice(&self.store), ops.as_le_slice(&self.store));
        Ok(take(Answer { names: &names, arena, ops }))
    }
}

fn export(instance: &Instance, store: &mut Store<HostState>, name: &str) -> Result<Func, CallError> {
    let interface = instance.get_export_index(&mut *store, None, TRANSFORM);
    let function = interface.and_then(|interface| instance.get_export_index(&mut *store, Some(&interface), name));
    let function = function.and_then(|function| instance.get_func(&mut *store, function));
    function.ok_or_else(|| CallError::WrongInterface(format!("there is no function {name}")))
}

/// Ticks of the clock until a deadline: one more, since the first may come at once.
fn ticks(time: Duration) -> u64 {
    time.as_millis().div_ceil(TICK.as_millis()) as u64 + 1
}

fn call_error(error: &wasmtime::Error, store: &mut Store<HostState>, time: Duration) -> CallError {
    let was_refused_memory = store.data_mut().memory.take_refused();
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => CallError::TooSlow(time),
        _ if was_refused_memory => CallError::OutOfMemory(store.data().memory.bytes_max()),
        Some(trap) => CallError::Trapped(trap.to_string().trim_start_matches("wasm trap: ").to_owned()),
        None => match error.root_cause().to_string() {
            reason if reason.contains(FUEL_USED_UP) => CallError::TooMuch(store.hostcall_fuel() / FUEL_PER_BYTE),
            reason => CallError::Trapped(reason),
        },
    }
}
