//! Topologies: the neighbors that a `topology` message assigns to each node.
//!
//! A topology is a suggestion. Every node can reach every other node, and a broadcast workload only
//! passes the suggestion on. Neighbors have Maelstrom's order (`workload/broadcast.clj`), because a
//! node that takes its first neighbor as its parent must find the same parent there and here.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::str::FromStr;

use eddy_text::name::{self, UnknownName};

/// An arrangement of nodes, the value of `--topology`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Topology {
    /// A line. A cluster of one node gets an empty map.
    Line,
    /// The smallest square grid that holds all nodes, filled row by row: at most four neighbors.
    #[default]
    Grid,
    /// Another name for [`Topology::Tree2`].
    Tree,
    /// A tree with two children per node, filled level by level.
    Tree2,
    /// A tree with three children per node.
    Tree3,
    /// A tree with four children per node.
    Tree4,
    /// A complete graph.
    Total,
}

impl Topology {
    /// All topologies.
    pub const ALL: [Topology; 7] = [
        Topology::Line,
        Topology::Grid,
        Topology::Tree,
        Topology::Tree2,
        Topology::Tree3,
        Topology::Tree4,
        Topology::Total,
    ];

    /// Each node's neighbors, in the shape that a `topology` message carries.
    pub fn neighbors(self, nodes: &[String]) -> BTreeMap<String, Vec<String>> {
        if self == Topology::Line && nodes.len() < 2 {
            return BTreeMap::new();
        }
        let names = |indices: Vec<usize>| {
            indices.into_iter().filter_map(|index| nodes.get(index).cloned()).collect()
        };
        nodes
            .iter()
            .enumerate()
            .map(|(index, node)| (node.clone(), names(self.neighbor_indices(index, nodes.len()))))
            .collect()
    }

    /// The indices of the neighbors of node `index` among `count` nodes. Indices of `count` and
    /// more stand for no node.
    fn neighbor_indices(self, index: usize, count: usize) -> Vec<usize> {
        match self {
            Topology::Line => index.checked_sub(1).into_iter().chain([index + 1]).collect(),
            Topology::Grid => grid_neighbors(index, grid_side(count)),
            Topology::Tree | Topology::Tree2 => tree_neighbors(index, 2),
            Topology::Tree3 => tree_neighbors(index, 3),
            Topology::Tree4 => tree_neighbors(index, 4),
            Topology::Total => (0..count).filter(|other| *other != index).collect(),
        }
    }
}

/// The neighbors below, above, right and left, in Maelstrom's order.
fn grid_neighbors(index: usize, side: usize) -> Vec<usize> {
    let column = index % side;
    let above = index.checked_sub(side);
    let right = (column + 1 < side).then_some(index + 1);
    let left = (column > 0).then(|| index - 1);
    [Some(index + side), above, right, left].into_iter().flatten().collect()
}

/// The side of the smallest square that holds `count` nodes: `⌈√count⌉`.
fn grid_side(count: usize) -> usize {
    let floor = count.isqrt();
    if floor * floor == count { floor } else { floor + 1 }
}

/// The parent, then the children. A tree that is filled level by level is numbered like a binary
/// heap.
fn tree_neighbors(index: usize, branches: usize) -> Vec<usize> {
    let parent = index.checked_sub(1).map(|below_root| below_root / branches);
    let children = index * branches + 1..=index * branches + branches;
    parent.into_iter().chain(children).collect()
}

impl Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Topology::Line => "line",
            Topology::Grid => "grid",
            Topology::Tree => "tree",
            Topology::Tree2 => "tree2",
            Topology::Tree3 => "tree3",
            Topology::Tree4 => "tree4",
            Topology::Total => "total",
        })
    }
}

impl FromStr for Topology {
    type Err = UnknownName;

    fn from_str(received: &str) -> Result<Topology, UnknownName> {
        name::find("topology", &Topology::ALL, received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("n{number}")).collect()
    }

    /// Checks the neighbors of all nodes, in the form `0:1,2 1:0 2:0`.
    #[track_caller]
    fn check(topology: &str, count: usize, expected: &str) {
        let topology: Topology = topology.parse().expect("a known topology");
        let mut neighbors = topology.neighbors(&nodes(count));
        let lines: Vec<String> = nodes(count)
            .iter()
            .filter_map(|node| {
                Some(format!("{node}:{}", neighbors.remove(node)?.join(",")).replace('n', ""))
            })
            .collect();
        assert_eq!(lines.join(" "), expected);
    }

    #[test]
    fn neighbors_and_their_order_are_those_of_maelstrom() {
        check("line", 1, "");
        check("line", 2, "0:1 1:0");
        check("line", 4, "0:1 1:0,2 2:1,3 3:2");

        check("grid", 1, "0:");
        check("grid", 2, "0:1 1:0");
        check("grid", 3, "0:2,1 1:0 2:0");
        check("grid", 5, "0:3,1 1:4,2,0 2:1 3:0,4 4:1,3");
        check("grid", 9, "0:3,1 1:4,2,0 2:5,1 3:6,0,4 4:7,1,5,3 5:8,2,4 6:3,7 7:4,8,6 8:5,7");
        check(
            "grid",
            10,
            "0:4,1 1:5,2,0 2:6,3,1 3:7,2 4:8,0,5 5:9,1,6,4 6:2,7,5 7:3,6 8:4,9 9:5,8",
        );

        check("tree", 1, "0:");
        check("tree", 2, "0:1 1:0");
        check("tree", 6, "0:1,2 1:0,3,4 2:0,5 3:1 4:1 5:2");
        check("tree2", 6, "0:1,2 1:0,3,4 2:0,5 3:1 4:1 5:2");
        check("tree3", 6, "0:1,2,3 1:0,4,5 2:0 3:0 4:1 5:1");
        check("tree4", 7, "0:1,2,3,4 1:0,5,6 2:0 3:0 4:0 5:1 6:1");

        check("total", 1, "0:");
        check("total", 3, "0:1,2 1:0,2 2:0,1");
    }

    #[test]
    fn every_neighbor_is_mutual_and_the_graph_holds_together() {
        for topology in Topology::ALL {
            for count in 2..=30 {
                let neighbors = topology.neighbors(&nodes(count));
                let mut reached = vec!["n0"];
                for next in 0..count {
                    let node = reached.get(next).copied();
                    let node = node.unwrap_or_else(|| panic!("{topology} of {count} falls apart"));
                    for neighbor in &neighbors[node] {
                        assert!(neighbors[neighbor].iter().any(|back| back == node));
                        if !reached.contains(&neighbor.as_str()) {
                            reached.push(neighbor);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
        let error = "tree5".parse::<Topology>().expect_err("no such topology");
        assert_eq!(
            error.to_string(),
            "no topology is called \"tree5\"; did you mean tree? \
             (known: line, grid, tree, tree2, tree3, tree4, total)"
        );
    }
}
