//! The roles: one file each, which reads like the diagram in the architecture's description.

#[cfg(feature = "fleet")]
pub mod agent;
#[cfg(feature = "standalone")]
pub mod standalone;
#[cfg(feature = "fleet")]
pub mod transfer;
