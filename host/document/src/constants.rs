//! What all documents of one origin have in common, written once.

use collector_model::{Batch, Origin, cell::write_string, fields::Slot};

use crate::writer::Padded;

/// The first slot of the collector's own values; those below are cells.
pub(crate) const OWN_SLOTS: Slot = 1 << 31;

/// A value that the collector itself puts into documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Own {
    /// `@timestamp` where no plugin set one.
    ReadTime,
    /// `collector.chain`
    Chain,
    /// `host.name`
    HostName,
    /// `host.ip`
    HostIp,
    /// `log.file.path`
    Path,
    /// `log.offset`
    Offset,
    /// The topic, in the seed's form.
    Topic,
}

impl Own {
    /// The fields of an ECS document, in the order in which they are written.
    pub(crate) const ECS: [(Own, &'static str); 6] = [
        (Own::ReadTime, "@timestamp"),
        (Own::Chain, "collector.chain"),
        (Own::HostName, "host.name"),
        (Own::HostIp, "host.ip"),
        (Own::Path, "log.file.path"),
        (Own::Offset, "log.offset"),
    ];

    /// Its slot in a tree of fields.
    pub(crate) fn slot(self) -> Slot {
        OWN_SLOTS + self as Slot
    }

    /// The value of a slot, if it is one of these.
    pub(crate) fn of_slot(slot: Slot) -> Option<Own> {
        let all = [Own::ReadTime, Own::Chain, Own::HostName, Own::HostIp, Own::Path, Own::Offset, Own::Topic];
        all.into_iter().find(|own| own.slot() == slot)
    }
}

/// Which of the values there are: a bit for each of [`Own`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Presence(pub(crate) u8);

impl Presence {
    pub(crate) fn has(self, own: Own) -> bool {
        self.0 & 1 << own as u32 != 0
    }

    pub(crate) fn with(self, own: Own, present: bool) -> Self {
        Presence(self.0 | u8::from(present) << own as u32)
    }

    /// Whether any of the values of the block is there (everything but the time and the topic).
    pub(crate) fn has_block(self) -> bool {
        [Own::Chain, Own::HostName, Own::HostIp, Own::Path, Own::Offset].iter().any(|&own| self.has(own))
    }
}

/// The constant texts of one origin, as JSON values; absent ones are empty.
#[derive(Debug, Default)]
pub(crate) struct Constants {
    texts: [Vec<u8>; 7],
    /// `"collector":{…},"host":{…},"log":{…` up to the offset's value, or to the end where there is none.
    pub(crate) block: Padded,
}

impl Constants {
    /// Works them out. `chain` is the hash of the chain that ran here.
    pub(crate) fn of(batch: &Batch, origin: &Origin, chain: &str, with_offset: bool) -> Self {
        let mut constants = Constants::default();
        let joined = join_chains(&origin.chain, chain);
        let read_time_ns = origin.read_time_ms.saturating_mul(1_000_000);
        constants.text(Own::ReadTime, &collector_model::cell::rfc3339(read_time_ns));
        constants.text(Own::Chain, &joined);
        constants.text(Own::HostName, &origin.host_name);
        constants.text(Own::HostIp, &origin.host_ip);
        constants.text(Own::Path, &origin.path);
        constants.text(Own::Topic, batch.topic.as_str());
        constants.block = Padded::new(constants.write_block(with_offset));
        constants
    }

    fn text(&mut self, own: Own, text: &str) {
        if !text.is_empty() {
            write_string(text.as_bytes(), &mut self.texts[own as usize]);
        }
    }

    /// A value as JSON; empty where there is none.
    pub(crate) fn get(&self, own: Own) -> &[u8] {
        &self.texts[own as usize]
    }

    /// Which values there are.
    pub(crate) fn presence(&self, with_offset: bool) -> Presence {
        let all = [Own::ReadTime, Own::Chain, Own::HostName, Own::HostIp, Own::Path, Own::Topic];
        let texts = all.iter().fold(Presence::default(), |all, &own| all.with(own, !self.get(own).is_empty()));
        texts.with(Own::Offset, with_offset)
    }

    fn write_block(&self, with_offset: bool) -> Vec<u8> {
        let mut groups: Vec<Vec<u8>> = vec![];
        if !self.get(Own::Chain).is_empty() {
            groups.push([b"\"collector\":{\"chain\":", self.get(Own::Chain), b"}"].concat());
        }
        let mut host: Vec<Vec<u8>> = vec![];
        for (own, key) in [(Own::HostName, "\"name\":"), (Own::HostIp, "\"ip\":")] {
            if !self.get(own).is_empty() {
                host.push([key.as_bytes(), self.get(own)].concat());
            }
        }
        if !host.is_empty() {
            groups.push([b"\"host\":{", host.join(&b','.to_owned()).as_slice(), b"}"].concat());
        }
        let path = match self.get(Own::Path) {
            [] => vec![],
            path => [b"\"file\":{\"path\":", path, b"}"].concat(),
        };
        if with_offset {
            let comma: &[u8] = if path.is_empty() { b"" } else { b"," };
            groups.push([b"\"log\":{", path.as_slice(), comma, b"\"offset\":"].concat());
        } else if !path.is_empty() {
            groups.push([b"\"log\":{", path.as_slice(), b"}"].concat());
        }
        groups.join(&b',')
    }
}

/// The agent's hash and this one's, joined by `+` where both are there.
pub fn join_chains(agent: &str, here: &str) -> String {
    let both = !agent.is_empty() && !here.is_empty();
    format!("{agent}{}{here}", if both { "+" } else { "" })
}
