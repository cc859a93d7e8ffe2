//! The dependency graph, and its strongly connected components.
//!
//! Tarjan's algorithm (*Depth-First Search and Linear Graph Algorithms*, 1972) finds the
//! components. It has an explicit stack instead of recursion, because a history of a million
//! transactions may be one chain.

/// A set of relations (Elle's *rels*) by which one transaction comes before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rels(u8);

impl Rels {
    /// The empty set.
    pub const NONE: Rels = Rels(0);
    /// Write dependency: the second overwrote what the first wrote.
    pub const WW: Rels = Rels(1);
    /// Read dependency: the second read what the first wrote.
    pub const WR: Rels = Rels(2);
    /// Anti-dependency: the second overwrote what the first read.
    pub const RW: Rels = Rels(4);
    /// Process order: the same process executed the second later.
    pub const PROCESS: Rels = Rels(8);
    /// Real-time order: the first completed before the second was invoked.
    pub const REALTIME: Rels = Rels(16);

    /// The relations in either set.
    pub(crate) const fn union(self, other: Rels) -> Rels {
        Rels(self.0 | other.0)
    }

    /// The relations in both sets.
    pub(super) const fn intersection(self, other: Rels) -> Rels {
        Rels(self.0 & other.0)
    }

    /// True if the sets have a relation in common.
    pub const fn intersects(self, other: Rels) -> bool {
        self.0 & other.0 != 0
    }
}

/// An edge to a vertex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) to: u32,
    pub(super) rels: Rels,
}

/// A directed graph whose edges are labeled with relations, in compressed sparse rows.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// The edges of vertex `v` are `edges[starts[v]..starts[v + 1]]`, sorted by target.
    starts: Vec<usize>,
    edges: Vec<Edge>,
}

impl Graph {
    /// Builds the graph from edges in any order. Edges between the same vertices are merged.
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

    /// The number of vertices.
    pub(super) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The vertices.
    pub(super) fn vertices(&self) -> impl Iterator<Item = u32> + use<> {
        0..u32::try_from(self.len()).expect("a graph has fewer than 2^32 vertices")
    }

    /// The outgoing edges of a vertex, sorted by target.
    pub(super) fn out_edges(&self, vertex: u32) -> &[Edge] {
        let vertex = vertex as usize;
        &self.edges[self.starts[vertex]..self.starts[vertex + 1]]
    }

    /// The relations on the edge from one vertex to another; none if there is no edge.
    pub(super) fn rels(&self, from: u32, to: u32) -> Rels {
        let out = self.out_edges(from);
        out.binary_search_by_key(&to, |edge| edge.to).map_or(Rels::NONE, |at| out[at].rels)
    }

    /// The subgraph induced by these vertices, which must be sorted. Vertex `i` of the subgraph is
    /// `vertices[i]`.
    pub(super) fn subgraph(&self, vertices: &[u32]) -> Graph {
        let number = |vertex: u32| vertices.binary_search(&vertex).ok();
        let edges = vertices.iter().zip(0..).flat_map(|(vertex, from)| {
            self.out_edges(*vertex).iter().filter_map(move |edge| {
                let to = u32::try_from(number(edge.to)?).ok()?;
                Some((from, to, edge.rels))
            })
        });
        Graph::new(vertices.len(), edges.collect())
    }

    /// The strongly connected component of each vertex, as a number. Only edges for which `follows`
    /// holds count.
    pub(super) fn components(&self, follows: impl Fn(Edge) -> bool) -> Vec<u32> {
        const UNSEEN: u32 = u32::MAX;
        let mut components = vec![UNSEEN; self.len()];
        let mut index = vec![UNSEEN; self.len()];
        let mut lowlink = vec![0; self.len()];
        let (mut next_index, mut component_count) = (0, 0);
        let (mut stack, mut calls): (Vec<u32>, Vec<(u32, usize)>) = (Vec::new(), Vec::new());
        for root in self.vertices() {
            if index[root as usize] == UNSEEN {
                calls.push((root, 0));
            }
            while let Some((vertex, next)) = calls.last_mut() {
                let (at, vertex) = (*vertex as usize, *vertex);
                if *next == 0 {
                    (index[at], lowlink[at]) = (next_index, next_index);
                    next_index += 1;
                    stack.push(vertex);
                }
                let edge = self.out_edges(vertex).get(*next).copied();
                *next += 1;
                match edge {
                    Some(edge) if !follows(edge) => {}
                    Some(edge) if index[edge.to as usize] == UNSEEN => calls.push((edge.to, 0)),
                    Some(edge) if components[edge.to as usize] == UNSEEN => {
                        lowlink[at] = lowlink[at].min(index[edge.to as usize]);
                    }
                    Some(_) => {}
                    None => {
                        calls.pop();
                        if let Some((parent, _)) = calls.last() {
                            lowlink[*parent as usize] = lowlink[*parent as usize].min(lowlink[at]);
                        }
                        if lowlink[at] == index[at] {
                            while let Some(member) = stack.pop() {
                                components[member as usize] = component_count;
                                if member == vertex {
                                    break;
                                }
                            }
                            component_count += 1;
                        }
                    }
                }
            }
        }
        components
    }

    /// The components of more than one vertex, ordered by their least vertices; each is sorted.
    pub(super) fn nontrivial_components(&self) -> Vec<Vec<u32>> {
        let mut components = group_by_component(&self.components(|_| true));
        components.retain(|component| component.len() > 1);
        components
    }
}

/// The vertices of each component, ordered by the least; each is sorted.
pub(super) fn group_by_component(components: &[u32]) -> Vec<Vec<u32>> {
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
        assert_eq!(graph(0, &[]).nontrivial_components(), Vec::<Vec<u32>>::new());
        assert_eq!(
            graph(3, &[(0, 1), (1, 2), (0, 2), (1, 1)]).nontrivial_components(),
            Vec::<Vec<u32>>::new()
        );
        let two = graph(6, &[(5, 0), (0, 5), (1, 2), (2, 3), (3, 1), (3, 0), (4, 1)]);
        assert_eq!(two.nontrivial_components(), [vec![0, 5], vec![1, 2, 3]]);
        let part = two.subgraph(&[1, 3, 5]);
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
    fn a_long_chain_does_not_overflow_the_call_stack() {
        let mut edges: Vec<(u32, u32)> = (0..500_000).map(|i| (i, i + 1)).collect();
        assert!(graph(500_001, &edges).nontrivial_components().is_empty());
        edges.push((500_000, 0));
        assert_eq!(graph(500_001, &edges).nontrivial_components().len(), 1);
    }
}
