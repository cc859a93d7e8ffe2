//! Which transaction must come before which, and the strongly connected parts of that relation.
//!
//! Components are found with Tarjan's algorithm, with a stack of its own in place of recursion: a
//! history of a million transactions may be one chain.

/// A set of reasons why one transaction comes before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rels(u8);

impl Rels {
    /// No reason.
    pub const NONE: Rels = Rels(0);
    /// Its write was replaced by the other's.
    pub const WW: Rels = Rels(1);
    /// Its write was read by the other.
    pub const WR: Rels = Rels(2);
    /// What it read was replaced by the other.
    pub const RW: Rels = Rels(4);
    /// The same process did the other one later.
    pub const PROCESS: Rels = Rels(8);
    /// It ended before the other began.
    pub const REALTIME: Rels = Rels(16);

    /// The reasons of both sets.
    pub(crate) const fn union(self, other: Rels) -> Rels {
        Rels(self.0 | other.0)
    }

    pub(super) const fn intersection(self, other: Rels) -> Rels {
        Rels(self.0 & other.0)
    }

    /// True if both sets have a reason.
    pub const fn meets(self, other: Rels) -> bool {
        self.0 & other.0 != 0
    }
}

/// The edge from one vertex to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) to: u32,
    pub(super) rels: Rels,
}

/// A directed graph, and on each edge its reasons.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// Where each vertex's edges begin, and at last where they end.
    starts: Vec<usize>,
    edges: Vec<Edge>,
}

impl Graph {
    /// The graph of so many vertices with these edges, which may come in any order and repeatedly.
    pub(super) fn new(vertices: usize, mut triples: Vec<(u32, u32, Rels)>) -> Graph {
        triples.sort_unstable();
        let mut starts = vec![0; vertices + 1];
        let mut edges: Vec<Edge> = Vec::with_capacity(triples.len());
        let mut previous = None;
        for (from, to, rels) in triples {
            if previous == Some((from, to)) {
                if let Some(edge) = edges.last_mut() {
                    edge.rels = edge.rels.union(rels);
                }
            } else {
                edges.push(Edge { to, rels });
                starts[from as usize + 1] += 1;
                previous = Some((from, to));
            }
        }
        for vertex in 0..vertices {
            starts[vertex + 1] += starts[vertex];
        }
        Graph { starts, edges }
    }

    /// How many vertices there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The vertices.
    pub(super) fn vertices(&self) -> impl Iterator<Item = u32> + use<> {
        0..u32::try_from(self.len()).expect("a graph has less than 2^32 vertices")
    }

    /// The edges that leave a vertex, by where they lead.
    pub(super) fn out(&self, vertex: u32) -> &[Edge] {
        let vertex = vertex as usize;
        &self.edges[self.starts[vertex]..self.starts[vertex + 1]]
    }

    /// The reasons on the edge from one vertex to another.
    pub(super) fn rels(&self, from: u32, to: u32) -> Rels {
        let out = self.out(from);
        out.binary_search_by_key(&to, |edge| edge.to).map_or(Rels::NONE, |at| out[at].rels)
    }

    /// The part of the graph on these vertices, which must be sorted: the first becomes 0.
    pub(super) fn part(&self, vertices: &[u32]) -> Graph {
        let number = |vertex: u32| vertices.binary_search(&vertex).ok();
        let edges = vertices.iter().zip(0..).flat_map(|(vertex, from)| {
            self.out(*vertex).iter().filter_map(move |edge| {
                let to = u32::try_from(number(edge.to)?).ok()?;
                Some((from, to, edge.rels))
            })
        });
        Graph::new(vertices.len(), edges.collect())
    }

    /// For each vertex the number of its strongly connected component, by the edges for which
    /// `follows` holds.
    pub(super) fn components(&self, follows: impl Fn(Edge) -> bool) -> Vec<u32> {
        const UNSEEN: u32 = u32::MAX;
        let mut components = vec![UNSEEN; self.len()];
        let mut order = vec![UNSEEN; self.len()];
        let mut low = vec![0; self.len()];
        let (mut seen, mut found) = (0, 0);
        let (mut open, mut path): (Vec<u32>, Vec<(u32, usize)>) = (Vec::new(), Vec::new());
        for root in self.vertices() {
            if order[root as usize] == UNSEEN {
                path.push((root, 0));
            }
            while let Some((vertex, next)) = path.last_mut() {
                let (at, vertex) = (*vertex as usize, *vertex);
                if *next == 0 {
                    (order[at], low[at]) = (seen, seen);
                    seen += 1;
                    open.push(vertex);
                }
                let edge = self.out(vertex).get(*next).copied();
                *next += 1;
                match edge {
                    Some(edge) if !follows(edge) => {}
                    Some(edge) if order[edge.to as usize] == UNSEEN => path.push((edge.to, 0)),
                    Some(edge) if components[edge.to as usize] == UNSEEN => {
                        low[at] = low[at].min(order[edge.to as usize]);
                    }
                    Some(_) => {}
                    None => {
                        path.pop();
                        if let Some((parent, _)) = path.last() {
                            low[*parent as usize] = low[*parent as usize].min(low[at]);
                        }
                        if low[at] == order[at] {
                            while let Some(member) = open.pop() {
                                components[member as usize] = found;
                                if member == vertex {
                                    break;
                                }
                            }
                            found += 1;
                        }
                    }
                }
            }
        }
        components
    }

    /// The components of more than one vertex, by their least vertices; each is sorted.
    pub(super) fn knots(&self) -> Vec<Vec<u32>> {
        let mut knots = members(&self.components(|_| true));
        knots.retain(|knot| knot.len() > 1);
        knots
    }
}

/// The vertices of each component, by their least ones.
pub(super) fn members(components: &[u32]) -> Vec<Vec<u32>> {
    let count = components.iter().max().map_or(0, |last| *last as usize + 1);
    let mut members = vec![Vec::new(); count];
    for (vertex, component) in (0..).zip(components) {
        members[*component as usize].push(vertex);
    }
    members.sort_unstable();
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn graph(vertices: usize, edges: &[(u32, u32)]) -> Graph {
        Graph::new(vertices, edges.iter().map(|(a, b)| (*a, *b, Rels::WW)).collect())
    }

    #[test]
    fn vertices_are_in_one_component_if_each_reaches_the_other() {
        assert_eq!(graph(0, &[]).knots(), Vec::<Vec<u32>>::new());
        assert_eq!(graph(3, &[(0, 1), (1, 2), (0, 2), (1, 1)]).knots(), Vec::<Vec<u32>>::new());
        let two = graph(6, &[(5, 0), (0, 5), (1, 2), (2, 3), (3, 1), (3, 0), (4, 1)]);
        assert_eq!(two.knots(), [vec![0, 5], vec![1, 2, 3]]);
        let part = two.part(&[1, 3, 5]);
        assert_eq!((part.len(), part.rels(1, 0), part.rels(0, 1)), (3, Rels::WW, Rels::NONE));
    }

    #[test]
    fn the_components_are_those_that_reachability_gives() {
        let mut random = Random::seeded(1);
        for _ in 0..500 {
            let vertices = 1 + random.below(9);
            let edges: Vec<(u32, u32)> = (0..random.below(20))
                .map(|_| [random.below(vertices), random.below(vertices)])
                .map(|[a, b]| (u32::try_from(a).unwrap(), u32::try_from(b).unwrap()))
                .collect();
            let graph = graph(usize::try_from(vertices).unwrap(), &edges);
            let n = graph.len();
            let mut reaches = vec![vec![false; n]; n];
            for (i, row) in reaches.iter_mut().enumerate() {
                row[i] = true;
            }
            for (a, b) in &edges {
                reaches[*a as usize][*b as usize] = true;
            }
            for via in 0..n {
                for a in 0..n {
                    for b in 0..n {
                        reaches[a][b] |= reaches[a][via] && reaches[via][b];
                    }
                }
            }
            let components = graph.components(|_| true);
            for a in 0..n {
                for b in 0..n {
                    let together = reaches[a][b] && reaches[b][a];
                    assert_eq!(components[a] == components[b], together, "{edges:?}");
                }
            }
        }
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let mut edges: Vec<(u32, u32)> = (0..500_000).map(|i| (i, i + 1)).collect();
        assert!(graph(500_001, &edges).knots().is_empty());
        edges.push((500_000, 0));
        assert_eq!(graph(500_001, &edges).knots().len(), 1);
    }
}
