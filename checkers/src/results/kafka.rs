//! The result of the `kafka` checker, as upstream writes it.

use crate::compat::clojure::{TriePosition, order_map};
use crate::edn::{Map, Set, Value};
use crate::history::Op;
use crate::kafka::{
    ErrorType, ErrorsOfType, HistoryIndex, KafkaResults, LogError, LogStep, Unseen,
    UpstreamFailure, WorstLag,
};

/// Maximum number of errors shown of a type of which upstream shows all. More would make results
/// huge: an error quotes whole operations, and a final poll is long. In a history of 17,000
/// operations, 100 errors took 2 MB.
const MAX_ERRORS: usize = 128;

/// Maximum number of unseen messages of a key that are shown; upstream's number.
const MAX_UNSEEN: usize = 32;

impl KafkaResults<'_> {
    /// The map under `:workload`.
    pub fn to_edn(&self) -> Value {
        let map = Map::new().with("valid?", self.valid);
        if let Some(failure) = &self.failure {
            return map.with("error", of_failure(&self.index, failure)).into();
        }
        // Sorted by name, of which `unseen` is the last.
        let anomalies = self.errors.iter();
        let errors = anomalies.map(|found| (found.error_type, of_type(&self.index, found)));
        let unseen = self.unseen.iter().map(|unseen| (ErrorType::Unseen, of_unseen(unseen)));
        let errors: Vec<(ErrorType, Value)> = errors.chain(unseen).collect();
        let names = |bad_only: bool| {
            let types = errors.iter().map(|(error_type, _)| error_type);
            let chosen = types.filter(|error_type| error_type.is_bad() || !bad_only);
            Value::List(chosen.map(|error_type| Value::keyword(error_type.name())).collect())
        };
        let map = map
            .with("worst-realtime-lag", of_lag(&self.worst_realtime_lag))
            .with("bad-error-types", names(true))
            .with("error-types", names(false))
            .with("info-txn-causes", Value::List(self.info_txn_causes.clone()));
        let errors = errors
            .into_iter()
            .map(|(error_type, value)| (Value::keyword(error_type.name()), value));
        let mut entries: Vec<(Value, Value)> = map.into_iter().chain(errors).collect();
        order_map(&mut entries, |(key, _)| TriePosition::of(key));
        entries.into_iter().collect::<Map>().into()
    }
}

/// The map under the name of an error type.
fn of_type(index: &HistoryIndex<'_>, ErrorsOfType { error_type, errors }: &ErrorsOfType) -> Value {
    let first = |most: usize| &errors[..errors.len().min(most)];
    let last = |most: usize| &errors[errors.len().saturating_sub(most)..];
    let shown = match error_type {
        ErrorType::Duplicate | ErrorType::InconsistentOffsets => first(32),
        ErrorType::IntPollSkip | ErrorType::IntSendSkip | ErrorType::PollSkip => last(8),
        ErrorType::IntNonmonotonicPoll
        | ErrorType::IntNonmonotonicSend
        | ErrorType::NonmonotonicPoll
        | ErrorType::NonmonotonicSend
        | ErrorType::G1cRealtime => first(8),
        _ => first(MAX_ERRORS),
    };
    let shown = match shown {
        [error @ LogError::EmptyGraph] => of_error(index, error),
        errors => Value::List(errors.iter().map(|error| of_error(index, error)).collect()),
    };
    Map::new().with("count", errors.len()).with("errs", shown).into()
}

fn of_error(index: &HistoryIndex<'_>, error: &LogError) -> Value {
    let quoted = |at: usize| index.op(at).to_edn();
    let about = |key, message| {
        let map = Map::new().with("key", index.key(key).clone());
        map.with("value", index.message(message).clone())
    };
    let map = match *error {
        LogError::InconsistentOffset { key, slot: at } => {
            let slot = &index.logs.get(key).slots()[at];
            let values = slot.messages.iter().map(|message| index.message(*message).clone());
            let mut values: Vec<Value> = values.collect();
            values.sort();
            Map::new()
                .with("key", index.key(key).clone())
                .with("offset", slot.offset)
                .with("index", at)
                .with("values", values.into_iter().collect::<Set>())
        }
        LogError::Duplicate { key, message, ref offsets } => {
            let count = offsets.len();
            let offsets: Vec<Value> = offsets.iter().map(|offset| Value::from(*offset)).collect();
            about(key, message).with("count", count).with("offsets", offsets)
        }
        LogError::PollStep(ref step) | LogError::SendStep(ref step) => of_step(index, step),
        LogError::LostWrite { key, message, slot: at, bound, writer, reader } => {
            about(key, message)
                .with("index", at)
                .with("max-read-index", bound)
                .with("writer", quoted(writer))
                .with("max-read", reader.map(quoted))
        }
        LogError::AbortedRead { key, message, writer, reader } => {
            about(key, message).with("writer", writer.map(quoted)).with("reader", quoted(reader))
        }
        LogError::PrecommittedRead { key, message, op } => Map::new()
            .with("op", quoted(op))
            .with("key", index.key(key).clone())
            .with("value", index.message(message).clone()),
        LogError::PrematureRead { key, message, reader, writer } => {
            let began = index.history.invocation(index.op(writer)).map(Op::to_edn);
            let [reader, writer] = [reader, writer].map(quoted);
            let realtime = Map::new()
                .with("type", Value::keyword("realtime"))
                .with("a'", reader.clone())
                .with("b", began);
            let polled = Map::new()
                .with("type", Value::keyword("wr"))
                .with("key", index.key(key).clone())
                .with("value", index.message(message).clone());
            Map::new()
                .with("cycle", vec![reader.clone(), writer, reader])
                .with("steps", Value::List(vec![realtime.into(), polled.into()]))
                .with("type", Value::keyword("G1c-realtime"))
        }
        LogError::Component { ref indices } => {
            let subgraph = ["union", "ww", "wwp", "wr", "wrp", "realtime"].map(Value::keyword);
            Map::new()
                .with("type", Value::keyword("strong-PL-2-cycle-exists"))
                .with("not", Value::keyword("strong-read-committed"))
                .with("subgraph", subgraph.to_vec())
                .with("scc-size", indices.len())
                .with("scc", indices.iter().map(|index| Value::from(*index)).collect::<Set>())
        }
        LogError::EmptyGraph => return Value::Bool(true),
    };
    map.into()
}

fn of_step(index: &HistoryIndex<'_>, step: &LogStep) -> Map {
    let values = [step.from, step.to].map(|message| index.message(message).clone());
    let quoted = |at| index.op(at).to_edn();
    let skips = step.delta.steps() > 1;
    let within = step.ops[0] == step.ops[1];
    let mut map = Map::new().with("key", index.key(step.key).clone());
    if within || !skips {
        map = map.with("values", values.to_vec());
    }
    map = map.with("delta", step.delta.steps());
    if skips {
        let skipped = index.logs.get(step.key).skipped(step.delta).iter();
        let skipped = skipped.map(|slot| index.message(slot.messages[0]).clone());
        map = map.with("skipped", Value::List(skipped.collect()));
    }
    match step.ops {
        [first, second] if first == second => map.with("op", quoted(first)),
        ops => map.with("ops", ops.map(quoted).to_vec()),
    }
}

/// The map under `:unseen`.
fn of_unseen(unseen: &Unseen) -> Value {
    let counts = unseen.messages.iter().map(|(key, of_key)| (key.clone(), of_key.len().into()));
    let mut shown: Vec<_> = unseen.messages.iter().collect();
    order_map(&mut shown, |(key, _)| TriePosition::of(key));
    let shown = shown.into_iter().map(|(key, messages)| {
        (key.clone(), Value::List(messages.iter().take(MAX_UNSEEN).cloned().collect()))
    });
    Map::new()
        .with("time", unseen.time)
        .with("unseen", counts.collect::<Map>())
        .with("messages", shown.collect::<Map>())
        .into()
}

/// The map under `:worst-realtime-lag`, in seconds.
fn of_lag(lag: &WorstLag) -> Value {
    let map = Map::new().with("time", seconds(lag.time));
    let map = match &lag.consumer {
        None => map,
        Some((process, key)) => map.with("process", *process).with("key", key.clone()),
    };
    map.with("lag", seconds(lag.lag)).into()
}

/// The map under `:error`; upstream has a Java exception with its stack trace there.
fn of_failure(index: &HistoryIndex<'_>, failure: &UpstreamFailure<'_>) -> Value {
    let map = Map::new();
    match *failure {
        UpstreamFailure::OnlyEmptyPolls(key) => map
            .with("cause", "every poll of this key was empty")
            .with("data", Map::new().with("key", index.key(key).clone())),
        UpstreamFailure::NoWriter { key, message, .. } => {
            let data = Map::new()
                .with("type", Value::keyword("no-writer-of-value"))
                .with("key", index.key(key).clone())
                .with("value", index.message(message).clone());
            map.with("cause", "a message that nobody sent").with("data", data)
        }
        UpstreamFailure::BadOffset(offset) => map.with("cause", format!("{offset} is no offset")),
    }
    .into()
}

#[expect(clippy::cast_precision_loss, reason = "no test takes months")]
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}
