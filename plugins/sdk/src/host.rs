//! What a plugin may ask of the host. A plugin that calls neither function imports nothing.
//!
//! In the native twin [`log`] writes to standard error, and [`asset`] gives what [`with_assets`] provides.

/// How urgent a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Level {
    /// Something is wrong.
    Error = 0,
    /// Something may be wrong.
    Warn = 1,
    /// Good to know.
    Info = 2,
    /// For the plugin's author.
    Debug = 3,
    /// For the plugin's author, in detail.
    Trace = 4,
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::{asset, log, with_assets};
#[cfg(target_arch = "wasm32")]
pub use wasm::{asset, log};

#[cfg(target_arch = "wasm32")]
mod wasm {
    use super::Level;

    #[link(wasm_import_module = "collector:plugin/host@0.1.0")]
    unsafe extern "C" {
        #[link_name = "log"]
        fn host_log(level: u32, message: *const u8, length: usize);
        #[link_name = "asset"]
        fn host_asset(name: *const u8, length: usize, answer: *mut [u32; 3]);
    }

    /// Writes to the host's log, which is rate-limited; beyond 1,024 bytes the message is cut off.
    pub fn log(level: Level, message: &str) {
        // SAFETY: the host reads the message and keeps nothing of it.
        unsafe { host_log(level as u32, message.as_ptr(), message.len()) }
    }

    /// The data file that the chain entry names under `assets`. Only while the plugin is opened.
    ///
    /// # Errors
    /// The host says why there is no such file.
    pub fn asset(name: &str) -> Result<Vec<u8>, String> {
        let mut answer = [0u32; 3];
        // SAFETY: the host reads the name and writes the three words of a result of two lists.
        unsafe { host_asset(name.as_ptr(), name.len(), &raw mut answer) };
        let [failed, start, length] = answer;
        let bytes = if length == 0 {
            Vec::new()
        } else {
            // SAFETY: the host put that many bytes where `cabi_realloc` told it to; they stay until the call ends.
            unsafe { std::slice::from_raw_parts(start as *const u8, length as usize) }.to_vec()
        };
        if failed == 0 { Ok(bytes) } else { Err(String::from_utf8_lossy(&bytes).into_owned()) }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use super::Level;
    use std::cell::RefCell;
    use std::collections::HashMap;

    thread_local! {
        static ASSETS: RefCell<HashMap<String, Vec<u8>>> = RefCell::default();
    }

    /// Writes to the host's log, which is rate-limited; beyond 1,024 bytes the message is cut off.
    pub fn log(level: Level, message: &str) {
        eprintln!("plugin: {level:?}: {message}");
    }

    /// The data file that the chain entry names under `assets`. Only while the plugin is opened.
    ///
    /// # Errors
    /// The host says why there is no such file.
    pub fn asset(name: &str) -> Result<Vec<u8>, String> {
        ASSETS
            .with_borrow(|assets| assets.get(name).cloned())
            .ok_or_else(|| format!("no asset `{name}` here: name it under `assets` of the chain entry"))
    }

    /// Runs `open` with these data files at hand.
    pub fn with_assets<T>(assets: impl IntoIterator<Item = (String, Vec<u8>)>, open: impl FnOnce() -> T) -> T {
        ASSETS.set(assets.into_iter().collect());
        let result = open();
        ASSETS.take();
        result
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn an_asset_is_there_while_opening_and_not_later() {
            let found = with_assets([("geo".to_owned(), b"data".to_vec())], || asset("geo"));
            assert_eq!(found.as_deref(), Ok(&b"data"[..]));
            assert!(asset("geo").unwrap_err().contains("`geo`"));
        }
    }
}
