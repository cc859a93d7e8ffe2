//! Whether each reply echoed its request: the checker of Maelstrom's echo workload.
//!
//! Upstream compares only requests that ended certainly: one that timed out is no evidence, while
//! one that was refused counts as a wrong echo.

use super::{Validity, sentence::counted};
use crate::{
    edn::{Map, Value},
    history::{History, Kind},
};

/// What is to be said about the echoes of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    /// Valid unless there are errors.
    pub valid: Validity,
    /// The wrong echoes, in the order of the requests.
    pub errors: Vec<WrongEcho>,
}

/// A request that was not echoed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongEcho {
    /// What was to be echoed.
    pub sent: Value,
    /// The body of the reply, or the request's value if an error came back.
    pub received: Value,
}

/// Compares each request with the `:echo` of its reply.
pub fn check(history: &History) -> Echo {
    let requests = history.clients().filter(|op| op.kind == Kind::Invoke);
    let pairs = requests.filter_map(|sent| Some((sent, history.completion(sent)?)));
    let errors: Vec<_> = pairs
        .filter(|(_, received)| received.kind != Kind::Info)
        .filter(|(sent, received)| received.value.get("echo").unwrap_or(&Value::Nil) != &sent.value)
        .map(|(sent, received)| WrongEcho {
            sent: sent.value.clone(),
            received: received.value.clone(),
        })
        .collect();
    Echo { valid: errors.is_empty().into(), errors }
}

impl Echo {
    /// Why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        let WrongEcho { sent, received } = self.errors.first()?;
        let wrong = counted(self.errors.len() as u64, "request");
        Some(format!("{wrong} not echoed; the first was {sent}, and what came back {received}"))
    }

    /// The map under `:workload`.
    pub fn to_edn(&self) -> Value {
        let errors = self.errors.iter().map(|WrongEcho { sent, received }| {
            vec!["Expected a message with :echo".into(), sent.clone(), received.clone()].into()
        });
        let errors = Value::List(errors.collect());
        Map::new().with("valid?", self.valid).with("errors", errors).into()
    }
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
    fn a_refusal_is_a_wrong_echo_and_silence_is_not() {
        check("", "{:valid? true, :errors ()}");
        check("0 info echo \"hi\"", "{:valid? true, :errors ()}");
        check(
            "0 fail echo \"hi\"",
            "{:valid? false, :errors ([\"Expected a message with :echo\" \"hi\" \"hi\"])}",
        );
    }
}
