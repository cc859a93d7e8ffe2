//! What clients did not expect: Jepsen's `unhandled-exceptions`.

use crate::{
    edn::{Map, Value},
    history::{History, Kind, Op},
};

/// The class of exception for a reply that has not the shape it should have.
pub const MALFORMED: &str = "malformed-rpc-response";

/// The class of exception for no reply in time, where a client does not look at errors.
pub const TIMEOUT: &str = "timeout";

/// The exceptions in a history, the most frequent first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exceptions(pub Vec<ExceptionClass>);

/// The operations that ended in one class of exception.
#[derive(Debug, Clone, PartialEq)]
pub struct ExceptionClass {
    /// The class, as its operations name it under `:via`.
    pub class: Value,
    /// How many operations ended so.
    pub count: usize,
    /// The first of them.
    pub example: Op,
}

/// Collects the operations that note an exception.
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

/// Whether an operation has no known end because the reply to it was malformed.
pub(super) fn is_malformed(op: &Op) -> bool {
    let class = op.extra("exception").and_then(cause).and_then(|cause| cause.get("type"));
    class.is_some_and(|class| *class == Value::keyword(MALFORMED))
}

/// Whether an operation was not answered in time.
pub(super) fn is_silence(op: &Op) -> bool {
    let class = op.extra("exception").and_then(cause).and_then(|cause| cause.get("type"));
    let is_unhandled = class.is_some_and(|class| *class == Value::keyword(TIMEOUT));
    is_unhandled || op.error.as_ref().is_some_and(|error| *error == Value::keyword("net-timeout"))
}

impl Exceptions {
    /// A sentence about replies of the wrong shape, of which no checker makes anything.
    pub fn warning(&self) -> Option<String> {
        let malformed = self.0.iter().find(|class| is_malformed(&class.example))?;
        let ExceptionClass { count, example, .. } = malformed;
        let cause = example.extra("exception").and_then(cause);
        let message = cause.and_then(|cause| cause.get("message")).and_then(Value::as_str)?;
        let replies = match count {
            1 => "a reply was malformed".to_owned(),
            count => format!("{count} replies were malformed, this one first"),
        };
        Some(format!("{replies} (index {}): {message}", example.index))
    }

    /// The map under `:exceptions`, which is always valid: exceptions are for people to read.
    pub fn to_edn(&self) -> Value {
        let map = Map::new().with("valid?", true);
        if self.0.is_empty() {
            return map.into();
        }
        let classes = self.0.iter().map(|ExceptionClass { class, count, example }| {
            Map::new()
                .with("count", *count)
                .with("class", class.clone())
                .with("example", example.to_edn())
                .into()
        });
        map.with("exceptions", Value::List(classes.collect())).into()
    }
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
    fn replies_of_the_wrong_shape_are_warned_of_with_the_first() {
        #[track_caller]
        fn check(classes: &[&str], expected: Option<&str>) {
            let ops = classes.iter().enumerate().map(|(i, class)| {
                format!(
                    "{{:index {i}, :time 1, :type :info, :process {i}, :f :read, :value nil, \
                     :exception {{:via [{{:type {class}, :message \"Wrong.\"}}]}}}}\n"
                )
            });
            let history = History::read_edn(&ops.collect::<String>()).unwrap();
            assert_eq!(super::check(&history).warning().as_deref(), expected);
        }
        check(&[], None);
        check(&[":timeout"], None);
        let (malformed, one) = (":malformed-rpc-response", "a reply was malformed");
        check(&[":timeout", malformed], Some(&format!("{one} (index 1): Wrong.")));
        let two = "2 replies were malformed, this one first (index 0): Wrong.";
        check(&[malformed, malformed], Some(two));
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
