//! Loads, verifies, limits and runs chains of WebAssembly plugins, and swaps them while lines flow.
