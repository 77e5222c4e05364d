//! `collector search`: asks a running collector, over HTTP.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;

use crate::{
    cli::SearchArgs,
    settings::{Machine, Written},
};

const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// An answer holds at most as many documents as were asked for.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// Prints what a running collector finds, the newest last as in a log.
pub fn run(args: &SearchArgs) -> anyhow::Result<()> {
    let server = match &args.server {
        Some(server) => server.strip_prefix("http://").unwrap_or(server).trim_end_matches('/').to_owned(),
        None => {
            let written = Written::read(&args.settings.request(), Machine::here());
            written.common().map_err(|problems| anyhow!("{problems}"))?.http_listen.to_string()
        }
    };
    let answer = ask(&server, &path_of(args))?;
    let hits = answer["hits"].as_array().context("the answer has no hits: is it a collector that runs there?")?;
    let mut out = std::io::stdout().lock();
    for hit in hits.iter().rev() {
        writeln!(out, "{}", if args.json { hit["document"].to_string() } else { line_of(hit) })?;
    }
    if !args.json {
        eprintln!("{} of {} lines", hits.len(), answer["total"]);
    }
    Ok(())
}

fn path_of(args: &SearchArgs) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("q", &args.query).append_pair("limit", &args.limit.to_string());
    for (name, value) in [("since", &args.since), ("until", &args.until), ("topic", &args.topic)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    format!("/api/search?{}", query.finish())
}

fn line_of(hit: &Value) -> String {
    let document = &hit["document"];
    let line = [&document["event"]["original"], &document["message"], &document["data"]];
    let line = line.into_iter().find_map(Value::as_str).map_or_else(|| document.to_string(), str::to_owned);
    format!("{} {} {line}", document["@timestamp"].as_str().unwrap_or("-"), hit["topic"].as_str().unwrap_or("-"))
}

/// One request over HTTP/1.0, so that the answer ends with the connection.
fn ask(server: &str, path: &str) -> anyhow::Result<Value> {
    let asking = || format!("asking the collector at {server}");
    let mut stream = TcpStream::connect(server).with_context(|| {
        format!(
            "{}: nothing answers there; start one with collector --role standalone, or name its address with --server",
            asking()
        )
    })?;
    stream.set_read_timeout(Some(ANSWER_WITHIN)).with_context(asking)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {server}\r\nAccept: application/json\r\n\r\n").with_context(asking)?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).with_context(asking)?;
    let (head, body) =
        answer.split_once("\r\n\r\n").with_context(|| format!("{}: the answer is not HTTP", asking()))?;
    let body: Value = serde_json::from_str(body).with_context(|| format!("{}: the answer is not JSON", asking()))?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status != "200" {
        bail!("{}: {}", asking(), body["error"].as_str().unwrap_or(status));
    }
    Ok(body)
}
