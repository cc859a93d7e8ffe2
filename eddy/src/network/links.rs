//! What faults do to the links between nodes.
//!
//! Every strike that goes on has its effect, so where two of them cut the same link, it works again
//! when both have ended. What is left to chance comes from streams of its own: a message that is
//! lost changes nothing for those that are not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rustc_hash::FxHashSet;

use crate::nemesis::{Fault, Harm};
use crate::random::Random;

/// How much later than the first copy of a message the second one may come. Much less, and a node
/// would see it before anything else has happened; more would not show anything else.
const COPY_WITHIN: Duration = Duration::from_secs(1);

/// The strikes on links that go on, by their faults and the nemeses whose they are. So of two that
/// cut a link, the same is blamed for what is lost, whoever was first.
#[derive(Debug)]
pub(super) struct Links {
    strikes: BTreeMap<(Fault, usize), Strike>,
    losses: Random,
    copies: Random,
}

/// A harm to links between participants, by their numbers.
#[derive(Debug)]
enum Strike {
    /// Links from a sender, the first, to a receiver.
    Cut(Fault, FxHashSet<(usize, usize)>),
    Lose(f64, BTreeSet<usize>),
    Duplicate(f64, BTreeSet<usize>),
    Slow(Duration, BTreeSet<usize>),
}

impl Links {
    /// Links that all work.
    pub(super) fn new(random: &Random) -> Links {
        let [losses, copies] = ["losses", "copies"].map(|name| random.fork(name));
        Links { strikes: BTreeMap::new(), losses, copies }
    }

    /// Begins a strike, if it is one on links.
    pub(super) fn strike(&mut self, nemesis: usize, harm: &Harm, nodes: &BTreeMap<String, usize>) {
        let numbers = || harm.names().iter().filter_map(|name| nodes.get(name)).copied().collect();
        let strike = match harm {
            Harm::Split(_) | Harm::Cut(_) | Harm::Mute(_) | Harm::Deafen(_) => {
                let names: Vec<String> = nodes.keys().cloned().collect();
                let mut cut = FxHashSet::default();
                for (receiver, senders) in harm.grudge(&names) {
                    cut.extend(senders.iter().map(|sender| (nodes[sender], nodes[&receiver])));
                }
                Strike::Cut(harm.fault(), cut)
            }
            Harm::Lose(probability, _) => Strike::Lose(*probability, numbers()),
            Harm::Duplicate(probability, _) => Strike::Duplicate(*probability, numbers()),
            Harm::Slow(by, _) => Strike::Slow(*by, numbers()),
            Harm::Kill(_) | Harm::Pause(_) => return,
        };
        self.strikes.insert((harm.fault(), nemesis), strike);
    }

    /// Ends a strike, if it goes on.
    pub(super) fn end(&mut self, nemesis: usize) {
        self.strikes.retain(|(_, whose), _| *whose != nemesis);
    }

    /// By which fault the link from a sender, the first, to a receiver is cut, if it is.
    pub(super) fn cut(&self, link: (usize, usize)) -> Option<Fault> {
        self.strikes.values().find_map(|strike| match strike {
            Strike::Cut(fault, links) if links.contains(&link) => Some(*fault),
            _ => None,
        })
    }

    /// Whether a message between two servers is lost.
    pub(super) fn lose(&mut self, link: (usize, usize)) -> bool {
        let Links { strikes, losses, .. } = self;
        strikes.values().any(|strike| {
            matches!(strike, Strike::Lose(probability, nodes)
                if touches(link, nodes) && losses.fraction() < *probability)
        })
    }

    /// How much later than it a copy of a message between two servers arrives, if one does.
    pub(super) fn duplicate(&mut self, link: (usize, usize)) -> Option<Duration> {
        let Links { strikes, copies, .. } = self;
        let is_doubled = strikes.values().any(|strike| {
            matches!(strike, Strike::Duplicate(probability, nodes)
                if touches(link, nodes) && copies.fraction() < *probability)
        });
        is_doubled.then(|| copies.time_below(COPY_WITHIN))
    }

    /// How much longer than usual a message between two servers takes.
    pub(super) fn delay(&self, link: (usize, usize)) -> Duration {
        let delays = self.strikes.values().map(|strike| match strike {
            Strike::Slow(by, nodes) if touches(link, nodes) => *by,
            _ => Duration::ZERO,
        });
        delays.fold(Duration::ZERO, Duration::saturating_add)
    }
}

fn touches((sender, receiver): (usize, usize), nodes: &BTreeSet<usize>) -> bool {
    nodes.contains(&sender) || nodes.contains(&receiver)
}
