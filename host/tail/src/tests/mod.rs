//! The whole of it on real files: what is written must come out, once, under the same ids.

mod crashing;
mod deleted;
pub(crate) mod doubles;
mod durable;
mod encoding;
mod faults;
mod gathering;
mod harness;
mod limits;
mod operation;
mod replaced;
mod resuming;
mod rotation;
mod stepwise;
mod storm;
