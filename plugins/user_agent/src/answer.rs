//! What a user agent tells, and a memory of the last ones: few of them make most lines.

use crate::products::Products;
use crate::{browser, device, system};

/// User agents that are remembered.
const SLOTS: usize = 512;
/// Bytes of a user agent that is remembered.
const REMEMBERED_MAX: usize = 512;

/// What a user agent tells; empty where it does not.
pub(crate) struct Answer {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) os_name: &'static str,
    pub(crate) os_version: String,
    pub(crate) device: String,
}

impl Answer {
    fn of(agent: &[u8]) -> Self {
        let products = Products::of(agent);
        let system = system::tell(agent, &products);
        let browser = browser::tell(agent, &products, &system);
        Self {
            device: device::tell(agent, &products, &system, browser.is_spider).into_owned(),
            name: browser.name.into_owned(),
            version: browser.version.into_owned(),
            os_name: system.name,
            os_version: system.version_text().into_owned(),
        }
    }
}

/// The last user agents with their answers, each at the place that its bytes say.
pub(crate) struct Memory {
    slots: Vec<Option<(Box<[u8]>, Answer)>>,
    /// The last one that was not remembered.
    long: Option<Answer>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| None).collect(), long: None }
    }

    /// The answer, remembered or found.
    pub(crate) fn answer(&mut self, agent: &[u8]) -> &Answer {
        if agent.len() > REMEMBERED_MAX {
            return self.long.insert(Answer::of(agent));
        }
        let slot = &mut self.slots[place(agent)];
        if slot.as_ref().is_none_or(|(known, _)| **known != *agent) {
            *slot = None;
        }
        &slot.get_or_insert_with(|| (agent.into(), Answer::of(agent))).1
    }
}

fn place(agent: &[u8]) -> usize {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = agent.len() as u64;
    for chunk in agent.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = (state.rotate_left(29) ^ u64::from_le_bytes(word)).wrapping_mul(MULTIPLIER);
    }
    (state >> 32) as usize % SLOTS
}
