//! A strike as data: one fault, its nodes, its beginning and its end.
//!
//! A nemesis draws strikes, a test may schedule its own, and a report lists those that happened.
//! All three have the same type, so the strikes of a report can be copied into a test that repeats
//! them. A strike displays as the Rust code that makes it.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::time::Duration;

use super::{Fault, Grudge};
use crate::service::is_service;

/// Ids of nodes, and of services where an effect may strike them.
pub type TargetIds = BTreeSet<String>;

/// A fault that is active from one time until another. Both count from the test's first operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Strike {
    /// The beginning.
    pub from: Duration,
    /// The end. All strikes end with the main phase of a test at the latest, that is when the
    /// operations that were in flight at the time limit have ended, before the nodes are left to
    /// recover. They end at [`Test::faults_until`](crate::Test::faults_until) if that is earlier.
    pub until: Duration,
    /// The effect and its targets.
    pub effect: StrikeEffect,
}

/// The effect of a strike, with its targets.
#[derive(Debug, Clone, PartialEq)]
pub enum StrikeEffect {
    /// Drops all messages between these nodes and all others.
    Partition(TargetIds),
    /// Drops the messages that each receiver gets from its senders.
    Cut(Grudge),
    /// Drops the messages that these nodes send to other nodes.
    Mute(TargetIds),
    /// Drops the messages that these nodes get from other nodes.
    Deafen(TargetIds),
    /// Kills these nodes, and restarts them at the end.
    Kill(TargetIds),
    /// Stops these nodes, and resumes them at the end.
    Pause(TargetIds),
    /// Loses messages between two nodes with this probability, if one of them is a target; and
    /// between a node and a service that is a target.
    Lose(f64, TargetIds),
    /// Delivers such messages twice with this probability.
    Duplicate(f64, TargetIds),
    /// Delays such messages by this time.
    Slow(Duration, TargetIds),
}

/// Constructors of strikes: targets, beginning, end.
impl Strike {
    /// Cuts off these nodes from all others, in both directions.
    pub fn partition(nodes: impl IntoTargetIds, from: Duration, until: Duration) -> Strike {
        Strike { from, until, effect: StrikeEffect::Partition(nodes.into_target_ids()) }
    }

    /// Drops what each receiver gets from its senders: `[("n1", ["n0", "n2"])]`.
    pub fn cut<R: Into<String>>(
        links: impl IntoIterator<Item = (R, impl IntoTargetIds)>,
        from: Duration,
        until: Duration,
    ) -> Strike {
        let links = links.into_iter();
        let grudge = links.map(|(receiver, senders)| (receiver.into(), senders.into_target_ids()));
        Strike { from, until, effect: StrikeEffect::Cut(grudge.collect()) }
    }

    /// Drops what these nodes send to other nodes. They still hear all others.
    pub fn mute(nodes: impl IntoTargetIds, from: Duration, until: Duration) -> Strike {
        Strike { from, until, effect: StrikeEffect::Mute(nodes.into_target_ids()) }
    }

    /// Drops what these nodes get from other nodes. All others still hear them.
    pub fn deafen(nodes: impl IntoTargetIds, from: Duration, until: Duration) -> Strike {
        Strike { from, until, effect: StrikeEffect::Deafen(nodes.into_target_ids()) }
    }

    /// Kills these nodes, and restarts them at the end.
    pub fn kill(nodes: impl IntoTargetIds, from: Duration, until: Duration) -> Strike {
        Strike { from, until, effect: StrikeEffect::Kill(nodes.into_target_ids()) }
    }

    /// Stops these nodes, and resumes them at the end.
    pub fn pause(nodes: impl IntoTargetIds, from: Duration, until: Duration) -> Strike {
        Strike { from, until, effect: StrikeEffect::Pause(nodes.into_target_ids()) }
    }

    /// Loses messages between these nodes and other nodes, with this probability (0 to 1).
    pub fn lose(
        probability: f64,
        nodes: impl IntoTargetIds,
        from: Duration,
        until: Duration,
    ) -> Strike {
        Strike { from, until, effect: StrikeEffect::Lose(probability, nodes.into_target_ids()) }
    }

    /// Delivers messages between these nodes and other nodes twice, with this probability.
    pub fn duplicate(
        probability: f64,
        nodes: impl IntoTargetIds,
        from: Duration,
        until: Duration,
    ) -> Strike {
        Strike {
            from,
            until,
            effect: StrikeEffect::Duplicate(probability, nodes.into_target_ids()),
        }
    }

    /// Delays messages between these nodes and other nodes by this time.
    pub fn slow(
        delay: Duration,
        nodes: impl IntoTargetIds,
        from: Duration,
        until: Duration,
    ) -> Strike {
        Strike { from, until, effect: StrikeEffect::Slow(delay, nodes.into_target_ids()) }
    }

    /// Checks that this can strike a cluster of these nodes before the time limit. The error is a
    /// sentence for the author of the test.
    pub(crate) fn validate(&self, nodes: &[String], time_limit: Duration) -> Result<(), String> {
        let Strike { from, until, effect } = self;
        if from >= until {
            return Err(format!("{self} does not end after it begins; expected a later end"));
        }
        if *from >= time_limit {
            return Err(format!(
                "{self} begins at or after the time limit, {time_limit:?}; expected an earlier \
                 beginning"
            ));
        }
        if let StrikeEffect::Lose(probability, _) | StrikeEffect::Duplicate(probability, _) = effect
            && !(0.0..=1.0).contains(probability)
        {
            return Err(format!("{probability} is not a probability; expected 0 to 1 in {self}"));
        }
        let is_known = |name: &String| {
            nodes.contains(name) || effect.may_strike_services() && is_service(name)
        };
        match effect.targets().into_iter().find(|name| !is_known(name)) {
            Some(name) if is_service(&name) => Err(format!(
                "{self} strikes {name:?}, which is not a node of the test; for a service, expected \
                 a strike that loses, duplicates or delays messages"
            )),
            Some(name) => Err(format!("{self} strikes {name:?}, which is not a node of the test")),
            None => Ok(()),
        }
    }
}

impl StrikeEffect {
    /// The kind of fault.
    pub fn fault(&self) -> Fault {
        match self {
            StrikeEffect::Partition(_) | StrikeEffect::Cut(_) => Fault::Partition,
            StrikeEffect::Mute(_) | StrikeEffect::Deafen(_) => Fault::OneWay,
            StrikeEffect::Kill(_) => Fault::Kill,
            StrikeEffect::Pause(_) => Fault::Pause,
            StrikeEffect::Lose(..) => Fault::Loss,
            StrikeEffect::Duplicate(..) => Fault::Duplicate,
            StrikeEffect::Slow(..) => Fault::Slow,
        }
    }

    /// True if services may be among its targets. No random fault strikes a service.
    fn may_strike_services(&self) -> bool {
        matches!(
            self,
            StrikeEffect::Lose(..) | StrikeEffect::Duplicate(..) | StrikeEffect::Slow(..)
        )
    }

    /// All targets; for a cut, its receivers and senders.
    pub fn targets(&self) -> TargetIds {
        match self {
            StrikeEffect::Cut(grudge) => {
                let deaf = grudge.iter().filter(|(_, senders)| !senders.is_empty());
                deaf.flat_map(|(receiver, senders)| senders.iter().chain([receiver]))
                    .cloned()
                    .collect()
            }
            StrikeEffect::Partition(names)
            | StrikeEffect::Mute(names)
            | StrikeEffect::Deafen(names)
            | StrikeEffect::Kill(names)
            | StrikeEffect::Pause(names)
            | StrikeEffect::Lose(_, names)
            | StrikeEffect::Duplicate(_, names)
            | StrikeEffect::Slow(_, names) => names.clone(),
        }
    }

    /// The same effect with only those targets for which `is_aimed_at` is true.
    #[must_use]
    pub(crate) fn restricted_to(&self, is_aimed_at: impl Fn(&str) -> bool) -> StrikeEffect {
        self.map_targets(|name| is_aimed_at(name).then(|| name.to_owned()))
    }

    /// The same effect with `other(target)` in place of each target, or without the target where
    /// that is `None`.
    #[must_use]
    pub(crate) fn map_targets(&self, other: impl Fn(&str) -> Option<String>) -> StrikeEffect {
        let each = |names: &TargetIds| -> TargetIds {
            names.iter().filter_map(|name| other(name)).collect()
        };
        match self {
            StrikeEffect::Cut(grudge) => {
                let mut cut = Grudge::new();
                for (receiver, senders) in grudge {
                    if let Some(receiver) = other(receiver) {
                        cut.entry(receiver).or_default().extend(each(senders));
                    }
                }
                StrikeEffect::Cut(cut)
            }
            StrikeEffect::Partition(names) => StrikeEffect::Partition(each(names)),
            StrikeEffect::Mute(names) => StrikeEffect::Mute(each(names)),
            StrikeEffect::Deafen(names) => StrikeEffect::Deafen(each(names)),
            StrikeEffect::Kill(names) => StrikeEffect::Kill(each(names)),
            StrikeEffect::Pause(names) => StrikeEffect::Pause(each(names)),
            StrikeEffect::Lose(probability, names) => StrikeEffect::Lose(*probability, each(names)),
            StrikeEffect::Duplicate(probability, names) => {
                StrikeEffect::Duplicate(*probability, each(names))
            }
            StrikeEffect::Slow(by, names) => StrikeEffect::Slow(*by, each(names)),
        }
    }

    /// The links that this cuts in a cluster of these nodes. Every node is a receiver, even if it
    /// drops nothing. Empty if this cuts no links by its nature.
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
            StrikeEffect::Cut(grudge) => against(&|receiver, sender| {
                grudge.get(receiver).is_some_and(|senders| senders.contains(sender))
            }),
            StrikeEffect::Partition(side) => {
                against(&|receiver, sender| side.contains(receiver) != side.contains(sender))
            }
            StrikeEffect::Mute(names) => against(&|_, sender| names.contains(sender)),
            StrikeEffect::Deafen(names) => against(&|receiver, _| names.contains(receiver)),
            _ => Grudge::new(),
        }
    }
}

/// Conversion into ids of nodes: `["n1", "n2"]`.
pub trait IntoTargetIds {
    /// The ids.
    fn into_target_ids(self) -> TargetIds;
}

impl<S: Into<String>, I: IntoIterator<Item = S>> IntoTargetIds for I {
    fn into_target_ids(self) -> TargetIds {
        self.into_iter().map(Into::into).collect()
    }
}

impl Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.effect {
            StrikeEffect::Partition(names) => {
                write!(f, "Strike::partition({}", ArrayLiteral(names))
            }
            StrikeEffect::Cut(grudge) => {
                let deaf = grudge.iter().filter(|(_, senders)| !senders.is_empty());
                let link = |(to, from): (&String, &TargetIds)| {
                    format!("({to:?}, vec!{})", ArrayLiteral(from))
                };
                let links: Vec<String> = deaf.map(link).collect();
                write!(f, "Strike::cut([{}]", links.join(", "))
            }
            StrikeEffect::Mute(names) => write!(f, "Strike::mute({}", ArrayLiteral(names)),
            StrikeEffect::Deafen(names) => write!(f, "Strike::deafen({}", ArrayLiteral(names)),
            StrikeEffect::Kill(names) => write!(f, "Strike::kill({}", ArrayLiteral(names)),
            StrikeEffect::Pause(names) => write!(f, "Strike::pause({}", ArrayLiteral(names)),
            StrikeEffect::Lose(probability, names) => {
                write!(f, "Strike::lose({probability:?}, {}", ArrayLiteral(names))
            }
            StrikeEffect::Duplicate(probability, names) => {
                write!(f, "Strike::duplicate({probability:?}, {}", ArrayLiteral(names))
            }
            StrikeEffect::Slow(by, names) => {
                write!(f, "Strike::slow({}, {}", DurationLiteral(*by), ArrayLiteral(names))
            }
        }?;
        write!(f, ", {}, {})", DurationLiteral(self.from), DurationLiteral(self.until))
    }
}

/// Displays as the Rust literal of an array of strings.
struct ArrayLiteral<'a>(&'a TargetIds);

impl Display for ArrayLiteral<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.0.iter().collect();
        write!(f, "{names:?}")
    }
}

/// Displays as the Rust code that makes a duration, in the largest unit that is exact.
pub(crate) struct DurationLiteral(pub(crate) Duration);

impl Display for DurationLiteral {
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
    fn a_strike_displays_as_the_code_that_makes_it() {
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
    fn a_grudge_has_the_senders_that_each_receiver_does_not_hear() {
        #[track_caller]
        fn check(effect: StrikeEffect, expected: [&str; 3]) {
            let nodes = ["n0", "n1", "n2"].map(String::from);
            let deaf = effect.grudge(&nodes).into_values();
            let deaf: Vec<String> =
                deaf.map(|senders| senders.into_iter().collect::<Vec<_>>().join(" ")).collect();
            assert_eq!(deaf, expected);
        }
        let one = || ["n1"].into_target_ids();
        check(StrikeEffect::Partition(one()), ["n1", "n0 n2", "n1"]);
        check(StrikeEffect::Mute(one()), ["n1", "", "n1"]);
        check(StrikeEffect::Deafen(one()), ["", "n0 n2", ""]);
        check(StrikeEffect::Cut([("n2".to_owned(), one())].into()), ["", "", "n1"]);
        assert_eq!(StrikeEffect::Kill(one()).grudge(&["n1".to_owned()]), Grudge::new());
    }

    #[test]
    fn an_impossible_strike_is_rejected() {
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
        check(Strike::kill(["n1"], 3 * MS, 9 * MS), "begins at or after the time limit, 3ms;");
        check(Strike::kill(["n1"], 2 * MS, 9 * MS), "fine");
        check(Strike::lose(1.5, ["n1"], MS, 2 * MS), "1.5 is not a probability; expected 0 to 1");
        check(Strike::duplicate(f64::NAN, ["n1"], MS, 2 * MS), "NaN is not a probability");
    }
}
