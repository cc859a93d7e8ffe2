//! Whether each reply echoed its request: the checker of Maelstrom's echo workload.
//!
//! Upstream compares only requests that ended certainly: one that timed out is no evidence, while
//! one that was refused counts as a wrong echo.

use eddy_text::printable;

use super::{
    Contradiction, Validity, contradiction,
    sentence::{self, counted, time},
};
use crate::{
    edn::{Map, Value},
    history::{History, Kind, Op},
};

/// How much of what was sent and what came back is quoted in a sentence, in letters.
const QUOTED: usize = 800;

/// What is to be said about the echoes of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    /// Valid unless there are errors.
    pub valid: Validity,
    /// The wrong echoes, in the order of the requests.
    pub errors: Vec<WrongEcho>,
    /// The first of them, by operations.
    pub contradictions: Vec<Contradiction>,
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
    let wrong: Vec<(&Op, &Op)> = pairs
        .filter(|(_, received)| received.kind != Kind::Info)
        .filter(|(sent, received)| received.value.get("echo").unwrap_or(&Value::Nil) != &sent.value)
        .collect();
    let errors = wrong.iter().map(|(sent, received)| WrongEcho {
        sent: sent.value.clone(),
        received: received.value.clone(),
    });
    let contradictions = wrong.iter().take(contradiction::MOST).map(|(sent, received)| {
        let what = contradicted(sent, received);
        Contradiction::between(history, what, [*sent]).about(&sent.value)
    });
    Echo {
        valid: wrong.is_empty().into(),
        errors: errors.collect(),
        contradictions: contradictions.collect(),
    }
}

/// `process 3 sent "hi" at 0.120 s, and what came back at 0.134 s is {"echo": "ho"}`.
fn contradicted(sent: &Op, received: &Op) -> String {
    let came_back = match received.kind {
        Kind::Fail => received.error.as_ref().map_or("an error".to_owned(), sentence::error),
        _ => quoted(&received.value),
    };
    let (began, ended) = (time(sent), time(received));
    let (process, what) = (sent.process, quoted(&sent.value));
    format!(
        "process {process} sent {what} at {began}, and what came back at {ended} is {came_back}"
    )
}

fn quoted(value: &Value) -> String {
    printable::excerpt(&value.json().to_string(), QUOTED)
}

impl Echo {
    /// Why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        let WrongEcho { sent, received } = self.errors.first()?;
        let (sent, received) = (quoted(sent), quoted(received));
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

    #[test]
    fn a_request_contradicts_what_came_back() {
        let history = history(
            "0 invoke echo \"hi\"\n3 invoke echo \"hu\"\n0 ok echo {:echo \"hi\"}
             3 ok echo {:echo \"ho\"}\n0 invoke echo \"no\"\n0 fail echo \"no\"",
        );
        let contradictions = super::check(&history).contradictions;
        let [wrong, refused] = &contradictions[..] else { panic!("{contradictions:?}") };
        let what =
            "process 3 sent \"hu\" at 0.010 s, and what came back at 0.030 s is {\"echo\":\"ho\"}";
        assert_eq!((&*wrong.what, &wrong.operations[..]), (what, &[1, 3][..]));
        assert_eq!(wrong.value, Some("hu".into()));
        let what = "process 0 sent \"no\" at 0.040 s, and what came back at 0.050 s is an error";
        assert_eq!((&*refused.what, &refused.operations[..]), (what, &[4, 5][..]));
    }
}
