//! The text of `faults.txt`: the strikes of a test, one per line.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::nemesis::{Strike, StrikeEffect, TargetIds};

/// Renders strikes; times are seconds since the first operation.
pub fn render(strikes: &[Strike]) -> String {
    let lines = strikes.iter().map(|Strike { from, until, effect }| {
        let [from, until] = [from, until].map(Duration::as_secs_f64);
        format!("{from:>8.3} s – {until:>8.3} s  {:<10}{}\n", effect.fault(), EffectText(effect))
    });
    lines.collect()
}

/// Displays the effect of a strike and the nodes that it strikes.
pub struct EffectText<'a>(pub &'a StrikeEffect);

impl Display for EffectText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |probability: &f64| format!("{:.0} %", probability * 100.0);
        match self.0 {
            effect if effect.targets().is_empty() => f.write_str("no node"),
            StrikeEffect::Partition(names) => {
                write!(f, "{} cut off from all others", SpaceSeparated(names))
            }
            StrikeEffect::Cut(grudge) => {
                let deaf = grudge.iter().filter(|(_, senders)| !senders.is_empty());
                let deaf = deaf
                    .map(|(receiver, senders)| format!("{receiver} ← {}", SpaceSeparated(senders)));
                write!(f, "dropped: {}", deaf.collect::<Vec<_>>().join(", "))
            }
            StrikeEffect::Mute(names) => {
                write!(f, "messages from {} dropped", SpaceSeparated(names))
            }
            StrikeEffect::Deafen(names) => {
                write!(f, "messages to {} dropped", SpaceSeparated(names))
            }
            StrikeEffect::Kill(names) | StrikeEffect::Pause(names) => {
                write!(f, "{}", SpaceSeparated(names))
            }
            StrikeEffect::Lose(probability, names)
            | StrikeEffect::Duplicate(probability, names) => {
                let names = SpaceSeparated(names);
                write!(f, "{} of messages from and to {names}", percent(probability))
            }
            StrikeEffect::Slow(by, names) => {
                write!(f, "by {} ms: {}", by.as_millis(), SpaceSeparated(names))
            }
        }
    }
}

/// Displays names separated by spaces.
struct SpaceSeparated<'a>(&'a TargetIds);

impl Display for SpaceSeparated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(String::as_str).collect();
        f.write_str(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strike_is_a_line() {
        #[track_caller]
        fn check(strike: impl FnOnce(Duration, Duration) -> Strike, expected: &str) {
            let [from, until] = [100, 12_340].map(Duration::from_millis);
            let expected = format!("   0.100 s –   12.340 s  {expected}\n");
            assert_eq!(render(&[strike(from, until)]), expected);
        }
        let (both, nobody) = (["n0", "n1"], [""; 0]);
        check(|a, b| Strike::kill(both, a, b), "kill      n0 n1");
        check(|a, b| Strike::pause(nobody, a, b), "pause     no node");
        check(|a, b| Strike::partition(both, a, b), "partition n0 n1 cut off from all others");
        let links = [("n0", vec!["n1", "n2"]), ("n1", vec!["n2"]), ("n2", vec![])];
        let cut = "partition dropped: n0 ← n1 n2, n1 ← n2";
        check(|a, b| Strike::cut(links, a, b), cut);
        check(|a, b| Strike::mute(["n1"], a, b), "one-way   messages from n1 dropped");
        check(|a, b| Strike::deafen(both, a, b), "one-way   messages to n0 n1 dropped");
        check(|a, b| Strike::lose(0.3, both, a, b), "loss      30 % of messages from and to n0 n1");
        check(|a, b| Strike::slow(a, both, a, b), "slow      by 100 ms: n0 n1");
    }
}
