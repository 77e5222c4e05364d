//! A TCP proxy between two parts, through which faults strike: it cuts, holds up, swallows answers, and answers in place of a server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

const PIECE_BYTES: usize = 64 << 10;
/// How much of a request's head is looked at.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// What happens to what comes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It passes.
    #[default]
    Pass,
    /// Connections are cut, and new ones are closed at once.
    Cut,
    /// Nothing passes, and nothing is closed.
    Hold,
    /// Each piece passes late.
    Slow(Duration),
    /// Requests pass; answers do not, and the connection is cut in the end.
    Swallow,
    /// Of each bulk, every other document passes; the others are answered with 429.
    TakeHalf,
    /// HTTP requests of at least so many bytes are answered with that status; the server sees nothing of them.
    Answer {
        /// The status.
        status: u16,
        /// Requests whose body is smaller pass.
        body_bytes_min: u64,
    },
}

/// A running proxy.
pub struct Proxy {
    port: u16,
    mode: watch::Sender<Mode>,
    struck: Arc<AtomicU64>,
}

struct Way {
    server: String,
    mode: watch::Receiver<Mode>,
    struck: Arc<AtomicU64>,
}

impl Proxy {
    /// Listens on a port of its own, and forwards to that port of this machine.
    pub async fn to(server_port: u16) -> anyhow::Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("opening a port for a proxy")?;
        let port = listener.local_addr()?.port();
        let (mode, seen) = watch::channel(Mode::Pass);
        let struck = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&struck);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let way = Way {
                    server: format!("127.0.0.1:{server_port}"),
                    mode: seen.clone(),
                    struck: Arc::clone(&counted),
                };
                // However a connection ends, it has ended.
                tokio::spawn(async move { way.serve(client).await.ok() });
            }
        });
        Ok(Proxy { port, mode, struck })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// From now on.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Connections, pieces and requests that a fault has struck so far.
    pub fn struck(&self) -> u64 {
        self.struck.load(Ordering::Relaxed)
    }
}

impl Way {
    fn count(&self) {
        self.struck.fetch_add(1, Ordering::Relaxed);
    }

    fn now(&self) -> Mode {
        *self.mode.borrow()
    }

    async fn serve(self, mut client: TcpStream) -> std::io::Result<()> {
        let mut begun = vec![];
        match self.now() {
            Mode::Cut => {
                self.count();
                return Ok(());
            }
            Mode::Answer { status, body_bytes_min } => {
                let Some(body_bytes) = read_head(&mut client, &mut begun).await? else { return Ok(()) };
                if body_bytes >= body_bytes_min {
                    self.count();
                    return answer(client, status).await;
                }
            }
            Mode::TakeHalf => {
                if read_head(&mut client, &mut begun).await?.is_some() {
                    let refused =
                        crate::half::serve(client, begun, &self.server).await.map_err(std::io::Error::other)?;
                    self.struck.fetch_add(refused, Ordering::Relaxed);
                }
                return Ok(());
            }
            _ => {}
        }
        let server = TcpStream::connect(&self.server).await?;
        let (from_client, to_client) = client.into_split();
        let (from_server, mut to_server) = server.into_split();
        to_server.write_all(&begun).await?;
        let (mut cutting, mut answering) = (self.mode.clone(), self.mode.clone());
        let out = Pump { mode: self.mode.clone(), struck: Arc::clone(&self.struck), is_answer: false };
        let back = Pump { mode: self.mode.clone(), struck: Arc::clone(&self.struck), is_answer: true };
        tokio::select! {
            _ = out.run(from_client, to_server) => {}
            _ = back.run(from_server, to_client) => {}
            _ = cutting.wait_for(|mode| *mode == Mode::Cut) => self.count(),
            // A proxy that answers by itself has to see where requests begin, which only new connections show.
            _ = answering.wait_for(|mode| matches!(mode, Mode::Answer { .. } | Mode::TakeHalf)), if begun.is_empty() => {}
        }
        Ok(())
    }
}

/// One direction of a connection.
struct Pump {
    mode: watch::Receiver<Mode>,
    struck: Arc<AtomicU64>,
    is_answer: bool,
}

impl Pump {
    async fn run(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> std::io::Result<()> {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let length = from.read(&mut piece).await?;
            if length == 0 {
                return to.shutdown().await;
            }
            if !self.let_pass().await {
                return Ok(());
            }
            to.write_all(&piece[..length]).await?;
        }
    }

    /// Waits as the mode says; false where the connection has to end.
    async fn let_pass(&mut self) -> bool {
        loop {
            let mode = *self.mode.borrow_and_update();
            match mode {
                Mode::Swallow if self.is_answer => {
                    self.struck.fetch_add(1, Ordering::Relaxed);
                    // What follows an answer that is gone makes no sense to the client.
                    let _ = self.mode.wait_for(|mode| *mode != Mode::Swallow).await;
                    return false;
                }
                Mode::Hold => {
                    self.struck.fetch_add(1, Ordering::Relaxed);
                    if self.mode.changed().await.is_err() {
                        return false;
                    }
                }
                Mode::Slow(wait) => {
                    self.struck.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(wait).await;
                    return true;
                }
                Mode::Pass | Mode::Swallow | Mode::Cut | Mode::TakeHalf | Mode::Answer { .. } => return true,
            }
        }
    }
}

/// Reads a request's head, and perhaps more, into `begun`; the length of its body, where the request comes at all.
async fn read_head(client: &mut TcpStream, begun: &mut Vec<u8>) -> std::io::Result<Option<u64>> {
    loop {
        if client.read_buf(begun).await? == 0 {
            return Ok(None);
        }
        if let Some(end) = begun.windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok(Some(body_bytes(&begun[..end])));
        }
        if begun.len() > HEAD_BYTES_MAX {
            return Ok(None);
        }
    }
}

/// What the head says of the body's length; a body that comes in chunks counts as long.
fn body_bytes(head: &[u8]) -> u64 {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    if head.contains("\ntransfer-encoding:") { u64::MAX } else { length.unwrap_or(0) }
}

async fn answer(mut client: TcpStream, status: u16) -> std::io::Result<()> {
    let body = format!(
        "{{\"error\":{{\"type\":\"es_rejected_execution_exception\",\"reason\":\"struck\"}},\"status\":{status}}}"
    );
    let head = format!(
        "HTTP/1.1 {status} Struck\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(head.as_bytes()).await?;
    client.shutdown().await?;
    // The rest of the request has to be taken, or the answer may be lost with the connection.
    let mut rest = vec![0; PIECE_BYTES];
    while client.read(&mut rest).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        port
    }

    async fn said(stream: &mut TcpStream, text: &[u8]) -> Vec<u8> {
        stream.write_all(text).await.unwrap();
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).await.map(|_| answer).unwrap_or_default()
    }

    #[tokio::test]
    async fn it_passes_cuts_and_passes_again() {
        let proxy = Proxy::to(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut stream, b"one").await, b"one");
        proxy.set(Mode::Cut);
        let mut end = vec![];
        assert_eq!(stream.read_to_end(&mut end).await.unwrap_or(0), 0);
        proxy.set(Mode::Pass);
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut stream, b"two").await, b"two");
        assert!(proxy.struck() > 0);
    }

    #[tokio::test]
    async fn an_answer_is_swallowed_and_its_connection_cut() {
        let proxy = Proxy::to(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        proxy.set(Mode::Swallow);
        stream.write_all(b"lost").await.unwrap();
        while proxy.struck() == 0 {
            tokio::task::yield_now().await;
        }
        proxy.set(Mode::Pass);
        let mut end = vec![];
        assert_eq!(stream.read_to_end(&mut end).await.unwrap_or(0), 0);
        assert!(end.is_empty());
    }

    #[tokio::test]
    async fn it_answers_large_requests_and_lets_small_ones_pass() {
        let proxy = Proxy::to(echo().await).await.unwrap();
        proxy.set(Mode::Answer { status: 413, body_bytes_min: 10 });
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        let small = b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n012345678";
        assert_eq!(said(&mut stream, small).await, small);
    }
}
