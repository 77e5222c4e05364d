//! Places where the torture test strikes.
//!
//! [`reached`] marks a moment in which a crash would tell whether a promise holds; [`planted`] asks whether a wrong turn is to be
//! taken on purpose, to see whether the torture's checker notices. Both are switched on by name in the environment variable
//! `FAILPOINTS` (`journal-synced=20*off->return`), and only in a build with the feature `armed`: in any other they are empty, and
//! neither their code nor their names are in the program. A release build refuses the feature.

#[cfg(all(feature = "armed", not(debug_assertions)))]
compile_error!(
    "failpoints are for the torture test's program alone: build without `--release`, or without the feature"
);

#[cfg(feature = "armed")]
mod armed;

#[cfg(feature = "armed")]
pub use armed::{arm, planted, reached};

/// Reads `FAILPOINTS`.
#[cfg(not(feature = "armed"))]
#[inline(always)]
pub fn arm() {}

/// The process comes past the place of that name: it ends here, as by `kill -9`, where that is asked for.
#[cfg(not(feature = "armed"))]
#[inline(always)]
pub fn reached(_name: &str) {}

/// Whether the wrong turn of that name is to be taken.
#[cfg(not(feature = "armed"))]
#[inline(always)]
pub const fn planted(_name: &str) -> bool {
    false
}
