//! Findings about logs, in sentences.

mod phrases;

use self::phrases::{ends, left_out, sent, when, who, witness};
use super::disguise;
use crate::Validity;
use crate::edn::Value;
use crate::kafka::{
    Anomaly, Error, ErrorType, Index, Kafka, Key, Message, Step, Unseen, UpstreamFailure,
};
use crate::sentence::{NAMED, counted, first_few, folded, listed, without_times};

/// The most errors of a type that are explained: one to understand it, more to see what they share.
const EXPLAINED: usize = 3;

impl Kafka<'_> {
    /// The reason why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        if let Some(failure) = &self.failure {
            return Some(of_failure(&self.index, failure));
        }
        let bad = self.anomalies.iter().filter(|anomaly| anomaly.error_type.is_bad());
        let unseen = self.unseen.iter();
        let bad: Vec<String> = bad.map(title).chain(unseen.map(title_of_unseen)).collect();
        (!bad.is_empty()).then(|| bad.join(", "))
    }

    /// The contradictions, in sentences; empty if it is valid.
    pub fn explanation(&self) -> Vec<String> {
        if self.valid == Validity::Valid {
            return Vec::new();
        }
        let index = &self.index;
        let failure = self.failure.iter();
        let mut lines: Vec<String> = failure.map(|failure| of_failure(index, failure)).collect();
        let mut add = |title: String, error_type, sentences: Vec<String>| {
            lines.push(format!("{title}: {}", meaning(error_type)));
            lines.extend(sentences.into_iter().map(|sentence| format!("  {sentence}")));
        };
        for anomaly in self.anomalies.iter().filter(|anomaly| anomaly.error_type.is_bad()) {
            let first = anomaly.in_turn().into_iter().take(EXPLAINED);
            let mut sentences: Vec<String> = first.map(|error| of_error(index, error)).collect();
            if anomaly.count() > EXPLAINED {
                sentences.push(format!("and {} more of this kind", anomaly.count() - EXPLAINED));
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

    /// Warnings about what upstream overlooks, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let (index, overlooked) = (&self.index, &self.overlooked);
        let steps = overlooked.steps.iter().map(|step| of_error(index, step));
        let steps = steps.map(|step| format!("{step} (with an empty poll in between)"));
        let unasked = overlooked.unasked.iter().map(|(at, key)| {
            let (op, key) = (index.op(*at), index.key(*key).json());
            format!("{} polled key {key} ({}), which it had not asked for", who(op), when(op))
        });
        let too_great = overlooked.too_great.iter().map(|(key, offset)| {
            format!(
                "key {}: offset {offset} is too great for Maelstrom's checker, which keeps an \
                 entry for each offset up to it",
                index.key(*key).json()
            )
        });
        let below_zero = overlooked.below_zero.iter().map(|(key, offset)| {
            let key = index.key(*key).json();
            format!("key {key}: offset {offset} is below 0, where upstream does not look")
        });
        let not_understood = index.acts.not_understood;
        let warnings = [
            folded(steps, "steps in logs that upstream overlooks"),
            folded(unasked, "polls of keys that were not assigned"),
            folded(too_great.chain(below_zero), "keys with odd offsets"),
            (not_understood > 0).then(|| {
                let values = counted(not_understood as u64, "value");
                format!("{values} of operations could not be understood")
            }),
            without_times(index.history),
        ];
        warnings.into_iter().flatten().collect()
    }
}

/// A type of errors, and how many there are: `poll-skip (3)`.
fn title(anomaly: &Anomaly) -> String {
    format!("{} ({})", anomaly.error_type.name(), anomaly.count())
}

/// `unseen (2 messages of 1 key)`
fn title_of_unseen(unseen: &Unseen) -> String {
    let messages: usize = unseen.messages.values().map(Vec::len).sum();
    let keys = counted(unseen.messages.len() as u64, "key");
    format!("unseen ({} of {keys})", counted(messages as u64, "message"))
}

/// The meaning of a type of errors.
fn meaning(error_type: ErrorType) -> &'static str {
    match error_type {
        ErrorType::G1a => "a message was polled although sending it failed",
        ErrorType::G1cRealtime => "a message was polled before it was sent",
        ErrorType::Duplicate => "one message stands at several offsets of its key",
        ErrorType::EmptyTransactionGraph => "there is too little to judge",
        ErrorType::InconsistentOffsets => "different messages stand at the same offset",
        ErrorType::IntNonmonotonicPoll => "one answer to a poll goes back in the log",
        ErrorType::IntNonmonotonicSend => "one operation's messages stand in another order",
        ErrorType::IntPollSkip => "one answer to a poll leaves out messages in the middle",
        ErrorType::IntSendSkip => "other messages stand between those of one operation",
        ErrorType::LostWrite => "a message is left out below offsets that were polled",
        ErrorType::NonmonotonicPoll => "a poll begins before the message after the last one",
        ErrorType::NonmonotonicSend => "what a client sends later stands earlier in the log",
        ErrorType::PollSkip => "a poll begins beyond the message after the last one",
        ErrorType::PrecommittedRead => "an operation polled what it sent itself",
        ErrorType::StrongPl2CycleExists => "operations that no order explains",
        ErrorType::Unseen => "what is acknowledged is not polled by anybody",
    }
}

/// An error in a sentence.
pub(crate) fn of_error(index: &Index<'_>, error: &Error) -> String {
    let named = |key: Key| index.key(key).json();
    let value = |message: Message| index.message(message).json();
    match *error {
        Error::InconsistentOffset { key, index: at } => {
            let slot = &index.orders.log(key).slots()[at];
            let witnesses = slot.messages.iter().map(|message| {
                format!("{} {}", witness(index, key, slot.offset, *message), value(*message))
            });
            format!(
                "key {}: {} stand at the same offset {}: {}",
                named(key),
                listed(slot.messages.iter().map(|message| index.message(*message))),
                slot.offset,
                witnesses.collect::<Vec<_>>().join("; "),
            )
        }
        Error::Duplicate { key, message, ref offsets } => {
            let witness = |offset: &i64| witness(index, key, *offset, message);
            let few = offsets.iter().take(NAMED);
            let witnesses = few.map(|offset| format!("{} offset {offset}", witness(offset)));
            format!(
                "key {}: {} stands at {} offsets, but was sent once ({}): {}",
                named(key),
                value(message),
                offsets.len(),
                sent(index, key, message),
                witnesses.collect::<Vec<_>>().join("; "),
            )
        }
        Error::PollStep(ref step) if step.from == step.to => {
            of_step(index, step, "polled", "the same message again, though nothing rewound it")
        }
        Error::PollStep(ref step) => {
            of_step(index, step, "polled", "back in the log, though nothing rewound it")
        }
        Error::SendStep(ref step) => {
            of_step(index, step, "sent", "what is sent later belongs to a later offset")
        }
        Error::LostWrite { key, message, bound, reader, .. } => {
            let polled = |op| format!("{} ({})", who(op), when(op));
            format!(
                "key {}: {}, and nobody ever polled it, though {} polled as far as offset {}",
                named(key),
                sent(index, key, message),
                reader.map_or("somebody".to_owned(), |reader| polled(index.op(reader))),
                index.orders.log(key).slots()[bound].offset,
            )
        }
        Error::AbortedRead { key, message, reader, .. } => format!(
            "key {}: {} polled {} ({}), though {}: a definite error promises that nobody ever \
             polls the message",
            named(key),
            who(index.op(reader)),
            value(message),
            when(index.op(reader)),
            sent(index, key, message),
        ),
        Error::PrecommittedRead { key, message, op } => format!(
            "key {}: {} polled {} in the operation that sends it ({})",
            named(key),
            who(index.op(op)),
            value(message),
            when(index.op(op)),
        ),
        Error::PrematureRead { key, message, reader, writer } => format!(
            "key {}: {} had polled {} ({}) before {} began to send it ({}), so the message was \
             there before it could be known",
            named(key),
            who(index.op(reader)),
            value(message),
            when(index.op(reader)),
            who(index.op(writer)),
            index.history.invocation(index.op(writer)).map_or(String::new(), when),
        ),
        Error::Component { ref indices } => format!(
            "{} operations, from index {} to {}, would each have to come before all others: a send \
             comes before its polls, and what has ended before what begins",
            indices.len(),
            indices[0],
            indices[indices.len() - 1],
        ),
        Error::NothingRelated => "no operation began after the end of another one, so there is \
                                  nothing to judge; a longer test has more of them"
            .to_owned(),
    }
}

fn of_step(index: &Index<'_>, step: &Step, verb: &str, backwards: &str) -> String {
    let key = index.key(step.key).json();
    let ends = ends(index, step, verb);
    match index.orders.log(step.key).skipped(step.delta) {
        [] => format!("key {key}: {ends}: {backwards}"),
        skipped => {
            let left_out = left_out(index, step.key, skipped, index.op(step.ops[1]));
            format!("key {key}: {ends}, but not {left_out}")
        }
    }
}

/// The messages that are unseen, and a sentence about each.
pub(crate) fn unseen_messages(
    index: &Index<'_>,
    unseen: &Unseen,
) -> impl Iterator<Item = (Key, Message, String)> {
    let named = move |key: Key| index.key(key).json();
    let acknowledged = unseen.acknowledged.iter().map(move |(key, message)| {
        let sender = sent(index, *key, *message);
        let sentence = format!("key {}: {sender}, and nobody ever polled it", named(*key));
        (*key, *message, sentence)
    });
    let polled_last = unseen.polled_last.iter().map(move |(key, message)| {
        let value = index.message(*message).json();
        let sentence = format!(
            "key {}: {value} was polled by the last operation alone, and no send to this key was \
             acknowledged, which Maelstrom takes for unseen",
            named(*key)
        );
        (*key, *message, sentence)
    });
    acknowledged.chain(polled_last)
}

/// The failure of upstream's checker, in a sentence.
pub(crate) fn of_failure(index: &Index<'_>, failure: &UpstreamFailure<'_>) -> String {
    match *failure {
        UpstreamFailure::NothingOf(key) => format!(
            "polls returned key {} and never a message of it, on which Maelstrom's checker fails; \
             a node should leave out of poll_ok the keys that it has nothing for",
            index.key(key).json(),
        ),
        UpstreamFailure::NoWriter { key, message, reader } => {
            let value = index.message(message);
            let is_known = |known: &Value| {
                let known = index.acts.messages.known(known);
                known.is_some_and(|known| index.facts.writer(key, known).is_some())
            };
            let polled = |op| format!("{} polled it ({}); ", who(op), when(op));
            format!(
                "key {}: nobody sent {}: {}Maelstrom's checker fails on messages that come from \
                 nowhere{}",
                index.key(key).json(),
                value.json(),
                reader.map(|reader| polled(index.op(reader))).unwrap_or_default(),
                disguise::hint(value, is_known),
            )
        }
        UpstreamFailure::BadOffset(offset) => format!(
            "{offset} is no offset: Maelstrom's checker fails on all but integers of 64 bits"
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::kafka::story;

    #[test]
    fn an_explanation_has_a_title_for_each_type_and_the_reason_has_the_titles() {
        let lost = story::check("0 send a 1 0\n0 send a 2 1\n1 poll a 1:2");
        let lines = [
            "lost-write (1): a message is left out below offsets that were polled",
            "  key \"a\": process 0 sent 1 (index 0 to 1, 0.010 s), acknowledged at offset 0, and \
             nobody ever polled it, though process 1 (index 5, 0.050 s) polled as far as offset 1",
            "unseen (1 message of 1 key): what is acknowledged is not polled by anybody",
            "  key \"a\": process 0 sent 1 (index 0 to 1, 0.010 s), acknowledged at offset 0, and \
             nobody ever polled it",
        ];
        assert_eq!(lost.explanation(), lines);
        assert_eq!(lost.reason().unwrap(), "lost-write (1), unseen (1 message of 1 key)");
    }

    /// Looks for a sentence of the explanation, and the title above it.
    #[track_caller]
    fn check(text: &str, title: &str, sentence: &str) {
        let lines = story::check(text).explanation();
        let found = lines.iter().position(|line| line.trim() == sentence);
        let above = &lines[..found.unwrap_or_else(|| panic!("{lines:#?}"))];
        let heading = above.iter().rev().find(|line| !line.starts_with(' '));
        assert_eq!(heading.map(String::as_str), Some(title), "{lines:#?}");
    }

    #[test]
    fn every_error_is_a_sentence_that_says_who_was_told_what_and_when() {
        let skipped = "0 send a 1 0\n0 send a 2 1\n0 send a 3 2\n1 assign a\n1 poll a 0:1\n\
                     1 poll a 2:3\n2 assign a\n2 poll a 0:1 1:2 2:3";
        check(
            skipped,
            "poll-skip (1): a poll begins beyond the message after the last one",
            "key \"a\": process 1 polled 1 at offset 0 (index 9, 0.090 s), and next 3 at offset 2 \
             (index 11, 0.110 s), but not 2 at offset 1, which process 0 sent (index 2 to 3, 0.030 \
             s)",
        );
        check(
            "0 send a 1 0\n0 send a 3 2\n1 poll a 0:1 2:3\n0 send a 2 1\n2 poll a 0:1 1:2 2:3",
            "int-poll-skip (1): one answer to a poll leaves out messages in the middle",
            "key \"a\": process 1 polled 1 at offset 0 and then 3 at offset 2 in one operation \
             (index 5, 0.050 s), but not 2 at offset 1, which process 0 sent (index 6 to 7, 0.070 \
             s): later, so the node gave an offset below one that was polled",
        );
        check(
            "0 send a 1 0\n0 send a 2 1\n1 assign a\n1 poll a 0:1 1:2\n1 poll a 0:1",
            "nonmonotonic-poll (1): a poll begins before the message after the last one",
            "key \"a\": process 1 polled 2 at offset 1 (index 7, 0.070 s), and next 1 at offset 0 \
             (index 9, 0.090 s): back in the log, though nothing rewound it",
        );
        check(
            "0 send a 1 0\n1 assign a\n1 poll a 0:1\n1 poll a 0:1",
            "nonmonotonic-poll (1): a poll begins before the message after the last one",
            "key \"a\": process 1 polled 1 at offset 0 (index 5, 0.050 s), and next 1 at offset 0 \
             (index 7, 0.070 s): the same message again, though nothing rewound it",
        );
        check(
            "0 send a 1 0\n0 send a 2 1\n\
             1 txn [[:send \"b\" [0 3]] [:poll {\"a\" [[1 2] [0 1]]}]]\n1 poll b 0:3",
            "int-nonmonotonic-poll (2): one answer to a poll goes back in the log",
            "key \"a\": process 1 polled 2 at offset 1 and then 1 at offset 0 in one operation \
             (index 5, 0.050 s): back in the log, though nothing rewound it",
        );
        check(
            "0 txn [[:send \"a\" [1 1]] [:send \"a\" [0 2]]]\n1 poll a 0:2 1:1",
            "int-nonmonotonic-send (1): one operation's messages stand in another order",
            "key \"a\": process 0 sent 1 at offset 1 and then 2 at offset 0 in one operation \
             (index 1, 0.010 s): what is sent later belongs to a later offset",
        );
        check(
            "0 send a 1 0\n0 send a 2 0\n1 poll a 0:1 0:2",
            "inconsistent-offsets (1): different messages stand at the same offset",
            "key \"a\": 1, 2 stand at the same offset 0: process 0 was told by send_ok (index 1, \
             0.010 s) 1; process 0 was told by send_ok (index 3, 0.030 s) 2",
        );
        check(
            "0 send a 1 0\n1 assign a\n1 poll a 0:1 1:1",
            "duplicate (1): one message stands at several offsets of its key",
            "key \"a\": 1 stands at 2 offsets, but was sent once (process 0 sent 1 (index 0 to 1, \
             0.010 s), acknowledged at offset 0): process 0 was told by send_ok (index 1, 0.010 s) \
             offset 0; process 1 polled (index 5, 0.050 s) offset 1",
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
            "precommitted-read (2): an operation polled what it sent itself",
            "key \"a\": process 0 polled 1 in the operation that sends it (index 1, 0.010 s)",
        );
        check(
            "1 poll a 0:1\n0 send a 1 0",
            "G1c-realtime (1): a message was polled before it was sent",
            "key \"a\": process 1 had polled 1 (index 1, 0.010 s) before process 0 began to send \
             it (index 2, 0.020 s), so the message was there before it could be known",
        );
        check(
            "1 poll a 0:1\n0 send a 1 0",
            "strong-PL-2-cycle-exists (1): operations that no order explains",
            "2 operations, from index 1 to 3, would each have to come before all others: a send \
             comes before its polls, and what has ended before what begins",
        );
        check(
            "0 poll",
            "empty-transaction-graph (1): there is too little to judge",
            "no operation began after the end of another one, so there is nothing to judge; a \
             longer test has more of them",
        );
        check(
            "0 send a 1 ?\n1 poll a 0:1",
            "unseen (1 message of 1 key): what is acknowledged is not polled by anybody",
            "key \"a\": 1 was polled by the last operation alone, and no send to this key was \
             acknowledged, which Maelstrom takes for unseen",
        );
        check(
            "0 send a 1 1\n0 send a 2 0\n1 poll a 0:2 1:1",
            "nonmonotonic-send (1): what a client sends later stands earlier in the log",
            "key \"a\": process 0 sent 1 at offset 1 (index 1, 0.010 s), and next 2 at offset 0 \
             (index 3, 0.030 s): what is sent later belongs to a later offset",
        );
    }

    #[test]
    fn a_few_errors_of_a_type_are_explained() {
        let sends = |key| format!("0 send {key} 1 0\n0 send {key} 2 0");
        let history = (0..5).map(sends).chain(["1 poll".to_owned()]).collect::<Vec<_>>();
        let lines = story::check(&history.join("\n")).explanation();
        assert!(lines.contains(&"  and 2 more of this kind".to_owned()), "{lines:#?}");
    }

    #[test]
    fn a_reason_tells_why_upstream_fails() {
        #[track_caller]
        fn check(text: &str, reason: &str) {
            assert_eq!(story::check(text).reason().as_deref(), Some(reason));
        }
        check(
            "0 send a 1 0\n1 poll a 0:1 1:99",
            "key \"a\": nobody sent 99: process 1 polled it (index 3, 0.030 s); Maelstrom's \
             checker fails on messages that come from nowhere",
        );
        check(
            "0 send a 1 0\n1 poll a 0:1 b",
            "polls returned key \"b\" and never a message of it, on which Maelstrom's checker \
             fails; a node should leave out of poll_ok the keys that it has nothing for",
        );
        check(
            "0 send a 1 0.5\n1 poll a",
            "0.5 is no offset: Maelstrom's checker fails on all but integers of 64 bits",
        );
    }

    #[test]
    fn warnings_tell_what_upstream_overlooks() {
        #[track_caller]
        fn check(text: &str, warnings: &[&str]) {
            assert_eq!(story::check(text).warnings(), warnings);
        }
        let sent = "0 send a 1 0\n0 send a 2 1\n0 send a 3 2\n2 assign a\n2 poll a 0:1 1:2 2:3\n";
        check(
            &format!("{sent}1 assign a\n1 poll a 0:1\n1 poll a\n1 poll a 2:3"),
            &["key \"a\": process 1 polled 1 at offset 0 (index 13, 0.130 s), and next 3 at \
               offset 2 (index 17, 0.170 s), but not 2 at offset 1, which process 0 sent (index 2 \
               to 3, 0.030 s) (with an empty poll in between)"],
        );
        check(
            "0 send a 1 0\n1 assign b\n1 poll a 0:1\n2 poll a 0:1",
            &["process 1 polled key \"a\" (index 5, 0.050 s), which it had not asked for; and \
               one more like it"],
        );
        check(
            "0 send a 1 20000000\n0 send b 2 -1\n1 assign a b\n1 poll a 20000000:1 b -1:2",
            &["key \"a\": offset 20000000 is too great for Maelstrom's checker, which keeps an \
               entry for each offset up to it; and one more like it"],
        );
        check(
            "0 send a 1 -1\n1 assign a\n1 poll a -1:1",
            &["key \"a\": offset -1 is below 0, where upstream does not look"],
        );
        check("0 txn [[:send]]", &["2 values of operations could not be understood"]);
    }
}
