//! The values of nemesis operations in a history, with Jepsen's names where it has some.

use crate::edn::{Map, Set, Value};
use crate::nemesis::{Fault, StrikeEffect, TargetIds};

/// The `:value` with which the nemesis completes the beginning of a strike. A pause shows a dead
/// node as `:dead`.
pub(super) fn begin_value(
    effect: &StrikeEffect,
    nodes: &[String],
    is_dead: impl Fn(&str) -> bool,
) -> Value {
    match effect {
        StrikeEffect::Partition(_)
        | StrikeEffect::Cut(_)
        | StrikeEffect::Mute(_)
        | StrikeEffect::Deafen(_) => {
            let mut map = Map::new();
            for (receiver, senders) in effect.grudge(nodes) {
                let mut set = Set::new();
                for sender in senders {
                    set.insert(sender);
                }
                map.insert(receiver, Value::Set(set));
            }
            Value::Vector(vec![Value::keyword("isolated"), map.into()])
        }
        StrikeEffect::Kill(names) => node_map(names, |_| "killed"),
        StrikeEffect::Pause(names) => {
            node_map(names, |name| if is_dead(name) { "dead" } else { "paused" })
        }
        StrikeEffect::Lose(probability, names) | StrikeEffect::Duplicate(probability, names) => {
            Map::new().with("probability", *probability).with("nodes", node_list(names)).into()
        }
        StrikeEffect::Slow(by, names) => {
            let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            Map::new().with("slower-by-ms", by).with("nodes", node_list(names)).into()
        }
    }
}

/// The values of the invocation and the completion of a strike's end, which restarted or resumed
/// these nodes.
pub(super) fn end_values<'a>(
    fault: Fault,
    nodes: impl IntoIterator<Item = &'a str>,
) -> (Value, Value) {
    match fault {
        Fault::Kill => (Value::keyword("all"), node_map(nodes, |_| "started")),
        Fault::Pause => (Value::keyword("all"), node_map(nodes, |_| "resumed")),
        Fault::Partition | Fault::OneWay => (Value::Nil, Value::keyword("network-healed")),
        Fault::Loss | Fault::Duplicate | Fault::Slow => {
            (Value::Nil, Value::keyword("network-reliable"))
        }
    }
}

fn node_map(
    nodes: impl IntoIterator<Item = impl AsRef<str>>,
    what: impl Fn(&str) -> &'static str,
) -> Value {
    let mut map = Map::new();
    for node in nodes {
        map.insert(node.as_ref(), Value::keyword(what(node.as_ref())));
    }
    map.into()
}

fn node_list(names: &TargetIds) -> Value {
    Value::Vector(names.iter().cloned().map(Value::Str).collect())
}
