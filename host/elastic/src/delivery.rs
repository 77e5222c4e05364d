//! The documents of a request on their way to being settled, each exactly once. Pure.

use crate::{
    answer::Fault,
    outcome::{Decision, Trouble, Verdict},
};

/// Documents to send together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<T> {
    /// The documents.
    pub entries: Vec<Entry<T>>,
    /// How many times in a row it had to be tried again.
    pub attempts: u32,
}

/// One document.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<T> {
    /// The document.
    pub item: T,
    /// Whether it goes in its safe form.
    pub safe: bool,
}

/// What an answer settled, and what is left to do outside.
#[derive(Debug, PartialEq)]
pub struct Applied<T> {
    /// Settled: the index has taken them.
    pub created: Vec<T>,
    /// Settled: they were there already.
    pub conflicted: Vec<T>,
    /// To be replaced by their safe form and handed back to [`Delivery::try_safe`].
    pub faulty: Vec<(T, Fault)>,
    /// To be buried: even their safe form was refused.
    pub hopeless: Vec<(T, Fault)>,
    /// How many will be sent again as they are.
    pub retried: Vec<T>,
    /// Why; the most urgent reason of all.
    pub trouble: Option<Trouble>,
}

/// The groups that are not settled yet; the next one is on top.
pub struct Delivery<T> {
    groups: Vec<Group<T>>,
}

impl<T: Clone> Delivery<T> {
    /// A request of these documents.
    pub fn new(items: Vec<T>) -> Self {
        let entries = items.into_iter().map(|item| Entry { item, safe: false }).collect();
        Delivery { groups: vec![Group { entries, attempts: 0 }] }
    }

    /// The documents to send next; none when all are settled.
    pub fn next_group(&mut self) -> Option<Group<T>> {
        let group = self.groups.pop()?;
        if group.entries.is_empty() { self.next_group() } else { Some(group) }
    }

    /// Queues documents in their safe form.
    pub fn try_safe(&mut self, items: Vec<T>) {
        let entries = items.into_iter().map(|item| Entry { item, safe: true }).collect();
        self.groups.push(Group { entries, attempts: 0 });
    }

    /// Does what the verdict on a group says.
    pub fn apply(&mut self, group: Group<T>, verdict: Verdict) -> Applied<T> {
        let mut applied = Applied::default();
        match verdict {
            Verdict::RetryBatch(trouble) => {
                applied.retried = group.entries.iter().map(|entry| entry.item.clone()).collect();
                applied.trouble = Some(trouble);
                self.groups.push(Group { entries: group.entries, attempts: group.attempts + 1 });
            }
            Verdict::Halve(fault) | Verdict::Bisect(fault) => self.split(group, fault, &mut applied),
            Verdict::Items(decisions) => self.settle(group, decisions, &mut applied),
        }
        applied
    }

    fn split(&mut self, mut group: Group<T>, fault: Fault, applied: &mut Applied<T>) {
        if group.entries.len() == 1 {
            group.entries.into_iter().for_each(|entry| applied.refuse(entry, fault.clone()));
            return;
        }
        let second = group.entries.split_off(group.entries.len() / 2);
        self.groups.push(Group { entries: second, attempts: 0 });
        self.groups.push(Group { entries: group.entries, attempts: 0 });
    }

    /// `decisions` has one entry for each document: the reader of the answer has seen to that.
    fn settle(&mut self, group: Group<T>, decisions: Vec<Decision>, applied: &mut Applied<T>) {
        debug_assert_eq!(group.entries.len(), decisions.len());
        let documents = group.entries.len();
        let mut again = Vec::new();
        for (entry, decision) in group.entries.into_iter().zip(decisions) {
            match decision {
                Decision::Created => applied.created.push(entry.item),
                Decision::Conflict => applied.conflicted.push(entry.item),
                Decision::Faulty(fault) => applied.refuse(entry, fault),
                Decision::Retry(trouble) => {
                    applied.retried.push(entry.item.clone());
                    again.push(entry);
                    if applied.trouble.as_ref().is_none_or(|shown| shown.kind < trouble.kind) {
                        applied.trouble = Some(trouble);
                    }
                }
            }
        }
        // Progress shortens the wait: the cluster takes some of it.
        let attempts = if again.len() < documents { 1 } else { group.attempts + 1 };
        self.groups.push(Group { entries: again, attempts });
    }
}

impl<T> Default for Applied<T> {
    fn default() -> Self {
        Applied {
            created: vec![],
            conflicted: vec![],
            faulty: vec![],
            hopeless: vec![],
            retried: vec![],
            trouble: None,
        }
    }
}

impl<T> Applied<T> {
    fn refuse(&mut self, entry: Entry<T>, fault: Fault) {
        let refused = if entry.safe { &mut self.hopeless } else { &mut self.faulty };
        refused.push((entry.item, fault));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::TroubleKind;
    use proptest::prelude::*;

    fn fault() -> Fault {
        Fault { kind: "document_parsing_exception".to_owned(), reason: "r".to_owned() }
    }

    fn trouble() -> Trouble {
        Trouble { kind: TroubleKind::Overloaded, reason: String::new() }
    }

    #[test]
    fn only_what_was_refused_for_now_is_sent_again() {
        let mut delivery = Delivery::new(vec!['a', 'b', 'c']);
        let group = delivery.next_group().unwrap();
        let decisions = vec![Decision::Created, Decision::Retry(trouble()), Decision::Conflict];
        let applied = delivery.apply(group, Verdict::Items(decisions));
        assert_eq!((applied.created, applied.conflicted, applied.retried), (vec!['a'], vec!['c'], vec!['b']));
        let again = delivery.next_group().unwrap();
        assert_eq!(again, Group { entries: vec![Entry { item: 'b', safe: false }], attempts: 1 });
        assert!(delivery.next_group().is_none());
    }

    #[test]
    fn the_most_urgent_trouble_is_shown() {
        let mut delivery = Delivery::new(vec!['a', 'b']);
        let group = delivery.next_group().unwrap();
        let refused = Trouble { kind: TroubleKind::Refused, reason: "403".to_owned() };
        let decisions = vec![Decision::Retry(refused.clone()), Decision::Retry(trouble())];
        assert_eq!(delivery.apply(group, Verdict::Items(decisions)).trouble, Some(refused));
    }

    /// What the faked cluster does with one request.
    #[derive(Clone, Debug)]
    enum Act {
        Lose,
        Bisect,
        TooLarge,
        Items(Vec<u8>),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            Just(Act::Lose),
            Just(Act::Bisect),
            Just(Act::TooLarge),
            prop::collection::vec(0u8..4, 40).prop_map(Act::Items),
        ]
    }

    fn verdict(act: &Act, documents: usize) -> Verdict {
        let decide = |code: &u8| match code {
            0 => Decision::Created,
            1 => Decision::Conflict,
            2 => Decision::Retry(trouble()),
            _ => Decision::Faulty(fault()),
        };
        match act {
            Act::Lose => Verdict::RetryBatch(trouble()),
            Act::Bisect => Verdict::Bisect(fault()),
            Act::TooLarge => Verdict::Halve(fault()),
            Act::Items(codes) => Verdict::Items(codes.iter().cycle().take(documents).map(decide).collect()),
        }
    }

    proptest! {
        /// Whatever the answers, each document is settled once, and faulty ones get their second chance first.
        #[test]
        fn every_document_is_settled_exactly_once(documents in 1usize..40, acts in prop::collection::vec(act(), 0..60)) {
            let mut delivery = Delivery::new((0..documents).collect());
            let mut settled = vec![0; documents];
            let mut tried_safe = vec![false; documents];
            let mut acts = acts.iter();
            while let Some(group) = delivery.next_group() {
                let documents = group.entries.len();
                let act = acts.next().cloned().unwrap_or(Act::Items(vec![0]));
                let applied = delivery.apply(group, verdict(&act, documents));
                applied.created.iter().chain(&applied.conflicted).for_each(|&i| settled[i] += 1);
                for (i, _) in &applied.hopeless {
                    prop_assert!(tried_safe[*i]);
                    settled[*i] += 1;
                }
                let faulty: Vec<usize> = applied.faulty.iter().map(|(i, _)| *i).collect();
                faulty.iter().for_each(|&i| tried_safe[i] = true);
                delivery.try_safe(faulty);
            }
            prop_assert!(settled.iter().all(|&times| times == 1), "{:?}", settled);
        }
    }
}
