//! `seq-kv`: one total order of states, in which each client moves forward at its own pace.
//!
//! The last 32 states are kept. A request is tried on a random one of them that is no older than
//! the last state that its client has seen. If it changes nothing there, it takes effect there, and
//! the client has seen that state. This applies to reads, and also to a write of the current value,
//! a compare-and-set from a value to itself, and a compare-and-set that fails. A request that does
//! change something takes effect on the newest state instead. That makes a new state, which its
//! client has seen.
//!
//! So no client's view goes back, and every client sees its own writes. A write of a value that the
//! key has never had is a barrier: all later reads of its client see that state or a newer one.
//!
//! In Maelstrom, a client that has seen no state for more than 32 states may draw one that is no
//! longer kept. It then sees a newer state instead, which is not remembered as seen, so its view
//! can go back. Here only kept states are drawn.
//!
//! States are not copied. Each key has its values with the numbers of the states that introduced
//! them, and its value in a state is the last one that was introduced up to it.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::operation::{StoreRequest, StoredValue};
use super::{KeyValueStore, ServiceReply};
use crate::edn::Value;
use crate::random::Random;

/// The number of states that are kept, as in Maelstrom. With fewer, reads would be stale less
/// often; with more, writes of other clients would stay hidden longer.
const KEPT_STATES: u64 = 32;

#[derive(Debug, Default)]
pub(super) struct SequentialStore {
    /// The values of each key in ascending order of the states that introduced them.
    keys: BTreeMap<Rc<Value>, VecDeque<(u64, StoredValue)>>,
    /// The number of the newest state.
    newest: u64,
    /// The last state that each client has seen, at most `newest`; it never decreases.
    seen: BTreeMap<String, u64>,
}

impl KeyValueStore for SequentialStore {
    fn handle(
        &mut self,
        client: &str,
        request: &StoreRequest,
        random: &mut Random,
    ) -> ServiceReply {
        let StoreRequest { key, operation } = request;
        let seen = self.seen.get(client).copied().unwrap_or_default().max(self.oldest());
        let state = seen + random.below(self.newest - seen + 1);
        let current = self.value(key, state);
        let (reply, written) = operation.apply(current);
        if written.is_none() || written == current {
            self.seen.insert(client.to_owned(), state);
            return reply;
        }
        let (reply, written) = operation.apply(self.value(key, self.newest));
        // A new state even if this changes nothing, for example if a compare-and-set fails here.
        self.newest += 1;
        if let Some(value) = written {
            self.write(key, value.clone());
        }
        self.seen.insert(client.to_owned(), self.newest);
        reply
    }
}

impl SequentialStore {
    /// The number of the oldest state that is kept.
    fn oldest(&self) -> u64 {
        self.newest.saturating_sub(KEPT_STATES - 1)
    }

    /// The value of a key in a state that is kept.
    fn value(&self, key: &Rc<Value>, state: u64) -> Option<&StoredValue> {
        let mut values = self.keys.get(key)?.iter().rev();
        values.find(|(since, _)| *since <= state).map(|(_, value)| value)
    }

    /// Sets the value of a key in the newest state, and discards values that no kept state has.
    fn write(&mut self, key: &Rc<Value>, value: StoredValue) {
        let (newest, oldest) = (self.newest, self.oldest());
        let values = self.keys.entry(key.clone()).or_default();
        values.push_back((newest, value));
        while values.get(1).is_some_and(|(since, _)| *since <= oldest) {
            values.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::KEPT_STATES;
    use crate::random::Random;
    use crate::service::MaelstromService;
    use crate::service::testing::{ask_short, service};

    const SEEDS: u64 = 300;

    /// A service whose key 1 was written 0, 1, … up to but excluding `count`.
    fn counted(seed: u64, count: u64) -> MaelstromService {
        let mut service = service("seq-kv", seed);
        for value in 0..count {
            assert_eq!(ask_short(&mut service, "writer", &format!("write 1 {value}")), "ok");
        }
        service
    }

    #[test]
    fn a_single_client_sees_its_own_writes() {
        for seed in 0..SEEDS {
            let mut service = service("seq-kv", seed);
            for (request, expected) in [
                ("read 1", "20"),
                ("cas 1 0 1", "20"),
                ("write 1 1", "ok"),
                ("read 1", "1"),
                ("cas 1 2 3", "22"),
                ("cas 1 1 3", "ok"),
                ("cas 1 3 3", "ok"),
                ("read 1", "3"),
                ("create 2 0 4", "ok"),
                ("create 2 0 5", "22"),
                ("read 2", "4"),
            ] {
                assert_eq!(ask_short(&mut service, "n1", request), expected, "{request}");
            }
        }
    }

    #[test]
    fn a_new_client_sees_any_of_the_last_32_states_and_none_older() {
        let count = 2 * KEPT_STATES;
        let mut seen = BTreeSet::new();
        for seed in 0..SEEDS {
            let mut service = counted(seed, count);
            let value: u64 = ask_short(&mut service, "stranger", "read 1").parse().unwrap();
            seen.insert(value);
        }
        assert_eq!(seen, (count - KEPT_STATES..count).collect());
    }

    /// Shares of the first, second and third reads that see the newest state, by a client that has
    /// missed this number of states. Each read draws uniformly from the states that are no older
    /// than the last one seen. With one missed state, a half of the first reads see the newest;
    /// with two, a third, and a half of the next reads of those that saw the state before it.
    /// Measured with Maelstrom, over clients of all kinds: 44, 68 and 84 %.
    #[test]
    fn reads_catch_up_as_fast_as_in_maelstrom() {
        #[track_caller]
        fn check(missed: u64, expected: [f64; 3]) {
            const ROUNDS: u32 = 10_000;
            let (mut service, mut fresh, mut next) = (service("seq-kv", 1), [0; 3], 0_u64..);
            for _ in 0..ROUNDS {
                let mut write = |client| {
                    let value = next.next().unwrap();
                    ask_short(&mut service, client, &format!("write 1 {value}"));
                    value.to_string()
                };
                // The value is new, so its writer has seen all states.
                let mut newest = write("reader");
                for _ in 0..missed {
                    newest = write("writer");
                }
                for count in &mut fresh {
                    *count += u32::from(ask_short(&mut service, "reader", "read 1") == newest);
                }
            }
            for (count, share) in fresh.into_iter().zip(expected) {
                let actual = f64::from(count) / f64::from(ROUNDS);
                assert!((actual - share).abs() < 0.02, "{missed} missed: {fresh:?}");
            }
        }
        check(0, [1.0, 1.0, 1.0]);
        check(1, [1.0 / 2.0, 3.0 / 4.0, 7.0 / 8.0]);
        check(2, [1.0 / 3.0, 11.0 / 18.0, 85.0 / 108.0]);
        check(3, [1.0 / 4.0, 25.0 / 48.0, 415.0 / 576.0]);
    }

    #[test]
    fn no_view_goes_back_and_all_clients_see_their_own_writes() {
        let mut stale = 0;
        for seed in 0..SEEDS {
            let (mut service, mut random) = (service("seq-kv", seed), Random::seeded(seed));
            let mut seen: BTreeMap<String, u64> = BTreeMap::new();
            // A read before the first write gets error 20, which is less than all values.
            for next in 1000..1200_u64 {
                let client = format!("n{}", random.below(4));
                let least = seen.entry(client.clone()).or_default();
                if random.below(2) == 0 {
                    ask_short(&mut service, &client, &format!("write 1 {next}"));
                    *least = next;
                    continue;
                }
                let read = ask_short(&mut service, &client, "read 1").parse().unwrap();
                let newest = seen.values().copied().max();
                let least = seen.get_mut(&client).unwrap();
                assert!(read >= *least, "seed {seed}: {read} after {least}");
                *least = read;
                stale += u64::from(Some(read) < newest);
            }
        }
        assert!(stale > SEEDS, "{stale} reads were stale");
    }

    #[test]
    fn a_unique_write_is_a_barrier_and_one_that_changes_nothing_is_none() {
        #[track_caller]
        fn check(request: &str, is_barrier: bool) {
            let last = (0..SEEDS).filter(|seed| {
                let mut service = counted(*seed, 20);
                ask_short(&mut service, "n1", request);
                ask_short(&mut service, "n1", "read 1") == "19"
            });
            assert_eq!(last.count() as u64 == SEEDS, is_barrier, "{request}");
        }
        check("write 2 \"unique\"", true);
        check("create 2 0 1", true);
        check("read 1", false);
        check("cas 1 \"wrong\" 20", false);
        check("cas 2 0 1", false);
    }

    /// Checks a history that is an example in Maelstrom's documentation.
    #[test]
    fn a_write_of_an_old_value_may_take_effect_in_the_past() {
        let mut reads = BTreeSet::new();
        for seed in 0..SEEDS {
            let mut service = service("seq-kv", seed);
            ask_short(&mut service, "n1", "write 1 1");
            // A compare-and-set without `create` could be tried on the empty state, and fail.
            assert_eq!(ask_short(&mut service, "n2", "create 1 1 2"), "ok");
            ask_short(&mut service, "n1", "write 1 1");
            reads.insert(ask_short(&mut service, "n2", "read 1"));
        }
        assert_eq!(reads, ["1", "2"].map(String::from).into());
    }

    #[test]
    fn a_compare_and_set_takes_effect_on_the_newest_state_only() {
        for seed in 0..SEEDS {
            let mut service = counted(seed, 2 * KEPT_STATES);
            assert_eq!(ask_short(&mut service, "n1", "cas 1 40 400"), "22");
            let (mut sum, mut tries) = (0, 0);
            while sum < 10 {
                let client = format!("n{}", tries % 3);
                let read = ask_short(&mut service, &client, "read \"sum\"");
                let from = if read == "20" { 0 } else { read.parse::<u64>().unwrap() };
                let request = format!("create \"sum\" {from} {}", from + 1);
                sum += u64::from(ask_short(&mut service, &client, &request) == "ok");
                tries += 1;
            }
            ask_short(&mut service, "n9", "write 9 9");
            assert_eq!(ask_short(&mut service, "n9", "read \"sum\""), "10");
        }
    }
}
