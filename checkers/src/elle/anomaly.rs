//! The anomalies of transactions, Adya's phenomena and Elle's, and the relations between them.
//!
//! Some anomalies are special cases of others; between some others there is only an order of
//! severity. Both tables are Elle's. They determine which anomalies a model forbids, and in which
//! order the checker searches for cycles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

/// A type of anomaly, identified by its name upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Anomaly(pub(super) &'static str);

impl Anomaly {
    /// The name, without a colon.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// True if this anomaly only states that some cycle exists, without one to show.
    pub(super) fn is_cycle_exists(self) -> bool {
        self.0.ends_with("-cycle-exists")
    }
}

impl Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// The anomalies that leave the verdict unknown.
pub(super) const INCONCLUSIVE: [Anomaly; 2] = [EMPTY_GRAPH, TIMEOUT];
/// The dependency graph has no edges.
pub(super) const EMPTY_GRAPH: Anomaly = Anomaly("empty-transaction-graph");
/// The search for cycles was given up, so there may be more than were found.
pub(super) const TIMEOUT: Anomaly = Anomaly("cycle-search-timeout");

/// Each anomaly, and the anomalies of which it is a special case.
const IMPLIED: [(&str, &[&str]); 35] = [
    ("G0", &["G1c", "G0-process"]),
    ("G0-process", &["G1c-process", "G0-realtime"]),
    ("G0-realtime", &["G1c-realtime"]),
    ("G1a", &["G1"]),
    ("G1b", &["G1"]),
    ("G1c", &["G1", "G1c-process"]),
    ("G1c-process", &["G1c-realtime", "G1-process"]),
    ("G1c-realtime", &["G1-realtime"]),
    ("G1", &["G1-process"]),
    ("G1-process", &["G1-realtime"]),
    ("G-single-item", &["G-single", "G-single-item-process", "G-nonadjacent-item"]),
    (
        "G-single-item-process",
        &["G-single-process", "G-single-item-realtime", "G-nonadjacent-item-process"],
    ),
    ("G-single-item-realtime", &["G-single-realtime", "G-nonadjacent-item-realtime"]),
    ("G-single", &["G-nonadjacent", "GSIb", "G-single-process"]),
    ("G-single-process", &["G-nonadjacent-process", "G-single-realtime"]),
    ("G-single-realtime", &["G-nonadjacent-realtime"]),
    ("G-nonadjacent-item", &["G-nonadjacent", "G2-item", "G-nonadjacent-item-process"]),
    (
        "G-nonadjacent-item-process",
        &["G-nonadjacent-process", "G2-item-process", "G-nonadjacent-item-realtime"],
    ),
    ("G-nonadjacent-item-realtime", &["G2-item-realtime", "G-nonadjacent-realtime"]),
    ("G-nonadjacent", &["G2", "G-nonadjacent-process"]),
    ("G-nonadjacent-process", &["G2-process", "G-nonadjacent-realtime"]),
    ("G-nonadjacent-realtime", &["G2-realtime"]),
    ("G2", &["G2-process"]),
    ("G2-item", &["G2", "G2-item-process"]),
    ("G2-item-process", &["G2-process", "G2-item-realtime"]),
    ("G2-item-realtime", &["G2-realtime"]),
    ("G2-process", &["G2-realtime"]),
    ("GSIa", &["GSI"]),
    ("GSIb", &["GSI"]),
    ("incompatible-order", &["G1a"]),
    ("future-read", &["G1c"]),
    ("dirty-update", &["G1a"]),
    ("lost-update", &["write-skew", "G2-item"]),
    ("write-skew", &["G2"]),
    ("G1-realtime", &[]),
];

/// Each anomaly, and the anomalies that are less severe without being a case of it.
const WORSE: [(&str, &[&str]); 8] = [
    ("G0", &["G1c"]),
    ("G0-process", &["G1c-process"]),
    ("G0-realtime", &["G1c-realtime"]),
    ("G1c", &["G-single", "G2-item"]),
    ("G1c-process", &["G-single-process", "G2-item-process"]),
    ("G1c-realtime", &["G-single-realtime", "G2-item-realtime"]),
    ("G2", &["G0-process"]),
    ("G2-process", &["G0-realtime"]),
];

/// The given anomalies, and all of which they are special cases.
pub(super) fn implied(anomalies: impl IntoIterator<Item = Anomaly>) -> BTreeSet<Anomaly> {
    let next = |name: &str| {
        let row = IMPLIED.iter().find(|(special, _)| *special == name);
        row.map_or_else(Vec::new, |(_, general)| general.to_vec())
    };
    closure(anomalies, next)
}

/// The given anomalies, and all special cases of them.
pub(super) fn implying(anomalies: impl IntoIterator<Item = Anomaly>) -> BTreeSet<Anomaly> {
    let next = |name: &str| {
        let rows = IMPLIED.iter().filter(|(_, general)| general.contains(&name));
        rows.map(|(special, _)| *special).collect()
    };
    closure(anomalies, next)
}

fn closure(
    anomalies: impl IntoIterator<Item = Anomaly>,
    next: impl Fn(&str) -> Vec<&'static str>,
) -> BTreeSet<Anomaly> {
    let (mut all, mut open) = (BTreeSet::new(), Vec::from_iter(anomalies));
    while let Some(anomaly) = open.pop() {
        if all.insert(anomaly) {
            open.extend(next(anomaly.0).into_iter().map(Anomaly));
        }
    }
    all
}

/// The length of the longest path to each anomaly from a worst one. Cycles are searched for in this
/// order, the worst first.
pub(super) fn depths() -> BTreeMap<Anomaly, usize> {
    let edges = || IMPLIED.iter().chain(&WORSE).flat_map(|(a, bs)| bs.iter().map(|b| (*a, *b)));
    let mut depths: BTreeMap<Anomaly, usize> =
        edges().flat_map(|(a, b)| [(Anomaly(a), 0), (Anomaly(b), 0)]).collect();
    // Each round settles at least the next depth. The tables have no cycle, so the loop ends.
    loop {
        let mut settled = true;
        for (a, b) in edges() {
            let deeper = depths[&Anomaly(a)] + 1;
            if depths[&Anomaly(b)] < deeper {
                depths.insert(Anomaly(b), deeper);
                settled = false;
            }
        }
        if settled {
            return depths;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_special_case_implies_the_general_one_and_not_the_reverse() {
        let check = |special, general| {
            assert!(implied([Anomaly(special)]).contains(&Anomaly(general)));
            assert!(implying([Anomaly(general)]).contains(&Anomaly(special)));
            assert!(!implied([Anomaly(general)]).contains(&Anomaly(special)));
        };
        check("G0", "G1-realtime");
        check("lost-update", "G2-realtime");
        check("G-single-item", "G2-item");
        check("incompatible-order", "G1");
    }

    #[test]
    fn the_search_goes_from_the_worst_anomaly_to_the_least() {
        let depths = depths();
        let order = [
            "G0",
            "G1c",
            "G-single-item",
            "G-nonadjacent-item",
            "G2-item",
            "G0-process",
            "G2-item-process",
            "G0-realtime",
            "G1c-realtime",
            "G2-item-realtime",
        ];
        for pair in order.windows(2) {
            let [a, b] = [pair[0], pair[1]].map(|name| depths[&Anomaly(name)]);
            // Of two at the same depth, the name decides.
            assert!(a < b || pair == ["G1c", "G-single-item"], "{pair:?} {a} {b}");
        }
    }
}
