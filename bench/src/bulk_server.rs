//! A server that takes bulk requests as Elasticsearch does, in a process of its own: every line of a request is parsed, every id counted.
//! What comes with `index` and without an id, as peers send it, is new.

use std::{
    collections::HashSet,
    fmt::Write as _,
    hash::{BuildHasher, RandomState},
    io::{BufRead as _, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use anyhow::{Context, ensure};
use serde::{Deserialize, de::IgnoredAny};

use crate::program::get;

/// The hidden argument by which the benchmark's own program is this server.
pub(crate) const ARGUMENT: &str = "bulk-server";

/// A running server; killed when dropped.
pub(crate) struct BulkServer {
    child: Child,
    /// `host:port`.
    pub(crate) address: String,
}

/// What it has taken.
#[derive(Clone, Copy, Debug, Default, Deserialize, serde::Serialize)]
pub(crate) struct Taken {
    pub(crate) documents: u64,
    /// Documents whose id was there already.
    pub(crate) conflicts: u64,
    /// Documents that came without an id.
    pub(crate) without_id: u64,
    pub(crate) bytes: u64,
}

impl BulkServer {
    pub(crate) fn start() -> anyhow::Result<BulkServer> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(format!("--{ARGUMENT}")).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("starting the bulk server")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line)?;
        Ok(BulkServer { child, address: line.trim().to_owned() })
    }

    pub(crate) fn taken(&self) -> anyhow::Result<Taken> {
        Ok(serde_json::from_str(&get(&self.address, "/taken")?)?)
    }

    /// The first document that came.
    pub(crate) fn first(&self) -> anyhow::Result<serde_json::Value> {
        Ok(serde_json::from_str(&get(&self.address, "/first")?)?)
    }
}

impl Drop for BulkServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Default)]
struct State {
    taken: Taken,
    ids: HashSet<u64>,
    /// The first document.
    first: Option<String>,
    /// The index template that was installed last.
    template: Option<String>,
}

struct Server {
    state: Mutex<State>,
    hasher: RandomState,
}

/// Serves for ever; says on standard output where.
pub(crate) fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let server = Arc::new(Server { state: Mutex::default(), hasher: RandomState::new() });
    for stream in listener.incoming() {
        let (stream, server) = (stream?, Arc::clone(&server));
        std::thread::spawn(move || {
            // A connection that ends in the middle is its client's affair.
            let _ = server.converse(&stream);
        });
    }
    Ok(())
}

impl Server {
    /// Answers the requests of one connection.
    fn converse(&self, mut stream: &TcpStream) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        let mut input = BufReader::with_capacity(256 << 10, stream);
        let (mut line, mut body) = (String::new(), vec![]);
        loop {
            line.clear();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let request = line.clone();
            let mut length = 0;
            loop {
                line.clear();
                ensure!(input.read_line(&mut line)? > 0, "a request without a body");
                if line.trim().is_empty() {
                    break;
                }
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse()?;
                }
                if lower.starts_with("expect:") {
                    stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
                }
                ensure!(!lower.starts_with("transfer-encoding:"), "a request without a length");
            }
            body.resize(length, 0);
            input.read_exact(&mut body)?;
            let (status, answer) = self.answer(&request, &body)?;
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-elastic-product: Elasticsearch\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            let answer = if request.starts_with("HEAD ") { &[] } else { answer.as_bytes() };
            stream.write_all(&[head.as_bytes(), answer].concat())?;
            if request.ends_with("HTTP/1.0\r\n") {
                return Ok(());
            }
        }
    }

    fn answer(&self, request: &str, body: &[u8]) -> anyhow::Result<(&'static str, String)> {
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = path.split('?').next().unwrap_or_default();
        Ok(match (method, path) {
            (_, path) if path.ends_with("/_bulk") => ("200 OK", self.bulk(path, body)?),
            (_, "/taken") => ("200 OK", serde_json::to_string(&self.locked().taken)?),
            (_, "/first") => ("200 OK", self.locked().first.clone().unwrap_or_else(|| "null".to_owned())),
            (_, path) if path.starts_with("/_resolve") => {
                ("200 OK", r#"{"indices":[],"aliases":[],"data_streams":[]}"#.to_owned())
            }
            ("PUT", path) if path.starts_with("/_index_template/") => {
                self.locked().template = Some(String::from_utf8(body.to_vec())?);
                ("200 OK", r#"{"acknowledged":true}"#.to_owned())
            }
            ("GET", path) if path.starts_with("/_index_template/") && self.locked().template.is_some() => {
                let template = self.locked().template.clone().unwrap_or_default();
                ("200 OK", format!(r#"{{"index_templates":[{{"name":"collector","index_template":{template}}}]}}"#))
            }
            ("GET" | "HEAD", path) if path != "/" => {
                ("404 Not Found", r#"{"error":{"type":"index_not_found_exception"},"status":404}"#.to_owned())
            }
            _ => ("200 OK", r#"{"acknowledged":true,"cluster_name":"bench","version":{"number":"8.19.0"}}"#.to_owned()),
        })
    }

    fn bulk(&self, index: &str, body: &[u8]) -> anyhow::Result<String> {
        let (mut ids, mut first) = (vec![], None);
        let mut lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        while let Some(action) = lines.next() {
            let action: Action<'_> = serde_json::from_slice(action).context("an action line")?;
            let document = lines.next().context("an action without its document")?;
            serde_json::from_slice::<IgnoredAny>(document).context("a document")?;
            first = first.or(Some(document));
            ids.push(match action {
                Action::Create(target) => ("create", Some(self.hasher.hash_one((index, target._id)))),
                Action::Index(_) => ("index", None),
            });
        }
        let mut state = self.locked();
        state.taken.bytes += body.len() as u64;
        if state.first.is_none() {
            state.first = first.map(|document| String::from_utf8_lossy(document).into_owned());
        }
        let mut items = String::with_capacity(ids.len() * 32);
        let mut errors = false;
        for (operation, id) in ids {
            state.taken.without_id += u64::from(id.is_none());
            let is_new = id.is_none_or(|id| state.ids.insert(id));
            let comma = if items.is_empty() { "" } else { "," };
            // Writing into a String cannot fail.
            let _ = if is_new {
                state.taken.documents += 1;
                write!(items, "{comma}{{\"{operation}\":{{\"status\":201}}}}")
            } else {
                state.taken.conflicts += 1;
                errors = true;
                let error = r#"{"type":"version_conflict_engine_exception","reason":"exists"}"#;
                write!(items, "{comma}{{\"{operation}\":{{\"status\":409,\"error\":{error}}}}}")
            };
        }
        Ok(format!("{{\"took\":1,\"errors\":{errors},\"items\":[{items}]}}"))
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action<'a> {
    #[serde(borrow)]
    Create(Target<'a>),
    /// The server would make an id.
    Index(IgnoredAny),
}

#[derive(Deserialize)]
struct Target<'a> {
    _id: &'a str,
}
