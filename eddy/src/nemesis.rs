//! Which faults strike, and when.
//!
//! A nemesis alternates between starting its fault and stopping it, the first start at once and the
//! others after gaps that average to the interval, as Jepsen's `flip-flop` inside `stagger` does.
//! It says what to do and does nothing itself: the network acts. Several faults are several
//! nemeses, each with a row of its own.

mod partition;

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

pub use self::partition::{Grudge, Shape};
use crate::name::{self, UnknownName};
use crate::random::Random;
use crate::stagger::Stagger;

/// A kind of fault, as `--nemesis` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Some nodes do not hear some others.
    Partition,
}

/// What a nemesis does; displayed as a history has it, `start-partition`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Cut links in this shape.
    StartPartition(Shape),
    /// Heal all links.
    StopPartition,
}

/// The schedule of one fault; time counts from the test's beginning.
#[derive(Debug)]
pub struct Nemesis {
    fault: Fault,
    strikes: Stagger,
    is_on: bool,
    random: Random,
}

impl Nemesis {
    /// A fault that first strikes at `start` and changes about once per interval.
    pub fn new(fault: Fault, interval: Duration, start: Duration, random: &Random) -> Nemesis {
        let random = random.fork(&fault.to_string());
        let strikes = Stagger::every(interval, start, random.fork("stagger"));
        Nemesis { fault, strikes, is_on: false, random }
    }

    /// When it strikes next.
    pub fn due(&self) -> Duration {
        self.strikes.due()
    }

    /// Starts the fault if it was stopped, or else stops it.
    pub fn strike(&mut self, now: Duration) -> Action {
        self.strikes.happened(now);
        self.is_on = !self.is_on;
        match (self.fault, self.is_on) {
            (Fault::Partition, true) => Action::StartPartition(*self.random.choose(&Shape::ALL)),
            (Fault::Partition, false) => Action::StopPartition,
        }
    }

    /// Stops the fault for good, also if it was stopped already.
    pub fn retire(self) -> Action {
        match self.fault {
            Fault::Partition => Action::StopPartition,
        }
    }
}

impl Fault {
    const ALL: [Fault; 1] = [Fault::Partition];

    /// The faults of a list with commas; naming one twice changes nothing.
    pub fn list(received: &str) -> Result<BTreeSet<Fault>, UnknownName> {
        received.split(',').map(|name| name.trim().parse()).collect()
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Fault::Partition => "partition",
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
        f.pad(match self {
            Action::StartPartition(_) => "start-partition",
            Action::StopPartition => "stop-partition",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);
    const START: Duration = Duration::from_millis(30);

    fn nemesis() -> Nemesis {
        Nemesis::new(Fault::Partition, INTERVAL, START, &Random::seeded(1))
    }

    #[test]
    fn starts_and_stops_alternate_the_first_at_once() {
        let mut nemesis = nemesis();
        assert_eq!(nemesis.due(), START);
        for strike in 0..1_000 {
            let now = nemesis.due();
            let action = nemesis.strike(now);
            assert_eq!(matches!(action, Action::StartPartition(_)), strike % 2 == 0);
            assert!(nemesis.due() < now + 2 * INTERVAL);
        }
        let mean = nemesis.due().as_secs_f64() / 1_000.0;
        assert!((9.5..10.5).contains(&mean), "{mean}");
    }

    #[test]
    fn every_shape_is_drawn() {
        let mut nemesis = nemesis();
        let drawn: BTreeSet<String> =
            (0..100).map(|_| format!("{:?}", nemesis.strike(INTERVAL))).collect();
        assert_eq!(drawn.len(), Shape::ALL.len() + 1, "{drawn:?}");
    }

    #[test]
    fn a_late_strike_moves_the_next() {
        let mut nemesis = nemesis();
        nemesis.strike(5 * INTERVAL);
        assert!(nemesis.due() >= 5 * INTERVAL);
    }

    #[test]
    fn the_last_action_is_a_stop() {
        assert_eq!(nemesis().retire(), Action::StopPartition);
        assert_eq!(nemesis().retire().to_string(), "stop-partition");
    }

    #[track_caller]
    fn check(received: &str, expected: &str) {
        let shown = match Fault::list(received) {
            Ok(faults) => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("+"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_list_of_faults_has_commas_and_an_unknown_one_is_told_what_exists() {
        check("partition", "partition");
        check("partition, partition", "partition");
        check("partition,clock", "no fault is called \"clock\" (known: partition)");
        check(
            "partitions",
            "no fault is called \"partitions\"; did you mean partition? (known: partition)",
        );
        check("", "no fault is called \"\" (known: partition)");
    }
}
