//! Which strikes there were and when, a line each, for people.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::nemesis::{Harm, Names, Strike};

/// What is in `faults.txt`; times are seconds since the first operation.
pub fn of(strikes: &[Strike]) -> String {
    let lines = strikes.iter().map(|Strike { from, until, harm }| {
        let [from, until] = [from, until].map(Duration::as_secs_f64);
        format!("{from:>8.3} s – {until:>8.3} s  {:<10}{}\n", harm.fault(), Effect(harm))
    });
    lines.collect()
}

/// What is done, and to whom.
pub struct Effect<'a>(pub &'a Harm);

impl Display for Effect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |probability: &f64| format!("{:.0} %", probability * 100.0);
        match self.0 {
            harm if harm.names().is_empty() => f.write_str("nobody"),
            Harm::Split(names) => write!(f, "{} cut off from all others", All(names)),
            Harm::Cut(grudge) => {
                let deaf = grudge.iter().filter(|(_, senders)| !senders.is_empty());
                let deaf =
                    deaf.map(|(receiver, senders)| format!("{receiver} from {}", All(senders)));
                write!(f, "nothing reaches {}", deaf.collect::<Vec<_>>().join(", "))
            }
            Harm::Mute(names) => write!(f, "nobody hears {}", All(names)),
            Harm::Deafen(names) => write!(f, "{} hear nobody", All(names)),
            Harm::Kill(names) | Harm::Pause(names) => write!(f, "{}", All(names)),
            Harm::Lose(probability, names) | Harm::Duplicate(probability, names) => {
                write!(f, "{} of what {} send and get", percent(probability), All(names))
            }
            Harm::Slow(by, names) => write!(f, "by {} ms: {}", by.as_millis(), All(names)),
        }
    }
}

/// Displays names with spaces between.
struct All<'a>(&'a Names);

impl Display for All<'_> {
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
            assert_eq!(of(&[strike(from, until)]), expected);
        }
        let (both, nobody) = (["n0", "n1"], [""; 0]);
        check(|a, b| Strike::kill(both, a, b), "kill      n0 n1");
        check(|a, b| Strike::pause(nobody, a, b), "pause     nobody");
        check(|a, b| Strike::partition(both, a, b), "partition n0 n1 cut off from all others");
        let links = [("n0", vec!["n1", "n2"]), ("n1", vec!["n2"]), ("n2", vec![])];
        let cut = "partition nothing reaches n0 from n1 n2, n1 from n2";
        check(|a, b| Strike::cut(links, a, b), cut);
        check(|a, b| Strike::mute(["n1"], a, b), "one-way   nobody hears n1");
        check(|a, b| Strike::deafen(both, a, b), "one-way   n0 n1 hear nobody");
        check(|a, b| Strike::lose(0.3, both, a, b), "loss      30 % of what n0 n1 send and get");
        check(|a, b| Strike::slow(a, both, a, b), "slow      by 100 ms: n0 n1");
    }
}
