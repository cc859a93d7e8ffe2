//! The search for cycles of each kind, the worst kind first, the shortest cycle of each.
//!
//! Each kind of cycle is a closed walk that a small automaton accepts: which reasons its edges may
//! have, how often an anti-dependency (`rw`) may occur, and what must occur at least once. So the
//! search is breadth first over pairs of a vertex and a state, from every edge that must be in
//! such a cycle. A walk that visits a vertex twice falls apart into two closed walks, and the one
//! with the special edge is of a worse kind, which was found before and makes this one redundant;
//! so the shortest walks are cycles wherever it matters, and where one is not it is passed over.

use super::graph::{Graph, Rels};
use super::kind::{AntiDependencies, Spec, classify, explained};

/// A cycle as vertices; the last leads to the first.
pub(super) type Cycle = Vec<u32>;

/// What a search came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Cycle(Cycle),
    Nothing,
    /// It was given up.
    Unknown,
}

/// How many edges a search may look at before it has found anything. Upstream gives each component
/// a second; less would leave open what upstream decides, more would let a history that upstream
/// gives up on take minutes.
const PATIENCE: u64 = 30_000_000;
/// How many edges it may look at in order to find a shorter cycle than the first.
const DILIGENCE: u64 = 5_000_000;

/// A shortest cycle of this kind, whose edges are explained in this order of reasons.
///
/// Upstream takes an edge for any of its reasons where no anti-dependency is in question, and then
/// names the cycle by the first reason of each. So do we, if there is none of the right name.
pub(super) fn shortest(graph: &Graph, spec: &Spec, order: [Rels; 5]) -> Found {
    match search(graph, spec, order, true) {
        Found::Nothing if spec.rw == AntiDependencies::Never => search(graph, spec, order, false),
        found => found,
    }
}

fn search(graph: &Graph, spec: &Spec, order: [Rels; 5], named: bool) -> Found {
    let mut search = Search::new(graph, spec, order, named);
    for start in graph.vertices() {
        search.from(start);
        if search.best.as_ref().is_some_and(|best| best.len() <= 2) || search.is_over() {
            break;
        }
    }
    match search.best {
        Some(cycle) => Found::Cycle(cycle),
        None if search.effort >= PATIENCE => Found::Unknown,
        None => Found::Nothing,
    }
}

/// What a walk has had so far: bits of a small number.
type State = u8;
/// The last edge was an anti-dependency.
const ANTI: State = 1;
/// There was a `wr`.
const READ: State = 2;
/// There was an edge of the spec's variant.
const VARIED: State = 4;
const STATES: usize = 8;

struct Search<'a> {
    graph: &'a Graph,
    spec: &'a Spec,
    order: [Rels; 5],
    /// Whether an edge counts as what it is explained by alone.
    named: bool,
    components: Vec<u32>,
    /// For each vertex and state, the search that reached it last, and from where.
    reached: Vec<(u32, u32, State)>,
    round: u32,
    effort: u64,
    best: Option<Cycle>,
}

impl<'a> Search<'a> {
    fn new(graph: &'a Graph, spec: &'a Spec, order: [Rels; 5], named: bool) -> Search<'a> {
        let mut search = Search {
            graph,
            spec,
            order,
            named,
            components: Vec::new(),
            reached: vec![(0, 0, 0); graph.len() * STATES],
            round: 0,
            effort: 0,
            best: None,
        };
        search.components = graph.components(|edge| search.usable(edge.rels) != Rels::NONE);
        search
    }

    fn is_over(&self) -> bool {
        self.effort >= if self.best.is_some() { DILIGENCE } else { PATIENCE }
    }

    /// As what an edge may be used.
    fn usable(&self, rels: Rels) -> Rels {
        let legal = match self.spec.rw {
            AntiDependencies::Never => self.spec.legal,
            _ => self.spec.legal.union(Rels::RW),
        };
        let rels = if self.named { explained(rels, self.order) } else { rels };
        rels.intersection(legal)
    }

    /// Whether a cycle may be said to begin with such an edge.
    fn begins(&self, rels: Rels) -> bool {
        match self.spec {
            Spec { rw: AntiDependencies::Never, reads: true, .. } => rels.meets(Rels::WR),
            Spec { rw: AntiDependencies::Never, variant, .. } => {
                *variant == Rels::NONE || rels.meets(*variant)
            }
            _ => rels == Rels::RW,
        }
    }

    /// The state after an edge, if it may be taken.
    fn step(&self, state: State, rels: Rels) -> Option<State> {
        let mut next = state & !ANTI;
        if rels == Rels::RW {
            let allowed = match self.spec.rw {
                AntiDependencies::Never | AntiDependencies::Once => false,
                AntiDependencies::Apart => state & ANTI == 0,
                AntiDependencies::Any => true,
            };
            return allowed.then_some(next | ANTI);
        }
        if rels.meets(Rels::WR) {
            next |= READ;
        }
        if rels.meets(self.spec.variant) {
            next |= VARIED;
        }
        Some(next)
    }

    /// Whether a walk is complete that comes back in this state.
    fn accepts(&self, state: State) -> bool {
        (self.spec.variant == Rels::NONE || state & VARIED != 0)
            && (!self.spec.reads || state & READ != 0)
            && (self.spec.rw != AntiDependencies::Apart || state & ANTI == 0)
    }

    /// Looks for a cycle that begins at a vertex and is shorter than the best so far.
    fn from(&mut self, start: u32) {
        self.round += 1;
        let mut shell: Vec<(u32, State)> = Vec::new();
        for edge in self.graph.out(start) {
            let rels = self.usable(edge.rels);
            let inside = self.components[edge.to as usize] == self.components[start as usize];
            if rels == Rels::NONE || !inside || !self.begins(rels) {
                continue;
            }
            let first = match rels {
                Rels::RW => Some(ANTI),
                rels => self.step(0, rels),
            };
            let Some(state) = first else { continue };
            if edge.to == start && self.accepts(state) {
                self.best = Some(vec![start]);
                return;
            }
            self.reach(edge.to, state, (start, 0), &mut shell);
        }
        let mut len = 1;
        while !shell.is_empty() && self.best.as_ref().is_none_or(|best| len + 1 < best.len()) {
            len += 1;
            let mut next = Vec::new();
            for (vertex, state) in shell {
                for edge in self.graph.out(vertex) {
                    self.effort += 1;
                    let rels = self.usable(edge.rels);
                    let inside =
                        self.components[edge.to as usize] == self.components[start as usize];
                    if rels == Rels::NONE || !inside {
                        continue;
                    }
                    let Some(after) = self.step(state, rels) else { continue };
                    if edge.to == start && self.accepts(after) {
                        if let Some(cycle) = self.cycle(start, vertex, state, len) {
                            self.best = Some(cycle);
                            return;
                        }
                    } else {
                        self.reach(edge.to, after, (vertex, state), &mut next);
                    }
                }
            }
            if self.is_over() {
                return;
            }
            shell = next;
        }
    }

    fn reach(
        &mut self,
        vertex: u32,
        state: State,
        (from, before): (u32, State),
        shell: &mut Vec<(u32, State)>,
    ) {
        let place = &mut self.reached[vertex as usize * STATES + usize::from(state)];
        if place.0 != self.round {
            *place = (self.round, from, before);
            shell.push((vertex, state));
        }
    }

    /// The walk of `len` edges that ends with an edge from here to the start, if it is a cycle.
    fn cycle(&self, start: u32, mut vertex: u32, mut state: State, len: usize) -> Option<Cycle> {
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
            .map(|(a, b)| explained(self.graph.rels(*a, *b), self.order))
            .collect();
        (!self.named || classify(&rels) == self.spec.anomaly).then_some(cycle)
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind::specs;
    use super::*;

    const ORDER: [Rels; 5] = [Rels::WW, Rels::WR, Rels::RW, Rels::PROCESS, Rels::REALTIME];
    const WW: Rels = Rels::WW;
    const WR: Rels = Rels::WR;
    const RW: Rels = Rels::RW;
    const RT: Rels = Rels::REALTIME;

    /// The kinds of cycles that are found, each with its length.
    #[track_caller]
    fn check(edges: &[(u32, u32, Rels)], expected: &[(&str, usize)]) {
        let graph = Graph::new(8, edges.to_vec());
        let found = specs().into_iter().filter_map(|spec| match shortest(&graph, &spec, ORDER) {
            Found::Cycle(cycle) => Some((spec.anomaly.name(), cycle.len())),
            Found::Nothing | Found::Unknown => None,
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
