//! Sentences about the errors of the `kafka` checker.

mod phrases;

use self::phrases::{ends, first_report, left_out, sent, when, who};
use super::type_change;
use crate::Validity;
use crate::edn::Value;
use crate::kafka::{
    ErrorType, ErrorsOfType, HistoryIndex, KafkaResults, KeyId, LogError, LogStep, MessageId,
    Unseen, UpstreamFailure,
};
use crate::wording::{
    MAX_NAMED, counted, first_and_count, first_few, list_first, missing_times_warning,
};

/// Maximum number of errors of a type that are explained: one to understand it, more to see what
/// they have in common.
const MAX_EXPLAINED: usize = 3;

impl KafkaResults<'_> {
    /// The reason why the history is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        if let Some(failure) = &self.failure {
            return Some(failure_sentence(&self.index, failure));
        }
        let bad = self.errors.iter().filter(|anomaly| anomaly.error_type.is_bad());
        let unseen = self.unseen.iter();
        let bad: Vec<String> = bad.map(title).chain(unseen.map(title_of_unseen)).collect();
        (!bad.is_empty()).then(|| bad.join(", "))
    }

    /// The explanation of each error in lines of text; empty if the history is valid.
    pub fn explanation(&self) -> Vec<String> {
        if self.valid == Validity::Valid {
            return Vec::new();
        }
        let index = &self.index;
        let failure = self.failure.iter();
        let mut lines: Vec<String> =
            failure.map(|failure| failure_sentence(index, failure)).collect();
        let mut add = |title: String, error_type, sentences: Vec<String>| {
            lines.push(format!("{title}: {}", meaning(error_type)));
            lines.extend(sentences.into_iter().map(|sentence| format!("  {sentence}")));
        };
        for anomaly in self.errors.iter().filter(|anomaly| anomaly.error_type.is_bad()) {
            let first = anomaly.chronological().into_iter().take(MAX_EXPLAINED);
            let mut sentences: Vec<String> =
                first.map(|error| error_sentence(index, error)).collect();
            if anomaly.count() > MAX_EXPLAINED {
                sentences
                    .push(format!("and {} more of this kind", anomaly.count() - MAX_EXPLAINED));
            }
            add(title(anomaly), anomaly.error_type, sentences);
        }
        if let Some(unseen) = &self.unseen {
            let sentences = unseen_messages(index, unseen).map(|(.., sentence)| sentence);
            let sentences = first_few(sentences, "messages that nobody polled");
            add(title_of_unseen(unseen), ErrorType::Unseen, sentences);
        }
        lines
    }

    /// The warnings about errors that upstream overlooks, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let (index, overlooked) = (&self.index, &self.overlooked);
        let steps = overlooked.steps.iter().map(|step| error_sentence(index, step));
        let steps = steps.map(|step| format!("{step} (with an empty poll in between)"));
        let unassigned = overlooked.unassigned.iter().map(|(at, key)| {
            let (op, key) = (index.op(*at), index.key(*key).json());
            format!("{} polled key {key} ({}), which was not assigned to it", who(op), when(op))
        });
        let excessive = overlooked.excessive_offsets.iter().map(|(key, offset)| {
            format!(
                "key {}: offset {offset} is too great for Maelstrom's checker, which keeps an \
                 entry for each offset up to it",
                index.key(*key).json()
            )
        });
        let negative = overlooked.negative_offsets.iter().map(|(key, offset)| {
            let key = index.key(*key).json();
            format!("key {key}: Maelstrom ignores the negative offset {offset}")
        });
        let unparsed = index.ops.unparsed;
        let warnings = [
            first_and_count(steps, "steps in logs that Maelstrom overlooks"),
            first_and_count(unassigned, "polls of keys that were not assigned"),
            first_and_count(excessive.chain(negative), "keys with odd offsets"),
            (unparsed > 0).then(|| {
                let values = counted(unparsed as u64, "value");
                format!("{values} of operations could not be parsed")
            }),
            missing_times_warning(index.history),
        ];
        warnings.into_iter().flatten().collect()
    }
}

/// An error type with its number of errors: `poll-skip (3)`.
fn title(anomaly: &ErrorsOfType) -> String {
    format!("{} ({})", anomaly.error_type.name(), anomaly.count())
}

/// The title of unseen messages: `unseen (2 messages of 1 key)`.
fn title_of_unseen(unseen: &Unseen) -> String {
    let messages: usize = unseen.messages.values().map(Vec::len).sum();
    let keys = counted(unseen.messages.len() as u64, "key");
    format!("unseen ({} of {keys})", counted(messages as u64, "message"))
}

/// The meaning of an error type.
fn meaning(error_type: ErrorType) -> &'static str {
    match error_type {
        ErrorType::G1a => "a message was polled although sending it failed",
        ErrorType::G1cRealtime => "a message was polled before it was sent",
        ErrorType::Duplicate => "one message has several offsets",
        ErrorType::EmptyTransactionGraph => "there is too little to judge",
        ErrorType::InconsistentOffsets => "different messages have the same offset",
        ErrorType::IntNonmonotonicPoll => "a poll goes back in the log within one operation",
        ErrorType::IntNonmonotonicSend => {
            "the log has one operation's messages in another order than it sent them"
        }
        ErrorType::IntPollSkip => "a poll skips messages within one operation",
        ErrorType::IntSendSkip => "the log has other messages between those of one operation",
        ErrorType::LostWrite => {
            "nobody polled an acknowledged message, though greater offsets were polled"
        }
        ErrorType::NonmonotonicPoll => "a poll goes back in the log since the previous poll",
        ErrorType::NonmonotonicSend => "a later send of a client is earlier in the log",
        ErrorType::PollSkip => "a poll skips messages since the previous poll",
        ErrorType::PrecommittedRead => "an operation polled a message that it sent itself",
        ErrorType::StrongPl2CycleExists => "operations depend on each other in a cycle",
        ErrorType::Unseen => "nobody polled a message that was acknowledged",
    }
}

/// An error in a sentence.
pub(crate) fn error_sentence(index: &HistoryIndex<'_>, error: &LogError) -> String {
    let named = |key: KeyId| index.key(key).json();
    let value = |message: MessageId| index.message(message).json();
    match *error {
        LogError::InconsistentOffset { key, slot: at } => {
            let slot = &index.logs.get(key).slots()[at];
            let reports = slot.messages.iter().map(|message| {
                let report = first_report(index, key, slot.offset, *message);
                format!("{} by {report}", value(*message))
            });
            format!(
                "key {}: {} have the same offset {}: {}",
                named(key),
                list_first(slot.messages.iter().map(|message| index.message(*message))),
                slot.offset,
                reports.collect::<Vec<_>>().join("; "),
            )
        }
        LogError::Duplicate { key, message, ref offsets } => {
            let report = |offset: &i64| first_report(index, key, *offset, message);
            let few = offsets.iter().take(MAX_NAMED);
            let reports = few.map(|offset| format!("offset {offset} by {}", report(offset)));
            format!(
                "key {}: {} was sent once ({}), but has {} offsets: {}",
                named(key),
                value(message),
                sent(index, key, message),
                offsets.len(),
                reports.collect::<Vec<_>>().join("; "),
            )
        }
        LogError::PollStep(ref step) if step.from == step.to => step_sentence(
            index,
            step,
            "polled",
            "the same message again, though nothing rewound it",
        ),
        LogError::PollStep(ref step) => {
            step_sentence(index, step, "polled", "back in the log, though nothing rewound it")
        }
        LogError::SendStep(ref step) => {
            step_sentence(index, step, "sent", "a later message must have a greater offset")
        }
        LogError::LostWrite { key, message, bound, reader, .. } => {
            let polled = |op| format!("{} ({})", who(op), when(op));
            format!(
                "key {}: {}, and nobody ever polled it, though {} polled as far as offset {}",
                named(key),
                sent(index, key, message),
                reader.map_or("somebody".to_owned(), |reader| polled(index.op(reader))),
                index.logs.get(key).slots()[bound].offset,
            )
        }
        LogError::AbortedRead { key, message, reader, .. } => format!(
            "key {}: {} polled {} ({}), though {}: a definite error promises that nobody ever \
             polls the message",
            named(key),
            who(index.op(reader)),
            value(message),
            when(index.op(reader)),
            sent(index, key, message),
        ),
        LogError::PrecommittedRead { key, message, op } => format!(
            "key {}: {} polled {} in the operation that sends it ({})",
            named(key),
            who(index.op(op)),
            value(message),
            when(index.op(op)),
        ),
        LogError::PrematureRead { key, message, reader, writer } => format!(
            "key {}: {} had polled {} ({}) before {} began to send it ({}), so the poll \
             returned a message that did not exist yet",
            named(key),
            who(index.op(reader)),
            value(message),
            when(index.op(reader)),
            who(index.op(writer)),
            index.history.invocation(index.op(writer)).map_or(String::new(), when),
        ),
        LogError::Component { ref indices } => format!(
            "{} operations, from index {} to {}, would each have to come before all others: a send \
             comes before its polls, and an operation before those that begin after its end",
            indices.len(),
            indices[0],
            indices[indices.len() - 1],
        ),
        LogError::EmptyGraph => "no operation began after another one had ended, so there is \
                                 nothing to judge; run a longer test"
            .to_owned(),
    }
}

fn step_sentence(index: &HistoryIndex<'_>, step: &LogStep, verb: &str, backwards: &str) -> String {
    let key = index.key(step.key).json();
    let ends = ends(index, step, verb);
    match index.logs.get(step.key).skipped(step.delta) {
        [] => format!("key {key}: {ends}: {backwards}"),
        skipped => {
            let left_out = left_out(index, step.key, skipped, index.op(step.ops[1]));
            format!("key {key}: {ends}, but not {left_out}")
        }
    }
}

/// The unseen messages, and a sentence about each.
pub(crate) fn unseen_messages(
    index: &HistoryIndex<'_>,
    unseen: &Unseen,
) -> impl Iterator<Item = (KeyId, MessageId, String)> {
    let named = move |key: KeyId| index.key(key).json();
    let acknowledged = unseen.acknowledged.iter().map(move |(key, message)| {
        let sender = sent(index, *key, *message);
        let sentence = format!("key {}: {sender}, and nobody ever polled it", named(*key));
        (*key, *message, sentence)
    });
    let polled_last = unseen.polled_last.iter().map(move |(key, message)| {
        let value = index.message(*message).json();
        let sentence = format!(
            "key {}: {value} was polled only by the last operation, and no send to this key was \
             acknowledged, so Maelstrom counts it as unseen",
            named(*key)
        );
        (*key, *message, sentence)
    });
    acknowledged.chain(polled_last)
}

/// The failure of upstream's checker, in a sentence.
pub(crate) fn failure_sentence(index: &HistoryIndex<'_>, failure: &UpstreamFailure<'_>) -> String {
    match *failure {
        UpstreamFailure::OnlyEmptyPolls(key) => format!(
            "polls returned key {} but never a message of it, and Maelstrom's checker fails on \
             that; a node should omit from poll_ok the keys that it has no messages for",
            index.key(key).json(),
        ),
        UpstreamFailure::NoWriter { key, message, reader } => {
            let value = index.message(message);
            let is_known = |known: &Value| {
                let known = index.ops.messages.get(known);
                known.is_some_and(|known| index.by_message.writer(key, known).is_some())
            };
            let polled = |op| format!("{} polled it ({}); ", who(op), when(op));
            format!(
                "key {}: nobody sent {}: {}Maelstrom's checker fails on messages that nobody \
                 sent{}",
                index.key(key).json(),
                value.json(),
                reader.map(|reader| polled(index.op(reader))).unwrap_or_default(),
                type_change::hint(value, is_known),
            )
        }
        UpstreamFailure::BadOffset(offset) => format!(
            "{offset} is not an offset: Maelstrom's checker fails on all but integers of 64 bits"
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::kafka::script;

    #[test]
    fn an_explanation_has_a_title_for_each_type_and_the_reason_has_the_titles() {
        let lost = script::check("0 send a 1 0\n0 send a 2 1\n1 poll a 1:2");
        let lines = [
            "lost-write (1): nobody polled an acknowledged message, though greater offsets were \
             polled",
            "  key \"a\": process 0 sent 1 (index 0 to 1, 0.010 s), acknowledged at offset 0, and \
             nobody ever polled it, though process 1 (index 5, 0.050 s) polled as far as offset 1",
            "unseen (1 message of 1 key): nobody polled a message that was acknowledged",
            "  key \"a\": process 0 sent 1 (index 0 to 1, 0.010 s), acknowledged at offset 0, and \
             nobody ever polled it",
        ];
        assert_eq!(lost.explanation(), lines);
        assert_eq!(lost.reason().unwrap(), "lost-write (1), unseen (1 message of 1 key)");
    }

    /// Checks that the explanation has a sentence under a title.
    #[track_caller]
    fn check(text: &str, title: &str, sentence: &str) {
        let lines = script::check(text).explanation();
        let found = lines.iter().position(|line| line.trim() == sentence);
        let above = &lines[..found.unwrap_or_else(|| panic!("{lines:#?}"))];
        let heading = above.iter().rev().find(|line| !line.starts_with(' '));
        assert_eq!(heading.map(String::as_str), Some(title), "{lines:#?}");
    }

    #[test]
    fn every_error_is_a_sentence_with_processes_messages_and_times() {
        let skipped = "0 send a 1 0\n0 send a 2 1\n0 send a 3 2\n1 assign a\n1 poll a 0:1\n1 poll \
                       a 2:3\n2 assign a\n2 poll a 0:1 1:2 2:3";
        check(
            skipped,
            "poll-skip (1): a poll skips messages since the previous poll",
            "key \"a\": process 1 polled 1 at offset 0 (index 9, 0.090 s), and then 3 at offset 2 \
             (index 11, 0.110 s), but not 2 at offset 1, which process 0 sent (index 2 to 3, 0.030 \
             s)",
        );
        check(
            "0 send a 1 0\n0 send a 3 2\n1 poll a 0:1 2:3\n0 send a 2 1\n2 poll a 0:1 1:2 2:3",
            "int-poll-skip (1): a poll skips messages within one operation",
            "key \"a\": process 1 polled 1 at offset 0 and then 3 at offset 2 in one operation \
             (index 5, 0.050 s), but not 2 at offset 1, which process 0 sent (index 6 to 7, 0.070 \
             s), after this poll: the node gave it an offset below one that had been polled",
        );
        check(
            "0 send a 1 0\n0 send a 2 1\n1 assign a\n1 poll a 0:1 1:2\n1 poll a 0:1",
            "nonmonotonic-poll (1): a poll goes back in the log since the previous poll",
            "key \"a\": process 1 polled 2 at offset 1 (index 7, 0.070 s), and then 1 at offset 0 \
             (index 9, 0.090 s): back in the log, though nothing rewound it",
        );
        check(
            "0 send a 1 0\n1 assign a\n1 poll a 0:1\n1 poll a 0:1",
            "nonmonotonic-poll (1): a poll goes back in the log since the previous poll",
            "key \"a\": process 1 polled 1 at offset 0 (index 5, 0.050 s), and then 1 at offset 0 \
             (index 7, 0.070 s): the same message again, though nothing rewound it",
        );
        check(
            "0 send a 1 0\n0 send a 2 1\n\
             1 txn [[:send \"b\" [0 3]] [:poll {\"a\" [[1 2] [0 1]]}]]\n1 poll b 0:3",
            "int-nonmonotonic-poll (2): a poll goes back in the log within one operation",
            "key \"a\": process 1 polled 2 at offset 1 and then 1 at offset 0 in one operation \
             (index 5, 0.050 s): back in the log, though nothing rewound it",
        );
        check(
            "0 txn [[:send \"a\" [1 1]] [:send \"a\" [0 2]]]\n1 poll a 0:2 1:1",
            "int-nonmonotonic-send (1): the log has one operation's messages in another order than \
             it sent them",
            "key \"a\": process 0 sent 1 at offset 1 and then 2 at offset 0 in one operation \
             (index 1, 0.010 s): a later message must have a greater offset",
        );
        check(
            "0 send a 1 0\n0 send a 2 0\n1 poll a 0:1 0:2",
            "inconsistent-offsets (1): different messages have the same offset",
            "key \"a\": 1, 2 have the same offset 0: 1 by the reply to a send of process 0 (index \
             1, 0.010 s); 2 by the reply to a send of process 0 (index 3, 0.030 s)",
        );
        check(
            "0 send a 1 0\n1 assign a\n1 poll a 0:1 1:1",
            "duplicate (1): one message has several offsets",
            "key \"a\": 1 was sent once (process 0 sent 1 (index 0 to 1, 0.010 s), acknowledged at \
             offset 0), but has 2 offsets: offset 0 by the reply to a send of process 0 (index 1, \
             0.010 s); offset 1 by a poll of process 1 (index 5, 0.050 s)",
        );
        check(
            "0 send a 1 !\n1 poll a 0:1\n1 poll",
            "G1a (1): a message was polled although sending it failed",
            "key \"a\": process 1 polled 1 (index 3, 0.030 s), though process 0 sent 1 (index 0 to \
             1, 0.010 s), which failed: a definite error promises that nobody ever polls the \
             message",
        );
        check(
            "0 txn [[:send \"a\" [0 1]] [:poll {\"a\" [[0 1]]}]]\n0 poll",
            "precommitted-read (2): an operation polled a message that it sent itself",
            "key \"a\": process 0 polled 1 in the operation that sends it (index 1, 0.010 s)",
        );
        check(
            "1 poll a 0:1\n0 send a 1 0",
            "G1c-realtime (1): a message was polled before it was sent",
            "key \"a\": process 1 had polled 1 (index 1, 0.010 s) before process 0 began to send \
             it (index 2, 0.020 s), so the poll returned a message that did not exist yet",
        );
        check(
            "1 poll a 0:1\n0 send a 1 0",
            "strong-PL-2-cycle-exists (1): operations depend on each other in a cycle",
            "2 operations, from index 1 to 3, would each have to come before all others: a send \
             comes before its polls, and an operation before those that begin after its end",
        );
        check(
            "0 poll",
            "empty-transaction-graph (1): there is too little to judge",
            "no operation began after another one had ended, so there is nothing to judge; run a \
             longer test",
        );
        check(
            "0 send a 1 ?\n1 poll a 0:1",
            "unseen (1 message of 1 key): nobody polled a message that was acknowledged",
            "key \"a\": 1 was polled only by the last operation, and no send to this key was \
             acknowledged, so Maelstrom counts it as unseen",
        );
        check(
            "0 send a 1 1\n0 send a 2 0\n1 poll a 0:2 1:1",
            "nonmonotonic-send (1): a later send of a client is earlier in the log",
            "key \"a\": process 0 sent 1 at offset 1 (index 1, 0.010 s), and then 2 at offset 0 \
             (index 3, 0.030 s): a later message must have a greater offset",
        );
    }

    #[test]
    fn a_few_errors_of_a_type_are_explained() {
        let sends = |key| format!("0 send {key} 1 0\n0 send {key} 2 0");
        let history = (0..5).map(sends).chain(["1 poll".to_owned()]).collect::<Vec<_>>();
        let lines = script::check(&history.join("\n")).explanation();
        assert!(lines.contains(&"  and 2 more of this kind".to_owned()), "{lines:#?}");
    }

    #[test]
    fn the_reason_says_why_upstream_fails() {
        #[track_caller]
        fn check(text: &str, reason: &str) {
            assert_eq!(script::check(text).reason().as_deref(), Some(reason));
        }
        check(
            "0 send a 1 0\n1 poll a 0:1 1:99",
            "key \"a\": nobody sent 99: process 1 polled it (index 3, 0.030 s); Maelstrom's \
             checker fails on messages that nobody sent",
        );
        check(
            "0 send a 1 0\n1 poll a 0:1 b",
            "polls returned key \"b\" but never a message of it, and Maelstrom's checker fails on \
             that; a node should omit from poll_ok the keys that it has no messages for",
        );
        check(
            "0 send a 1 0.5\n1 poll a",
            "0.5 is not an offset: Maelstrom's checker fails on all but integers of 64 bits",
        );
    }

    #[test]
    fn errors_that_upstream_overlooks_are_warnings() {
        #[track_caller]
        fn check(text: &str, warnings: &[&str]) {
            assert_eq!(script::check(text).warnings(), warnings);
        }
        let sent = "0 send a 1 0\n0 send a 2 1\n0 send a 3 2\n2 assign a\n2 poll a 0:1 1:2 2:3\n";
        check(
            &format!("{sent}1 assign a\n1 poll a 0:1\n1 poll a\n1 poll a 2:3"),
            &["key \"a\": process 1 polled 1 at offset 0 (index 13, 0.130 s), and then 3 at \
               offset 2 (index 17, 0.170 s), but not 2 at offset 1, which process 0 sent (index 2 \
               to 3, 0.030 s) (with an empty poll in between)"],
        );
        check(
            "0 send a 1 0\n1 assign b\n1 poll a 0:1\n2 poll a 0:1",
            &["process 1 polled key \"a\" (index 5, 0.050 s), which was not assigned to it; and \
               one more like it"],
        );
        check(
            "0 send a 1 20000000\n0 send b 2 -1\n1 assign a b\n1 poll a 20000000:1 b -1:2",
            &["key \"a\": offset 20000000 is too great for Maelstrom's checker, which keeps an \
               entry for each offset up to it; and one more like it"],
        );
        check(
            "0 send a 1 -1\n1 assign a\n1 poll a -1:1",
            &["key \"a\": Maelstrom ignores the negative offset -1"],
        );
        check("0 txn [[:send]]", &["2 values of operations could not be parsed"]);
    }
}
