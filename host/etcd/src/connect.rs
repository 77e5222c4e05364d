//! A client for the settings.

use std::{fs, future::Future, time::Duration};

use etcd_client::{Certificate, Client, ConnectOptions, TlsOptions};
use tokio::time::timeout;

use crate::{EtcdError, EtcdSettings};

/// Connects (where no user is named, the first request does).
pub(crate) async fn connect(settings: &EtcdSettings) -> Result<Client, EtcdError> {
    let urls = settings.urls()?;
    let mut options = ConnectOptions::new()
        .with_connect_timeout(settings.connect_timeout)
        .with_keep_alive(Duration::from_secs(10), Duration::from_secs(5))
        .with_keep_alive_while_idle(true)
        .with_require_leader(true)
        .with_auto_token_refresh(true);
    if let Some(user) = &settings.user {
        options = options.with_user(&user.name, &user.password);
    }
    if urls.iter().any(|url| url.starts_with("https://")) {
        options = options.with_tls(tls(settings)?);
    }
    timed(settings, "connecting", Client::connect(urls, Some(options))).await
}

fn tls(settings: &EtcdSettings) -> Result<TlsOptions, EtcdError> {
    let Some(path) = &settings.ca_file else {
        return Ok(TlsOptions::new().with_enabled_roots());
    };
    let pem = fs::read(path).map_err(|source| EtcdError::CaUnreadable { path: path.clone(), source })?;
    Ok(TlsOptions::new().ca_certificate(Certificate::from_pem(pem)))
}

/// Waits for an answer for as long as the settings allow.
pub(crate) async fn timed<T>(
    settings: &EtcdSettings,
    doing: &str,
    request: impl Future<Output = Result<T, etcd_client::Error>>,
) -> Result<T, EtcdError> {
    match timeout(settings.request_timeout, request).await {
        Ok(answer) => answer.map_err(|error| EtcdError::of(settings, doing, &error)),
        Err(_) => Err(EtcdError::timed_out(settings)),
    }
}
