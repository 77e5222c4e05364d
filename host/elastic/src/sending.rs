//! One bulk request until all of its documents are settled.

use std::sync::Arc;

use collector_failpoints::reached;
use collector_model::{
    BucketDay,
    metrics::{self, PerTopic},
};
use elasticsearch::http::Method;

use crate::{
    answer::{self, FILTER_PATH, Fault},
    backoff, bury,
    client::{Call, Pieces, segment},
    delivery::{Applied, Delivery, Group},
    lane::Lane,
    outcome::{Trouble, TroubleKind, judge},
    part::{Document, pieces},
};

/// Sends documents until the index or the dead letters have them all.
pub(crate) async fn deliver(lane: Arc<Lane>, documents: Vec<Document>) {
    let mut delivery = Delivery::new(documents);
    let mut tension = lane.at_ease();
    while let Some(mut group) = delivery.next_group() {
        if group.attempts > 0 {
            tokio::time::sleep(backoff::delay(group.attempts, lane.shared.settings.retry_wait_max)).await;
            bury_what_is_blocked_too_long(&lane, &mut group).await;
            if group.entries.is_empty() {
                continue;
            }
        }
        let reply = ask(&lane, &group).await;
        reached("bulk-applied");
        let applied = delivery.apply(group, judge(reply));
        match &applied.trouble {
            Some(trouble) => {
                lane.condition.note(&lane.index, trouble, applied.retried.len());
                tension.rise();
                if trouble.kind == TroubleKind::IndexMissing {
                    lane.make_ready().await;
                }
            }
            None => tension.ease(),
        }
        settle(&lane, &mut delivery, applied).await;
    }
}

async fn ask(lane: &Lane, group: &Group<Document>) -> answer::Reply {
    let _turn = lane.turn(group.attempts > 0).await;
    let path = format!("{}/_bulk", segment(lane.index.as_str()));
    let patience = format!("{}ms", (lane.shared.settings.request_timeout / 2).as_millis());
    let call = Call {
        method: Method::Post,
        path: &path,
        query: &[("filter_path", FILTER_PATH), ("timeout", &patience)],
        body: Some(Pieces(pieces(group.entries.iter().map(|entry| &entry.item)))),
    };
    answer::read(&lane.shared.nodes.call(call).await, group.entries.len())
}

async fn settle(lane: &Lane, delivery: &mut Delivery<Document>, applied: Applied<Document>) {
    let metrics = &lane.shared.metrics;
    count(&metrics.retries, &applied.retried);
    count(&metrics.documents_indexed, &applied.created);
    count(&metrics.documents_conflicted, &applied.conflicted);
    applied.created.iter().chain(&applied.conflicted).for_each(Document::settle);
    if !applied.faulty.is_empty() {
        lane.say_faulty(&applied.faulty);
        let safe = applied.faulty.into_iter().map(|(document, fault)| safe_form(lane, document, &fault));
        delivery.try_safe(safe.collect());
    }
    bury::bury(&lane.shared.dead, applied.hopeless).await;
}

/// Adds to each topic's counter, looking it up once for neighbours of one batch.
fn count(counters: &PerTopic, documents: &[Document]) {
    for run in documents.chunk_by(|a, b| Arc::ptr_eq(&a.part, &b.part)) {
        let topic = &run[0].part.batch.topic;
        counters.get_or_create(&metrics::of(topic)).inc_by(run.len() as u64);
    }
}

fn safe_form(lane: &Lane, document: Document, fault: &Fault) -> Document {
    let (batch, line) = (&document.part.batch, document.item().line);
    let safe = lane.shared.safe.safe_document(batch, line, &fault.kind, &fault.reason);
    document.with_safe_form(&safe)
}

/// The index of a past day that stays write-blocked (archived, say) must not hold up its topic for ever.
async fn bury_what_is_blocked_too_long(lane: &Lane, group: &mut Group<Document>) {
    let limit = lane.shared.settings.past_day_blocked_max;
    let Some(blocked_for) = lane.condition.write_blocked_for().filter(|blocked_for| *blocked_for >= limit) else {
        return;
    };
    let today = BucketDay::from_unix_ms(bury::now_ms());
    let is_past = |document: &Document| {
        let day = document.part.batch.lines[document.item().line as usize].id.day();
        day.days() < today.days() && lane.index.as_str().ends_with(&day.to_string())
    };
    let fault = Fault {
        kind: "index_write_blocked".to_owned(),
        reason: format!("{} is a past day's index and has refused writes for {} s", lane.index, blocked_for.as_secs()),
    };
    let (past, rest): (Vec<_>, Vec<_>) = group.entries.drain(..).partition(|entry| is_past(&entry.item));
    group.entries = rest;
    bury::bury(&lane.shared.dead, past.into_iter().map(|entry| (entry.item, fault.clone())).collect()).await;
}

/// Notes a trouble that was met outside of a bulk request.
pub(crate) fn note(lane: &Lane, trouble: &Trouble) {
    lane.condition.note(&lane.index, trouble, 0);
}
