//! etcd goes away, comes back, and comes back as another.

use collector_etcd::{Cause, EtcdStore, Observation, WatchTarget, watch_keys};

use crate::server::{Private, next, state, value};

const KEY: &str = "/logagent/10.0.0.1/collect_config";

async fn unreachable(seen: &mut tokio::sync::mpsc::Receiver<Observation>) -> String {
    loop {
        if let Observation::Unreachable { reason, .. } = next(seen).await {
            return reason;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_reported_and_what_happened_meanwhile_is_seen() {
    let Some(mut etcd) = Private::start().await else { return };
    let store = EtcdStore::connect(etcd.settings()).await.unwrap();
    store.put(KEY, b"before").await.unwrap();
    let (mut seen, _handle) = watch_keys(etcd.settings(), vec![WatchTarget::Key(KEY.to_owned())]);
    let Observation::State { picture: before, .. } = next(&mut seen).await else { panic!("not a state") };
    etcd.down();
    let reason = unreachable(&mut seen).await;
    assert!(reason.contains(&etcd.address), "{reason}");
    etcd.up().await;
    let Observation::State { picture: after, cause } = next(&mut seen).await else { panic!("said twice") };
    assert_eq!((value(&after, KEY), cause), (Some("before"), Cause::Listed));
    assert!(after.continues(before.cluster_id, before.revision));
    store.put(KEY, b"after").await.unwrap();
    state(&mut seen, |picture| value(picture, KEY) == Some("after")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_is_away_at_the_start_is_waited_for() {
    let Some(mut etcd) = Private::start().await else { return };
    etcd.down();
    let (mut seen, _handle) = watch_keys(etcd.settings(), vec![WatchTarget::Key(KEY.to_owned())]);
    unreachable(&mut seen).await;
    etcd.up().await;
    let Observation::State { picture, cause } = next(&mut seen).await else { panic!("said twice") };
    assert_eq!((picture.entries.len(), cause), (0, Cause::Listed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_etcd_does_not_pass_for_deleted_keys() {
    let Some(mut etcd) = Private::start().await else { return };
    let store = EtcdStore::connect(etcd.settings()).await.unwrap();
    for n in 0..20 {
        store.put(KEY, n.to_string().as_bytes()).await.unwrap();
    }
    let (mut seen, _handle) = watch_keys(etcd.settings(), vec![WatchTarget::Key(KEY.to_owned())]);
    let Observation::State { picture: before, .. } = next(&mut seen).await else { panic!("not a state") };
    etcd.down();
    etcd.wipe();
    etcd.up().await;
    let Observation::State { picture, cause } = state(&mut seen, |picture| picture.entries.is_empty()).await else {
        panic!("not a state")
    };
    assert_eq!(cause, Cause::Listed, "nobody has deleted anything");
    assert!(!picture.continues(before.cluster_id, before.revision));
}
