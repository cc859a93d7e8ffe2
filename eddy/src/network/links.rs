//! What faults do to the links between nodes. Those to clients always work, and those to services
//! unless a strike names one.
//!
//! Every strike that goes on has its effect, so where two of them cut the same link, it works again
//! when both have ended. What is left to chance comes from streams of its own: a message that is
//! lost changes nothing for those that are not.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::nemesis::{Fault, Harm, Names};
use crate::random::Random;

/// How much later than the first copy of a message the second one may come. Much less, and a node
/// would see it before anything else has happened; more would not show anything else.
const COPY_WITHIN: Duration = Duration::from_secs(1);

/// The strikes on links that go on, ordered by their faults and the nemeses whose they are. So of
/// two that cut a link, the same is blamed for what is lost, whoever was first.
#[derive(Debug)]
pub(super) struct Links {
    strikes: Vec<((Fault, usize), Strike)>,
    losses: Random,
    copies: Random,
}

/// A harm to links between participants, by their numbers.
#[derive(Debug)]
enum Strike {
    /// Links from a sender, the first, to a receiver.
    Cut(FxHashSet<(usize, usize)>),
    Split(Sides),
    Mute(Sides),
    Deafen(Sides),
    Lose(f64, Sides),
    Duplicate(f64, Sides),
    Slow(Duration, Sides),
}

/// Every node, and whether it is struck; and services that are. To list the links that are cut
/// would take the square of that.
type Sides = FxHashMap<usize, bool>;

impl Links {
    /// Links that all work.
    pub(super) fn new(random: &Random) -> Links {
        let [losses, copies] = ["losses", "copies"].map(|name| random.fork(name));
        Links { strikes: Vec::new(), losses, copies }
    }

    /// Begins a strike, if it is one on links.
    pub(super) fn strike(&mut self, nemesis: usize, harm: &Harm, nodes: &BTreeMap<String, usize>) {
        let sides = |names: &Names| {
            nodes.iter().map(|(name, number)| (*number, names.contains(name))).collect()
        };
        let links = |(receiver, senders): (&String, &Names)| {
            let link = |sender| Some((*nodes.get(sender)?, *nodes.get(receiver)?));
            senders.iter().filter_map(link).collect::<Vec<_>>()
        };
        let strike = match harm {
            Harm::Cut(grudge) => Strike::Cut(grudge.iter().flat_map(links).collect()),
            Harm::Split(names) => Strike::Split(sides(names)),
            Harm::Mute(names) => Strike::Mute(sides(names)),
            Harm::Deafen(names) => Strike::Deafen(sides(names)),
            Harm::Lose(probability, names) => Strike::Lose(*probability, sides(names)),
            Harm::Duplicate(probability, names) => Strike::Duplicate(*probability, sides(names)),
            Harm::Slow(by, names) => Strike::Slow(*by, sides(names)),
            Harm::Kill(_) | Harm::Pause(_) => return,
        };
        self.strikes.push(((harm.fault(), nemesis), strike));
        self.strikes.sort_by_key(|(whose, _)| *whose);
    }

    /// Ends a strike, if it goes on.
    pub(super) fn end(&mut self, nemesis: usize) {
        self.strikes.retain(|((_, whose), _)| *whose != nemesis);
    }

    /// By which fault the link from a sender, the first, to a receiver is cut, if it is.
    pub(super) fn cut(&self, link: (usize, usize)) -> Option<Fault> {
        let mut cuts = self.strikes.iter().filter(|(_, strike)| strike.cuts(link));
        cuts.next().map(|((fault, _), _)| *fault)
    }

    /// Whether a message between two servers is lost.
    pub(super) fn lose(&mut self, link: (usize, usize)) -> bool {
        let Links { strikes, losses, .. } = self;
        strikes.iter().any(|(_, strike)| {
            matches!(strike, Strike::Lose(probability, sides)
                if touches(link, sides) && losses.fraction() < *probability)
        })
    }

    /// How much later than it a copy of a message between two servers arrives, if one does.
    pub(super) fn duplicate(&mut self, link: (usize, usize)) -> Option<Duration> {
        let Links { strikes, copies, .. } = self;
        let is_doubled = strikes.iter().any(|(_, strike)| {
            matches!(strike, Strike::Duplicate(probability, sides)
                if touches(link, sides) && copies.fraction() < *probability)
        });
        is_doubled.then(|| copies.time_below(COPY_WITHIN))
    }

    /// How much longer than usual a message between two servers takes.
    pub(super) fn delay(&self, link: (usize, usize)) -> Duration {
        let delays = self.strikes.iter().map(|(_, strike)| match strike {
            Strike::Slow(by, sides) if touches(link, sides) => *by,
            _ => Duration::ZERO,
        });
        delays.fold(Duration::ZERO, Duration::saturating_add)
    }
}

impl Strike {
    /// Whether it cuts a link between two nodes; that of a node with itself always works.
    fn cuts(&self, link: (usize, usize)) -> bool {
        let (sender, receiver) = link;
        let are_struck = |sides: &Sides| Some((*sides.get(&sender)?, *sides.get(&receiver)?));
        let is_cut = match self {
            Strike::Cut(links) => links.contains(&link),
            Strike::Split(sides) => are_struck(sides).is_some_and(|(one, other)| one != other),
            Strike::Mute(sides) => are_struck(sides).is_some_and(|(sender, _)| sender),
            Strike::Deafen(sides) => are_struck(sides).is_some_and(|(_, receiver)| receiver),
            Strike::Lose(..) | Strike::Duplicate(..) | Strike::Slow(..) => false,
        };
        is_cut && sender != receiver
    }
}

/// Whether a link is one between two nodes, of which one is struck.
fn touches((sender, receiver): (usize, usize), sides: &Sides) -> bool {
    let are_struck = sides.get(&sender).zip(sides.get(&receiver));
    sender != receiver && are_struck.is_some_and(|(sender, receiver)| *sender || *receiver)
}
