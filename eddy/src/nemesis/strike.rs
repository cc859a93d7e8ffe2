//! One fault that strikes certain nodes for a while, as data.
//!
//! A nemesis draws strikes, a test may name its own, and a report tells those that happened; all
//! three are the same thing, so what a nemesis did once can be put into a test and done again. A
//! strike displays as the Rust that makes it.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::time::Duration;

use super::{Fault, Grudge};
use crate::service::is_service;

/// Ids of nodes.
pub type Names = BTreeSet<String>;

/// A fault that strikes from one time until another; both count from the test's first operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Strike {
    /// When it begins.
    pub from: Duration,
    /// When it ends. All strikes end with the main part of a test at the latest, which is when the
    /// operations that were in flight at the time limit have ended, before the nodes are left to
    /// recover; and at [`Test::faults_until`](crate::Test::faults_until), if that comes earlier.
    pub until: Duration,
    /// What it does, and to whom.
    pub harm: Harm,
}

/// What a strike does.
#[derive(Debug, Clone, PartialEq)]
pub enum Harm {
    /// These nodes and all others hear nothing of each other.
    Split(Names),
    /// Each of these receivers hears nothing of its senders.
    Cut(Grudge),
    /// No other node hears these.
    Mute(Names),
    /// These hear no other node.
    Deafen(Names),
    /// These are dead; at the end they are started again.
    Kill(Names),
    /// These stand still.
    Pause(Names),
    /// Messages between nodes with one of these at an end are lost with this probability; or
    /// between nodes and one of these services.
    Lose(f64, Names),
    /// They are delivered twice with this probability.
    Duplicate(f64, Names),
    /// They take longer by this.
    Slow(Duration, Names),
}

/// Makes strikes: who, from when, until when.
impl Strike {
    /// Cuts off these nodes from all others, in both directions.
    pub fn partition(nodes: impl IntoNames, from: Duration, until: Duration) -> Strike {
        Strike { from, until, harm: Harm::Split(nodes.into_names()) }
    }

    /// Has each receiver hear nothing of its senders: `[("n1", ["n0", "n2"])]`.
    pub fn cut<R: Into<String>>(
        links: impl IntoIterator<Item = (R, impl IntoNames)>,
        from: Duration,
        until: Duration,
    ) -> Strike {
        let links = links.into_iter();
        let grudge = links.map(|(receiver, senders)| (receiver.into(), senders.into_names()));
        Strike { from, until, harm: Harm::Cut(grudge.collect()) }
    }

    /// Has no other node hear these, though they hear everybody.
    pub fn mute(nodes: impl IntoNames, from: Duration, until: Duration) -> Strike {
        Strike { from, until, harm: Harm::Mute(nodes.into_names()) }
    }

    /// Has these nodes hear no other, though everybody hears them.
    pub fn deafen(nodes: impl IntoNames, from: Duration, until: Duration) -> Strike {
        Strike { from, until, harm: Harm::Deafen(nodes.into_names()) }
    }

    /// Kills these nodes, and starts them again at the end.
    pub fn kill(nodes: impl IntoNames, from: Duration, until: Duration) -> Strike {
        Strike { from, until, harm: Harm::Kill(nodes.into_names()) }
    }

    /// Has these nodes stand still.
    pub fn pause(nodes: impl IntoNames, from: Duration, until: Duration) -> Strike {
        Strike { from, until, harm: Harm::Pause(nodes.into_names()) }
    }

    /// Loses messages between these nodes and other nodes, with this probability (0 to 1).
    pub fn lose(
        probability: f64,
        nodes: impl IntoNames,
        from: Duration,
        until: Duration,
    ) -> Strike {
        Strike { from, until, harm: Harm::Lose(probability, nodes.into_names()) }
    }

    /// Delivers messages between these nodes and other nodes twice, with this probability.
    pub fn duplicate(
        probability: f64,
        nodes: impl IntoNames,
        from: Duration,
        until: Duration,
    ) -> Strike {
        Strike { from, until, harm: Harm::Duplicate(probability, nodes.into_names()) }
    }

    /// Has messages between these nodes and other nodes take longer by this.
    pub fn slow(by: Duration, nodes: impl IntoNames, from: Duration, until: Duration) -> Strike {
        Strike { from, until, harm: Harm::Slow(by, nodes.into_names()) }
    }

    /// Whether it can strike a cluster of these nodes before the time limit; an error says what is
    /// wrong.
    pub(crate) fn validate(&self, nodes: &[String], time_limit: Duration) -> Result<(), String> {
        let Strike { from, until, harm } = self;
        if from >= until {
            return Err(format!("{self} does not end after it begins; expected a later end"));
        }
        if *from >= time_limit {
            return Err(format!(
                "{self} begins when the test's time of {time_limit:?} is over; expected an earlier \
                 beginning"
            ));
        }
        if let Harm::Lose(probability, _) | Harm::Duplicate(probability, _) = harm
            && !(0.0..=1.0).contains(probability)
        {
            return Err(format!("{probability} is no probability; expected 0 to 1 in {self}"));
        }
        let is_known =
            |name: &String| nodes.contains(name) || harm.may_strike_services() && is_service(name);
        match harm.names().into_iter().find(|name| !is_known(name)) {
            Some(name) if is_service(&name) => Err(format!(
                "{self} strikes {name:?}, which is not a node of the test; of services, expected \
                 that messages are lost, doubled or slowed down"
            )),
            Some(name) => Err(format!("{self} strikes {name:?}, which is not a node of the test")),
            None => Ok(()),
        }
    }
}

impl Harm {
    /// The kind of fault that this is.
    pub fn fault(&self) -> Fault {
        match self {
            Harm::Split(_) | Harm::Cut(_) => Fault::Partition,
            Harm::Mute(_) | Harm::Deafen(_) => Fault::OneWay,
            Harm::Kill(_) => Fault::Kill,
            Harm::Pause(_) => Fault::Pause,
            Harm::Lose(..) => Fault::Loss,
            Harm::Duplicate(..) => Fault::Duplicate,
            Harm::Slow(..) => Fault::Slow,
        }
    }

    /// Whether services may be among its names. No fault that is drawn strikes one.
    fn may_strike_services(&self) -> bool {
        matches!(self, Harm::Lose(..) | Harm::Duplicate(..) | Harm::Slow(..))
    }

    /// The nodes that it is aimed at; of a cut, all receivers and senders.
    pub fn names(&self) -> Names {
        match self {
            Harm::Cut(grudge) => {
                let deaf = grudge.iter().filter(|(_, senders)| !senders.is_empty());
                deaf.flat_map(|(receiver, senders)| senders.iter().chain([receiver]))
                    .cloned()
                    .collect()
            }
            Harm::Split(names)
            | Harm::Mute(names)
            | Harm::Deafen(names)
            | Harm::Kill(names)
            | Harm::Pause(names)
            | Harm::Lose(_, names)
            | Harm::Duplicate(_, names)
            | Harm::Slow(_, names) => names.clone(),
        }
    }

    /// The same, aimed at some of its nodes only.
    #[must_use]
    pub(crate) fn only(&self, is_aimed_at: impl Fn(&str) -> bool) -> Harm {
        self.map(|name| is_aimed_at(name).then(|| name.to_owned()))
    }

    /// The same, aimed at others in place of its nodes; at nobody in place of some.
    #[must_use]
    pub(crate) fn map(&self, other: impl Fn(&str) -> Option<String>) -> Harm {
        let each =
            |names: &Names| -> Names { names.iter().filter_map(|name| other(name)).collect() };
        match self {
            Harm::Cut(grudge) => {
                let mut cut = Grudge::new();
                for (receiver, senders) in grudge {
                    if let Some(receiver) = other(receiver) {
                        cut.entry(receiver).or_default().extend(each(senders));
                    }
                }
                Harm::Cut(cut)
            }
            Harm::Split(names) => Harm::Split(each(names)),
            Harm::Mute(names) => Harm::Mute(each(names)),
            Harm::Deafen(names) => Harm::Deafen(each(names)),
            Harm::Kill(names) => Harm::Kill(each(names)),
            Harm::Pause(names) => Harm::Pause(each(names)),
            Harm::Lose(probability, names) => Harm::Lose(*probability, each(names)),
            Harm::Duplicate(probability, names) => Harm::Duplicate(*probability, each(names)),
            Harm::Slow(by, names) => Harm::Slow(*by, each(names)),
        }
    }

    /// Which links it cuts in a cluster of these nodes; every node is a receiver, even if it drops
    /// nothing. Empty if cutting is not what it does.
    pub(crate) fn grudge(&self, nodes: &[String]) -> Grudge {
        let against = |is_cut: &dyn Fn(&str, &str) -> bool| -> Grudge {
            let deaf_to = |receiver: &str| {
                let senders =
                    nodes.iter().filter(|sender| *sender != receiver && is_cut(receiver, sender));
                senders.cloned().collect()
            };
            nodes.iter().map(|receiver| (receiver.clone(), deaf_to(receiver))).collect()
        };
        match self {
            Harm::Cut(grudge) => against(&|receiver, sender| {
                grudge.get(receiver).is_some_and(|senders| senders.contains(sender))
            }),
            Harm::Split(side) => {
                against(&|receiver, sender| side.contains(receiver) != side.contains(sender))
            }
            Harm::Mute(names) => against(&|_, sender| names.contains(sender)),
            Harm::Deafen(names) => against(&|receiver, _| names.contains(receiver)),
            _ => Grudge::new(),
        }
    }
}

/// What can be made into ids of nodes: `["n1", "n2"]`.
pub trait IntoNames {
    /// The ids.
    fn into_names(self) -> Names;
}

impl<S: Into<String>, I: IntoIterator<Item = S>> IntoNames for I {
    fn into_names(self) -> Names {
        self.into_iter().map(Into::into).collect()
    }
}

impl Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.harm {
            Harm::Split(names) => write!(f, "Strike::partition({}", Array(names)),
            Harm::Cut(grudge) => {
                let deaf = grudge.iter().filter(|(_, senders)| !senders.is_empty());
                let link = |(to, from): (&String, &Names)| format!("({to:?}, vec!{})", Array(from));
                let links: Vec<String> = deaf.map(link).collect();
                write!(f, "Strike::cut([{}]", links.join(", "))
            }
            Harm::Mute(names) => write!(f, "Strike::mute({}", Array(names)),
            Harm::Deafen(names) => write!(f, "Strike::deafen({}", Array(names)),
            Harm::Kill(names) => write!(f, "Strike::kill({}", Array(names)),
            Harm::Pause(names) => write!(f, "Strike::pause({}", Array(names)),
            Harm::Lose(probability, names) => {
                write!(f, "Strike::lose({probability:?}, {}", Array(names))
            }
            Harm::Duplicate(probability, names) => {
                write!(f, "Strike::duplicate({probability:?}, {}", Array(names))
            }
            Harm::Slow(by, names) => write!(f, "Strike::slow({}, {}", Time(*by), Array(names)),
        }?;
        write!(f, ", {}, {})", Time(self.from), Time(self.until))
    }
}

/// Displays as an array of strings.
struct Array<'a>(&'a Names);

impl Display for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.0.iter().collect();
        write!(f, "{names:?}")
    }
}

/// Displays as the Rust that makes a duration, in the largest unit that fits.
pub(crate) struct Time(pub(crate) Duration);

impl Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        match (nanoseconds % 1_000_000_000, nanoseconds % 1_000_000) {
            _ if nanoseconds == 0 => f.write_str("Duration::ZERO"),
            (0, _) => write!(f, "Duration::from_secs({})", self.0.as_secs()),
            (_, 0) => write!(f, "Duration::from_millis({})", self.0.as_millis()),
            _ => write!(f, "Duration::from_nanos({nanoseconds})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_strike_displays_as_what_makes_it() {
        #[track_caller]
        fn check(strike: Strike, expected: &str) {
            assert_eq!(strike.to_string(), expected);
        }
        let (from, until) = (2000 * MS, 5000 * MS + Duration::from_nanos(1));
        let times = "Duration::from_secs(2), Duration::from_nanos(5000000001))";
        let both = ["n1", "n2"];
        let expected = |what: &str| format!("Strike::{what}, {times}");
        check(Strike::partition(both, from, until), &expected(r#"partition(["n1", "n2"]"#));
        check(Strike::mute(both, from, until), &expected(r#"mute(["n1", "n2"]"#));
        check(Strike::deafen(["n1"], from, until), &expected(r#"deafen(["n1"]"#));
        check(Strike::kill(["n1"], from, until), &expected(r#"kill(["n1"]"#));
        check(Strike::pause(["n1"], from, until), &expected(r#"pause(["n1"]"#));
        check(Strike::lose(0.5, ["n1"], from, until), &expected(r#"lose(0.5, ["n1"]"#));
        check(Strike::duplicate(1.0, ["n1"], from, until), &expected(r#"duplicate(1.0, ["n1"]"#));
        check(
            Strike::slow(50 * MS, ["n1"], from, until),
            &expected(r#"slow(Duration::from_millis(50), ["n1"]"#),
        );
        check(
            Strike::cut([("n0", both.to_vec()), ("n1", vec![])], from, until),
            &expected(r#"cut([("n0", vec!["n1", "n2"])]"#),
        );
    }

    #[test]
    fn a_cut_names_the_senders_that_each_receiver_does_not_hear() {
        #[track_caller]
        fn check(harm: Harm, expected: [&str; 3]) {
            let nodes = ["n0", "n1", "n2"].map(String::from);
            let deaf = harm.grudge(&nodes).into_values();
            let deaf: Vec<String> =
                deaf.map(|senders| senders.into_iter().collect::<Vec<_>>().join(" ")).collect();
            assert_eq!(deaf, expected);
        }
        let one = || ["n1"].into_names();
        check(Harm::Split(one()), ["n1", "n0 n2", "n1"]);
        check(Harm::Mute(one()), ["n1", "", "n1"]);
        check(Harm::Deafen(one()), ["", "n0 n2", ""]);
        check(Harm::Cut([("n2".to_owned(), one())].into()), ["", "", "n1"]);
        assert_eq!(Harm::Kill(one()).grudge(&["n1".to_owned()]), Grudge::new());
    }

    #[test]
    fn a_strike_that_cannot_be_is_told_from_one_that_can() {
        #[track_caller]
        fn check(strike: Strike, expected: &str) {
            let nodes = ["n0", "n1"].map(String::from);
            let answer = strike.validate(&nodes, 3 * MS).err();
            let answer = answer.unwrap_or_else(|| "fine".to_owned());
            assert!(answer.contains(expected), "{answer}");
        }
        check(Strike::kill(["n0", "n1"], MS, 2 * MS), "fine");
        check(Strike::kill(["n2"], MS, 2 * MS), "strikes \"n2\", which is not a node of the test");
        check(Strike::lose(1.0, ["lin-kv"], MS, 2 * MS), "fine");
        check(
            Strike::pause(["lin-kv"], MS, 2 * MS),
            "\"lin-kv\", which is not a node of the test;",
        );
        check(Strike::kill(["n1"], MS, MS), "does not end after it begins");
        check(Strike::kill(["n1"], 3 * MS, 9 * MS), "begins when the test's time of 3ms is over");
        check(Strike::kill(["n1"], 2 * MS, 9 * MS), "fine");
        check(Strike::lose(1.5, ["n1"], MS, 2 * MS), "1.5 is no probability; expected 0 to 1 in");
        check(Strike::duplicate(f64::NAN, ["n1"], MS, 2 * MS), "NaN is no probability");
    }
}
