//! The grok plugin.
