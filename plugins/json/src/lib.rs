//! The json plugin.
