//! Warnings about vacuous faults: those that tested nothing, because of when or what they struck.
//!
//! The first strike of each fault comes at once, and the next one after at most twice the nemesis
//! interval. So in a short test the only kill may come before anything was acknowledged, and a node
//! that stores nothing passes. These warnings say so, and which option to change.

use std::collections::BTreeSet;
use std::time::Duration;

use super::strikes::{singular_and_plural, with_targets};
use crate::checkers::wording::join_and;
use crate::history::{History, Kind, Op};
use crate::nemesis::{Fault, Strike};
use crate::test::Test;
use crate::workload::Workload;

/// Nemesis intervals per time limit in the recommended options: about five strikes of each fault
/// begin and end. More would leave nodes no time to recover; fewer might all come too early.
const INTERVALS_PER_TEST: u32 = 5;

/// Names of the options that warnings recommend. The command line and Rust name them differently.
#[derive(Debug, Clone, Copy)]
pub struct OptionNames {
    /// Formats the option for a nemesis interval.
    pub interval: fn(Duration) -> String,
    /// The option for another seed.
    pub seed: &'static str,
    /// The option for a longer time limit.
    pub time_limit: &'static str,
    /// The option for three nodes.
    pub nodes: &'static str,
}

/// A warning for each requested fault that was vacuous. `strikes_start` is time 0 of the strikes
/// on the clock of the history.
pub(super) fn warnings(
    test: &Test,
    strikes: &[Strike],
    history: &History,
    strikes_start: Duration,
    options: OptionNames,
) -> Vec<String> {
    let (without_links, others): (BTreeSet<Fault>, BTreeSet<Fault>) =
        test.faults.iter().partition(|fault| test.node_ids().len() == 1 && needs_links(**fault));
    let times = AckTimes::of(test.workload, history, strikes_start);
    let found = others.into_iter().filter_map(|fault| {
        let hits: Vec<&Strike> = with_targets(strikes, fault).collect();
        let what = times.vacuity(fault, &hits, test.workload)?;
        Some(format!("{what}: {}", advice(test, options)))
    });
    let without_links: Vec<String> =
        without_links.into_iter().map(|fault| singular_and_plural(fault)[1].to_owned()).collect();
    let single_node = (!without_links.is_empty()).then(|| {
        let (faults, more) = (join_and(&without_links), options.nodes);
        format!("a single node has no links to others, so {faults} struck nothing: try {more}")
    });
    single_node.into_iter().chain(found).collect()
}

/// Recommends options with which faults strike in the middle of a test.
fn advice(test: &Test, options: OptionNames) -> String {
    let wanted = test.time_limit / INTERVALS_PER_TEST;
    let wanted = match wanted.as_secs() {
        0 => Duration::from_millis(u64::from(wanted.subsec_millis() / 100 * 100).max(100)),
        seconds => Duration::from_secs(seconds),
    };
    if wanted < test.nemesis_interval {
        format!("try {}", (options.interval)(wanted))
    } else {
        format!("try {}, or {}", options.seed, options.time_limit)
    }
}

fn needs_links(fault: Fault) -> bool {
    match fault {
        Fault::Kill | Fault::Pause => false,
        Fault::Partition | Fault::OneWay | Fault::Loss | Fault::Duplicate | Fault::Slow => true,
    }
}

/// Times of acknowledgements, on the clock of the strikes.
struct AckTimes {
    /// The first acknowledgement of an operation that writes something.
    first_write_ack: Option<Duration>,
    /// The last acknowledgement before the recovery.
    last_ack: Option<Duration>,
}

impl AckTimes {
    fn of(workload: &dyn Workload, history: &History, strikes_start: Duration) -> AckTimes {
        let is_last = |op: &Op| op.extra("final?").is_some();
        let acknowledged = || history.client_ops().filter(|op| op.kind == Kind::Ok);
        let time = |op: &Op| Duration::from_nanos(op.time).saturating_sub(strikes_start);
        let functions = workload.writes().map_or(&[][..], |(_, functions)| functions);
        let mut writes = acknowledged().filter(|op| functions.contains(&&*op.f));
        let first_write_ack = writes.next().map(time);
        let last_ack = acknowledged().filter(|op| !is_last(op)).last().map(time);
        AckTimes { first_write_ack, last_ack }
    }

    /// The reason why a fault was vacuous, if it was.
    fn vacuity(&self, fault: Fault, hits: &[&Strike], workload: &dyn Workload) -> Option<String> {
        let [one, several] = singular_and_plural(fault);
        if hits.is_empty() {
            return Some(format!("no {one} struck any node"));
        }
        let all = if hits.len() == 1 { format!("the only {one}") } else { format!("every {one}") };
        if fault == Fault::Kill {
            let first = self.first_write_ack?;
            let (what, _) = workload.writes()?;
            let is_early = hits.iter().all(|strike| strike.from < first);
            return is_early.then(|| {
                format!("{all} struck before any {what} was acknowledged, so nothing could be lost")
            });
        }
        let last = self.last_ack?;
        hits.iter().all(|strike| strike.from > last).then(|| {
            format!(
                "{all} struck after the last operation was acknowledged, so the verdict says \
                 nothing about {several}"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload;

    const OPTIONS: OptionNames = OptionNames {
        interval: |interval| format!("interval {interval:?}"),
        seed: "a seed",
        time_limit: "a limit",
        nodes: "nodes",
    };

    /// Operations from 1 s to 9 s, the value acknowledged at 3 s, a final read at 20 s. Strikes
    /// count from 1 s.
    const HISTORY: &str = "\
        {:index 0, :time 1000000000, :type :invoke, :process 0, :f :read, :value nil}\n\
        {:index 1, :time 2000000000, :type :ok, :process 0, :f :read, :value []}\n\
        {:index 2, :time 2000000000, :type :invoke, :process 0, :f :broadcast, :value 0}\n\
        {:index 3, :time 3000000000, :type :ok, :process 0, :f :broadcast, :value 0}\n\
        {:index 4, :time 4000000000, :type :invoke, :process 0, :f :read, :value nil}\n\
        {:index 5, :time 9000000000, :type :ok, :process 0, :f :read, :value [0]}\n\
        {:index 6, :time 20000000000, :type :invoke, :process 0, :f :read, :value nil, \
         :final? true}\n\
        {:index 7, :time 20000000000, :type :ok, :process 0, :f :read, :value [0], :final? true}\n";

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    fn found(test: &Test, strikes: &[Strike]) -> Vec<String> {
        let history = History::read_edn(HISTORY).unwrap();
        warnings(test, strikes, &history, seconds(1), OPTIONS)
    }

    fn test(fault: Fault) -> Test {
        let faults = [fault].into();
        Test { workload: &workload::Broadcast, nodes: 3, faults, ..Test::default() }
    }

    #[test]
    fn a_kill_shows_nothing_before_anything_was_acknowledged() {
        #[track_caller]
        fn check(kills: &[(&[&str], u64)], expected: &[&str]) {
            let kills = kills.iter().map(|(names, from)| {
                Strike::kill(names.iter().copied(), seconds(*from), seconds(10))
            });
            let test = Test { time_limit: seconds(10), ..test(Fault::Kill) };
            assert_eq!(found(&test, &kills.collect::<Vec<_>>()), expected);
        }
        let early = "struck before any value was acknowledged, so nothing could be lost: try \
                     interval 2s";
        check(&[(&["n0"], 0)], &[&format!("the only kill {early}")]);
        check(&[(&["n0"], 0), (&["n1"], 1)], &[&format!("every kill {early}")]);
        check(&[(&["n0"], 0), (&[], 5)], &[&format!("the only kill {early}")]);
        check(&[(&["n0"], 0), (&["n1"], 2)], &[]);
        check(&[(&["n0"], 9)], &[]);
        check(&[(&[], 5)], &["no kill struck any node: try interval 2s"]);
        check(&[], &["no kill struck any node: try interval 2s"]);
    }

    #[test]
    fn other_faults_are_vacuous_after_the_last_operation() {
        #[track_caller]
        fn check(times: &[(u64, u64)], expected: Option<&str>) {
            let strike =
                |&(from, until): &(u64, u64)| Strike::pause(["n1"], seconds(from), seconds(until));
            let strikes: Vec<Strike> = times.iter().map(strike).collect();
            let expected = expected.map(|all| {
                format!(
                    "{all} struck after the last operation was acknowledged, so the verdict says \
                     nothing about pauses: try a seed, or a limit"
                )
            });
            let test = Test { nemesis_interval: seconds(1), ..test(Fault::Pause) };
            assert_eq!(found(&test, &strikes), Vec::from_iter(expected));
        }
        check(&[(9, 10)], Some("the only pause"));
        check(&[(9, 10), (11, 12)], Some("every pause"));
        check(&[(0, 0)], None);
        check(&[(0, 0), (9, 10)], None);
        check(&[(5, 6), (9, 10)], None);
    }

    #[test]
    fn an_echo_is_not_lost_by_a_kill() {
        let history = HISTORY.replace(":broadcast", ":echo");
        let history = History::read_edn(&history).unwrap();
        let test = Test { workload: &workload::Echo, ..test(Fault::Kill) };
        let strikes = [Strike::kill(["n0"], seconds(0), seconds(6))];
        assert!(warnings(&test, &strikes, &history, seconds(1), OPTIONS).is_empty());
    }

    #[test]
    fn a_node_without_others_has_no_links_to_strike() {
        let faults = [Fault::Partition, Fault::Loss, Fault::Kill].into();
        let strikes = [Strike::kill(["n0"], seconds(5), seconds(6))];
        let expected = "a single node has no links to others, so partitions and losses struck \
                        nothing: try nodes";
        let test = Test { faults, nodes: 1, ..test(Fault::Kill) };
        assert_eq!(found(&test, &strikes), [expected]);
    }

    #[test]
    fn where_nothing_was_asked_for_or_acknowledged_there_is_nothing_to_say() {
        let strikes = [Strike::kill(["n0"], seconds(0), seconds(6))];
        assert!(found(&Test { faults: [].into(), ..test(Fault::Kill) }, &strikes).is_empty());
        let nothing = History::new();
        let warnings = warnings(&test(Fault::Kill), &strikes, &nothing, seconds(0), OPTIONS);
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}
