//! `lww-kv`: two replicas that know about each other only by chance.
//!
//! Before every request one replica, drawn, takes over what another one, drawn as well and often
//! the same, has written later than itself; then a third one, drawn, answers. Later is by the
//! replicas' own clocks, which count their writes. So a read may miss what was written, a
//! compare-and-set may succeed at both replicas, and of two writes at about the same time one is
//! lost although both were acknowledged.
//!
//! It does not know `create_if_not_exists`, as in Maelstrom: a compare-and-set of a key that does
//! not exist fails.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;

use super::operation::{Datum, Operation, Request};
use super::{Reply, Store};
use crate::edn::Value;
use crate::random::Random;

/// As many as in Maelstrom. More would disagree longer.
const REPLICAS: usize = 2;

#[derive(Debug, Default)]
pub(super) struct LastWriteWins {
    replicas: [Replica; REPLICAS],
}

#[derive(Debug, Default)]
struct Replica {
    /// The time of the next write.
    clock: u64,
    /// Values with the times of their writes.
    values: BTreeMap<Rc<Value>, (u64, Datum)>,
}

impl Store for LastWriteWins {
    fn handle(&mut self, _: &str, request: &Request, random: &mut Random) -> Reply {
        let mut draw = || usize::from(random.below(REPLICAS as u64) == 1);
        let (source, destination, answering) = (draw(), draw(), draw());
        let [first, second] = &mut self.replicas;
        match (source, destination) {
            (0, 1) => second.merge(first),
            (1, 0) => first.merge(second),
            _ => {}
        }
        self.replicas[answering].handle(request)
    }
}

impl Replica {
    fn handle(&mut self, Request { key, operation }: &Request) -> Reply {
        let current = self.values.get(key).map(|(_, value)| value);
        if current.is_none() && matches!(operation, Operation::Cas { .. }) {
            return Reply::absent();
        }
        let (reply, written) = operation.on(current);
        if let Some(value) = written {
            self.values.insert(key.clone(), (self.clock, value.clone()));
            self.clock += 1;
        }
        reply
    }

    /// Takes over what another one has written later, or at the same time.
    fn merge(&mut self, other: &Replica) {
        self.clock = self.clock.max(other.clock);
        for (key, (time, value)) in &other.values {
            match self.values.entry(key.clone()) {
                Entry::Occupied(mut mine) if mine.get().0 <= *time => {
                    mine.insert((*time, value.clone()));
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(place) => {
                    place.insert((*time, value.clone()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::service::testing::{service, short};

    const SEEDS: u64 = 300;

    /// The answers to the last request after these, over many seeds.
    fn answers(requests: &[&str]) -> BTreeSet<String> {
        let last = |seed| {
            let mut service = service("lww-kv", seed);
            let answers = requests.iter().map(|request| short(&mut service, "n1", request));
            answers.last().unwrap()
        };
        (0..SEEDS).map(last).collect()
    }

    #[test]
    fn both_replicas_answer_and_writes_are_lost() {
        #[track_caller]
        fn check(requests: &[&str], expected: &[&str]) {
            let expected = expected.iter().map(ToString::to_string).collect();
            assert_eq!(answers(requests), expected, "{requests:?}");
        }
        check(&["read 1"], &["20"]);
        check(&["cas 1 0 1"], &["20"]);
        check(&["create 1 0 1"], &["20"]);
        check(&["write 1 1"], &["ok"]);
        check(&["write 1 1", "read 1"], &["1", "20"]);
        check(&["write 1 1", "write 1 2", "read 1"], &["1", "2", "20"]);
        check(&["write 1 1", "cas 1 1 2"], &["20", "ok"]);
        check(&["write 1 1", "write 1 2", "cas 1 1 3"], &["20", "22", "ok"]);
    }

    #[test]
    fn an_acknowledged_write_can_be_gone_for_good() {
        let mut lost = 0;
        for seed in 0..SEEDS {
            let mut service = service("lww-kv", seed);
            short(&mut service, "n1", "write 1 1");
            short(&mut service, "n2", "write 1 2");
            let reads: Vec<_> = (0..40).map(|_| short(&mut service, "n1", "read 1")).collect();
            // After so many merges both replicas have the same.
            assert!(reads[30..].iter().all(|read| *read == reads[30]), "seed {seed}: {reads:?}");
            assert_ne!(reads[30], "20", "one of them is there");
            lost += u64::from(reads[30] == "1");
        }
        assert!((SEEDS / 20..SEEDS / 2).contains(&lost), "the last write was lost {lost} times");
    }

    #[test]
    fn sums_come_out_too_small() {
        let wrong = (0..SEEDS).filter(|seed| {
            let mut service = service("lww-kv", *seed);
            let mut added = 0;
            short(&mut service, "n1", "write 1 0");
            while added < 20 {
                let read = short(&mut service, "n1", "read 1");
                let Ok(sum) = read.parse::<u64>() else { continue };
                let request = format!("cas 1 {sum} {}", sum + 1);
                added += u64::from(short(&mut service, "n1", &request) == "ok");
            }
            let sums: Vec<_> = (0..40).map(|_| short(&mut service, "n1", "read 1")).collect();
            sums.last().is_some_and(|sum| sum != "20")
        });
        assert!(wrong.count() as u64 > SEEDS / 2);
    }
}
