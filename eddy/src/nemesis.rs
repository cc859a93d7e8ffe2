//! Which faults strike, whom, and when.
//!
//! A nemesis alternates between starting its fault and stopping it, the first start at once and the
//! others after gaps that average to the interval, as Jepsen's `flip-flop` inside `stagger` does.
//! It says what to do and does nothing itself: the network and whoever runs the nodes act. Several
//! faults are several nemeses, each with a row of its own. A strike that a test names is a nemesis
//! as well, which strikes once.

mod partition;
pub(crate) mod strike;
mod targets;

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

pub use self::partition::{Grudge, Shape};
pub use self::strike::{Harm, IntoNames, Names, Strike};
use eddy_text::name::{self, UnknownName};

use self::targets::Targets;
use crate::edn::Value;
use crate::random::Random;
use crate::stagger::Stagger;

/// The least that a slow link adds to what messages take. Less would be lost among the timers of
/// nodes, and where there is no latency, there is nothing to multiply.
const SLOWER_BY_AT_LEAST: Duration = Duration::from_millis(50);

/// How many times the mean latency a slow link adds. More would make every time-out strike, and
/// less none.
const TIMES_SLOWER: [u32; 3] = [2, 3, 5];

/// How likely a message is lost, or doubled: seldom enough to be overlooked, often enough to hit
/// the same message again, and in between.
const PROBABILITIES: [f64; 3] = [0.1, 0.3, 0.5];

/// A kind of fault, as `--nemesis` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Some nodes and some others do not hear each other.
    Partition,
    /// Nodes die, lose all but what they have in storage, and are started again.
    Kill,
    /// Nodes stand still for a while, and do not notice.
    Pause,
    /// Some nodes do not hear some others, who hear them.
    OneWay,
    /// Messages between nodes are lost, one by one.
    Loss,
    /// Messages between nodes arrive twice, the second time up to a second later.
    Duplicate,
    /// Messages between nodes take several times as long, and 50 ms longer at least.
    Slow,
}

/// What a nemesis does; displayed as a history has it, `start-partition`.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Begins a strike.
    Begin {
        /// Whose strike it is: the number of a nemesis.
        nemesis: usize,
        /// When it was due.
        due: Duration,
        /// What was drawn, as a history has it: `:one`.
        drawn: Value,
        /// What to do.
        harm: Harm,
    },
    /// Ends the strike of a nemesis, if one goes on.
    End {
        /// The number of the nemesis.
        nemesis: usize,
        /// When that was due.
        due: Duration,
        /// What it does.
        fault: Fault,
    },
}

/// The schedule of one fault; time counts from the test's beginning.
#[derive(Debug)]
pub struct Nemesis {
    number: usize,
    fault: Fault,
    is_on: bool,
    row: Row,
}

/// What a nemesis does when.
#[derive(Debug)]
enum Row {
    /// Again and again, at random.
    Drawn { strikes: Stagger, cluster: Rc<Cluster>, random: Random },
    /// Once.
    Named { due: Duration, until: Duration, harm: Harm },
}

/// What nemeses need to know of a cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The nodes' ids.
    pub nodes: Vec<String>,
    /// The mean latency between them.
    pub latency: Duration,
}

impl Nemesis {
    /// A fault that first strikes at `start` and changes about once per interval.
    pub fn new(
        number: usize,
        fault: Fault,
        cluster: &Rc<Cluster>,
        interval: Duration,
        start: Duration,
        random: &Random,
    ) -> Nemesis {
        let random = random.fork(&fault.to_string());
        let strikes = Stagger::every(interval, start, random.fork("stagger"));
        let row = Row::Drawn { strikes, cluster: Rc::clone(cluster), random };
        Nemesis { number, fault, is_on: false, row }
    }

    /// A strike that a test has named; its times count from `start`.
    pub fn named(number: usize, strike: &Strike, start: Duration) -> Nemesis {
        let Strike { from, until, harm } = strike.clone();
        let (due, until) = (start.saturating_add(from), start.saturating_add(until));
        let fault = harm.fault();
        Nemesis { number, fault, is_on: false, row: Row::Named { due, until, harm } }
    }

    /// When it strikes next.
    pub fn due(&self) -> Duration {
        match &self.row {
            Row::Drawn { strikes, .. } => strikes.due(),
            Row::Named { due, .. } => *due,
        }
    }

    /// When it strikes next, and whether that is a beginning.
    pub(crate) fn turn(&self) -> (Duration, bool) {
        (self.due(), !self.is_on)
    }

    /// Starts the fault if it was stopped, or else stops it.
    pub fn strike(&mut self, now: Duration) -> Action {
        self.is_on = !self.is_on;
        let at = self.due();
        let Nemesis { number: nemesis, fault, is_on, .. } = *self;
        let (drawn, harm) = match &mut self.row {
            Row::Drawn { strikes, cluster, random } => {
                strikes.happened(now);
                if !is_on {
                    return Action::End { nemesis, due: at, fault };
                }
                draw(fault, cluster, random)
            }
            Row::Named { due, until, harm } => {
                *due = if is_on { *until } else { Duration::MAX };
                if !is_on {
                    return Action::End { nemesis, due: at, fault };
                }
                (names(harm), harm.clone())
            }
        };
        Action::Begin { nemesis, due: at, drawn, harm }
    }

    /// Stops the fault for good; one that was drawn, also if it was stopped already.
    pub fn retire(self, now: Duration) -> Option<Action> {
        let is_named = matches!(self.row, Row::Named { .. });
        let end = Action::End { nemesis: self.number, due: now, fault: self.fault };
        (self.is_on || !is_named).then_some(end)
    }

    /// What it does.
    pub fn fault(&self) -> Fault {
        self.fault
    }
}

fn draw(fault: Fault, Cluster { nodes, latency }: &Cluster, random: &mut Random) -> (Value, Harm) {
    if fault == Fault::Partition {
        let shape = random.choose(&Shape::ALL);
        return (Value::keyword(shape.to_string()), shape.draw(nodes, random));
    }
    let targets = random.choose(&Targets::ALL);
    let names = targets.draw(nodes, random);
    (targets.to_edn(), aim(fault, names, *latency, random))
}

fn aim(fault: Fault, names: Names, latency: Duration, random: &mut Random) -> Harm {
    match fault {
        Fault::Partition => Harm::Split(names),
        Fault::Kill => Harm::Kill(names),
        Fault::Pause => Harm::Pause(names),
        Fault::OneWay if random.below(2) == 0 => Harm::Mute(names),
        Fault::OneWay => Harm::Deafen(names),
        Fault::Loss => Harm::Lose(*random.choose(&PROBABILITIES), names),
        Fault::Duplicate => Harm::Duplicate(*random.choose(&PROBABILITIES), names),
        Fault::Slow => {
            let by = latency.saturating_mul(*random.choose(&TIMES_SLOWER));
            Harm::Slow(by.max(SLOWER_BY_AT_LEAST), names)
        }
    }
}

/// The nodes of a harm, as a history has them.
fn names(harm: &Harm) -> Value {
    Value::Vector(harm.names().into_iter().map(Value::Str).collect())
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

    /// What to test nodes with: each fault alone, and then all of them together.
    pub fn alone_and_together() -> Vec<BTreeSet<Fault>> {
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

impl Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fault, begins) = match self {
            Action::Begin { harm, .. } => (harm.fault(), true),
            Action::End { fault, .. } => (*fault, false),
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
        let cluster = Rc::new(Cluster { nodes, latency: Duration::from_millis(20) });
        Nemesis::new(3, fault, &cluster, INTERVAL, START, &Random::seeded(1))
    }

    #[test]
    fn starts_and_stops_alternate_the_first_at_once() {
        for fault in Fault::ALL {
            let mut nemesis = nemesis(fault);
            assert_eq!(nemesis.due(), START);
            for strike in 0..10_000 {
                let now = nemesis.due();
                match nemesis.strike(now) {
                    Action::Begin { nemesis: 3, harm, .. } if strike % 2 == 0 => {
                        assert_eq!(harm.fault(), fault);
                    }
                    action => assert_eq!(action, Action::End { nemesis: 3, due: now, fault }),
                }
                assert!(nemesis.due() < now + 2 * INTERVAL);
            }
            let mean = nemesis.due().as_secs_f64() / 10_000.0;
            assert!((9.7..10.3).contains(&mean), "{fault}: {mean}");
        }
    }

    #[test]
    fn whatever_can_be_drawn_is_drawn() {
        #[track_caller]
        fn check(fault: Fault, expected: &[&str]) {
            let mut nemesis = nemesis(fault);
            let drawn: BTreeSet<String> = (0..400)
                .filter_map(|_| match nemesis.strike(INTERVAL) {
                    Action::Begin { drawn, harm, .. } => Some([drawn.to_string(), kind(&harm)]),
                    Action::End { .. } => None,
                })
                .flatten()
                .collect();
            let mut all: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
            if fault != Fault::Partition {
                all.extend(Targets::ALL.map(|targets| targets.to_edn().to_string()));
            }
            assert_eq!(drawn, all);
        }
        fn kind(harm: &Harm) -> String {
            let text = format!("{harm:?}");
            text.split(['{', '[']).next().unwrap_or_default().to_owned()
        }
        let shapes = [":one", ":minority-third", ":majority", ":majorities-ring"];
        check(Fault::Partition, &[&shapes[..], &["Split(", "Cut("]].concat());
        check(Fault::Kill, &["Kill("]);
        check(Fault::Pause, &["Pause("]);
        check(Fault::OneWay, &["Mute(", "Deafen("]);
        check(Fault::Loss, &["Lose(0.1, ", "Lose(0.3, ", "Lose(0.5, "]);
        check(Fault::Duplicate, &["Duplicate(0.1, ", "Duplicate(0.3, ", "Duplicate(0.5, "]);
        check(Fault::Slow, &["Slow(50ms, ", "Slow(60ms, ", "Slow(100ms, "]);
    }

    #[test]
    fn a_late_strike_moves_the_next() {
        let mut nemesis = nemesis(Fault::Partition);
        nemesis.strike(5 * INTERVAL);
        assert!(nemesis.due() >= 5 * INTERVAL);
    }

    #[test]
    fn a_strike_that_is_named_begins_and_ends_once() {
        let strike = Strike::kill(["n1"], INTERVAL, 2 * INTERVAL);
        let begun = || {
            let mut nemesis = Nemesis::named(7, &strike, START);
            assert_eq!(nemesis.due(), START + INTERVAL);
            let drawn = Value::Vector(vec![Value::Str("n1".to_owned())]);
            let (due, harm) = (START + INTERVAL, strike.harm.clone());
            let begin = Action::Begin { nemesis: 7, due, drawn, harm };
            assert_eq!(nemesis.strike(due + START), begin);
            nemesis
        };
        let end = |due| Action::End { nemesis: 7, due, fault: Fault::Kill };
        assert_eq!(begun().retire(START), Some(end(START)));
        let mut nemesis = begun();
        assert_eq!(nemesis.due(), START + 2 * INTERVAL);
        assert_eq!(nemesis.strike(5 * INTERVAL), end(START + 2 * INTERVAL));
        assert_eq!(nemesis.due(), Duration::MAX);
        assert_eq!(nemesis.retire(START), None);
        assert_eq!(Nemesis::named(7, &strike, START).retire(START), None);
    }

    #[test]
    fn the_last_action_is_a_stop() {
        #[track_caller]
        fn check(fault: Fault, expected: [&str; 2]) {
            let mut nemesis = nemesis(fault);
            let begin = nemesis.strike(START).to_string();
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
    fn an_unknown_fault_is_told_what_exists() {
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
