//! Which bytes of each file are in a partition: the payload of its commits.

use std::collections::HashMap;

use collector_model::FileUid;
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

/// File uid → the ranges of bytes that are covered: sorted, apart from each other, and nearly always one. Ranges rather
/// than one mark, because a batch that was lost on its way leaves a gap before the ones after it, until it is read again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(HashMap<FileUid, Vec<(u64, u64)>>);

#[derive(Serialize, Deserialize)]
struct Payload {
    version: u32,
    covered: HashMap<String, Vec<(u64, u64)>>,
}

impl Coverage {
    /// Whether the byte is covered.
    pub fn covers(&self, uid: FileUid, offset: u64) -> bool {
        self.up_to(uid, offset).is_some()
    }

    /// Up to where nothing is missing from `offset` on; none where that byte is.
    pub fn up_to(&self, uid: FileUid, offset: u64) -> Option<u64> {
        let ranges = self.0.get(&uid)?;
        let after = ranges.partition_point(|&(from, _)| from <= offset);
        ranges[..after].last().map(|&(_, to)| to).filter(|&to| offset < to)
    }

    /// Adds a range. Returns whether that changed anything.
    pub fn add(&mut self, uid: FileUid, from: u64, to: u64) -> bool {
        if from >= to {
            return false;
        }
        let ranges = self.0.entry(uid).or_default();
        let first = ranges.partition_point(|&(_, end)| end < from);
        let last = ranges.partition_point(|&(start, _)| start <= to);
        let touched = &ranges[first..last];
        let from = touched.first().map_or(from, |range| range.0.min(from));
        let to = touched.last().map_or(to, |range| range.1.max(to));
        if touched == [(from, to)] {
            return false;
        }
        ranges.splice(first..last, [(from, to)]);
        true
    }

    pub(crate) fn to_payload(&self) -> String {
        let covered = self.0.iter().map(|(uid, ranges)| (uid.to_string(), ranges.clone())).collect();
        // A map of strings to numbers is always JSON.
        serde_json::to_string(&Payload { version: VERSION, covered }).unwrap_or_default()
    }

    /// Reads a payload back; a partition without one (never committed) covers nothing.
    pub(crate) fn from_payload(payload: Option<&str>) -> Result<Coverage, String> {
        let Some(payload) = payload else { return Ok(Coverage::default()) };
        let payload: Payload = serde_json::from_str(payload).map_err(|error| error.to_string())?;
        if payload.version != VERSION {
            return Err(format!("its version is {}, this collector knows {VERSION}", payload.version));
        }
        let mut coverage = Coverage::default();
        for (uid, ranges) in payload.covered {
            let uid = uid.parse::<FileUid>().map_err(|error| error.to_string())?;
            for (from, to) in ranges {
                coverage.add(uid, from, to);
            }
        }
        Ok(coverage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: FileUid = FileUid(7);

    proptest! {
        #[test]
        fn what_was_added_is_covered_and_nothing_else(ranges in prop::collection::vec((0u64..60, 0u64..20), 0..20)) {
            let mut coverage = Coverage::default();
            let mut bytes = [false; 80];
            for (from, len) in ranges {
                let before = coverage.clone();
                let changed = coverage.add(FILE, from, from + len);
                prop_assert_eq!(changed, before != coverage);
                bytes[from as usize..(from + len) as usize].fill(true);
            }
            for (offset, &covered) in bytes.iter().enumerate() {
                prop_assert_eq!(coverage.covers(FILE, offset as u64), covered);
            }
            for start in 0..80 {
                let covered = bytes[start..].iter().take_while(|&&is_covered| is_covered).count();
                let end = (covered > 0).then_some((start + covered) as u64);
                prop_assert_eq!(coverage.up_to(FILE, start as u64), end);
            }
            prop_assert_eq!(Coverage::from_payload(Some(&coverage.to_payload())), Ok(coverage));
        }
    }

    #[test]
    fn ranges_that_touch_become_one() {
        let mut coverage = Coverage::default();
        for (from, to) in [(20, 30), (0, 10), (10, 20)] {
            assert!(coverage.add(FILE, from, to));
        }
        assert_eq!(coverage.0[&FILE], [(0, 30)]);
    }

    #[test]
    fn a_payload_of_another_version_is_refused_with_its_number() {
        let error = Coverage::from_payload(Some(r#"{"version":7,"covered":{}}"#)).unwrap_err();
        assert!(error.contains('7'), "{error}");
        assert!(Coverage::from_payload(Some("nonsense")).is_err());
        assert_eq!(Coverage::from_payload(None), Ok(Coverage::default()));
    }
}
