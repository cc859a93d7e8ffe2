//! Statistics of faults: the strikes of each, the nodes struck, and the messages affected.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::time::Duration;

use crate::checkers::wording::counted;
use crate::edn::{Map, Value};
use crate::nemesis::{Fault, Strike};
use crate::network::TrafficCounter;

/// Statistics of one fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultStats {
    /// The number of strikes that struck at least one node.
    pub strikes: u64,
    /// The number of strikes on each node.
    pub strikes_by_node: BTreeMap<String, u64>,
    /// The number of messages that it dropped; for a fault that drops none, those that it
    /// duplicated or delayed.
    pub messages_affected: u64,
}

/// Adds up the statistics of each fault.
pub(super) fn collect(strikes: &[Strike], counter: &TrafficCounter) -> BTreeMap<Fault, FaultStats> {
    let mut stats: BTreeMap<Fault, FaultStats> = BTreeMap::new();
    for Strike { effect, .. } in strikes {
        let entry = stats.entry(effect.fault()).or_default();
        let names = effect.targets();
        entry.strikes += u64::from(!names.is_empty());
        for name in names {
            *entry.strikes_by_node.entry(name).or_default() += 1;
        }
    }
    for (fault, entry) in &mut stats {
        entry.messages_affected = counter.messages_affected_by(*fault);
    }
    stats
}

/// The end of the last strike that struck any node. `None` if there was none, or if it ended with
/// the operations.
pub(super) fn last_strike_end(strikes: &[Strike], time_limit: Duration) -> Option<Duration> {
    let hit = strikes.iter().filter(|strike| !strike.effect.targets().is_empty());
    hit.map(|strike| strike.until).max().filter(|heal| *heal < time_limit)
}

/// The map under `:faults` in `results.edn`.
pub(super) fn to_edn(stats: &BTreeMap<Fault, FaultStats>) -> Value {
    let mut map = Map::new();
    for (fault, FaultStats { strikes, strikes_by_node, messages_affected }) in stats {
        let mut nodes = Map::new();
        for (node, times) in strikes_by_node {
            nodes.insert(node.as_str(), *times);
        }
        let what = match fault {
            Fault::Partition | Fault::OneWay | Fault::Kill | Fault::Loss => "messages-lost",
            Fault::Pause => "messages-held-up",
            Fault::Duplicate => "messages-doubled",
            Fault::Slow => "messages-slowed-down",
        };
        let entry =
            Map::new().with("count", *strikes).with("struck", nodes).with(what, *messages_affected);
        map.insert(Value::keyword(fault.to_string()), entry);
    }
    map.into()
}

/// The participle for messages that a fault affects.
fn effect_on_messages(fault: Fault) -> &'static str {
    match fault {
        Fault::Partition | Fault::OneWay | Fault::Kill | Fault::Loss => "dropped",
        Fault::Pause | Fault::Slow => "delayed",
        Fault::Duplicate => "duplicated",
    }
}

/// Displays a fault with its statistics.
pub(super) struct FaultLine<'a>(pub(super) Fault, pub(super) &'a FaultStats);

impl Display for FaultLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FaultLine(
            fault,
            FaultStats { strikes, strikes_by_node: struck, messages_affected: messages },
        ) = self;
        let [times, nodes, messages] =
            [(*strikes, "time"), (struck.len() as u64, "node"), (*messages, "message")]
                .map(|(count, what)| counted(count, what));
        write!(f, "{fault:<15} {times}, {nodes}, {messages} {}", effect_on_messages(*fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_heal_time_is_the_end_of_the_last_strike_that_struck_any_node() {
        #[track_caller]
        fn check(strikes: &[Strike], expected: Option<u32>) {
            assert_eq!(
                last_strike_end(strikes, 9 * SECOND),
                expected.map(|second| second * SECOND)
            );
        }
        let kill = |until: u32| Strike::kill(["n0"], SECOND, until * SECOND);
        let nobody = Strike::pause([""; 0], SECOND, 5 * SECOND);
        check(&[], None);
        check(&[kill(3)], Some(3));
        check(&[kill(4), kill(2)], Some(4));
        check(&[kill(3), nobody.clone()], Some(3));
        check(&[nobody], None);
        check(&[kill(3), kill(9)], None);
    }
}
