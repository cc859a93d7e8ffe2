//! `lin-tso`: a counter from 0, advanced when a request is delivered. So a timestamp is larger than
//! all that were returned before it was requested.

use super::ServiceReply;

/// The next timestamp.
#[derive(Debug, Default)]
pub(super) struct TimestampCounter(u64);

impl TimestampCounter {
    /// Returns the next timestamp.
    pub(super) fn next(&mut self) -> ServiceReply {
        let ts = self.0;
        self.0 += 1;
        ServiceReply::TsOk { ts }
    }
}

#[cfg(test)]
mod tests {
    use crate::random::Random;
    use crate::service::testing::{ask, ask_short, service};

    #[test]
    fn timestamps_count_from_zero_for_all_clients_together() {
        for seed in 0..200 {
            let (mut service, mut random) = (service("lin-tso", seed), Random::seeded(seed));
            for expected in 0..50 {
                let client = format!("n{}", random.below(3));
                assert_eq!(ask_short(&mut service, &client, "ts"), expected.to_string());
            }
        }
    }

    #[test]
    fn an_invalid_request_uses_no_timestamp() {
        let mut service = service("lin-tso", 1);
        assert_eq!(ask_short(&mut service, "n1", "read 1"), "10");
        assert_eq!(ask(&mut service, "n1", r#"{"type":"ts_ok","ts":5,"in_reply_to":1}"#), None);
        assert_eq!(ask_short(&mut service, "n1", "ts"), "0");
    }
}
