//! Changes are seen soon, and deletions are told from emptiness.

use std::time::{Duration, Instant};

use collector_etcd::{Cause, EtcdSettings, Observation, WatchTarget, watch_keys};

use crate::server::{Private, clean, next, shared, state, value};

#[tokio::test(flavor = "multi_thread")]
async fn puts_and_deletes_are_seen_in_less_than_a_second() {
    let Some(settings) = shared() else { return };
    let (store, prefix) = clean(&settings, "watching").await;
    let (one, other) = (format!("{prefix}one"), format!("{prefix}many/a"));
    store.put(&one, b"1").await.unwrap();
    let targets = vec![WatchTarget::Key(one.clone()), WatchTarget::Prefix(format!("{prefix}many/"))];
    let (mut seen, _handle) = watch_keys(settings, targets);
    let Observation::State { picture, cause: Cause::Listed } = next(&mut seen).await else { panic!("not a list") };
    assert_eq!((value(&picture, &one), picture.entries.len()), (Some("1"), 1));

    let mut slowest = Duration::ZERO;
    for n in 2..12 {
        let start = Instant::now();
        let (key, text) = (if n % 2 == 0 { &one } else { &other }, n.to_string());
        let revision = store.put(key, text.as_bytes()).await.unwrap();
        let Observation::State { picture, cause: Cause::Watched { changed, deleted } } = next(&mut seen).await else {
            panic!("not an event");
        };
        slowest = slowest.max(start.elapsed());
        assert_eq!(
            (value(&picture, key), picture.revision, changed),
            (Some(text.as_str()), revision, vec![key.clone()])
        );
        assert!(deleted.is_empty());
    }
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");

    store.put(&format!("{prefix}elsewhere"), b"x").await.unwrap();
    store.delete(&one).await.unwrap();
    let Observation::State { picture, cause } = next(&mut seen).await else { panic!("not an event") };
    assert_eq!(cause, Cause::Watched { changed: vec![], deleted: vec![one.clone()] });
    assert_eq!(picture.entries.keys().collect::<Vec<_>>(), [&other]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_writes_in_a_row_end_in_the_last_value() {
    let Some(settings) = shared() else { return };
    let (store, prefix) = clean(&settings, "burst").await;
    let key = format!("{prefix}k");
    let (mut seen, _handle) = watch_keys(settings, vec![WatchTarget::Key(key.clone())]);
    next(&mut seen).await;
    for n in 0..100 {
        store.put(&key, n.to_string().as_bytes()).await.unwrap();
    }
    state(&mut seen, |picture| value(picture, &key) == Some("99")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_listed_again_although_nothing_happens() {
    let Some(settings) = shared() else { return };
    let (store, prefix) = clean(&settings, "relist").await;
    let key = format!("{prefix}k");
    store.put(&key, b"v").await.unwrap();
    let settings = EtcdSettings { relist_after: Duration::from_millis(50), ..settings };
    let (mut seen, _handle) = watch_keys(settings, vec![WatchTarget::Key(key.clone())]);
    for _ in 0..5 {
        let Observation::State { picture, cause } = next(&mut seen).await else { panic!("not a state") };
        assert_eq!((value(&picture, &key), cause), (Some("v"), Cause::Listed));
    }
    // No change falls between two lists.
    for n in 0..50 {
        let text = n.to_string();
        store.put(&key, text.as_bytes()).await.unwrap();
        state(&mut seen, |picture| value(picture, &key) == Some(text.as_str())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_a_megabyte_and_a_half_arrives_and_a_larger_one_is_refused_with_advice() {
    let Some(settings) = shared() else { return };
    let (store, prefix) = clean(&settings, "large").await;
    let (mut seen, _handle) = watch_keys(settings, vec![WatchTarget::Prefix(prefix.clone())]);
    next(&mut seen).await;
    let key = format!("{prefix}k");
    let text = "x".repeat(collector_etcd::VALUE_BYTES_MAX);
    store.put(&key, text.as_bytes()).await.unwrap();
    state(&mut seen, |picture| value(picture, &key) == Some(text.as_str())).await;
    let error = store.put(&key, format!("{text}x").as_bytes()).await.unwrap_err().to_string();
    assert!(error.contains("the value has 1568769 bytes, etcd takes 1568768 at most; split it"), "{error}");
    store.delete(&key).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_is_survived() {
    let Some(mut etcd) = Private::start().await else { return };
    let (store, prefix) = clean(&etcd.settings(), "compaction").await;
    let key = format!("{prefix}k");
    store.put(&key, b"first").await.unwrap();
    let (mut seen, _handle) = watch_keys(etcd.settings(), vec![WatchTarget::Key(key.clone())]);
    next(&mut seen).await;
    // Everything that the watch has seen is compacted away, while it is cut off and while it watches.
    for round in 0..3 {
        let mut revision = 0;
        for n in 0..20 {
            revision = store.put(&key, format!("{round}/{n}").as_bytes()).await.unwrap();
        }
        etcd.ctl(&["compact", &revision.to_string()]);
        let last = format!("{round}/19");
        state(&mut seen, |picture| value(picture, &key) == Some(last.as_str())).await;
        etcd.down();
        etcd.up().await;
    }
}
