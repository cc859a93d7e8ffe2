//! The kinds of cycles, which differ in the relations on their edges.

use super::anomaly::{self, Anomaly};
use super::graph::Rels;

/// The number of anti-dependencies that a cycle may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AntiDependencies {
    Never,
    Once,
    /// Any number, but no two adjacent.
    Nonadjacent,
    Any,
}

/// A kind of cycle.
#[derive(Debug, Clone, Copy)]
pub(super) struct CycleSpec {
    pub(super) anomaly: Anomaly,
    /// The relations that edges may have, besides `rw`.
    pub(super) allowed: Rels,
    pub(super) rw: AntiDependencies,
    /// True if the cycle must have a read dependency (`wr`).
    pub(super) requires_wr: bool,
    /// The order, besides data dependencies, of which the cycle must have an edge: process, real
    /// time, or none.
    pub(super) variant: Rels,
}

/// All kinds of cycles, in search order: the worst first.
pub(super) fn specs() -> Vec<CycleSpec> {
    use AntiDependencies::{Any, Never, Nonadjacent, Once};
    let kinds = [(Never, false), (Never, true), (Once, false), (Nonadjacent, false), (Any, false)];
    let mut specs = Vec::new();
    for (names, variant) in NAMES.iter().zip([Rels::NONE, Rels::PROCESS, Rels::REALTIME]) {
        for (name, (rw, requires_wr)) in names.iter().zip(kinds) {
            let data =
                if rw == Never && !requires_wr { Rels::WW } else { Rels::WW.union(Rels::WR) };
            let allowed = data.union(variant);
            specs.push(CycleSpec { anomaly: Anomaly(name), allowed, rw, requires_wr, variant });
        }
    }
    let depths = anomaly::depths();
    specs.sort_by_key(|spec: &CycleSpec| (depths.get(&spec.anomaly).copied(), spec.anomaly));
    specs
}

/// The names of cycles by data alone, with process order, and with real-time order.
const NAMES: [[&str; 5]; 3] = [
    ["G0", "G1c", "G-single-item", "G-nonadjacent-item", "G2-item"],
    [
        "G0-process",
        "G1c-process",
        "G-single-item-process",
        "G-nonadjacent-item-process",
        "G2-item-process",
    ],
    [
        "G0-realtime",
        "G1c-realtime",
        "G-single-item-realtime",
        "G-nonadjacent-item-realtime",
        "G2-item-realtime",
    ],
];

/// The anomaly that a cycle is, by the relation of each edge.
pub(super) fn classify(rels: &[Rels]) -> Anomaly {
    let has = |rel| rels.contains(&rel);
    let anti_dependencies = rels.iter().filter(|rel| **rel == Rels::RW).count();
    let next = rels.iter().cycle().skip(1);
    let adjacent = rels.iter().zip(next).any(|(a, b)| (*a, *b) == (Rels::RW, Rels::RW));
    let kind = match anti_dependencies {
        0 if has(Rels::WR) => 1,
        0 => 0,
        1 => 2,
        _ if adjacent => 4,
        _ => 3,
    };
    let variant = match () {
        () if has(Rels::REALTIME) => 2,
        () if has(Rels::PROCESS) => 1,
        () => 0,
    };
    Anomaly(NAMES[variant][kind])
}

/// The first relation in `order` that an edge has, which explains it.
pub(super) fn first_rel(rels: Rels, order: [Rels; 5]) -> Rels {
    order.into_iter().find(|rel| rels.intersects(*rel)).unwrap_or(Rels::NONE)
}
