//! The status key and single keys.

use std::time::{Duration, Instant};

use collector_etcd::{EtcdStore, StatusKey, Swap};

use crate::server::{Private, clean, shared};

async fn until_value(store: &EtcdStore, key: &str, expected: Option<&str>) {
    let start = Instant::now();
    loop {
        // While etcd is away, there is no value to compare.
        let found = store.get(key).await;
        if found.is_ok_and(|found| found.map(|entry| entry.value).as_deref() == expected.map(str::as_bytes)) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{key} did not become {expected:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_written_renewed_and_removed_at_the_end() {
    let Some(settings) = shared() else { return };
    let (store, prefix) = clean(&settings, "status").await;
    let key = format!("{prefix}id");
    let status = StatusKey::start(settings, key.clone(), Duration::from_secs(2));
    status.publish("{\"n\":1}".to_owned());
    until_value(&store, &key, Some("{\"n\":1}")).await;
    status.publish("{\"n\":2}".to_owned());
    until_value(&store, &key, Some("{\"n\":2}")).await;
    let written = store.get(&key).await.unwrap().unwrap().mod_revision;
    // Longer than the lease: it lives by being renewed, and is not written again.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        let entry = store.get(&key).await.unwrap().expect("the lease was not renewed");
        assert_eq!(entry.mod_revision, written);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    status.stop().await;
    assert_eq!(store.get(&key).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_left_behind_vanishes_with_its_lease() {
    let Some(settings) = shared() else { return };
    let (store, prefix) = clean(&settings, "left").await;
    let key = format!("{prefix}id");
    let status = StatusKey::start(settings, key.clone(), Duration::from_secs(1));
    status.publish("x".to_owned());
    until_value(&store, &key, Some("x")).await;
    drop(status);
    until_value(&store, &key, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_written_again_after_an_outage_and_a_wipe() {
    let Some(mut etcd) = Private::start().await else { return };
    let key = "/collector/instances/id";
    let store = EtcdStore::connect(etcd.settings()).await.unwrap();
    let status = StatusKey::start(etcd.settings(), key.to_owned(), Duration::from_secs(20));
    status.publish("before".to_owned());
    until_value(&store, key, Some("before")).await;
    etcd.down();
    etcd.wipe();
    status.publish("after".to_owned());
    etcd.up().await;
    until_value(&store, key, Some("after")).await;
    etcd.down();
    let start = Instant::now();
    status.stop().await;
    assert!(start.elapsed() < Duration::from_secs(5), "an outage held up the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_is_refused_when_somebody_was_quicker() {
    let Some(settings) = shared() else { return };
    let (store, prefix) = clean(&settings, "swap").await;
    let key = format!("{prefix}k");
    let Swap::Done { revision } = store.put_if(&key, b"1", 0).await.unwrap() else { panic!("it was there") };
    let refused = store.put_if(&key, b"2", 0).await.unwrap();
    let Swap::Refused { current: Some(current) } = refused else { panic!("{refused:?}") };
    assert_eq!((current.value.as_slice(), current.mod_revision), (b"1".as_slice(), revision));
    assert!(matches!(store.put_if(&key, b"2", revision).await.unwrap(), Swap::Done { .. }));
    assert_eq!(store.get(&key).await.unwrap().unwrap().value, b"2");
    assert!(store.delete(&key).await.unwrap() && !store.delete(&key).await.unwrap());
}
