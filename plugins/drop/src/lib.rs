//! The drop plugin.
