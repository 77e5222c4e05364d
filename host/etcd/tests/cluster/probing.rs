//! What an operator is told when etcd cannot be used.

use std::time::Duration;

use collector_etcd::{EtcdSettings, EtcdStore, User, probe};

use crate::server::{Private, shared};

const LIMIT: Duration = Duration::from_secs(5);

async fn fault(settings: &EtcdSettings) -> String {
    probe(settings, "/logagent/x", LIMIT).await.expect_err("the probe should fail").to_string()
}

#[tokio::test]
async fn the_probe_tells_version_and_cluster() {
    let Some(settings) = shared() else { return };
    let info = probe(&settings, "/logagent/x", LIMIT).await.unwrap();
    assert!(info.version.starts_with("3.") && info.cluster_id != 0 && info.revision > 0, "{info:?}");
}

#[tokio::test]
async fn nobody_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    assert_eq!(
        fault(&EtcdSettings::new(vec![address.clone()])).await,
        format!(
            "reaching etcd at http://{address}: Connection refused (os error 111); check that it runs there, and the address and the network between"
        )
    );
}

#[tokio::test]
async fn somebody_there_who_is_not_etcd() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let told = probe(&EtcdSettings::new(vec![address.clone()]), "/x", Duration::from_millis(300)).await.unwrap_err();
    assert!(told.to_string().starts_with(&format!("reaching etcd at {address}: no answer within 0.3 s; ")), "{told}");
}

#[tokio::test]
async fn settings_that_cannot_be_right() {
    assert!(fault(&EtcdSettings::new(vec![])).await.contains("the settings name no endpoint"));
    let list = fault(&EtcdSettings::new(vec!["a:1,b:2".to_owned()])).await;
    assert!(list.contains("\"a:1,b:2\": there is more in it than a host and a port (several"), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_passwords() {
    let Some(etcd) = Private::start().await else { return };
    let with = |name: &str, password: &str| {
        let user = User { name: name.to_owned(), password: password.to_owned() };
        EtcdSettings { user: Some(user), ..etcd.settings() }
    };
    let place = &etcd.address;
    let pointless = fault(&with("root", "right")).await;
    assert!(pointless.contains("authentication is not enabled there; remove user and password"), "{pointless}");
    for arguments in [
        ["user", "add", "root:right"].as_slice(),
        &["user", "grant-role", "root", "root"],
        &["user", "add", "bob:bobs"],
        &["role", "add", "few"],
        &["role", "grant-permission", "few", "read", "/few"],
        &["user", "grant-role", "bob", "few"],
        &["auth", "enable"],
    ] {
        // Roles have to exist before they are granted.
        if arguments.contains(&"root") {
            etcd.ctl_may_fail(&["role", "add", "root"]);
        }
        etcd.ctl(arguments);
    }
    assert_eq!(
        fault(&with("root", "wrong")).await,
        format!(
            "logging in to etcd at {place} as \"root\": refused (etcdserver: authentication failed, invalid user ID or password); check the user and the password"
        )
    );
    assert_eq!(
        fault(&etcd.settings()).await,
        format!(
            "reading from etcd at {place}: it asks for a user and the settings name none; add user and password for etcd"
        )
    );
    assert_eq!(
        fault(&with("bob", "bobs")).await,
        format!(
            "reading \"/logagent/x\" in etcd at {place} as \"bob\": permission denied; grant the user's role access (etcdctl role grant-permission ROLE readwrite KEY)"
        )
    );
    assert!(probe(&with("bob", "bobs"), "/few", LIMIT).await.is_ok());
    let store = EtcdStore::connect(with("root", "right")).await.unwrap();
    store.put("/logagent/x", b"1").await.unwrap();
}
