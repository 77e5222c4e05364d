//! The exports of a plugin as a WebAssembly module, in the canonical ABI, written by hand.
//!
//! What bindings would generate allocates every list anew and needs a post-return function. Here the two big inputs land in buffers that are used again, and what is returned
//! lies in the driver's own buffers until the next call: 8 % less time for a parser of access logs, and the host reads the results where they lie.

use crate::{Changes, Driver, Plugin};
use std::alloc::{Layout, alloc, dealloc};
use std::cell::UnsafeCell;

/// Inputs of a call that have a buffer of their own: the text and the cells.
const REUSED: usize = 2;
/// What one reused buffer holds at least.
const REUSED_BYTES_MIN: usize = 4096;
/// Fits every list of the interface.
const ALIGN: usize = 16;

/// The one plugin of this module.
pub struct Instance<P>(UnsafeCell<State<P>>);

/// Lies in a static, so that results can point into it.
struct State<P> {
    driver: Option<Driver<P>>,
    /// The returned record: discriminant, then what the interface has.
    area: [u32; 8],
    /// Address and length of strings in returned lists.
    strings: [Vec<[u32; 2]>; 2],
    error: String,
}

// SAFETY: the module has no threads, and the host never enters it twice at once.
unsafe impl<P> Sync for Instance<P> {}

impl<P: Plugin> Instance<P> {
    /// The instance before `open`.
    #[must_use]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(State {
            driver: None,
            area: [0; 8],
            strings: [Vec::new(), Vec::new()],
            error: String::new(),
        }))
    }

    /// `open`: a result of the manifest.
    ///
    /// # Safety
    /// Called by the host alone, with a string that it lowered through `realloc`.
    pub unsafe fn open(&'static self, config: *const u8, length: usize) -> *const u32 {
        // SAFETY: no call is under way but this one; the host lowered a valid string.
        let (state, config) = unsafe { (&mut *self.0.get(), std::str::from_utf8_unchecked(slice(config, length))) };
        match Driver::open(config) {
            Ok(driver) => state.opened(driver),
            Err(error) => state.failed(error),
        }
        // SAFETY: the configuration is not used any more.
        unsafe { inputs() }.release(true);
        state.area.as_ptr()
    }

    /// `process`: a result of the changes.
    ///
    /// # Safety
    /// Called by the host alone, with lists that it lowered through `realloc`.
    #[inline(always)]
    pub unsafe fn process(&'static self, events: u32, lists: [(*const u8, usize); 4]) -> *const u32 {
        // SAFETY: no call is under way but this one.
        let state = unsafe { &mut *self.0.get() };
        let [text, cells, names, sparse] = lists;
        // SAFETY: the host lowered four valid lists, aligned as their elements need.
        let (text, cells, names, sparse) = unsafe {
            (
                slice(text.0, text.1),
                slice(cells.0.cast::<u32>(), cells.1),
                slice(names.0.cast::<[u32; 2]>(), names.1),
                slice(sparse.0.cast::<u32>(), sparse.1),
            )
        };
        // SAFETY: each of the strings is one that the host lowered.
        let name = |n: &[u32; 2]| unsafe { std::str::from_utf8_unchecked(slice(n[0] as *const u8, n[1] as usize)) };
        let names: Vec<&str> = names.iter().map(name).collect();
        state.process(events, text, cells, &names, sparse);
        // SAFETY: the lists are not used any more.
        unsafe { inputs() }.release(false);
        state.area.as_ptr()
    }
}

impl<P: Plugin> Default for Instance<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Plugin> State<P> {
    fn opened(&mut self, driver: Driver<P>) {
        let driver = self.driver.insert(driver);
        let manifest = driver.manifest();
        let reads = list(&mut self.strings[0], manifest.reads());
        let writes = list(&mut self.strings[1], manifest.writes());
        let flags = u32::from(manifest.is_forking()) | u32::from(manifest.is_required()) << 8;
        self.area = [0, reads[0], reads[1], writes[0], writes[1], flags, 0, 0];
    }

    fn failed(&mut self, error: String) {
        self.error = error;
        self.area = [1, self.error.as_ptr() as u32, self.error.len() as u32, 0, 0, 0, 0, 0];
    }

    fn process(&mut self, events: u32, text: &[u8], cells: &[u32], names: &[&str], sparse: &[u32]) {
        let Some(driver) = &mut self.driver else {
            return self.failed("the plugin was not opened".to_owned());
        };
        match driver.process(events, text, cells, names, sparse) {
            Ok(Changes { names, arena, ops }) => {
                let [names_at, names] = list(&mut self.strings[0], names);
                let (arena_at, ops_at) = (arena.as_ptr() as u32, ops.as_ptr() as u32);
                self.area = [0, names_at, names, arena_at, arena.len() as u32, ops_at, ops.len() as u32, 0];
            }
            Err(error) => self.failed(error),
        }
    }
}

/// A list of strings as the interface has it: address and length of pairs of address and length.
fn list(pairs: &mut Vec<[u32; 2]>, strings: &[String]) -> [u32; 2] {
    pairs.clear();
    pairs.extend(strings.iter().map(|s| [s.as_ptr() as u32, s.len() as u32]));
    [pairs.as_ptr() as u32, pairs.len() as u32]
}

/// # Safety
/// `length` elements lie at `start`, or it is 0.
unsafe fn slice<'a, T>(start: *const T, length: usize) -> &'a [T] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(start, length) }
}

/// Where the host puts what it passes in.
struct Inputs {
    /// Reused buffers are for `process`; what `open` takes may be big and comes once.
    opened: bool,
    next: usize,
    reused: [(*mut u8, usize); REUSED],
    /// What else this call was given; freed when it ends.
    others: Vec<(*mut u8, usize)>,
}

struct Shared(UnsafeCell<Inputs>);

// SAFETY: the module has no threads, and the host never enters it twice at once.
unsafe impl Sync for Shared {}

static INPUTS: Shared = Shared(UnsafeCell::new(Inputs {
    opened: false,
    next: 0,
    reused: [(std::ptr::null_mut(), 0); REUSED],
    others: Vec::new(),
}));

/// # Safety
/// The reference is gone before the next call of this function.
unsafe fn inputs() -> &'static mut Inputs {
    // SAFETY: the caller's promise, and there are no threads.
    unsafe { &mut *INPUTS.0.get() }
}

impl Inputs {
    fn give(&mut self, size: usize) -> *mut u8 {
        let slot = self.next;
        self.next += 1;
        if self.opened && slot < REUSED { self.reuse(slot, size) } else { self.fresh(size) }
    }

    fn reuse(&mut self, slot: usize, size: usize) -> *mut u8 {
        let (old, capacity) = self.reused[slot];
        if size <= capacity {
            return old;
        }
        free(old, capacity);
        let capacity = size.next_power_of_two().max(REUSED_BYTES_MIN);
        let start = allocate(capacity);
        self.reused[slot] = (start, capacity);
        start
    }

    fn fresh(&mut self, size: usize) -> *mut u8 {
        let size = size.max(1);
        let start = allocate(size);
        self.others.push((start, size));
        start
    }

    fn release(&mut self, opening: bool) {
        self.opened |= opening;
        self.next = 0;
        for (start, size) in self.others.drain(..) {
            free(start, size);
        }
    }
}

fn allocate(size: usize) -> *mut u8 {
    let Ok(layout) = Layout::from_size_align(size, ALIGN) else {
        panic!("the host asked for {size} bytes");
    };
    // SAFETY: size is not 0: callers see to it.
    let start = unsafe { alloc(layout) };
    if start.is_null() {
        std::alloc::handle_alloc_error(layout);
    }
    start
}

fn free(start: *mut u8, size: usize) {
    if !start.is_null() {
        // SAFETY: it came from `allocate` with this size.
        unsafe { dealloc(start, Layout::from_size_align_unchecked(size, ALIGN)) };
    }
}

/// `cabi_realloc`: room for what the host passes in, until the call ends.
///
/// # Safety
/// Called by the host alone; `old` is null or came from here with `old_size`.
pub unsafe fn realloc(old: *mut u8, old_size: usize, _align: usize, new_size: usize) -> *mut u8 {
    // SAFETY: the reference ends with this line.
    let start = unsafe { inputs() }.give(new_size);
    if !old.is_null() && old != start {
        // SAFETY: both have as many bytes, and they are different allocations.
        unsafe { std::ptr::copy_nonoverlapping(old, start, old_size.min(new_size)) };
    }
    start
}

/// The bytes of a custom section.
#[must_use]
pub const fn section<const N: usize>(bytes: &[u8]) -> [u8; N] {
    match bytes.first_chunk::<N>() {
        Some(section) => *section,
        None => panic!("a section is as long as its bytes"),
    }
}
