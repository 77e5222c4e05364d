//! Whose turn it is: what measures time or fills the machine runs alone.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

static TURN: RwLock<()> = RwLock::const_new(());

/// Runs beside other tests.
pub(crate) async fn together() -> RwLockReadGuard<'static, ()> {
    TURN.read().await
}

/// Runs while no other test does.
pub(crate) async fn alone() -> RwLockWriteGuard<'static, ()> {
    TURN.write().await
}
