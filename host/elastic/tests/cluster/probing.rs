//! What an operator is told when the cluster cannot be used.

use std::{fs, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use collector_elastic::{Auth, ElasticError, ElasticSettings, probe};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

const GREETING: &str = r#"{"cluster_name":"c","version":{"number":"8.19.0"}}"#;

fn settings(url: &str) -> ElasticSettings {
    ElasticSettings::new(vec![url.parse().unwrap()])
}

async fn fault(settings: &ElasticSettings) -> String {
    probe(settings, Duration::from_secs(5)).await.expect_err("the probe should fail").to_string()
}

/// A server that gives one answer to everything.
async fn answering(status: u16, body: &'static str) -> String {
    let answer = move || async move { (StatusCode::from_u16(status).unwrap(), body) };
    let router = Router::new().fallback(get(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let told = fault(&settings(&url)).await;
    let expected = format!(
        "reaching Elasticsearch at {url}: tcp connect error: Connection refused (os error 111); check that it runs there, and the address and the network between"
    );
    assert_eq!(told, expected);
}

#[tokio::test]
async fn somebody_there_who_never_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let error = probe(&settings(&url), Duration::from_millis(200)).await.unwrap_err();
    assert!(error.to_string().contains(": no answer within 0.2 s; check that it runs"), "{error}");
}

#[tokio::test]
async fn wrong_password() {
    let url =
        answering(401, r#"{"error":{"type":"security_exception","reason":"unable to authenticate user [bob]"}}"#).await;
    let auth = Auth::Basic { user: "bob".to_owned(), password: "secret".to_owned() };
    let told = fault(&ElasticSettings { auth, ..settings(&url) }).await;
    let expected = format!(
        "logging in to Elasticsearch at {url} as \"bob\": refused with 401: unable to authenticate user [bob]; check the user and password or the API key"
    );
    assert_eq!(told, expected);
}

#[tokio::test]
async fn credentials_arrive_as_the_server_wants_them() {
    let seen = |headers: HeaderMap| async move {
        let who = headers.get("authorization").map_or("nobody", |value| value.to_str().unwrap()).to_owned();
        (StatusCode::OK, GREETING.replace("\"c\"", &format!("{who:?}")))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(get(seen))).await });
    let basic = Auth::Basic { user: "bob".to_owned(), password: "secret".to_owned() };
    for (auth, user_in_url, expected) in [
        (Auth::None, "", "nobody"),
        (basic.clone(), "", "Basic Ym9iOnNlY3JldA=="),
        (Auth::None, "bob:secret@", "Basic Ym9iOnNlY3JldA=="),
        (basic, "eve:other@", "Basic Ym9iOnNlY3JldA=="),
        (Auth::ApiKey("aWQ6a2V5".to_owned()), "", "ApiKey aWQ6a2V5"),
    ] {
        let settings = ElasticSettings { auth, ..settings(&format!("http://{user_in_url}{place}/")) };
        assert_eq!(probe(&settings, Duration::from_secs(5)).await.unwrap().cluster_name, expected);
    }
}

#[tokio::test]
async fn missing_privileges() {
    let url = answering(403, "").await;
    let told = fault(&ElasticSettings { auth: Auth::ApiKey("aWQ6a2V5".to_owned()), ..settings(&url) }).await;
    let expected = format!(
        "asking Elasticsearch at {url} as the owner of the API key: refused with 403; grant the cluster privileges monitor and manage_index_templates, and on the indices view_index_metadata, create_index and create_doc"
    );
    assert_eq!(told, expected);
}

#[tokio::test]
async fn another_server() {
    let url = answering(200, "<html>It works!</html>").await;
    let told = fault(&settings(&url)).await;
    let expected = format!(
        "asking Elasticsearch at {url}: what answers there is neither Elasticsearch nor OpenSearch (status 200); check the address and the port"
    );
    assert_eq!(told, expected);
}

#[tokio::test]
async fn settings_that_cannot_be_right() {
    assert!(matches!(probe(&ElasticSettings::new(vec![]), Duration::from_secs(1)).await, Err(ElasticError::NoNode)));
    assert!(fault(&settings("ftp://x/")).await.ends_with("the scheme is \"ftp\"; write http:// or https://"));
    let key = ElasticSettings { auth: Auth::ApiKey("a b".to_owned()), ..settings("http://x/") };
    assert!(fault(&key).await.contains("use the \"encoded\" form"));
    let missing = ElasticSettings { ca_file: Some("/no/such/ca.pem".into()), ..settings("https://x/") };
    assert_eq!(
        fault(&missing).await,
        "reading the CA file \"/no/such/ca.pem\" for Elasticsearch: No such file or directory (os error 2); check the path, and that this user may read it"
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    fs::write(&path, "not a certificate").unwrap();
    let told = fault(&ElasticSettings { ca_file: Some(path), ..settings("https://x/") }).await;
    assert!(told.contains("there is no certificate in it; it must hold certificates as PEM"), "{told}");
}

/// Makes an authority, writes its certificate, and serves `GREETING` with a certificate that it signed.
async fn serve_tls(ca_file: &Path) -> String {
    let ca = authority(ca_file);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &ca).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust us ends the handshake.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", GREETING.len());
            let _ = stream.write_all(format!("{head}{GREETING}").as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    url
}

fn authority(file: &Path) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(file, ca.pem()).unwrap();
    ca
}

#[tokio::test]
async fn a_certificate_is_trusted_by_its_authority_only() {
    let dir = tempfile::tempdir().unwrap();
    let (right, wrong) = (dir.path().join("right.pem"), dir.path().join("wrong.pem"));
    let url = serve_tls(&right).await;
    authority(&wrong);
    let with = |ca_file| ElasticSettings { ca_file, ..settings(&url) };
    let info = probe(&with(Some(right)), Duration::from_secs(5)).await.unwrap();
    assert_eq!((info.distribution.as_str(), info.version.as_str()), ("elasticsearch", "8.19.0"));
    for ca_file in [None, Some(wrong)] {
        let told = fault(&with(ca_file)).await;
        assert!(told.contains("its certificate is not trusted (invalid peer certificate: "), "{told}");
        assert!(told.contains("name the authority that signed it as ca_file"), "{told}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls() {
    let url = answering(200, GREETING).await.replace("http://", "https://");
    let told = fault(&settings(&url)).await;
    assert!(
        told.contains("the server does not speak TLS there") && told.ends_with("write http:// instead of https://"),
        "{told}"
    );
}
