//! Faults between the parts: a proxy cuts, holds, swallows, or answers by itself.

use std::time::Duration;

use super::Fault;
use crate::{proxy::Mode, random::Random, scene::Scene, wait::within};

/// A bulk request of at least so many bytes is too large while that fault strikes.
const TOO_LARGE_BYTES: u64 = 64 << 10;

const MET_WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn strike(fault: Fault, scene: &Scene, random: &mut Random) -> bool {
    let proxies = &scene.ground.proxies;
    let proxy = match fault {
        Fault::ProduceCut | Fault::ProduceHeld | Fault::ProduceSwallowed => &proxies.produce,
        Fault::ConsumeCut | Fault::ConsumeHeld | Fault::ConsumeSwallowed => &proxies.consume,
        _ => &proxies.index,
    };
    let before = proxy.struck();
    proxy.set(mode(fault));
    tokio::time::sleep(Duration::from_millis(random.between(500, 4_000))).await;
    // Whoever waits for an answer, or for time to pass after a failure, may take a while to come by.
    let met = within("somebody to come by", MET_WITHIN, async || Ok((proxy.struck() > before).then_some(())));
    let met = met.await.is_ok();
    proxy.set(Mode::Pass);
    met
}

fn mode(fault: Fault) -> Mode {
    match fault {
        Fault::ProduceHeld | Fault::ConsumeHeld | Fault::IndexHeld => Mode::Hold,
        Fault::ProduceSwallowed | Fault::ConsumeSwallowed | Fault::IndexSwallowed => Mode::Swallow,
        Fault::IndexSlow => Mode::Slow(Duration::from_millis(300)),
        Fault::IndexOverloaded => Mode::Answer { status: 429, body_bytes_min: 0 },
        Fault::IndexTakesHalf => Mode::TakeHalf,
        Fault::IndexFailing => Mode::Answer { status: 503, body_bytes_min: 0 },
        Fault::IndexTooLarge => Mode::Answer { status: 413, body_bytes_min: TOO_LARGE_BYTES },
        _ => Mode::Cut,
    }
}
