//! The regex plugin.
