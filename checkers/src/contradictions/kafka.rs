//! The sends and polls that contradict each other, ordered by type of error.

use crate::contradiction::{self, Contradiction};
use crate::kafka::{
    ErrorType, HistoryIndex, KafkaResults, KeyId, LogError, MessageId, UpstreamFailure,
};
use crate::sentences::kafka as sentences;

/// Types of errors, the most informative first: lost messages, conflicting offsets, polls of
/// messages that were not committed, and wrong orders. The others come after these.
const BY_SEVERITY: [ErrorType; 11] = [
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

/// The positions of operations that contradict each other, and the message that is lost, duplicated
/// or out of order.
type ConflictingOps = (Vec<usize>, Option<MessageId>);

impl KafkaResults<'_> {
    /// The sends and polls that contradict each other; none if the history is valid.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let index = &self.index;
        let bad = self.errors.iter().filter(|anomaly| anomaly.error_type.is_bad());
        let kinds = bad.map(|anomaly| {
            let name = anomaly.error_type.name();
            let first = anomaly.chronological().into_iter().take(contradiction::MAX_CONTRADICTIONS);
            let contradictions = first.filter_map(|error| {
                let description = format!("{name}: {}", sentences::error_sentence(index, error));
                contradiction(index, description, of_error(index, error))
            });
            (anomaly.error_type, contradictions.collect())
        });
        let unseen = self.unseen.iter().map(|unseen| {
            let first =
                sentences::unseen_messages(index, unseen).take(contradiction::MAX_CONTRADICTIONS);
            let contradictions = first.filter_map(|(key, message, sentence)| {
                let last_poll =
                    index.ops.all.iter().rposition(|parsed| parsed.poll_of(key).is_some());
                let evidence = with_writer(index, key, message, last_poll);
                contradiction(index, format!("unseen: {sentence}"), evidence)
            });
            (ErrorType::Unseen, contradictions.collect())
        });
        let mut kinds: Vec<(ErrorType, Vec<Contradiction>)> = kinds.chain(unseen).collect();
        let place = |error_type| BY_SEVERITY.iter().position(|other| *other == error_type);
        kinds.sort_by_key(|(error_type, _)| place(*error_type).unwrap_or(BY_SEVERITY.len()));
        let failure = self.failure.iter().filter_map(|failure| {
            contradiction(
                index,
                sentences::failure_sentence(index, failure),
                of_failure(index, failure),
            )
        });
        let kinds = kinds.into_iter().map(|(_, contradictions)| contradictions);
        contradiction::round_robin(std::iter::once(failure.collect()).chain(kinds).collect())
    }
}

/// The contradiction, unless there are no operations to show.
fn contradiction(
    index: &HistoryIndex<'_>,
    description: String,
    (operations, message): ConflictingOps,
) -> Option<Contradiction> {
    let entries = operations.iter().map(|at| index.op(*at));
    let contradiction = Contradiction::between(index.history, description, entries);
    let contradiction = match message {
        Some(message) => contradiction.with_value(index.message(message)),
        None => contradiction,
    };
    (!operations.is_empty()).then_some(contradiction)
}

fn of_error(index: &HistoryIndex<'_>, error: &LogError) -> ConflictingOps {
    match *error {
        // The first reports of each message, and the message that was reported first.
        LogError::InconsistentOffset { key, slot: at } => {
            let slot = &index.logs.get(key).slots()[at];
            let report = |message| Some((index.first_report(key, slot.offset, message)?, message));
            let reports = slot.messages.iter().filter_map(|message| report(*message));
            let mut reports: Vec<(usize, MessageId)> = reports.collect();
            reports.sort_unstable();
            let message = reports.first().map(|(_, message)| *message);
            (reports.into_iter().map(|(at, _)| at).collect(), message)
        }
        LogError::Duplicate { key, message, ref offsets } => {
            let offsets = offsets.iter();
            let operations = offsets.filter_map(|offset| index.first_report(key, *offset, message));
            with_writer(index, key, message, operations)
        }
        // Both operations, and the send of the first skipped message or of the one that goes back.
        LogError::PollStep(ref step) | LogError::SendStep(ref step) => {
            let left_out = index.logs.get(step.key).skipped(step.delta).first();
            let message = left_out.map_or(step.to, |slot| slot.messages[0]);
            with_writer(index, step.key, message, step.ops)
        }
        LogError::LostWrite { key, message, reader, .. } => {
            with_writer(index, key, message, reader)
        }
        LogError::AbortedRead { key, message, reader: at, .. }
        | LogError::PrecommittedRead { key, message, op: at }
        | LogError::PrematureRead { key, message, reader: at, .. } => {
            with_writer(index, key, message, [at])
        }
        // A premature read shows a component better, and an empty graph is about no operation.
        LogError::Component { .. } | LogError::EmptyGraph => (Vec::new(), None),
    }
}

fn of_failure(index: &HistoryIndex<'_>, failure: &UpstreamFailure<'_>) -> ConflictingOps {
    match *failure {
        UpstreamFailure::OnlyEmptyPolls(key) => {
            let first = index.ops.all.iter().position(|parsed| parsed.poll_of(key).is_some());
            (first.into_iter().collect(), None)
        }
        UpstreamFailure::NoWriter { message, reader, .. } => {
            (reader.into_iter().collect(), Some(message))
        }
        UpstreamFailure::BadOffset(_) => (Vec::new(), None),
    }
}

/// These operations, and the send of the message.
fn with_writer(
    index: &HistoryIndex<'_>,
    key: KeyId,
    message: MessageId,
    operations: impl IntoIterator<Item = usize>,
) -> ConflictingOps {
    (operations.into_iter().chain(index.by_message.writer(key, message)).collect(), Some(message))
}

#[cfg(test)]
mod tests {
    use crate::{edn::Value, kafka::script};

    /// Checks the first contradiction whose text begins with `name`. Its sentence must also be in
    /// the explanation.
    #[track_caller]
    fn check(text: &str, name: &str, operations: &[usize], message: Option<i64>) {
        let kafka = script::check(text);
        let contradictions = kafka.contradictions();
        let found = contradictions.iter().find(|found| found.description.starts_with(name));
        let found = found.unwrap_or_else(|| panic!("{contradictions:?}"));
        assert_eq!((&found.operations[..], &found.value), (operations, &message.map(Value::Int)));
        let sentence = found.description.strip_prefix(name).unwrap().trim_start_matches(": ");
        let explanation = kafka.explanation();
        assert!(explanation.iter().any(|line| line.trim() == sentence), "{sentence}");
    }

    #[test]
    fn sends_and_polls_that_contradict_each_other_are_named() {
        let lost = "0 send a 1 0\n0 send a 2 1\n0 send b 3 0\n1 assign a\n1 poll a 1:2";
        check(lost, "lost-write", &[0, 1, 8, 9], Some(1));
        check(lost, "unseen", &[0, 1, 8, 9], Some(1));
        let skipped = "0 send a 1 0\n0 send a 2 1\n0 send a 3 2\n1 assign a\n1 poll a 0:1\n1 poll \
                       a 2:3\n2 assign a\n2 poll a 0:1 1:2 2:3";
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
    fn errors_that_upstream_allows_are_no_contradictions() {
        let apart =
            "0 txn [[:send \"a\" [0 1]] [:send \"a\" [2 2]]]\n1 send a 3 1\n1 poll a 0:1 1:3 2:2";
        let kafka = script::check(apart);
        assert_eq!(kafka.errors.len(), 1);
        assert_eq!(kafka.contradictions(), []);
    }
}
