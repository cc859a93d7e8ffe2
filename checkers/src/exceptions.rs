//! Jepsen's `unhandled-exceptions`: errors that clients did not expect.

use crate::{
    edn::Value,
    history::{History, Kind, Op},
};

/// The class of exception for a reply of the wrong shape.
pub const MALFORMED: &str = "malformed-rpc-response";

/// The class of exception for a missing reply, of a client that does not look at errors.
pub const TIMEOUT: &str = "timeout";

/// The exceptions in a history, the most frequent first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exceptions(pub Vec<ExceptionClass>);

/// The operations that ended in one class of exception.
#[derive(Debug, Clone, PartialEq)]
pub struct ExceptionClass {
    /// The class, as it stands under `:via`.
    pub class: Value,
    /// The number of operations that ended with it.
    pub count: usize,
    /// The first of these operations.
    pub example: Op,
}

/// Groups the operations that carry an exception by its class.
pub fn check(history: &History) -> Exceptions {
    let mut classes: Vec<ExceptionClass> = Vec::new();
    for op in history.ops().iter().filter(|op| op.kind == Kind::Info) {
        let Some(exception) = op.extra("exception") else { continue };
        let class = cause(exception).and_then(|cause| cause.get("type")).unwrap_or(&Value::Nil);
        if let Some(known) = classes.iter_mut().find(|known| known.class == *class) {
            known.count += 1;
        } else {
            let (class, example) = (class.clone(), op.clone());
            classes.push(ExceptionClass { class, count: 1, example });
        }
    }
    classes.sort_by_key(|class| std::cmp::Reverse(class.count));
    Exceptions(classes)
}

/// The message of an exception about a malformed reply, if it is one.
pub fn malformed(exception: &Value) -> Option<&str> {
    let cause = cause(exception)?;
    let is_malformed = *cause.get("type")? == Value::keyword(MALFORMED);
    cause.get("message").filter(|_| is_malformed)?.as_str()
}

fn cause(exception: &Value) -> Option<&Value> {
    exception.get("via")?.as_sequence()?.first()
}

/// True if an operation is indeterminate because the reply to it was malformed.
pub(super) fn is_malformed(op: &Op) -> bool {
    class(op).is_some_and(|class| *class == Value::keyword(MALFORMED))
}

/// True if an operation got no reply in time.
pub(super) fn is_timeout(op: &Op) -> bool {
    class(op).is_some_and(|class| *class == Value::keyword(TIMEOUT))
        || op.error.as_ref().is_some_and(|error| *error == Value::keyword("net-timeout"))
}

/// The class of the exception that an operation carries.
fn class(op: &Op) -> Option<&Value> {
    cause(op.extra("exception")?)?.get("type")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(exceptions: &[&str], expected: &str) {
        let lines = exceptions.iter().enumerate().map(|(i, exception)| {
            format!(
                "{{:index {i}, :time 1, :type :info, :process {i}, :f :read, :value nil, \
                 :exception {{:via [{{:type {exception}}}]}}}}\n"
            )
        });
        let history = History::read_edn(&lines.collect::<String>()).unwrap();
        assert_eq!(super::check(&history).to_edn().to_string(), expected);
    }

    #[test]
    fn exceptions_are_counted_by_class() {
        check(&[], "{:valid? true}");
        check(
            &["a.Rare", "a.Frequent", "a.Frequent"],
            "{:valid? true, :exceptions (\
             {:count 2, :class a.Frequent, :example #jepsen.history.Op{:index 1, :time 1, \
             :type :info, :process 1, :f :read, :value nil, \
             :exception {:via [{:type a.Frequent}]}}} \
             {:count 1, :class a.Rare, :example #jepsen.history.Op{:index 0, :time 1, \
             :type :info, :process 0, :f :read, :value nil, \
             :exception {:via [{:type a.Rare}]}}})}",
        );
    }
}
