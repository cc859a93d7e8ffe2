//! `lin-kv`: one map. It is linearizable because every operation takes effect at one instant
//! between its invocation and its completion, namely when its request is delivered.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::operation::{StoreRequest, StoredValue};
use super::{KeyValueStore, ServiceReply};
use crate::edn::Value;
use crate::random::Random;

#[derive(Debug, Default)]
pub(super) struct LinearizableStore(BTreeMap<Rc<Value>, StoredValue>);

impl KeyValueStore for LinearizableStore {
    fn handle(&mut self, _: &str, request: &StoreRequest, _: &mut Random) -> ServiceReply {
        let StoreRequest { key, operation } = request;
        let (reply, written) = operation.apply(self.0.get(key));
        if let Some(value) = written {
            self.0.insert(key.clone(), value.clone());
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use crate::random::Random;
    use crate::service::testing::{ask_short, service};

    #[test]
    fn requests_are_answered_from_what_came_before() {
        let mut service = service("lin-kv", 1);
        for (client, request, expected) in [
            ("n1", "read 1", "20"),
            ("n1", "cas 1 0 1", "20"),
            ("n1", "write 1 [1]", "ok"),
            ("n2", "read 1", "[1]"),
            ("n2", "cas 1 [2] 3", "22"),
            ("n1", "read 1", "[1]"),
            ("n2", "cas 1 [1] 3", "ok"),
            ("n1", "read 1", "3"),
            ("n1", "read \"1\"", "20"),
            ("n1", "create \"1\" 0 4", "ok"),
            ("n2", "create \"1\" 0 5", "22"),
            ("n2", "create \"1\" 4 5", "ok"),
            ("n1", "read \"1\"", "5"),
        ] {
            assert_eq!(ask_short(&mut service, client, request), expected, "{request}");
        }
    }

    /// Compares the service with a model: one register for each of three keys.
    #[test]
    fn every_answer_is_that_of_the_last_write_delivered() {
        for seed in 0..200 {
            let (mut service, mut random) = (service("lin-kv", seed), Random::seeded(seed));
            let mut registers: [Option<u64>; 3] = [None; 3];
            for _ in 0..100 {
                let client = format!("n{}", random.below(3));
                let (from, to, index) = (random.below(3), random.below(3), random.below(3));
                let register = &mut registers[usize::try_from(index).unwrap()];
                let (request, expected) = match (random.below(3), &*register) {
                    (0, None) => (format!("read {index}"), "20".to_owned()),
                    (0, Some(value)) => (format!("read {index}"), value.to_string()),
                    (1, _) => (format!("write {index} {to}"), "ok".to_owned()),
                    (_, None) => (format!("cas {index} {from} {to}"), "20".to_owned()),
                    (_, Some(value)) => {
                        let answer = if *value == from { "ok" } else { "22" };
                        (format!("cas {index} {from} {to}"), answer.to_owned())
                    }
                };
                assert_eq!(ask_short(&mut service, &client, &request), expected, "{request}");
                if expected == "ok" {
                    *register = Some(to);
                }
            }
        }
    }
}
