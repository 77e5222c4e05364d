//! Whether every partition has a reader.
//!
//! A group's leader gives new partitions to somebody as soon as it sees them. One that was away when they came does not: a static
//! member that is back within its session gets its old assignment again, without anybody assigning anew, and what it then knows of the
//! topics has the new partitions from the start. Nobody reads them until the group changes for another reason.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use collector_model::Topic;
use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    groups::GroupInfo,
};

use super::members::Members;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(10);
/// How long one question may take: the partitions that are read wait meanwhile.
const ANSWER_WAIT: Duration = Duration::from_secs(1);
/// What Kafka calls a group in which nobody is waiting for an assignment.
const STABLE: &str = "Stable";

/// A topic and one of its partitions.
type Place = (String, i32);

/// Looks from time to time.
pub(super) struct Census {
    group: String,
    next: Instant,
    /// What had no reader at the last look: the leader may be about to give it to somebody.
    unread: HashSet<Place>,
}

impl Census {
    /// Looks for the first time after a while.
    pub(super) fn new(group: &str) -> Self {
        Census { group: group.to_owned(), next: Instant::now() + EVERY, unread: HashSet::new() }
    }

    /// Partitions that had no reader at two looks one after the other; empty where it is not time to look, or nobody can tell.
    pub(super) fn unread(&mut self, consumer: &BaseConsumer<Members>, topics: &[Topic]) -> Vec<Place> {
        if Instant::now() < self.next {
            return vec![];
        }
        let unread = look(consumer, &self.group, topics).unwrap_or_default();
        self.next = Instant::now() + EVERY;
        let lasting = unread.intersection(&self.unread).cloned().collect();
        self.unread = unread;
        lasting
    }
}

/// The partitions of the topics that no member has; `None` where the group is changing, or the cluster does not say.
fn look(consumer: &BaseConsumer<Members>, group: &str, topics: &[Topic]) -> Option<HashSet<Place>> {
    let groups = consumer.fetch_group_list(Some(group), ANSWER_WAIT).ok()?;
    let read = groups.groups().iter().find(|info| info.name() == group).and_then(read_by)?;
    let mut unread = HashSet::new();
    for topic in topics {
        let metadata = consumer.fetch_metadata(Some(topic.as_str()), ANSWER_WAIT).ok()?;
        let partitions =
            metadata.topics().iter().filter(|found| found.name() == topic.as_str()).flat_map(|t| t.partitions());
        unread.extend(
            partitions.map(|partition| (topic.to_string(), partition.id())).filter(|place| !read.contains(place)),
        );
    }
    Some(unread)
}

fn read_by(group: &GroupInfo) -> Option<HashSet<Place>> {
    let mut read = HashSet::new();
    for member in group.members() {
        read.extend(places(member.assignment().unwrap_or_default())?);
    }
    (group.state() == STABLE).then_some(read)
}

/// What a member was given, as the consumers' protocol of Kafka writes it: a version, then topics, each a name and its partitions
/// (lengths before what they count, numbers with the highest byte first), then what the assignor adds, which is passed over. Nothing at
/// all is nothing given.
fn places(mut bytes: &[u8]) -> Option<Vec<Place>> {
    let mut places = vec![];
    if bytes.is_empty() {
        return Some(places);
    }
    let _version = take::<2>(&mut bytes)?;
    for _ in 0..number(&mut bytes)? {
        let length = usize::try_from(i16::from_be_bytes(take(&mut bytes)?)).ok()?;
        let name = bytes.split_off(..length)?;
        let topic = std::str::from_utf8(name).ok()?;
        for _ in 0..number(&mut bytes)? {
            places.push((topic.to_owned(), number(&mut bytes)?));
        }
    }
    Some(places)
}

fn number(bytes: &mut &[u8]) -> Option<i32> {
    take(bytes).map(i32::from_be_bytes)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(topics: &[(String, Vec<i32>)]) -> Vec<u8> {
        let mut bytes = vec![0, 3];
        bytes.extend((topics.len() as i32).to_be_bytes());
        for (name, partitions) in topics {
            bytes.extend((name.len() as i16).to_be_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend((partitions.len() as i32).to_be_bytes());
            bytes.extend(partitions.iter().flat_map(|partition| partition.to_be_bytes()));
        }
        bytes.extend([0, 0, 0, 4, 1, 2, 3, 4]);
        bytes
    }

    proptest! {
        #[test]
        fn an_assignment_is_read_as_it_was_written(topics in prop::collection::vec(("[a-z.-]{1,20}", prop::collection::vec(0..100, 0..5)), 0..4)) {
            let expected: Vec<Place> =
                topics.iter().flat_map(|(name, partitions)| partitions.iter().map(move |number| (name.clone(), *number))).collect();
            prop_assert_eq!(places(&written(&topics)), Some(expected));
        }

        #[test]
        fn what_is_no_assignment_is_nothing(bytes in prop::collection::vec(any::<u8>(), 1..80), cut in 1_usize..40) {
            // Whatever it is, it ends.
            let _ = places(&bytes);
            let whole = written(&[("web".to_owned(), vec![1, 2, 3, 4, 5, 6, 7])]);
            let end = (whole.len() - 8).saturating_sub(cut);
            prop_assert_eq!(places(&whole[..end]).is_none(), end > 0);
        }
    }
}
