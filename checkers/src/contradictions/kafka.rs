//! Which sends and polls contradict each other, the most telling types of errors first.

use crate::contradiction::{self, Contradiction};
use crate::kafka::{Error, ErrorType, Index, Kafka, Key, Message, UpstreamFailure};
use crate::sentences::kafka as sentences;

/// Types of errors, the most telling first: what is lost, what a log cannot be, what was polled and
/// should not have been, and what came in another order. The others come after these.
const TELLING: [ErrorType; 11] = [
    ErrorType::LostWrite,
    ErrorType::Unseen,
    ErrorType::InconsistentOffsets,
    ErrorType::Duplicate,
    ErrorType::G1a,
    ErrorType::G1cRealtime,
    ErrorType::PollSkip,
    ErrorType::IntPollSkip,
    ErrorType::NonmonotonicPoll,
    ErrorType::IntNonmonotonicPoll,
    ErrorType::NonmonotonicSend,
];

/// The places of operations that contradict each other, and the message that is lost, doubled or
/// out of order.
type Evidence = (Vec<usize>, Option<Message>);

impl Kafka<'_> {
    /// The sends and polls that contradict each other; none if it is valid.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let index = &self.index;
        let bad = self.anomalies.iter().filter(|anomaly| anomaly.error_type.is_bad());
        let kinds = bad.map(|anomaly| {
            let name = anomaly.error_type.name();
            let first = anomaly.in_turn().into_iter().take(contradiction::MOST);
            let contradictions = first.filter_map(|error| {
                let what = format!("{name}: {}", sentences::of_error(index, error));
                contradiction(index, what, of_error(index, error))
            });
            (anomaly.error_type, contradictions.collect())
        });
        let unseen = self.unseen.iter().map(|unseen| {
            let first = sentences::unseen_messages(index, unseen).take(contradiction::MOST);
            let contradictions = first.filter_map(|(key, message, sentence)| {
                let last_poll = index.acts.all.iter().rposition(|act| act.poll_of(key).is_some());
                let evidence = with_writer(index, key, message, last_poll);
                contradiction(index, format!("unseen: {sentence}"), evidence)
            });
            (ErrorType::Unseen, contradictions.collect())
        });
        let mut kinds: Vec<(ErrorType, Vec<Contradiction>)> = kinds.chain(unseen).collect();
        let place = |error_type| TELLING.iter().position(|telling| *telling == error_type);
        kinds.sort_by_key(|(error_type, _)| place(*error_type).unwrap_or(TELLING.len()));
        let failure = self.failure.iter().filter_map(|failure| {
            contradiction(index, sentences::of_failure(index, failure), of_failure(index, failure))
        });
        let kinds = kinds.into_iter().map(|(_, contradictions)| contradictions);
        contradiction::by_turns(std::iter::once(failure.collect()).chain(kinds).collect())
    }
}

/// The contradiction, unless there are no operations to show.
fn contradiction(
    index: &Index<'_>,
    what: String,
    (acts, message): Evidence,
) -> Option<Contradiction> {
    let entries = acts.iter().map(|at| index.op(*at));
    let contradiction = Contradiction::between(index.history, what, entries);
    let contradiction = match message {
        Some(message) => contradiction.about(index.message(message)),
        None => contradiction,
    };
    (!acts.is_empty()).then_some(contradiction)
}

fn of_error(index: &Index<'_>, error: &Error) -> Evidence {
    match *error {
        // Who told of the messages, and what was told first.
        Error::InconsistentOffset { key, index: at } => {
            let slot = &index.orders.log(key).slots()[at];
            let witness = |message| Some((index.witness(key, slot.offset, message)?, message));
            let witnesses = slot.messages.iter().filter_map(|message| witness(*message));
            let mut witnesses: Vec<(usize, Message)> = witnesses.collect();
            witnesses.sort_unstable();
            let message = witnesses.first().map(|(_, message)| *message);
            (witnesses.into_iter().map(|(at, _)| at).collect(), message)
        }
        Error::Duplicate { key, message, ref offsets } => {
            let offsets = offsets.iter();
            let acts = offsets.filter_map(|offset| index.witness(key, *offset, message));
            with_writer(index, key, message, acts)
        }
        // Both operations, and the send of the first message left out or of the one that goes back.
        Error::PollStep(ref step) | Error::SendStep(ref step) => {
            let left_out = index.orders.log(step.key).skipped(step.delta).first();
            let message = left_out.map_or(step.to, |slot| slot.messages[0]);
            with_writer(index, step.key, message, step.ops)
        }
        Error::LostWrite { key, message, reader, .. } => with_writer(index, key, message, reader),
        Error::AbortedRead { key, message, reader: at, .. }
        | Error::PrecommittedRead { key, message, op: at }
        | Error::PrematureRead { key, message, reader: at, .. } => {
            with_writer(index, key, message, [at])
        }
        // A premature read shows the one better, and the other is about no operation.
        Error::Component { .. } | Error::NothingRelated => (Vec::new(), None),
    }
}

fn of_failure(index: &Index<'_>, failure: &UpstreamFailure<'_>) -> Evidence {
    match *failure {
        UpstreamFailure::NothingOf(key) => {
            let first = index.acts.all.iter().position(|act| act.poll_of(key).is_some());
            (first.into_iter().collect(), None)
        }
        UpstreamFailure::NoWriter { message, reader, .. } => {
            (reader.into_iter().collect(), Some(message))
        }
        UpstreamFailure::BadOffset(_) => (Vec::new(), None),
    }
}

/// These operations, and who sent the message.
fn with_writer(
    index: &Index<'_>,
    key: Key,
    message: Message,
    acts: impl IntoIterator<Item = usize>,
) -> Evidence {
    (acts.into_iter().chain(index.facts.writer(key, message)).collect(), Some(message))
}

#[cfg(test)]
mod tests {
    use crate::{edn::Value, kafka::story};

    /// Compares the first contradiction of a type, or the first at all, with what is expected of
    /// it; it says the same as the explanation.
    #[track_caller]
    fn check(text: &str, name: &str, operations: &[usize], message: Option<i64>) {
        let kafka = story::check(text);
        let contradictions = kafka.contradictions();
        let found = contradictions.iter().find(|found| found.what.starts_with(name));
        let found = found.unwrap_or_else(|| panic!("{contradictions:?}"));
        assert_eq!((&found.operations[..], &found.value), (operations, &message.map(Value::Int)));
        let sentence = found.what.strip_prefix(name).unwrap().trim_start_matches(": ");
        let explanation = kafka.explanation();
        assert!(explanation.iter().any(|line| line.trim() == sentence), "{sentence}");
    }

    #[test]
    fn sends_and_polls_that_contradict_each_other_are_named() {
        let lost = "0 send a 1 0\n0 send a 2 1\n0 send b 3 0\n1 assign a\n1 poll a 1:2";
        check(lost, "lost-write", &[0, 1, 8, 9], Some(1));
        check(lost, "unseen", &[0, 1, 8, 9], Some(1));
        let skipped = "0 send a 1 0\n0 send a 2 1\n0 send a 3 2\n1 assign a\n1 poll a 0:1\n\
             1 poll a 2:3\n2 assign a\n2 poll a 0:1 1:2 2:3";
        check(skipped, "poll-skip", &[2, 3, 8, 9, 10, 11], Some(2));
        let back = "0 send a 1 0\n0 send a 2 1\n1 assign a\n1 poll a 0:1 1:2\n1 poll a 0:1";
        check(back, "nonmonotonic-poll", &[0, 1, 6, 7, 8, 9], Some(1));
        let both = "0 send a 1 0\n0 send a 2 0\n1 poll a 0:1 0:2";
        check(both, "inconsistent-offsets", &[0, 1, 2, 3], Some(1));
        let twice = "0 send a 1 0\n1 assign a\n1 poll a 0:1 1:1";
        check(twice, "duplicate", &[0, 1, 4, 5], Some(1));
        check("0 send a 1 !\n1 poll a 0:1\n1 poll", "G1a", &[0, 1, 2, 3], Some(1));
        check("1 poll a 0:1\n0 send a 1 0", "G1c-realtime", &[0, 1, 2, 3], Some(1));
        check("0 send a 1 0\n1 poll a 0:1 1:99", "", &[2, 3], Some(99));
        check("0 send a 1 0\n1 poll a 0:1 b", "", &[2, 3], None);
    }

    #[test]
    fn what_upstream_lets_pass_contradicts_nothing() {
        let apart =
            "0 txn [[:send \"a\" [0 1]] [:send \"a\" [2 2]]]\n1 send a 3 1\n1 poll a 0:1 1:3 2:2";
        let kafka = story::check(apart);
        assert_eq!(kafka.anomalies.len(), 1);
        assert_eq!(kafka.contradictions(), []);
    }
}
