//! Requests to the nodes of a cluster: in turn, with a time-out, and a rest for a node that fails.

use std::{
    error::Error as _,
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use elasticsearch::{
    auth::Credentials,
    cert::{Certificate, CertificateValidation},
    http::{
        Method,
        headers::{CONTENT_TYPE, HeaderMap, HeaderValue},
        request::Body,
        transport::{SingleNodeConnectionPool, Transport, TransportBuilder},
    },
};
use parking_lot::Mutex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::{Auth, ElasticError, ElasticSettings};

/// A node that failed n times in a row is left alone for 1 s · 2ⁿ⁻¹, at most this long.
const REST_MAX: Duration = Duration::from_secs(30);
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// A name as one segment of a URL's path.
pub(crate) fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

/// A request's body: pieces that are joined once, where they are more than one.
pub(crate) struct Pieces(pub(crate) Vec<Bytes>);

impl Body for Pieces {
    fn bytes(&self) -> Option<Bytes> {
        if let [only] = self.0.as_slice() {
            return Some(only.clone());
        }
        let mut joined = BytesMut::with_capacity(self.0.iter().map(Bytes::len).sum());
        self.0.iter().for_each(|piece| joined.extend_from_slice(piece));
        Some(joined.freeze())
    }

    fn write(&self, bytes: &mut BytesMut) -> Result<(), elasticsearch::Error> {
        self.0.iter().for_each(|piece| bytes.extend_from_slice(piece));
        Ok(())
    }
}

/// What to ask.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) body: Option<Pieces>,
}

impl<'a> Call<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Call { method: Method::Get, path, query: &[], body: None }
    }

    pub(crate) fn put(path: &'a str, body: &serde_json::Value) -> Self {
        Call { method: Method::Put, path, query: &[], body: Some(Pieces(vec![Bytes::from(body.to_string())])) }
    }
}

/// What a node answered, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) url: String,
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// No answer: nothing is known of what the request did.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    pub(crate) url: String,
    pub(crate) reason: String,
}

/// The nodes of the cluster.
pub(crate) struct Nodes {
    nodes: Vec<Node>,
    next: AtomicUsize,
    timeout: Duration,
    pub(crate) who: String,
}

struct Node {
    url: Url,
    transport: Transport,
    rest: Mutex<Rest>,
}

#[derive(Default)]
struct Rest {
    failures: u32,
    until: Option<Instant>,
}

impl Nodes {
    /// Reads the CA file and prepares a client for each node. Sends nothing.
    pub(crate) fn new(settings: &ElasticSettings) -> Result<Self, ElasticError> {
        if settings.nodes.is_empty() {
            return Err(ElasticError::NoNode);
        }
        let ca = settings.ca_file.as_deref().map(read_ca).transpose()?;
        let nodes =
            settings.nodes.iter().map(|url| Node::new(url, settings, ca.as_deref())).collect::<Result<_, _>>()?;
        let who = match &settings.auth {
            Auth::None => "nobody".to_owned(),
            Auth::Basic { user, .. } => format!("{user:?}"),
            Auth::ApiKey(_) => "the owner of the API key".to_owned(),
        };
        Ok(Nodes { nodes, next: AtomicUsize::new(0), timeout: settings.request_timeout, who })
    }

    /// Asks the next node that is not resting.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Answer, NoAnswer> {
        let node = self.pick(Instant::now());
        let answer = node.call(call, self.timeout).await;
        let failure = match &answer {
            Ok(answer) if matches!(answer.status, 502..=504) => Some(format!("status {}", answer.status)),
            Ok(_) => None,
            Err(no_answer) => Some(no_answer.reason.clone()),
        };
        let turn = node.rest.lock().note(failure.is_some(), Instant::now());
        self.say(node, turn, &failure.unwrap_or_default());
        answer
    }

    /// Where there are others, a node's going and coming is worth a word.
    fn say(&self, node: &Node, turn: Option<Turn>, reason: &str) {
        let others = self.nodes.len() - 1;
        match turn.filter(|_| others > 0) {
            Some(Turn::Gone) => {
                tracing::warn!(node = %node.url, reason, others, "a node does not serve; the others are asked, and it again after a rest");
            }
            Some(Turn::Back) => tracing::info!(node = %node.url, "the node serves again"),
            None => {}
        }
    }

    fn pick(&self, now: Instant) -> &Node {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let in_turn = || (0..self.nodes.len()).map(|i| &self.nodes[start.wrapping_add(i) % self.nodes.len()]);
        let rest_until = |node: &&Node| node.rest.lock().until.filter(|until| *until > now);
        let rested = in_turn().find(|node| rest_until(node).is_none());
        // There is at least one node, as `new` has checked.
        rested.or_else(|| in_turn().min_by_key(rest_until)).unwrap_or(&self.nodes[0])
    }
}

/// News of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Gone,
    Back,
}

impl Rest {
    fn note(&mut self, failed: bool, now: Instant) -> Option<Turn> {
        let was_failing = self.failures > 0;
        if !failed {
            *self = Rest::default();
            return was_failing.then_some(Turn::Back);
        }
        let rest = Duration::from_secs(1).saturating_mul(1 << self.failures.min(10)).min(REST_MAX);
        self.failures += 1;
        self.until = Some(now + rest);
        (!was_failing).then_some(Turn::Gone)
    }
}

impl Node {
    fn new(url: &Url, settings: &ElasticSettings, ca: Option<&[u8]>) -> Result<Self, ElasticError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ElasticError::Scheme { url: url.to_string(), scheme: url.scheme().to_owned() });
        }
        // A name and password in the URL would be sent a second time, and be logged.
        let mut url = url.clone();
        let in_url = (!url.username().is_empty())
            .then(|| (url.username().to_owned(), url.password().unwrap_or_default().to_owned()));
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url.clone()))
            .disable_proxy()
            .enable_meta_header(false)
            .request_body_compression(settings.gzip);
        if let (Some(pem), Some(path)) = (ca, &settings.ca_file) {
            let ca = Certificate::from_pem(pem)
                .map_err(|error| ElasticError::CaNotPem { path: path.clone(), reason: chain(&error) })?;
            builder = builder.cert_validation(CertificateValidation::Full(ca));
        }
        builder = match (&settings.auth, in_url) {
            (Auth::None, None) => builder,
            (Auth::None, Some((user, password))) => builder.auth(Credentials::Basic(user, password)),
            (Auth::Basic { user, password }, _) => builder.auth(Credentials::Basic(user.clone(), password.clone())),
            (Auth::ApiKey(key), _) => builder.auth(Credentials::EncodedApiKey(api_key(key)?.to_owned())),
        };
        let transport = builder.build().map_err(|error| ElasticError::Client { reason: error.to_string() })?;
        Ok(Node { url, transport, rest: Mutex::default() })
    }

    async fn call(&self, call: Call<'_>, timeout: Duration) -> Result<Answer, NoAnswer> {
        let failed = |error: elasticsearch::Error| {
            let reason = if error.is_timeout() {
                format!("no answer within {} s", timeout.as_secs_f32())
            } else {
                chain(&error)
            };
            NoAnswer { url: self.url.to_string(), reason }
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let query = (!call.query.is_empty()).then_some(call.query);
        let send = self.transport.send(call.method, call.path, headers, query, call.body, Some(timeout));
        let response = send.await.map_err(failed)?;
        let status = response.status_code().as_u16();
        let body = response.bytes().await.map_err(failed)?;
        Ok(Answer { url: self.url.to_string(), status, body })
    }
}

fn api_key(key: &str) -> Result<&str, ElasticError> {
    let sendable = !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic());
    sendable.then_some(key).ok_or(ElasticError::BadApiKey)
}

fn read_ca(path: &std::path::Path) -> Result<Vec<u8>, ElasticError> {
    let pem = fs::read(path).map_err(|source| ElasticError::CaUnreadable { path: path.to_owned(), source })?;
    if !pem.windows(27).any(|window| window == b"-----BEGIN CERTIFICATE-----") {
        return Err(ElasticError::CaNotPem {
            path: path.to_owned(),
            reason: "there is no certificate in it".to_owned(),
        });
    }
    Ok(pem)
}

/// The innermost reasons of an error: its outer layers only repeat the URL.
fn chain(error: &elasticsearch::Error) -> String {
    let mut reasons = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if reasons.last() != Some(&text) {
            reasons.push(text);
        }
        source = error.source();
    }
    let first_telling = reasons.iter().position(|reason| !is_wrapping(reason)).unwrap_or(0);
    reasons[first_telling..].join(": ")
}

fn is_wrapping(reason: &str) -> bool {
    reason.starts_with("error sending request") || reason.starts_with("client error")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(names: &[&str]) -> Nodes {
        let urls = names.iter().map(|name| format!("http://{name}/").parse().unwrap());
        Nodes::new(&ElasticSettings::new(urls.collect())).unwrap()
    }

    /// The names of the nodes that would be asked next.
    fn asked(nodes: &Nodes, now: Instant, times: usize) -> Vec<String> {
        (0..times).map(|_| nodes.pick(now).url.host_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn nodes_take_turns_and_one_that_fails_rests_longer_each_time_and_comes_back() {
        let nodes = nodes(&["a", "b", "c"]);
        let now = Instant::now();
        assert_eq!(asked(&nodes, now, 4), ["a", "b", "c", "a"]);
        let fail = |at| nodes.nodes[1].rest.lock().note(true, at);
        fail(now);
        let soon = now + Duration::from_millis(900);
        assert!(!asked(&nodes, soon, 6).contains(&"b".to_owned()));
        let later = now + Duration::from_millis(1_100);
        assert!(asked(&nodes, later, 3).contains(&"b".to_owned()), "it is tried again after a second");
        fail(later);
        assert!(!asked(&nodes, later + Duration::from_millis(1_900), 6).contains(&"b".to_owned()));
        for _ in 0..20 {
            fail(later);
        }
        assert!(asked(&nodes, later + REST_MAX + Duration::from_millis(1), 3).contains(&"b".to_owned()));
        nodes.nodes[1].rest.lock().note(false, later);
        assert!(asked(&nodes, later, 3).contains(&"b".to_owned()), "one answer makes it whole again");
    }

    #[test]
    fn a_node_s_going_and_coming_is_news_once() {
        let (mut rest, now) = (Rest::default(), Instant::now());
        let told: Vec<_> = [false, true, true, false, false].map(|failed| rest.note(failed, now)).to_vec();
        assert_eq!(told, [None, Some(Turn::Gone), None, Some(Turn::Back), None]);
    }

    #[test]
    fn where_all_nodes_rest_the_one_that_is_back_first_is_asked() {
        let nodes = nodes(&["a", "b"]);
        let now = Instant::now();
        nodes.nodes[0].rest.lock().note(true, now);
        nodes.nodes[0].rest.lock().note(true, now);
        nodes.nodes[1].rest.lock().note(true, now);
        assert_eq!(asked(&nodes, now, 3), ["b", "b", "b"]);
    }
}
