//! The macro that makes a crate a plugin.

/// Makes a plugin of a [`Parser`](crate::Parser) or a [`Filter`](crate::Filter), with the samples that the host runs before it takes a new version.
///
/// ```text
/// collector_plugin::export!(Nginx as Parser, samples = "../samples/samples.json");
/// ```
///
/// Compiled for WebAssembly this gives the module its exports, its component type and its samples (the path is relative to the file that calls the macro). Compiled natively it gives
/// the type `Plugin` for a [`Driver`](crate::Driver), and the text `SAMPLES`.
#[macro_export]
macro_rules! export {
    ($plugin:ty as Parser, samples = $samples:literal) => {
        $crate::export!(@ $crate::Parsing<$plugin>, $samples);
    };
    ($plugin:ty as Filter, samples = $samples:literal) => {
        $crate::export!(@ $crate::Filtering<$plugin>, $samples);
    };
    (@ $plugin:ty, $samples:literal) => {
        /// This plugin, for a [`Driver`](collector_plugin::Driver).
        pub type Plugin = $plugin;

        /// What this plugin makes of some lines, as `wit/v0.1/README.md` defines samples.
        pub const SAMPLES: &str = include_str!($samples);

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            static INSTANCE: $crate::guest::Instance<Plugin> = $crate::guest::Instance::new();

            #[used]
            #[unsafe(link_section = "component-type:collector-plugin")]
            static COMPONENT_TYPE: [u8; $crate::abi::COMPONENT_TYPE.len()] =
                $crate::guest::section($crate::abi::COMPONENT_TYPE);

            #[used]
            #[unsafe(link_section = "collector:samples")]
            static SAMPLES_SECTION: [u8; SAMPLES.len()] = $crate::guest::section(SAMPLES.as_bytes());

            #[unsafe(export_name = "collector:plugin/transform@0.1.0#open")]
            unsafe extern "C" fn open(config: *const u8, length: usize) -> *const u32 {
                // SAFETY: the host calls this, with a string that it lowered.
                unsafe { INSTANCE.open(config, length) }
            }

            #[unsafe(export_name = "collector:plugin/transform@0.1.0#process")]
            unsafe extern "C" fn process(
                events: u32,
                text: *const u8,
                text_length: usize,
                cells: *const u8,
                cells_length: usize,
                names: *const u8,
                names_length: usize,
                sparse: *const u8,
                sparse_length: usize,
            ) -> *const u32 {
                let lists =
                    [(text, text_length), (cells, cells_length), (names, names_length), (sparse, sparse_length)];
                // SAFETY: the host calls this, with lists that it lowered.
                unsafe { INSTANCE.process(events, lists) }
            }

            #[unsafe(export_name = "cabi_realloc")]
            unsafe extern "C" fn cabi_realloc(old: *mut u8, old_size: usize, align: usize, size: usize) -> *mut u8 {
                // SAFETY: the host calls this, with what it got here.
                unsafe { $crate::guest::realloc(old, old_size, align, size) }
            }
        };
    };
}
