//! A request to Elasticsearch of which half goes on: of a bulk every other document; the rest is told that there was no room.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Which half goes on changes from one request to the next, so that everything gets there.
static TURN: AtomicUsize = AtomicUsize::new(0);

/// Answers one request, whose head, and perhaps more, is in `begun`. How many documents were refused.
pub(crate) async fn serve(mut client: TcpStream, begun: Vec<u8>, server: &str) -> anyhow::Result<u64> {
    let request = Request::read(&mut client, begun).await?;
    let (passing, refused) = if request.is_bulk() { halve(&request.body) } else { (request.body.clone(), vec![]) };
    let (status, mut body) = request.forward(server, passing).await?;
    let count = refused.iter().filter(|refused| **refused).count() as u64;
    if status == 200 && count > 0 {
        body = with_refusals(&body, &refused)?;
    }
    let head = format!(
        "HTTP/1.1 {status} Half\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes()).await?;
    client.write_all(&body).await?;
    client.shutdown().await?;
    Ok(count)
}

struct Request {
    method: String,
    path: String,
    content_type: String,
    body: Vec<u8>,
}

impl Request {
    async fn read(client: &mut TcpStream, mut begun: Vec<u8>) -> anyhow::Result<Request> {
        let end = begun.windows(4).position(|four| four == b"\r\n\r\n").context("a request without a head")?;
        let head = String::from_utf8_lossy(&begun[..end]).into_owned();
        let mut words = head.split_whitespace().map(str::to_owned);
        let (method, path) = (words.next().context("no method")?, words.next().context("no path")?);
        let header = |name: &str| {
            let value = |line: &str| {
                let (known, value) = line.split_once(':')?;
                known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            };
            head.lines().find_map(value)
        };
        if header("transfer-encoding").is_some() {
            bail!("a request in chunks");
        }
        let length: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = begun.split_off(end + 4);
        while body.len() < length {
            if client.read_buf(&mut body).await? == 0 {
                bail!("a request that ends too soon");
            }
        }
        let content_type = header("content-type").unwrap_or_else(|| "application/json".to_owned());
        Ok(Request { method, path, content_type, body })
    }

    fn is_bulk(&self) -> bool {
        self.path.split('?').next().is_some_and(|path| path.ends_with("/_bulk"))
    }

    async fn forward(&self, server: &str, body: Vec<u8>) -> anyhow::Result<(u16, Vec<u8>)> {
        let (method, url) = (Method::from_bytes(self.method.as_bytes())?, format!("http://{server}{}", self.path));
        let client = reqwest::Client::builder().no_proxy().build()?;
        let answer = client.request(method, url).header(CONTENT_TYPE, &self.content_type).body(body).send().await?;
        Ok((answer.status().as_u16(), answer.bytes().await?.to_vec()))
    }
}

/// The pairs of lines that go on, and for each pair whether it was refused. At least one goes on, for an empty bulk is an error.
fn halve(body: &[u8]) -> (Vec<u8>, Vec<bool>) {
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    let lines: Vec<&[u8]> = body.split_inclusive(|byte| *byte == b'\n').collect();
    let pairs = lines.chunks_exact(2);
    let is_alone = pairs.len() == 1;
    let (mut passing, mut refused) = (vec![], vec![]);
    for (number, pair) in pairs.enumerate() {
        let is_refused = !is_alone && (number + turn).is_multiple_of(2);
        refused.push(is_refused);
        if !is_refused {
            passing.extend_from_slice(pair[0]);
            passing.extend_from_slice(pair[1]);
        }
    }
    (passing, refused)
}

/// The server's answer, with the refused ones in their places.
fn with_refusals(body: &[u8], refused: &[bool]) -> anyhow::Result<Vec<u8>> {
    let mut answer: Value = serde_json::from_slice(body).context("reading a bulk's answer")?;
    let mut taken =
        std::mem::take(answer["items"].as_array_mut().context("a bulk's answer without items")?).into_iter();
    let error = json!({"type": "es_rejected_execution_exception", "reason": "struck"});
    let item = |is_refused: &bool| match is_refused {
        true => Some(json!({"create": {"status": 429, "error": error}})),
        false => taken.next(),
    };
    let items: Option<Vec<Value>> = refused.iter().map(item).collect();
    answer["items"] = Value::Array(items.context("a bulk's answer with too few items")?);
    answer["errors"] = json!(true);
    Ok(answer.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_document_goes_on_and_the_answer_has_one_item_for_each() {
        let body =
            b"{\"create\":{\"_id\":\"a\"}}\n{}\n{\"create\":{\"_id\":\"b\"}}\n{}\n{\"create\":{\"_id\":\"c\"}}\n{}\n";
        let (passing, refused) = halve(body);
        let count = refused.iter().filter(|refused| **refused).count();
        assert_eq!((refused.len(), passing.split(|byte| *byte == b'\n').count()), (3, 2 * (3 - count) + 1));
        let items = vec![json!({"create": {"status": 201}}); 3 - count];
        let answer = json!({"took": 1, "errors": false, "items": items}).to_string();
        let merged: Value = serde_json::from_slice(&with_refusals(answer.as_bytes(), &refused).unwrap()).unwrap();
        let statuses = merged["items"].as_array().unwrap().iter().map(|item| item["create"]["status"] == 429);
        assert_eq!(statuses.collect::<Vec<_>>(), refused);
        assert_eq!(merged["errors"], true);
    }
}
