//! The search for a shortest cycle of one kind.
//!
//! A kind of cycle is a set of closed walks that a small automaton accepts. The automaton states
//! which relations the edges may have, how often an anti-dependency (`rw`) may occur, and what must
//! occur at least once. So the search is breadth first over pairs of a vertex and a state. It
//! starts from every edge that such a cycle must contain.
//!
//! A walk that visits a vertex twice splits into two closed walks. The one with the required edge
//! is of a worse kind. The caller searched for that kind before, and then skips this one as
//! redundant. So the shortest walks are cycles wherever it matters, and a walk that is no cycle is
//! skipped.

use super::cycle_kinds::{AntiDependencies, CycleSpec, classify, first_rel};
use super::graph::{Graph, Rels};

/// The vertices of a cycle; the last one has an edge to the first.
pub(super) type Cycle = Vec<u32>;

/// The outcome of a search.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CycleSearchOutcome {
    Cycle(Cycle),
    NoCycle,
    /// The search ran out of its budget before it found a cycle.
    GaveUp,
}

/// The number of edges that a search may visit before it finds a first cycle. Upstream gives each
/// component a second. With fewer edges, verdicts that upstream reaches would be unknown here. With
/// more, a history that upstream gives up on could take minutes.
const FIRST_CYCLE_BUDGET: u64 = 30_000_000;
/// The number of edges after which a search that has found a cycle stops looking for a shorter one.
/// More would show shorter cycles in large components, fewer would save time.
const SHORTER_CYCLE_BUDGET: u64 = 5_000_000;

/// Searches for a shortest cycle of a kind. If an edge has several relations, the first of them in
/// `order` explains it.
///
/// Where a kind has no anti-dependencies, upstream lets an edge stand for any of its relations, and
/// then names the cycle by the first relation of each edge. So does this function, if no cycle has
/// the right name by first relations alone.
pub(super) fn shortest(graph: &Graph, spec: &CycleSpec, order: [Rels; 5]) -> CycleSearchOutcome {
    match search(graph, spec, order, true) {
        CycleSearchOutcome::NoCycle if spec.rw == AntiDependencies::Never => {
            search(graph, spec, order, false)
        }
        found => found,
    }
}

fn search(
    graph: &Graph,
    spec: &CycleSpec,
    order: [Rels; 5],
    first_rel_only: bool,
) -> CycleSearchOutcome {
    let mut search = CycleSearch::new(graph, spec, order, first_rel_only);
    for start in graph.vertices() {
        search.search_from(start);
        if search.best.as_ref().is_some_and(|best| best.len() <= 2) || search.is_out_of_budget() {
            break;
        }
    }
    match search.best {
        Some(cycle) => CycleSearchOutcome::Cycle(cycle),
        None if search.visited_edges >= FIRST_CYCLE_BUDGET => CycleSearchOutcome::GaveUp,
        None => CycleSearchOutcome::NoCycle,
    }
}

/// The state of the automaton after a walk, as a set of bits.
type WalkState = u8;
/// The last edge of the walk is an anti-dependency (`rw`).
const AFTER_RW: WalkState = 1;
/// The walk has a read dependency (`wr`).
const HAS_WR: WalkState = 2;
/// The walk has an edge of the kind's variant (process or real-time order).
const HAS_VARIANT: WalkState = 4;
const STATES: usize = 8;

struct CycleSearch<'a> {
    graph: &'a Graph,
    spec: &'a CycleSpec,
    order: [Rels; 5],
    /// True if an edge counts only as its first relation in `order`.
    first_rel_only: bool,
    components: Vec<u32>,
    /// For each vertex and state, the last round that reached it, and the vertex and state before.
    reached: Vec<(u32, u32, WalkState)>,
    round: u32,
    visited_edges: u64,
    best: Option<Cycle>,
}

impl<'a> CycleSearch<'a> {
    fn new(
        graph: &'a Graph,
        spec: &'a CycleSpec,
        order: [Rels; 5],
        first_rel_only: bool,
    ) -> CycleSearch<'a> {
        let mut search = CycleSearch {
            graph,
            spec,
            order,
            first_rel_only,
            components: Vec::new(),
            reached: vec![(0, 0, 0); graph.len() * STATES],
            round: 0,
            visited_edges: 0,
            best: None,
        };
        search.components = graph.components(|edge| search.usable_rels(edge.rels) != Rels::NONE);
        search
    }

    fn is_out_of_budget(&self) -> bool {
        self.visited_edges
            >= if self.best.is_some() { SHORTER_CYCLE_BUDGET } else { FIRST_CYCLE_BUDGET }
    }

    /// The relations for which a walk may use an edge.
    fn usable_rels(&self, rels: Rels) -> Rels {
        let allowed = match self.spec.rw {
            AntiDependencies::Never => self.spec.allowed,
            _ => self.spec.allowed.union(Rels::RW),
        };
        let rels = if self.first_rel_only { first_rel(rels, self.order) } else { rels };
        rels.intersection(allowed)
    }

    /// True if an edge with these relations can be the first of a cycle.
    fn can_begin(&self, rels: Rels) -> bool {
        match self.spec {
            CycleSpec { rw: AntiDependencies::Never, requires_wr: true, .. } => {
                rels.intersects(Rels::WR)
            }
            CycleSpec { rw: AntiDependencies::Never, variant, .. } => {
                *variant == Rels::NONE || rels.intersects(*variant)
            }
            _ => rels == Rels::RW,
        }
    }

    /// The state after an edge; `None` if the walk must not take it.
    fn next_state(&self, state: WalkState, rels: Rels) -> Option<WalkState> {
        let mut next = state & !AFTER_RW;
        if rels == Rels::RW {
            let allowed = match self.spec.rw {
                AntiDependencies::Never | AntiDependencies::Once => false,
                AntiDependencies::Nonadjacent => state & AFTER_RW == 0,
                AntiDependencies::Any => true,
            };
            return allowed.then_some(next | AFTER_RW);
        }
        if rels.intersects(Rels::WR) {
            next |= HAS_WR;
        }
        if rels.intersects(self.spec.variant) {
            next |= HAS_VARIANT;
        }
        Some(next)
    }

    /// True if a walk that returns to its start in this state is accepted.
    fn accepts(&self, state: WalkState) -> bool {
        (self.spec.variant == Rels::NONE || state & HAS_VARIANT != 0)
            && (!self.spec.requires_wr || state & HAS_WR != 0)
            && (self.spec.rw != AntiDependencies::Nonadjacent || state & AFTER_RW == 0)
    }

    /// Searches for a cycle through `start` that is shorter than the best so far.
    fn search_from(&mut self, start: u32) {
        self.round += 1;
        let mut frontier: Vec<(u32, WalkState)> = Vec::new();
        for edge in self.graph.out_edges(start) {
            let rels = self.usable_rels(edge.rels);
            let inside = self.components[edge.to as usize] == self.components[start as usize];
            if rels == Rels::NONE || !inside || !self.can_begin(rels) {
                continue;
            }
            let first = match rels {
                Rels::RW => Some(AFTER_RW),
                rels => self.next_state(0, rels),
            };
            let Some(state) = first else { continue };
            if edge.to == start && self.accepts(state) {
                self.best = Some(vec![start]);
                return;
            }
            self.enqueue(edge.to, state, (start, 0), &mut frontier);
        }
        let mut len = 1;
        while !frontier.is_empty() && self.best.as_ref().is_none_or(|best| len + 1 < best.len()) {
            len += 1;
            let mut next = Vec::new();
            for (vertex, state) in frontier {
                for edge in self.graph.out_edges(vertex) {
                    self.visited_edges += 1;
                    let rels = self.usable_rels(edge.rels);
                    let inside =
                        self.components[edge.to as usize] == self.components[start as usize];
                    if rels == Rels::NONE || !inside {
                        continue;
                    }
                    let Some(after) = self.next_state(state, rels) else { continue };
                    if edge.to == start && self.accepts(after) {
                        if let Some(cycle) = self.cycle(start, vertex, state, len) {
                            self.best = Some(cycle);
                            return;
                        }
                    } else {
                        self.enqueue(edge.to, after, (vertex, state), &mut next);
                    }
                }
            }
            if self.is_out_of_budget() {
                return;
            }
            frontier = next;
        }
    }

    fn enqueue(
        &mut self,
        vertex: u32,
        state: WalkState,
        (from, before): (u32, WalkState),
        frontier: &mut Vec<(u32, WalkState)>,
    ) {
        let place = &mut self.reached[vertex as usize * STATES + usize::from(state)];
        if place.0 != self.round {
            *place = (self.round, from, before);
            frontier.push((vertex, state));
        }
    }

    /// The walk of `len` edges whose last edge leads from `vertex` to `start`, if it is a cycle.
    fn cycle(
        &self,
        start: u32,
        mut vertex: u32,
        mut state: WalkState,
        len: usize,
    ) -> Option<Cycle> {
        let mut cycle = Vec::with_capacity(len);
        while cycle.len() + 1 < len {
            cycle.push(vertex);
            let (_, from, before) = self.reached[vertex as usize * STATES + usize::from(state)];
            (vertex, state) = (from, before);
        }
        cycle.push(start);
        cycle.reverse();
        let mut distinct = cycle.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < cycle.len() {
            return None;
        }
        let next = cycle.iter().cycle().skip(1);
        let rels: Vec<Rels> = cycle
            .iter()
            .zip(next)
            .map(|(a, b)| first_rel(self.graph.rels(*a, *b), self.order))
            .collect();
        (!self.first_rel_only || classify(&rels) == self.spec.anomaly).then_some(cycle)
    }
}

#[cfg(test)]
mod tests {
    use super::super::cycle_kinds::specs;
    use super::*;

    const ORDER: [Rels; 5] = [Rels::WW, Rels::WR, Rels::RW, Rels::PROCESS, Rels::REALTIME];
    const WW: Rels = Rels::WW;
    const WR: Rels = Rels::WR;
    const RW: Rels = Rels::RW;
    const RT: Rels = Rels::REALTIME;

    /// Compares the kinds of cycles that are found, and their lengths.
    #[track_caller]
    fn check(edges: &[(u32, u32, Rels)], expected: &[(&str, usize)]) {
        let graph = Graph::new(8, edges.to_vec());
        let found = specs().into_iter().filter_map(|spec| match shortest(&graph, &spec, ORDER) {
            CycleSearchOutcome::Cycle(cycle) => Some((spec.anomaly.name(), cycle.len())),
            CycleSearchOutcome::NoCycle | CycleSearchOutcome::GaveUp => None,
        });
        assert_eq!(found.collect::<Vec<_>>(), expected, "{edges:?}");
    }

    #[test]
    fn a_cycle_is_of_the_kind_that_its_edges_make_it() {
        check(&[(0, 1, WW), (1, 2, WW), (0, 2, WR)], &[]);
        check(&[(0, 1, WW), (1, 0, WW)], &[("G0", 2)]);
        check(&[(0, 1, WW), (1, 0, WR)], &[("G1c", 2)]);
        check(&[(0, 1, WW), (1, 0, RW)], &[("G-single-item", 2), ("G2-item", 2)][..1]);
        check(&[(0, 1, RW), (1, 0, RW)], &[("G2-item", 2)]);
        check(&[(0, 1, RW), (1, 2, WW), (2, 3, RW), (3, 0, WR)], &[("G-nonadjacent-item", 4)]);
        check(&[(0, 1, WW), (1, 0, RT)], &[("G0-realtime", 2)]);
        check(&[(0, 1, WW), (1, 2, WR), (2, 0, RT)], &[("G1c-realtime", 3)]);
        check(&[(0, 1, RW), (1, 0, RT)], &[("G-single-item-realtime", 2)]);
        check(&[(0, 1, RT), (1, 0, Rels::PROCESS)], &[]);
        check(&[(0, 1, RW.union(WW)), (1, 0, WW)], &[("G0", 2)]);
    }

    #[test]
    fn the_shortest_cycle_is_found() {
        check(
            &[(0, 1, WW), (1, 2, WW), (2, 3, WW), (3, 0, WW), (3, 1, WW), (5, 5, WR)],
            &[("G0", 3), ("G1c", 1)],
        );
    }
}
