//! A TCP proxy that can be cut: a server that is away for a while, without ending it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// Forwards connections to a server until it is cut.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    cut: AtomicBool,
    changed: Notify,
}

impl Proxy {
    /// Listens on a port of its own and forwards to `server` (`host:port`).
    pub(crate) async fn to(server: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port for the proxy");
        let address = listener.local_addr().expect("the proxy's port");
        let state = Arc::new(State::default());
        let server = server.to_owned();
        let of_task = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((inbound, _)) = listener.accept().await {
                tokio::spawn(forward(inbound, server.clone(), Arc::clone(&of_task)));
            }
        });
        Proxy { address, state }
    }

    /// Its own address, `host:port`.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Cuts every connection, and refuses new ones until it is mended.
    pub(crate) fn cut(&self) {
        self.state.cut.store(true, Ordering::SeqCst);
        self.state.changed.notify_waiters();
    }

    /// Lets connections pass again.
    pub(crate) fn mend(&self) {
        self.state.cut.store(false, Ordering::SeqCst);
    }
}

async fn forward(mut inbound: TcpStream, server: String, state: Arc<State>) {
    let cut = state.changed.notified();
    if state.cut.load(Ordering::SeqCst) {
        return;
    }
    let Ok(mut outbound) = TcpStream::connect(&server).await else { return };
    tokio::select! {
        () = cut => {}
        // However a forwarded connection ends, it has ended.
        _ = copy_bidirectional(&mut inbound, &mut outbound) => {}
    }
}
