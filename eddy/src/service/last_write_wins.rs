//! `lww-kv`: two replicas that learn of each other's writes only by chance.
//!
//! Every request first merges a random source replica into a random destination, which may be the
//! same one. Then a third draw selects the replica that answers. It answers from its state *before*
//! the merge, and keeps that state. So, as in Maelstrom (`Eventual` in `service.clj`), a merge is
//! lost if its destination also answers. A merge lasts with one request in four, and then the
//! source answers, which knew the merged writes already.
//!
//! A merge keeps the later value of each key, by a Lamport clock that each replica advances with
//! its writes. Of two values with the same time, it keeps that of the source.
//!
//! So a read may miss a write, a compare-and-set may succeed at both replicas, and of two writes at
//! about the same time one is lost although both were acknowledged.
//!
//! As in Maelstrom, `create_if_not_exists` is ignored: a compare-and-set of a key that does not
//! exist fails.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;

use super::operation::{StoreOperation, StoreRequest, StoredValue};
use super::{KeyValueStore, ServiceReply};
use crate::edn::Value;
use crate::random::Random;

/// The number of replicas, as in Maelstrom. More would disagree longer.
const REPLICAS: usize = 2;

#[derive(Debug, Default)]
pub(super) struct LastWriteWinsStore {
    replicas: [LastWriteWinsReplica; REPLICAS],
}

#[derive(Debug, Default)]
struct LastWriteWinsReplica {
    /// The Lamport time of the next write.
    clock: u64,
    /// Values, each with the Lamport time of its write.
    values: BTreeMap<Rc<Value>, (u64, StoredValue)>,
}

impl KeyValueStore for LastWriteWinsStore {
    fn handle(&mut self, _: &str, request: &StoreRequest, random: &mut Random) -> ServiceReply {
        let mut draw = || usize::from(random.below(REPLICAS as u64) == 1);
        let (source, destination, answering) = (draw(), draw(), draw());
        self.merge_and_answer(source, destination, answering, request)
    }
}

impl LastWriteWinsStore {
    /// Merges `source` into `destination`, and lets `answering` execute the request on its state
    /// before the merge.
    fn merge_and_answer(
        &mut self,
        source: usize,
        destination: usize,
        answering: usize,
        request: &StoreRequest,
    ) -> ServiceReply {
        let [first, second] = &mut self.replicas;
        match (source, destination) {
            // The answering replica keeps its state before the merge.
            (_, destination) if destination == answering => {}
            (0, 1) => second.merge(first),
            (1, 0) => first.merge(second),
            _ => {}
        }
        self.replicas[answering].handle(request)
    }
}

impl LastWriteWinsReplica {
    fn handle(&mut self, StoreRequest { key, operation }: &StoreRequest) -> ServiceReply {
        let current = self.values.get(key).map(|(_, value)| value);
        if current.is_none() && matches!(operation, StoreOperation::Cas { .. }) {
            return ServiceReply::key_does_not_exist();
        }
        let (reply, written) = operation.apply(current);
        if let Some(value) = written {
            self.values.insert(key.clone(), (self.clock, value.clone()));
            self.clock += 1;
        }
        reply
    }

    /// Takes over the values that the other replica has written later or at the same time.
    fn merge(&mut self, other: &LastWriteWinsReplica) {
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

    use super::*;
    use crate::service::testing::{ask_short, request, service};

    const SEEDS: u64 = 300;

    /// The requests after which both replicas are equal: one in eight lasts in each direction.
    const REQUESTS_UNTIL_EQUAL: usize = 120;

    /// The answers to the last of these requests, over many seeds.
    fn answers(requests: &[&str]) -> BTreeSet<String> {
        let last = |seed| {
            let mut service = service("lww-kv", seed);
            let answers = requests.iter().map(|request| ask_short(&mut service, "n1", request));
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

    /// Tries all eight draws after a write at the first replica.
    #[test]
    fn a_merge_is_lost_where_the_merged_replica_answers() {
        let mut lasting = Vec::new();
        for draws in 0..8 {
            let [source, destination, answering] = [2, 1, 0].map(|bit| draws >> bit & 1);
            let mut service = LastWriteWinsStore::default();
            service.merge_and_answer(0, 0, 0, &request("write 1 1"));
            let reply =
                service.merge_and_answer(source, destination, answering, &request("read 1"));
            let has_write = answering == 0;
            assert_eq!(
                reply != ServiceReply::key_does_not_exist(),
                has_write,
                "{source} {destination} {answering}"
            );
            if !service.replicas[1].values.is_empty() {
                lasting.push([source, destination, answering]);
            }
        }
        assert_eq!(lasting, [[0, 1, 0]]);
    }

    #[test]
    fn of_two_writes_of_the_same_time_a_merge_keeps_that_of_the_source() {
        #[track_caller]
        fn check(at_first: &[&str], at_second: &[&str], expected: &str) {
            let mut service = LastWriteWinsStore::default();
            for (replica, requests) in [at_first, at_second].into_iter().enumerate() {
                for each in requests {
                    service.merge_and_answer(0, 0, replica, &request(each));
                }
            }
            service.merge_and_answer(0, 1, 0, &request("read 9"));
            let reply = service.merge_and_answer(0, 0, 1, &request("read 1"));
            let ServiceReply::ReadOk { value } = &reply else { panic!("{reply:?}") };
            assert_eq!(value.get(), expected);
        }
        check(&["write 1 1"], &["write 1 2"], "1");
        check(&["write 1 1"], &["write 2 2", "write 1 3"], "3");
        check(&["write 2 2", "write 1 1"], &["write 1 3"], "1");
        // Reads and failed swaps do not advance the clock.
        check(&["read 1", "cas 1 7 8", "write 1 1"], &["write 1 2"], "1");
    }

    /// Maelstrom was measured at 49 % of first reads that miss, and 1.01 missing reads per key. The
    /// model gives a half, and one: a read is answered with equal chance by the replica that has
    /// the write and by the one that does not, and in the latter case any helpful merge is lost.
    #[test]
    fn reads_miss_a_write_as_often_as_in_maelstrom() {
        const KEYS: u32 = 5_000;
        let (mut first, mut all) = (0_u32, 0_u32);
        for seed in 0..u64::from(KEYS) {
            let mut service = service("lww-kv", seed);
            ask_short(&mut service, "n1", "write 1 1");
            let mut misses = 0;
            while ask_short(&mut service, "n2", "read 1") == "20" {
                misses += 1;
            }
            first += u32::from(misses > 0);
            all += misses;
        }
        let [first, each] = [first, all].map(|count| f64::from(count) / f64::from(KEYS));
        assert!((first - 0.5).abs() < 0.02, "{first} of the first reads miss");
        assert!((each - 1.0).abs() < 0.05, "{each} reads a key miss");
    }

    #[test]
    fn an_acknowledged_write_can_be_gone_for_good() {
        let mut lost = 0;
        for seed in 0..SEEDS {
            let mut service = service("lww-kv", seed);
            ask_short(&mut service, "n1", "write 1 1");
            ask_short(&mut service, "n2", "write 1 2");
            let reads: Vec<_> = (0..REQUESTS_UNTIL_EQUAL)
                .map(|_| ask_short(&mut service, "n1", "read 1"))
                .collect();
            let end = &reads[REQUESTS_UNTIL_EQUAL - 10..];
            assert!(end.iter().all(|read| *read == end[0]), "seed {seed}: {reads:?}");
            assert_ne!(end[0], "20", "one of the writes remains");
            lost += u64::from(end[0] == "1");
        }
        assert!((SEEDS / 20..SEEDS / 2).contains(&lost), "the last write was lost {lost} times");
    }

    #[test]
    fn sums_come_out_too_small() {
        let wrong = (0..SEEDS).filter(|seed| {
            let mut service = service("lww-kv", *seed);
            let mut added = 0;
            ask_short(&mut service, "n1", "write 1 0");
            while added < 20 {
                let read = ask_short(&mut service, "n1", "read 1");
                let Ok(sum) = read.parse::<u64>() else { continue };
                let request = format!("cas 1 {sum} {}", sum + 1);
                added += u64::from(ask_short(&mut service, "n1", &request) == "ok");
            }
            let sums: Vec<_> = (0..REQUESTS_UNTIL_EQUAL)
                .map(|_| ask_short(&mut service, "n1", "read 1"))
                .collect();
            sums.last().is_some_and(|sum| sum != "20")
        });
        assert!(wrong.count() as u64 > SEEDS / 2);
    }
}
