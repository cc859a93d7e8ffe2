//! A summary of a test's strikes in one short line: `2 kills (n3 n4 at 0.0 s, n1 at 5.1 s)`.

use std::collections::BTreeSet;

use crate::nemesis::{Fault, Strike, TargetIds};

/// Maximum number of strikes that are listed, of all faults together. More would not fit on one
/// line of a terminal; with fewer the summary says less. `faults.txt` has all strikes.
const MAX_LISTED_STRIKES: usize = 4;

/// Maximum number of nodes of a strike that are listed. Above it, their number says enough.
const MAX_LISTED_NODES: usize = 4;

/// Counts the strikes of each fault that was requested or occurred, with nodes and times of the
/// first few, in a cluster of this many nodes. `None` if no fault was to strike.
pub fn summary(strikes: &[Strike], asked: &BTreeSet<Fault>, nodes: usize) -> Option<String> {
    let of_strikes = strikes.iter().map(|strike| strike.effect.fault());
    let faults: BTreeSet<Fault> = asked.iter().copied().chain(of_strikes).collect();
    let most = MAX_LISTED_STRIKES / faults.len().max(1);
    let parts: Vec<String> =
        faults.iter().map(|fault| fault_summary(*fault, strikes, nodes, most)).collect();
    Some(parts.join(", ")).filter(|parts| !parts.is_empty())
}

/// The word for a strike of this fault: singular and plural.
pub(super) fn singular_and_plural(fault: Fault) -> [&'static str; 2] {
    match fault {
        Fault::Partition => ["partition", "partitions"],
        Fault::Kill => ["kill", "kills"],
        Fault::Pause => ["pause", "pauses"],
        Fault::OneWay => ["one-way cut", "one-way cuts"],
        Fault::Loss => ["loss", "losses"],
        Fault::Duplicate => ["duplication", "duplications"],
        Fault::Slow => ["slowdown", "slowdowns"],
    }
}

/// The strikes of a fault that struck at least one node.
pub(super) fn with_targets(strikes: &[Strike], fault: Fault) -> impl Iterator<Item = &Strike> {
    strikes.iter().filter(move |Strike { effect, .. }| {
        effect.fault() == fault && !effect.targets().is_empty()
    })
}

fn fault_summary(fault: Fault, strikes: &[Strike], nodes: usize, most: usize) -> String {
    let [one, several] = singular_and_plural(fault);
    let hits: Vec<&Strike> = with_targets(strikes, fault).collect();
    let count = match hits.len() {
        0 => return format!("no {one}"),
        1 => format!("1 {one}"),
        count => format!("{count} {several}"),
    };
    let mut listed: Vec<String> =
        hits.iter().take(most).map(|strike| strike_summary(strike, nodes)).collect();
    if listed.is_empty() {
        return count;
    }
    let rest = hits.len() - listed.len();
    listed.extend((rest > 0).then(|| format!("and {rest} more")));
    format!("{count} ({})", listed.join(", "))
}

/// The nodes and the time of a strike.
fn strike_summary(Strike { from, effect, .. }: &Strike, nodes: usize) -> String {
    let names: TargetIds = effect.targets();
    let whom = match names.len() {
        few if few <= MAX_LISTED_NODES => names.into_iter().collect::<Vec<_>>().join(" "),
        all if all == nodes => "all nodes".to_owned(),
        many => format!("{many} nodes"),
    };
    format!("{whom} at {:.1} s", from.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn kill(names: &[&str], milliseconds: u64) -> Strike {
        let from = Duration::from_millis(milliseconds);
        Strike::kill(names.iter().copied(), from, from + Duration::from_secs(1))
    }

    #[test]
    fn strikes_are_listed_in_a_line_that_does_not_grow() {
        #[track_caller]
        fn check(strikes: &[Strike], asked: &[Fault], expected: Option<&str>) {
            let asked = asked.iter().copied().collect();
            assert_eq!(summary(strikes, &asked, 5).as_deref(), expected);
        }
        let kills = [kill(&["n3", "n4"], 0), kill(&[], 2000), kill(&["n1"], 5123)];
        let two = "2 kills (n3 n4 at 0.0 s, n1 at 5.1 s)";
        check(&[], &[], None);
        check(&kills, &[Fault::Kill], Some(two));
        check(&kills, &[], Some(two));
        check(&kills[..1], &[Fault::Kill], Some("1 kill (n3 n4 at 0.0 s)"));
        check(&kills[1..2], &[Fault::Kill], Some("no kill"));
        let all = ["n0", "n1", "n2", "n3", "n4"];
        check(&[kill(&all, 0)], &[Fault::Kill], Some("1 kill (all nodes at 0.0 s)"));
        let six = ["n0", "n1", "n2", "n3", "n4", "lin-kv"];
        check(&[kill(&six, 0)], &[Fault::Kill], Some("1 kill (6 nodes at 0.0 s)"));
        let many: Vec<Strike> = (0..9).map(|second| kill(&["n1"], second * 1000)).collect();
        let first = "n1 at 0.0 s, n1 at 1.0 s";
        let nine = format!("9 kills ({first}, n1 at 2.0 s, n1 at 3.0 s, and 5 more)");
        check(&many, &[Fault::Kill], Some(&nine));
        let without = format!("no partition, 9 kills ({first}, and 7 more)");
        check(&many, &[Fault::Kill, Fault::Partition], Some(&without));
        let everything =
            "no partition, 9 kills, no pause, no one-way cut, no loss, no duplication, no slowdown";
        check(&many, &Fault::ALL, Some(everything));
    }
}
