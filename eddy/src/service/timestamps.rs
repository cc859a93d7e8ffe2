//! `lin-tso`: counts from 0. Requests are counted as they are delivered, so a timestamp is larger
//! than all those that were answered before it was asked for.

use super::Reply;

/// The next timestamp.
#[derive(Debug, Default)]
pub(super) struct Timestamps(u64);

impl Timestamps {
    /// Hands out the next one.
    pub(super) fn next(&mut self) -> Reply {
        let ts = self.0;
        self.0 += 1;
        Reply::TsOk { ts }
    }
}

#[cfg(test)]
mod tests {
    use crate::random::Random;
    use crate::service::testing::{ask, service, short};

    #[test]
    fn timestamps_count_from_zero_whoever_asks() {
        for seed in 0..200 {
            let (mut service, mut random) = (service("lin-tso", seed), Random::seeded(seed));
            for expected in 0..50 {
                let client = format!("n{}", random.below(3));
                assert_eq!(short(&mut service, &client, "ts"), expected.to_string());
            }
        }
    }

    #[test]
    fn what_is_refused_uses_up_no_timestamp() {
        let mut service = service("lin-tso", 1);
        assert_eq!(short(&mut service, "n1", "read 1"), "10");
        assert_eq!(ask(&mut service, "n1", r#"{"type":"ts_ok","ts":5,"in_reply_to":1}"#), None);
        assert_eq!(short(&mut service, "n1", "ts"), "0");
    }
}
