//! Maelstrom's `availability-checker`: enough requests succeeded.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use super::{Validity, fraction};
use crate::history::{History, Kind};

/// The number of requests that must succeed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Goal {
    /// Any number will do.
    #[default]
    None,
    /// All of them.
    Total,
    /// At least this fraction, from 0 to 1.
    Fraction(f64),
}

impl Display for Goal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Goal::None => f.write_str("any"),
            Goal::Total => f.write_str("total"),
            Goal::Fraction(fraction) => Display::fmt(fraction, f),
        }
    }
}

impl FromStr for Goal {
    type Err = String;

    fn from_str(received: &str) -> Result<Goal, String> {
        match (received, received.parse()) {
            ("any", _) => Ok(Goal::None),
            ("total", _) => Ok(Goal::Total),
            (_, Ok(fraction)) if (0.0..=1.0).contains(&fraction) => Ok(Goal::Fraction(fraction)),
            _ => Err(format!("expected any, total or a number from 0 to 1, found {received:?}")),
        }
    }
}

/// The number of requests that succeeded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Availability {
    /// Valid if the goal is met.
    pub valid: Validity,
    /// The number of operations that succeeded.
    pub ok_count: usize,
    /// The number of operations that were invoked.
    pub invoke_count: usize,
    /// The fraction of them that must succeed.
    pub required: f64,
}

/// Compares the successes in a history with a goal.
pub fn check(history: &History, goal: Goal) -> Availability {
    let count = |kind| history.ops().iter().filter(|op| op.kind == kind).count();
    let (ok_count, invoke_count) = (count(Kind::Ok), count(Kind::Invoke));
    let required = match goal {
        Goal::None => 0.0,
        Goal::Total => 1.0,
        Goal::Fraction(fraction) => fraction,
    };
    let valid = Validity::Valid;
    let availability = Availability { valid, ok_count, invoke_count, required };
    let is_met = required <= f64::from(availability.ok_fraction());
    Availability { valid: is_met.into(), ..availability }
}

impl Availability {
    /// The fraction of operations that succeeded; 1 if none was invoked.
    pub fn ok_fraction(&self) -> f32 {
        if self.invoke_count == 0 { 1.0 } else { fraction(self.ok_count, self.invoke_count) }
    }

    /// Makes the verdict unknown if there is a goal and no operation was invoked, where upstream
    /// finds the goal met.
    #[must_use]
    pub fn requiring_evidence(self) -> Availability {
        let lacks_any = self.required > 0.0 && self.invoke_count == 0;
        Availability { valid: if lacks_any { Validity::Unknown } else { self.valid }, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::history, *};

    const NONE: &str = "nemesis info start nil";
    const ALL: &str = "0 invoke read nil\n0 ok read 1";
    const TWO_OF_THREE: &str = "0 invoke read nil\n0 ok read 1\n0 invoke read nil
                                0 fail read nil\n0 invoke read nil\n0 ok read nil";

    #[track_caller]
    fn check(text: &str, goal: Goal, expected: &str) {
        assert_eq!(super::check(&history(text), goal).to_edn().to_string(), expected);
    }

    #[test]
    fn a_goal_is_a_lower_bound() {
        check(TWO_OF_THREE, Goal::None, "{:valid? true, :ok-fraction 0.6666667}");
        check(TWO_OF_THREE, Goal::Fraction(0.66), "{:valid? true, :ok-fraction 0.6666667}");
        check(TWO_OF_THREE, Goal::Fraction(0.67), "{:valid? false, :ok-fraction 0.6666667}");
        check(TWO_OF_THREE, Goal::Total, "{:valid? false, :ok-fraction 0.6666667}");
        check(ALL, Goal::Total, "{:valid? true, :ok-fraction 1.0}");
        check(NONE, Goal::Total, "{:valid? true, :ok-fraction 1}");
    }
}
