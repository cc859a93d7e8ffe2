//! What faults did: how often each struck, whom, and how many messages it cost.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::time::Duration;

use crate::checker::sentence::counted;
use crate::edn::{Map, Value};
use crate::nemesis::{Fault, Strike};
use crate::network::Journal;

/// What one fault did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Toll {
    /// How many times it struck anybody.
    pub strikes: u64,
    /// How many times it struck each node.
    pub struck: BTreeMap<String, u64>,
    /// The messages that it dropped; or, of a fault that drops none, doubled or held up.
    pub messages: u64,
}

/// Adds up what the faults did.
pub(super) fn of(strikes: &[Strike], journal: &Journal) -> BTreeMap<Fault, Toll> {
    let mut tolls: BTreeMap<Fault, Toll> = BTreeMap::new();
    for Strike { harm, .. } in strikes {
        let toll = tolls.entry(harm.fault()).or_default();
        let names = harm.names();
        toll.strikes += u64::from(!names.is_empty());
        for name in names {
            *toll.struck.entry(name).or_default() += 1;
        }
    }
    for (fault, toll) in &mut tolls {
        toll.messages = journal.struck_by(*fault);
    }
    tolls
}

/// When the last strike that hit anybody ended; `None` if there was none, or if it ended with the
/// operations.
pub(super) fn heal(strikes: &[Strike], time_limit: Duration) -> Option<Duration> {
    let hit = strikes.iter().filter(|strike| !strike.harm.names().is_empty());
    hit.map(|strike| strike.until).max().filter(|heal| *heal < time_limit)
}

/// The map under `:faults`.
pub(super) fn to_edn(tolls: &BTreeMap<Fault, Toll>) -> Value {
    let mut map = Map::new();
    for (fault, Toll { strikes, struck, messages }) in tolls {
        let mut nodes = Map::new();
        for (node, times) in struck {
            nodes.insert(node.as_str(), *times);
        }
        let what = format!("messages-{}", done_to_messages(*fault).replace(' ', "-"));
        let toll = Map::new().with("count", *strikes).with("struck", nodes).with(what, *messages);
        map.insert(Value::keyword(fault.to_string()), toll);
    }
    map.into()
}

/// What a fault does to messages.
fn done_to_messages(fault: Fault) -> &'static str {
    match fault {
        Fault::Partition | Fault::OneWay | Fault::Kill | Fault::Loss => "lost",
        Fault::Pause => "held up",
        Fault::Duplicate => "doubled",
        Fault::Slow => "slowed down",
    }
}

/// A fault with its toll, for people.
pub(super) struct Line<'a>(pub(super) Fault, pub(super) &'a Toll);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line(fault, Toll { strikes, struck, messages }) = self;
        let [times, nodes, messages] =
            [(*strikes, "time"), (struck.len() as u64, "node"), (*messages, "message")]
                .map(|(count, what)| counted(count, what));
        write!(f, "{fault:<15} {times}, {nodes}, {messages} {}", done_to_messages(*fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_last_strike_that_hit_anybody_is_what_nodes_heal_from() {
        #[track_caller]
        fn check(strikes: &[Strike], expected: Option<u32>) {
            assert_eq!(heal(strikes, 9 * SECOND), expected.map(|second| second * SECOND));
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
