//! Sentences about echoes and unique ids, and their contradictions.

use std::cmp::Reverse;

use eddy_text::printable;

use crate::contradiction::{Contradiction, MAX_CONTRADICTIONS};
use crate::echo::{EchoResults, WrongEcho};
use crate::edn::Value;
use crate::history::{History, Kind, Op};
use crate::unique_ids::{UniqueIdsResults, generate_ops};
use crate::wording::{self, counted, time};

/// Maximum length of a quoted request or reply, in characters.
const MAX_QUOTED_CHARS: usize = 800;

/// Maximum number of receivers of an id that are named. Two make it a contradiction; more show if
/// the same node always returned it.
const MAX_RECEIVERS: usize = 4;

impl EchoResults {
    /// The reason why it is not valid.
    pub fn reason(&self) -> Option<String> {
        let WrongEcho { sent, received } = self.errors.first()?;
        let (sent, received) = (quoted(&sent.value), quoted(&received.value));
        let wrong = counted(self.errors.len() as u64, "request");
        let verb = if self.errors.len() == 1 { "was" } else { "were" };
        Some(format!("{wrong} {verb} not echoed; the first was {sent}, answered with {received}"))
    }

    /// The first requests that were not echoed.
    pub fn contradictions(&self, history: &History) -> Vec<Contradiction> {
        let wrong = self.errors.iter().take(MAX_CONTRADICTIONS).map(|error| {
            let sent = &error.sent;
            Contradiction::between(history, error.sentence(), [sent]).with_value(&sent.value)
        });
        wrong.collect()
    }
}

impl WrongEcho {
    /// `process 3 sent "hi" at 0.120 s; the reply at 0.134 s was {"echo": "ho"}`.
    fn sentence(&self) -> String {
        let WrongEcho { sent, received } = self;
        let came_back = match received.kind {
            Kind::Fail => received.error.as_ref().map_or("an error".to_owned(), wording::error),
            _ => quoted(&received.value),
        };
        let (process, what, began) = (sent.process, quoted(&sent.value), time(sent));
        let ended = time(received);
        format!("process {process} sent {what} at {began}; the reply at {ended} was {came_back}")
    }
}

fn quoted(value: &Value) -> String {
    printable::excerpt(&value.json().to_string(), MAX_QUOTED_CHARS)
}

impl UniqueIdsResults {
    /// The reason why it is not valid.
    pub fn reason(&self) -> Option<String> {
        let (id, times) = self.duplicated.iter().max_by_key(|(_, times)| **times)?;
        let (ids, id) = (counted(self.duplicated_count as u64, "id"), id.json());
        let verb = if self.duplicated_count == 1 { "was" } else { "were" };
        Some(format!("{ids} {verb} given more than once; {id} most often, {times} times"))
    }

    /// The operations that received each of the most frequent duplicates; of equally frequent ones,
    /// the earliest first.
    pub fn contradictions(&self, history: &History) -> Vec<Contradiction> {
        let duplicated = self.duplicated.keys().map(|id| {
            let given = generate_ops(history, Kind::Ok).filter(|op| op.value == *id);
            (id, given.collect())
        });
        let mut duplicated: Vec<(&Value, Vec<&Op>)> = duplicated.collect();
        let second = |given: &[&Op]| given.get(1).map(|op| op.index);
        duplicated.sort_by_key(|(_, given)| (Reverse(given.len()), second(given)));
        let duplicated = duplicated.into_iter().take(MAX_CONTRADICTIONS).map(|(id, given)| {
            Contradiction::between(history, given_to(id, &given), given).with_value(id)
        });
        duplicated.collect()
    }
}

/// `id 7 was given 2 times: to process 0 at 0.120 s and to process 2 at 1.334 s`.
fn given_to(id: &Value, given: &[&Op]) -> String {
    let few = given.iter().take(MAX_RECEIVERS);
    let mut few: Vec<String> =
        few.map(|op| format!("to process {} at {}", op.process, time(op))).collect();
    let last = match given.len().saturating_sub(MAX_RECEIVERS) {
        0 => few.pop().unwrap_or_default(),
        rest => counted(rest as u64, "more time"),
    };
    let times = counted(given.len() as u64, "time");
    let id = id.json();
    format!("id {id} was given {times}: {} and {last}", few.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::history;
    use crate::{echo, unique_ids};

    #[test]
    fn a_request_contradicts_a_wrong_reply() {
        let history = history(
            "0 invoke echo \"hi\"\n3 invoke echo \"hu\"\n0 ok echo {:echo \"hi\"}
             3 ok echo {:echo \"ho\"}\n0 invoke echo \"no\"\n0 fail echo \"no\"",
        );
        let contradictions = echo::check(&history).contradictions(&history);
        let [wrong, refused] = &contradictions[..] else { panic!("{contradictions:?}") };
        let what = "process 3 sent \"hu\" at 0.010 s; the reply at 0.030 s was {\"echo\":\"ho\"}";
        assert_eq!((&*wrong.description, &wrong.operations[..]), (what, &[1, 3][..]));
        assert_eq!(wrong.value, Some("hu".into()));
        let what = "process 0 sent \"no\" at 0.040 s; the reply at 0.050 s was an error";
        assert_eq!((&*refused.description, &refused.operations[..]), (what, &[4, 5][..]));
    }

    #[test]
    fn operations_that_received_the_same_id_contradict_each_other() {
        let ids = [(0, 7), (1, 8), (2, 7), (0, 9), (1, 9), (2, 9), (0, 9), (1, 9), (2, 9)];
        let lines = ids.iter().map(|(process, id)| {
            format!("{process} invoke generate nil\n{process} ok generate {id}\n")
        });
        let ids = history(&lines.collect::<String>());
        let given = unique_ids::check(&ids).contradictions(&ids);
        let [often, twice] = &given[..] else { panic!("{given:?}") };
        assert_eq!(
            often.description,
            "id 9 was given 6 times: to process 0 at 0.070 s, to process 1 at 0.090 s, to process \
             2 at 0.110 s, to process 0 at 0.130 s and 2 more times"
        );
        assert_eq!(often.operations, (6..18).collect::<Vec<_>>());
        let what = "id 7 was given 2 times: to process 0 at 0.010 s and to process 2 at 0.050 s";
        assert_eq!((&*twice.description, &twice.operations[..]), (what, &[0, 1, 4, 5][..]));
        assert_eq!([&often.value, &twice.value], [&Some(Value::Int(9)), &Some(Value::Int(7))]);
        let once = history("0 invoke generate nil\n0 ok generate 1");
        assert_eq!(unique_ids::check(&once).contradictions(&once), []);
    }
}
