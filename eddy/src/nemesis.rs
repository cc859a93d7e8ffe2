//! Nemeses: schedules of faults, their targets and their times.
//!
//! A nemesis alternates between starting and stopping its fault. The first start is at once, the
//! other actions follow after gaps whose mean is the interval, as with Jepsen's `flip-flop` inside
//! `stagger`. A nemesis only returns actions; the network and the driver of the nodes carry them
//! out. Each fault has a nemesis of its own, with an independent schedule. A strike that a test
//! schedules has a nemesis of its own, which strikes once.

mod partition;
pub(crate) mod strike;
mod targets;

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

pub use self::partition::{Grudge, PartitionShape};
pub use self::strike::{IntoTargetIds, Strike, StrikeEffect, TargetIds};
use eddy_text::name::{self, UnknownName};

use self::targets::Targets;
use crate::edn::Value;
use crate::random::Random;
use crate::stagger::Stagger;

/// Minimum delay that a slow link adds. A smaller one would be lost among the timers of nodes,
/// and without latency a multiple of it would be zero.
const MIN_SLOWDOWN: Duration = Duration::from_millis(50);

/// Delays of a slow link, as multiples of the mean latency. With larger ones every timeout would
/// expire, with smaller ones none would.
const SLOWDOWN_FACTORS: [u32; 3] = [2, 3, 5];

/// Probabilities of a loss or a duplicate: one that is low enough for a bug to be overlooked, one
/// that is high enough to hit a message and its retransmission, and one in between.
const PROBABILITIES: [f64; 3] = [0.1, 0.3, 0.5];

/// A kind of fault, a value of `--nemesis`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Cuts links between nodes, in both directions except in a ring of three nodes.
    Partition,
    /// Kills nodes and restarts them. They lose everything but their storage.
    Kill,
    /// Stops nodes for a while, without their noticing.
    Pause,
    /// Cuts links between nodes in one direction.
    OneWay,
    /// Loses messages between nodes, each with some probability.
    Loss,
    /// Delivers messages between nodes twice, the second copy up to a second after the first.
    Duplicate,
    /// Delays messages between nodes by several times the latency, and by at least 50 ms.
    Slow,
}

/// An action of a nemesis. Displays as its name in a history: `start-partition`.
#[derive(Debug, Clone, PartialEq)]
pub enum NemesisAction {
    /// Begins a strike.
    Begin {
        /// The index of the nemesis.
        nemesis_index: usize,
        /// The time at which the strike was due.
        due: Duration,
        /// The drawn shape or targets, as the value in a history: `:one`.
        drawn: Value,
        /// The effect of the strike.
        effect: StrikeEffect,
    },
    /// Ends the strike of a nemesis, if one is active.
    End {
        /// The index of the nemesis.
        nemesis_index: usize,
        /// The time at which the end was due.
        due: Duration,
        /// The fault of the nemesis.
        fault: Fault,
    },
}

/// The schedule of one fault. Times count from the start of the test.
#[derive(Debug)]
pub struct Nemesis {
    index: usize,
    fault: Fault,
    /// True if a strike is active.
    is_active: bool,
    source: StrikeSource,
}

/// The source of the strikes of a nemesis.
#[derive(Debug)]
enum StrikeSource {
    /// Strikes at random times and targets, again and again.
    Drawn { strikes: Stagger, cluster: Rc<ClusterInfo>, random: Random },
    /// One strike that the test schedules.
    Scheduled { due: Duration, until: Duration, effect: StrikeEffect },
}

/// The properties of a cluster from which nemeses draw their strikes.
#[derive(Debug, Clone)]
pub struct ClusterInfo {
    /// The ids of the nodes.
    pub nodes: Vec<String>,
    /// The mean latency between nodes.
    pub latency: Duration,
}

impl Nemesis {
    /// A nemesis that first strikes at `start` and then acts about once per interval.
    pub fn new(
        index: usize,
        fault: Fault,
        cluster: &Rc<ClusterInfo>,
        interval: Duration,
        start: Duration,
        random: &Random,
    ) -> Nemesis {
        let random = random.fork(&fault.to_string());
        let strikes = Stagger::every(interval, start, random.fork("stagger"));
        let source = StrikeSource::Drawn { strikes, cluster: Rc::clone(cluster), random };
        Nemesis { index, fault, is_active: false, source }
    }

    /// A nemesis of one strike that a test schedules. The times of the strike count from `start`.
    pub fn scheduled(index: usize, strike: &Strike, start: Duration) -> Nemesis {
        let Strike { from, until, effect } = strike.clone();
        let (due, until) = (start.saturating_add(from), start.saturating_add(until));
        let fault = effect.fault();
        Nemesis {
            index,
            fault,
            is_active: false,
            source: StrikeSource::Scheduled { due, until, effect },
        }
    }

    /// The time of the next action.
    pub fn due(&self) -> Duration {
        match &self.source {
            StrikeSource::Drawn { strikes, .. } => strikes.due(),
            StrikeSource::Scheduled { due, .. } => *due,
        }
    }

    /// The time of the next action, and true if that action begins a strike.
    pub(crate) fn peek(&self) -> (Duration, bool) {
        (self.due(), !self.is_active)
    }

    /// Returns the next action: begins a strike if none is active, and otherwise ends it.
    pub fn next_action(&mut self, now: Duration) -> NemesisAction {
        self.is_active = !self.is_active;
        let at = self.due();
        let Nemesis { index: nemesis_index, fault, is_active, .. } = *self;
        let (drawn, effect) = match &mut self.source {
            StrikeSource::Drawn { strikes, cluster, random } => {
                strikes.happened(now);
                if !is_active {
                    return NemesisAction::End { nemesis_index, due: at, fault };
                }
                draw(fault, cluster, random)
            }
            StrikeSource::Scheduled { due, until, effect } => {
                *due = if is_active { *until } else { Duration::MAX };
                if !is_active {
                    return NemesisAction::End { nemesis_index, due: at, fault };
                }
                (targets_to_edn(effect), effect.clone())
            }
        };
        NemesisAction::Begin { nemesis_index, due: at, drawn, effect }
    }

    /// Returns the final action, which ends an active strike. A nemesis of random strikes has one
    /// even if no strike is active.
    pub fn retire(self, now: Duration) -> Option<NemesisAction> {
        let is_scheduled = matches!(self.source, StrikeSource::Scheduled { .. });
        let end = NemesisAction::End { nemesis_index: self.index, due: now, fault: self.fault };
        (self.is_active || !is_scheduled).then_some(end)
    }

    /// The fault of this nemesis.
    pub fn fault(&self) -> Fault {
        self.fault
    }
}

/// Draws a strike: the value for the history, and the effect.
fn draw(
    fault: Fault,
    ClusterInfo { nodes, latency }: &ClusterInfo,
    random: &mut Random,
) -> (Value, StrikeEffect) {
    if fault == Fault::Partition {
        let shape = random.choose(&PartitionShape::ALL);
        return (Value::keyword(shape.to_string()), shape.draw(nodes, random));
    }
    let targets = random.choose(&Targets::ALL);
    let names = targets.draw(nodes, random);
    (targets.to_edn(), aim(fault, names, *latency, random))
}

fn aim(fault: Fault, names: TargetIds, latency: Duration, random: &mut Random) -> StrikeEffect {
    match fault {
        Fault::Partition => StrikeEffect::Partition(names),
        Fault::Kill => StrikeEffect::Kill(names),
        Fault::Pause => StrikeEffect::Pause(names),
        Fault::OneWay if random.below(2) == 0 => StrikeEffect::Mute(names),
        Fault::OneWay => StrikeEffect::Deafen(names),
        Fault::Loss => StrikeEffect::Lose(*random.choose(&PROBABILITIES), names),
        Fault::Duplicate => StrikeEffect::Duplicate(*random.choose(&PROBABILITIES), names),
        Fault::Slow => {
            let by = latency.saturating_mul(*random.choose(&SLOWDOWN_FACTORS));
            StrikeEffect::Slow(by.max(MIN_SLOWDOWN), names)
        }
    }
}

/// The targets of an effect, as the value in a history.
fn targets_to_edn(effect: &StrikeEffect) -> Value {
    Value::Vector(effect.targets().into_iter().map(Value::Str).collect())
}

impl Fault {
    /// All faults.
    pub const ALL: [Fault; 7] = [
        Fault::Partition,
        Fault::Kill,
        Fault::Pause,
        Fault::OneWay,
        Fault::Loss,
        Fault::Duplicate,
        Fault::Slow,
    ];

    /// The sets of faults to test nodes with: each fault alone, and then all of them together.
    pub fn sets_to_test() -> Vec<BTreeSet<Fault>> {
        let alone = Fault::ALL.map(|fault| BTreeSet::from([fault]));
        alone.into_iter().chain([Fault::ALL.into()]).collect()
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Fault::Partition => "partition",
            Fault::Kill => "kill",
            Fault::Pause => "pause",
            Fault::OneWay => "one-way",
            Fault::Loss => "loss",
            Fault::Duplicate => "duplicate",
            Fault::Slow => "slow",
        })
    }
}

impl FromStr for Fault {
    type Err = UnknownName;

    fn from_str(received: &str) -> Result<Fault, UnknownName> {
        name::find("fault", &Fault::ALL, received)
    }
}

impl Display for NemesisAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fault, begins) = match self {
            NemesisAction::Begin { effect, .. } => (effect.fault(), true),
            NemesisAction::End { fault, .. } => (*fault, false),
        };
        // Jepsen's names where it has some (`nemesis/combined.clj`).
        match (fault, begins) {
            (Fault::Kill, true) => f.pad("kill"),
            (Fault::Kill, false) => f.pad("start"),
            (Fault::Pause, true) => f.pad("pause"),
            (Fault::Pause, false) => f.pad("resume"),
            (fault, true) => write!(f, "start-{fault}"),
            (fault, false) => write!(f, "stop-{fault}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);
    const START: Duration = Duration::from_millis(30);

    fn nemesis(fault: Fault) -> Nemesis {
        let nodes = ["n0", "n1", "n2", "n3", "n4"].map(String::from).into();
        let cluster = Rc::new(ClusterInfo { nodes, latency: Duration::from_millis(20) });
        Nemesis::new(3, fault, &cluster, INTERVAL, START, &Random::seeded(1))
    }

    #[test]
    fn begins_and_ends_alternate_and_the_first_begin_is_at_once() {
        for fault in Fault::ALL {
            let mut nemesis = nemesis(fault);
            assert_eq!(nemesis.due(), START);
            for strike in 0..10_000 {
                let now = nemesis.due();
                match nemesis.next_action(now) {
                    NemesisAction::Begin { nemesis_index: 3, effect, .. } if strike % 2 == 0 => {
                        assert_eq!(effect.fault(), fault);
                    }
                    action => {
                        assert_eq!(
                            action,
                            NemesisAction::End { nemesis_index: 3, due: now, fault }
                        );
                    }
                }
                assert!(nemesis.due() < now + 2 * INTERVAL);
            }
            let mean = nemesis.due().as_secs_f64() / 10_000.0;
            assert!((9.7..10.3).contains(&mean), "{fault}: {mean}");
        }
    }

    #[test]
    fn every_possible_strike_is_drawn() {
        #[track_caller]
        fn check(fault: Fault, expected: &[&str]) {
            let mut nemesis = nemesis(fault);
            let drawn: BTreeSet<String> = (0..400)
                .filter_map(|_| match nemesis.next_action(INTERVAL) {
                    NemesisAction::Begin { drawn, effect, .. } => {
                        Some([drawn.to_string(), kind(&effect)])
                    }
                    NemesisAction::End { .. } => None,
                })
                .flatten()
                .collect();
            let mut all: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
            if fault != Fault::Partition {
                all.extend(Targets::ALL.map(|targets| targets.to_edn().to_string()));
            }
            assert_eq!(drawn, all);
        }
        fn kind(effect: &StrikeEffect) -> String {
            let text = format!("{effect:?}");
            text.split(['{', '[']).next().unwrap_or_default().to_owned()
        }
        let shapes = [":one", ":minority-third", ":majority", ":majorities-ring"];
        check(Fault::Partition, &[&shapes[..], &["Partition(", "Cut("]].concat());
        check(Fault::Kill, &["Kill("]);
        check(Fault::Pause, &["Pause("]);
        check(Fault::OneWay, &["Mute(", "Deafen("]);
        check(Fault::Loss, &["Lose(0.1, ", "Lose(0.3, ", "Lose(0.5, "]);
        check(Fault::Duplicate, &["Duplicate(0.1, ", "Duplicate(0.3, ", "Duplicate(0.5, "]);
        check(Fault::Slow, &["Slow(50ms, ", "Slow(60ms, ", "Slow(100ms, "]);
    }

    #[test]
    fn a_late_action_delays_the_next() {
        let mut nemesis = nemesis(Fault::Partition);
        nemesis.next_action(5 * INTERVAL);
        assert!(nemesis.due() >= 5 * INTERVAL);
    }

    #[test]
    fn a_scheduled_strike_begins_and_ends_once() {
        let strike = Strike::kill(["n1"], INTERVAL, 2 * INTERVAL);
        let begun = || {
            let mut nemesis = Nemesis::scheduled(7, &strike, START);
            assert_eq!(nemesis.due(), START + INTERVAL);
            let drawn = Value::Vector(vec![Value::Str("n1".to_owned())]);
            let (due, effect) = (START + INTERVAL, strike.effect.clone());
            let begin = NemesisAction::Begin { nemesis_index: 7, due, drawn, effect };
            assert_eq!(nemesis.next_action(due + START), begin);
            nemesis
        };
        let end = |due| NemesisAction::End { nemesis_index: 7, due, fault: Fault::Kill };
        assert_eq!(begun().retire(START), Some(end(START)));
        let mut nemesis = begun();
        assert_eq!(nemesis.due(), START + 2 * INTERVAL);
        assert_eq!(nemesis.next_action(5 * INTERVAL), end(START + 2 * INTERVAL));
        assert_eq!(nemesis.due(), Duration::MAX);
        assert_eq!(nemesis.retire(START), None);
        assert_eq!(Nemesis::scheduled(7, &strike, START).retire(START), None);
    }

    #[test]
    fn the_last_action_ends_the_strike() {
        #[track_caller]
        fn check(fault: Fault, expected: [&str; 2]) {
            let mut nemesis = nemesis(fault);
            let begin = nemesis.next_action(START).to_string();
            let end = nemesis.retire(START).map(|action| action.to_string());
            assert_eq!([begin, end.unwrap_or_default()], expected);
        }
        check(Fault::Partition, ["start-partition", "stop-partition"]);
        check(Fault::Kill, ["kill", "start"]);
        check(Fault::Pause, ["pause", "resume"]);
        check(Fault::OneWay, ["start-one-way", "stop-one-way"]);
        check(Fault::Slow, ["start-slow", "stop-slow"]);
    }

    #[test]
    fn an_unknown_fault_is_an_error_that_lists_the_known_ones() {
        #[track_caller]
        fn check(received: &str, expected: &str) {
            let shown = match received.parse::<Fault>() {
                Ok(fault) => fault.to_string(),
                Err(error) => error.to_string(),
            };
            assert_eq!(shown, expected);
        }
        let known = "(known: partition, kill, pause, one-way, loss, duplicate, slow)";
        for fault in Fault::ALL {
            check(&fault.to_string(), &fault.to_string());
        }
        check("clock", &format!("no fault is called \"clock\" {known}"));
        let meant = "did you mean partition?";
        check("partitions", &format!("no fault is called \"partitions\"; {meant} {known}"));
        check("", &format!("no fault is called \"\" {known}"));
    }
}
