//! Where the page is served, and whether it is.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};

/// The collector's own default.
const PORT: u16 = 8686;
/// How many ports are tried when that one is taken.
const PORTS: u16 = 100;
const PATIENCE: Duration = Duration::from_secs(2);

/// The wanted port if it is free; when none is wanted, the first that is.
pub(super) fn choose_port(wanted: Option<u16>) -> anyhow::Result<u16> {
    if let Some(port) = wanted {
        let why = || format!("port {port} cannot be used: name another with --port");
        bind(port).with_context(why)?;
        return Ok(port);
    }
    match (PORT..PORT + PORTS).find(|&port| bind(port).is_ok()) {
        Some(port) => Ok(port),
        None => bail!("ports {PORT} to {} are taken: name another with --port", PORT + PORTS),
    }
}

fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

/// Whether the collector says that it is ready.
pub(super) fn is_ready(port: u16) -> bool {
    status_of(port, "/health/ready").is_ok_and(|line| line.contains(" 200"))
}

/// The status line of the answer.
fn status_of(port: u16, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // In one piece: a server that answers the first of several pieces and closes would cut its answer short.
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_refused_by_name() {
        let taken = bind(0).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = choose_port(Some(port)).unwrap_err();
        assert!(error.to_string().contains(&port.to_string()), "{error}");
        assert_ne!(choose_port(None).unwrap(), port);
    }

    #[test]
    fn only_the_status_200_is_ready() {
        for (status, ready) in [("200 OK", true), ("503 Service Unavailable", false)] {
            let listener = bind(0).unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                assert!(stream.read(&mut request).unwrap() > 0);
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").unwrap();
            });
            assert_eq!(is_ready(port), ready);
            server.join().unwrap();
        }
    }
}
