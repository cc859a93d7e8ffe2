//! Faults of the links between nodes. Links to clients always work. Links to services work unless a
//! strike names the service.
//!
//! All active strikes have their effects at the same time: a link that two of them cut works again
//! when both have ended. Losses and copies draw from random streams of their own, so a lost message
//! does not change the latencies of the others.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::nemesis::{Fault, StrikeEffect, TargetIds};
use crate::random::Random;

/// Maximum delay of the second copy of a message behind the first. With much less, a node would
/// see the copy before anything else has happened; more would not find other bugs.
const MAX_COPY_DELAY: Duration = Duration::from_secs(1);

/// The active strikes on links, sorted by fault and nemesis. If two strikes cut a link, its drops
/// always count for the same one, no matter which began first.
#[derive(Debug)]
pub(super) struct Links {
    strikes: Vec<((Fault, usize), LinkFault)>,
    losses: Random,
    copies: Random,
}

/// A fault of links between participants, which are given by their indices.
#[derive(Debug)]
enum LinkFault {
    /// Links, each a pair of sender and receiver.
    Cut(FxHashSet<(usize, usize)>),
    Partition(StruckParticipants),
    Mute(StruckParticipants),
    Deafen(StruckParticipants),
    Lose(f64, StruckParticipants),
    Duplicate(f64, StruckParticipants),
    Slow(Duration, StruckParticipants),
}

/// The participants by index: true for each node that is struck, false for each that is not;
/// services only if they are struck. A list of the affected links would be quadratic in the number
/// of nodes.
type StruckParticipants = FxHashMap<usize, bool>;

impl Links {
    /// Links that all work.
    pub(super) fn new(random: &Random) -> Links {
        let [losses, copies] = ["losses", "copies"].map(|name| random.fork(name));
        Links { strikes: Vec::new(), losses, copies }
    }

    /// Begins a strike if it affects links.
    pub(super) fn strike(
        &mut self,
        nemesis_index: usize,
        effect: &StrikeEffect,
        nodes: &BTreeMap<String, usize>,
    ) {
        let struck = |names: &TargetIds| {
            nodes.iter().map(|(name, index)| (*index, names.contains(name))).collect()
        };
        let links = |(receiver, senders): (&String, &TargetIds)| {
            let link = |sender| Some((*nodes.get(sender)?, *nodes.get(receiver)?));
            senders.iter().filter_map(link).collect::<Vec<_>>()
        };
        let strike = match effect {
            StrikeEffect::Cut(grudge) => LinkFault::Cut(grudge.iter().flat_map(links).collect()),
            StrikeEffect::Partition(names) => LinkFault::Partition(struck(names)),
            StrikeEffect::Mute(names) => LinkFault::Mute(struck(names)),
            StrikeEffect::Deafen(names) => LinkFault::Deafen(struck(names)),
            StrikeEffect::Lose(probability, names) => LinkFault::Lose(*probability, struck(names)),
            StrikeEffect::Duplicate(probability, names) => {
                LinkFault::Duplicate(*probability, struck(names))
            }
            StrikeEffect::Slow(by, names) => LinkFault::Slow(*by, struck(names)),
            StrikeEffect::Kill(_) | StrikeEffect::Pause(_) => return,
        };
        self.strikes.push(((effect.fault(), nemesis_index), strike));
        self.strikes.sort_by_key(|(key, _)| *key);
    }

    /// Ends the active strike of a nemesis, if there is one.
    pub(super) fn end(&mut self, nemesis_index: usize) {
        self.strikes.retain(|((_, index), _)| *index != nemesis_index);
    }

    /// The fault that cuts a link, a pair of a sender and a receiver, if any does.
    pub(super) fn cut(&self, link: (usize, usize)) -> Option<Fault> {
        let mut cuts = self.strikes.iter().filter(|(_, strike)| strike.cuts(link));
        cuts.next().map(|((fault, _), _)| *fault)
    }

    /// Draws whether a message between two servers is lost.
    pub(super) fn lose(&mut self, link: (usize, usize)) -> bool {
        let Links { strikes, losses, .. } = self;
        strikes.iter().any(|(_, strike)| {
            matches!(strike, LinkFault::Lose(probability, struck)
                if touches(link, struck) && losses.fraction() < *probability)
        })
    }

    /// Draws the delay of a second copy of a message between two servers, if there is to be one.
    pub(super) fn duplicate(&mut self, link: (usize, usize)) -> Option<Duration> {
        let Links { strikes, copies, .. } = self;
        let is_duplicated = strikes.iter().any(|(_, strike)| {
            matches!(strike, LinkFault::Duplicate(probability, struck)
                if touches(link, struck) && copies.fraction() < *probability)
        });
        is_duplicated.then(|| copies.time_below(MAX_COPY_DELAY))
    }

    /// The sum of the delays that strikes add to a message between two servers.
    pub(super) fn delay(&self, link: (usize, usize)) -> Duration {
        let delays = self.strikes.iter().map(|(_, strike)| match strike {
            LinkFault::Slow(by, struck) if touches(link, struck) => *by,
            _ => Duration::ZERO,
        });
        delays.fold(Duration::ZERO, Duration::saturating_add)
    }
}

impl LinkFault {
    /// True if this cuts a link between two nodes. A node's link to itself always works.
    fn cuts(&self, link: (usize, usize)) -> bool {
        let (sender, receiver) = link;
        let are_struck =
            |struck: &StruckParticipants| Some((*struck.get(&sender)?, *struck.get(&receiver)?));
        let is_cut = match self {
            LinkFault::Cut(links) => links.contains(&link),
            LinkFault::Partition(struck) => {
                are_struck(struck).is_some_and(|(one, other)| one != other)
            }
            LinkFault::Mute(struck) => are_struck(struck).is_some_and(|(sender, _)| sender),
            LinkFault::Deafen(struck) => are_struck(struck).is_some_and(|(_, receiver)| receiver),
            LinkFault::Lose(..) | LinkFault::Duplicate(..) | LinkFault::Slow(..) => false,
        };
        is_cut && sender != receiver
    }
}

/// True if a link connects two different nodes of which at least one is struck.
fn touches((sender, receiver): (usize, usize), struck: &StruckParticipants) -> bool {
    let are_struck = struck.get(&sender).zip(struck.get(&receiver));
    sender != receiver && are_struck.is_some_and(|(sender, receiver)| *sender || *receiver)
}
