//! The checker of Maelstrom's echo workload: each reply echoes its request.
//!
//! Upstream skips indeterminate requests: one that timed out is no evidence. One that failed counts
//! as a wrong echo.

use super::Validity;
use crate::{
    edn::Value,
    history::{History, Kind, Op},
};

/// The findings on the echoes of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct EchoResults {
    /// Valid unless there are errors.
    pub valid: Validity,
    /// The wrong echoes, in the order of the requests.
    pub errors: Vec<WrongEcho>,
}

/// A request whose reply does not echo it.
#[derive(Debug, Clone, PartialEq)]
pub struct WrongEcho {
    /// The request, whose value was to be echoed.
    pub sent: Op,
    /// Its completion. The value is the body of the reply, or the request's value if it failed.
    pub received: Op,
}

/// Compares each request with the `:echo` of its reply.
pub fn check(history: &History) -> EchoResults {
    let requests = history.client_ops().filter(|op| op.kind == Kind::Invoke);
    let pairs = requests.filter_map(|sent| Some((sent, history.completion(sent)?)));
    let certain = pairs.filter(|(_, received)| received.kind != Kind::Info);
    let wrong = certain
        .filter(|(sent, received)| received.value.get("echo").unwrap_or(&Value::Nil) != &sent.value)
        .map(|(sent, received)| WrongEcho { sent: sent.clone(), received: received.clone() });
    let errors: Vec<WrongEcho> = wrong.collect();
    EchoResults { valid: errors.is_empty().into(), errors }
}

#[cfg(test)]
mod tests {
    use super::super::testing::history;

    #[track_caller]
    fn check(completion: &str, expected: &str) {
        let history = history(&format!("0 invoke echo \"hi\"\n{completion}"));
        assert_eq!(super::check(&history).to_edn().to_string(), expected);
    }

    #[test]
    fn a_reply_must_hold_what_was_sent() {
        check("0 ok echo {:type \"echo_ok\", :echo \"hi\"}", "{:valid? true, :errors ()}");
        check(
            "0 ok echo {:echo \"ho\"}",
            "{:valid? false, :errors ([\"Expected a message with :echo\" \"hi\" {:echo \"ho\"}])}",
        );
        check(
            "0 ok echo {}",
            "{:valid? false, :errors ([\"Expected a message with :echo\" \"hi\" {}])}",
        );
    }

    #[test]
    fn a_failure_is_a_wrong_echo_and_a_timeout_is_not() {
        check("", "{:valid? true, :errors ()}");
        check("0 info echo \"hi\"", "{:valid? true, :errors ()}");
        check(
            "0 fail echo \"hi\"",
            "{:valid? false, :errors ([\"Expected a message with :echo\" \"hi\" \"hi\"])}",
        );
    }
}
