//! What a history says of faults, in Jepsen's words where it has some.

use crate::edn::{Map, Set, Value};
use crate::nemesis::{Fault, Harm, Names};

/// What a strike that begins does to these nodes, some of which may be dead.
pub(super) fn of(harm: &Harm, nodes: &[String], is_dead: impl Fn(&str) -> bool) -> Value {
    match harm {
        Harm::Split(_) | Harm::Cut(_) | Harm::Mute(_) | Harm::Deafen(_) => {
            let mut map = Map::new();
            for (receiver, senders) in harm.grudge(nodes) {
                let mut set = Set::new();
                for sender in senders {
                    set.insert(sender);
                }
                map.insert(receiver, Value::Set(set));
            }
            Value::Vector(vec![Value::keyword("isolated"), map.into()])
        }
        Harm::Kill(names) => each(names, |_| "killed"),
        Harm::Pause(names) => each(names, |name| if is_dead(name) { "dead" } else { "paused" }),
        Harm::Lose(probability, names) | Harm::Duplicate(probability, names) => {
            Map::new().with("probability", *probability).with("nodes", list(names)).into()
        }
        Harm::Slow(by, names) => {
            let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            Map::new().with("slower-by-ms", by).with("nodes", list(names)).into()
        }
    }
}

/// What is said before and after a strike ends that held these nodes.
pub(super) fn of_end<'a>(fault: Fault, nodes: impl IntoIterator<Item = &'a str>) -> (Value, Value) {
    match fault {
        Fault::Kill => (Value::keyword("all"), each(nodes, |_| "started")),
        Fault::Pause => (Value::keyword("all"), each(nodes, |_| "resumed")),
        Fault::Partition | Fault::OneWay => (Value::Nil, Value::keyword("network-healed")),
        Fault::Loss | Fault::Duplicate | Fault::Slow => {
            (Value::Nil, Value::keyword("network-reliable"))
        }
    }
}

fn each(
    nodes: impl IntoIterator<Item = impl AsRef<str>>,
    what: impl Fn(&str) -> &'static str,
) -> Value {
    let mut map = Map::new();
    for node in nodes {
        map.insert(node.as_ref(), Value::keyword(what(node.as_ref())));
    }
    map.into()
}

fn list(names: &Names) -> Value {
    Value::Vector(names.iter().cloned().map(Value::Str).collect())
}
