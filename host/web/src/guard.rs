//! Only requests that name this host: a page elsewhere cannot point its own name here and read the answers (DNS rebinding).

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// The names by which the listener may be asked; `None` where any will do.
#[derive(Clone)]
pub(crate) struct HostGuard(Option<Arc<[String]>>);

impl HostGuard {
    /// A listener on a loopback address is checked; one on another address may have any name in front of it.
    pub(crate) fn new(is_loopback: bool, names: &[String]) -> HostGuard {
        let own = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        let names = own.into_iter().chain(names.iter().map(|name| name.to_ascii_lowercase()));
        HostGuard(is_loopback.then(|| names.collect()))
    }

    fn admits(&self, host: &str) -> bool {
        let Some(names) = &self.0 else { return true };
        let port_at = host
            .rfind(':')
            .filter(|&at| host[at + 1..].bytes().all(|b| b.is_ascii_digit()) && !host[..at].ends_with(':'));
        let name = host[..port_at.unwrap_or(host.len())].to_ascii_lowercase();
        names.contains(&name)
    }
}

pub(crate) async fn check(State(guard): State<HostGuard>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = header.or_else(|| request.uri().authority().map(|authority| authority.as_str())).unwrap_or_default();
    if guard.admits(host) {
        return next.run(request).await;
    }
    let error = format!(
        "this address is for this machine alone and was asked as {host:?}; use http://localhost, or add the name to [listen] host_names in the settings"
    );
    (StatusCode::FORBIDDEN, Json(serde_json::json!({ "error": error }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_listener_admits_its_own_names_with_any_port() {
        let guard = HostGuard::new(true, &["Logs.example".to_owned()]);
        for host in ["localhost", "LOCALHOST:8686", "127.0.0.1:1", "[::1]", "[::1]:8686", "logs.example:80"] {
            assert!(guard.admits(host), "{host}");
        }
        for host in ["", "evil.example", "evil.example:8686", "localhost.evil.example", "[::2]", "localhost:x"] {
            assert!(!guard.admits(host), "{host}");
        }
        assert!(HostGuard::new(false, &[]).admits("anything"));
    }
}
