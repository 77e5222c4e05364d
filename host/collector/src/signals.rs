//! When the process is to end.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGTERM or SIGINT; gives its name.
pub async fn end_asked() -> std::io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}
