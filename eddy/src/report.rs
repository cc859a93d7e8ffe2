//! The report of a test: verdict, figures and history, as data.
//!
//! Tests assert on the fields. `Display` prints the verdict with its reasons and figures, and a
//! failed assertion adds the command that repeats the test and the smallest test that fails in the
//! same way.

mod fault_stats;
pub mod faults_txt;
pub mod strikes;
mod vacuous_faults;

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display};
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use self::fault_stats::FaultLine;
pub use self::fault_stats::FaultStats;
pub use self::vacuous_faults::OptionNames;
use crate::checkers::assessment::{Assessment, Criteria, ProtocolWarnings, Validities, Warnings};
use crate::checkers::quantiles::Quantiles;
use crate::checkers::repair::Repair;
use crate::checkers::wording::counted;
use crate::checkers::{Contradiction, Placement, Validity, Verdict};
use crate::edn::Value;
use crate::history::{History, Kind, Op};
use crate::interpreter::Interpreter;
use crate::nemesis::{Fault, Strike};
use crate::network::{Journal, Traffic};
use crate::shrink;
use crate::test::Test;
use crate::workload::CheckContext;

/// A test's verdict, figures and history. Displays as human-readable text.
#[derive(Debug, Clone)]
pub struct Report {
    /// The worst verdict of all checkers.
    pub valid: Validity,
    /// The reason why the test could not run to its end, if it could not. Then it is not valid.
    pub failure: Option<String>,
    /// Counts of messages: of all, of those to and from clients, and of those between servers.
    pub traffic: Traffic,
    /// The number of messages that faults dropped.
    pub dropped: u64,
    /// The effect of each fault that occurred.
    pub faults: BTreeMap<Fault, FaultStats>,
    /// Bytes that kills discarded from the disks of simulated nodes: written, but not yet synced.
    pub discarded_bytes: u64,
    /// Every strike, in the order of their start times. A test that schedules these strikes in
    /// place of its faults runs the same way. Each strike displays as the Rust expression that
    /// makes it.
    pub strikes: Vec<Strike>,
    /// The numbers of operations invoked and of those that succeeded.
    pub operations: OkCount,
    /// Stable latencies of a broadcast or set, in milliseconds: from when a value was known until
    /// the last read began that lacks it. Zeros if no value became stable.
    pub stable_latency: Quantiles,
    /// The time from the end of the last strike until no read lacked a broadcast value that was
    /// acknowledged before. `None` for other workloads, without strikes, and if the last strike
    /// ended with the operations.
    pub repair: Option<Repair>,
    /// Values of a broadcast or set that some node had and that then were lost.
    pub lost: Vec<Value>,
    /// The lost values that, as far as the history shows, only nodes had that were killed later.
    /// Such a value survives only in storage, if it was durable there before it was acknowledged.
    pub lost_with_killed_nodes: Vec<Value>,
    /// The reasons why the test is not valid, as sentences; empty if it is valid.
    pub reasons: Vec<String>,
    /// The explanation of the contradiction in lines, if the workload's checker has one: the
    /// operations in order, and why they cannot have happened in any order.
    pub explanation: Vec<String>,
    /// The operations that contradict each other, the clearest contradiction first, as far as the
    /// workload's checker can name them. If it names none, the operations that should have
    /// succeeded.
    pub contradictions: Vec<Contradiction>,
    /// Warnings that Maelstrom does not give, as sentences.
    pub warnings: Vec<String>,
    /// The number of warnings, at the head of the list, that explain why the test is not valid.
    pub decisive_warning_count: usize,
    /// The warnings about vacuous faults, whose strikes could not have revealed anything.
    pub vacuous_fault_warnings: Vec<String>,
    /// Everything that the checkers found, in the form of Maelstrom's `results.edn`.
    pub results: Value,
    /// The history: every invocation and completion, with the nemesis's operations.
    pub history: History,
    /// Every message sent, received or dropped, one per line; empty unless [`Test::trace`] is set.
    /// If there was not enough room for all messages, a warning says so.
    pub trace: String,
    /// The messages that a page draws beside the history.
    network_record: NetworkRecord,
    /// The validity of each part of the verdict. Another test fails in the same way if all are
    /// equal.
    validities: Validities,
    test: Test,
    rerun: Option<Rerun>,
}

/// The messages of a run, and what relates them to the history: the offsets between their clocks,
/// and the client of each process. Nothing in the history depends on it.
#[derive(Debug, Clone)]
pub struct NetworkRecord {
    /// Time 0 of the history on the clock of the messages.
    pub history_start: Duration,
    /// Time 0 of the strikes on the clock of the history.
    pub strikes_start: Duration,
    /// The network name of each process's client.
    pub client_names: BTreeMap<u64, String>,
    /// Every message, if messages were recorded.
    pub messages: Option<Journal>,
}

/// A function that runs another test with the same nodes.
#[derive(Clone)]
pub(crate) struct Rerun(Rc<dyn Fn(&Test) -> Report>);

/// The numbers of operations that succeeded and that were invoked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OkCount {
    /// Operations that succeeded.
    pub ok: usize,
    /// Operations that were invoked.
    pub invoked: usize,
}

impl Report {
    /// Judges the recording of an interpreter.
    pub fn new(test: &Test, interpreter: Interpreter, failure: Option<String>) -> Report {
        let judge = |history: &History, placement: &Placement<'_>| {
            test.workload
                .check(history, &CheckContext { placement, models: &test.consistency_models })
        };
        Report::with_judge(judge, test, interpreter, failure)
    }

    /// The report of a failed test without a verdict on its workload: the check might take longer
    /// than anybody should have to wait for the failure.
    pub fn without_verdict(test: &Test, interpreter: Interpreter, failure: &str) -> Report {
        let judge = |_: &History, _: &Placement<'_>| Verdict::unknown();
        Report::with_judge(judge, test, interpreter, Some(failure.to_owned()))
    }

    fn with_judge(
        judge: impl Fn(&History, &Placement<'_>) -> Verdict,
        test: &Test,
        interpreter: Interpreter,
        failure: Option<String>,
    ) -> Report {
        let mistakes = ProtocolWarnings {
            all: interpreter.warnings(),
            silencing_count: interpreter.no_reply_warning_count(),
        };
        let strikes_start = interpreter.strikes_start();
        let (history_start, client_names) =
            (interpreter.history_start(), interpreter.client_names());
        let (history, network, strikes) = interpreter.into_results();
        let counter = network.into_traffic_counter();
        let faults = fault_stats::collect(&strikes, &counter);
        let invoked = history.client_ops().filter(|op| op.kind == Kind::Invoke).count();
        let traffic = counter.traffic(invoked as u64);
        let nodes = test.node_ids();
        let concurrency = test.concurrency.threads(nodes.len());
        let placement = Placement { nodes: &nodes, concurrency };
        let verdict = judge(&history, &placement);
        let criteria = Criteria {
            availability: test.availability,
            is_liveness_judged: test.has_faults_beyond_maelstrom(),
        };
        let judged = Assessment::new(criteria, &history, &placement, verdict, failure.clone());
        let repair = fault_stats::last_strike_end(&strikes, test.time_limit).and_then(|heal| {
            let excused = &judged.verdict.lost_with_killed_nodes;
            test.workload.measure_repair(
                &history,
                strikes_start.saturating_add(heal),
                &placement,
                excused,
            )
        });
        let mut results = judged.results(Some(traffic.to_edn()));
        if !faults.is_empty() {
            results = results.with("faults", fault_stats::to_edn(&faults));
        }
        if let Some(repair) = repair
            && test.faults_until != Duration::MAX
        {
            results = results.with("repair", repair.to_edn());
        }
        let validities = judged.validities();
        let valid = judged.valid();
        let cut = counter.journal().filter(|_| test.trace).and_then(Journal::full_since);
        let cut = cut.map(|since| format!("the trace is full and ends at {since:?}"));
        let storm = counter.storm_warning(invoked as u64);
        let Warnings { all: warnings, decisive_count: decisive_warning_count } =
            judged.warnings(&placement, mistakes, cut.into_iter().chain(storm));
        Report {
            valid,
            failure,
            traffic,
            dropped: counter.dropped(),
            faults,
            discarded_bytes: 0,
            strikes,
            operations: OkCount { ok: judged.availability.ok_count, invoked },
            stable_latency: judged.verdict.stable_latency.unwrap_or_default(),
            repair,
            reasons: judged.reasons(&placement),
            contradictions: judged.contradictions(&history, &placement),
            warnings,
            decisive_warning_count,
            vacuous_fault_warnings: Vec::new(),
            results: judged.complete(results).with("valid?", valid).into(),
            lost: judged.verdict.lost,
            lost_with_killed_nodes: judged.verdict.lost_with_killed_nodes,
            explanation: judged.verdict.explanation,
            trace: counter
                .journal()
                .filter(|_| test.trace)
                .map(Journal::to_text)
                .unwrap_or_default(),
            network_record: NetworkRecord {
                history_start,
                strikes_start,
                client_names,
                messages: counter.into_journal(),
            },
            history,
            validities,
            test: test.clone(),
            rerun: None,
        }
    }

    /// Adds a function that runs other tests with the same nodes.
    pub(crate) fn with_rerun(self, rerun: impl Fn(&Test) -> Report + 'static) -> Report {
        Report { rerun: Some(Rerun(Rc::new(rerun))), ..self }
    }

    /// Records how many unsynced bytes kills discarded from simulated disks. If values were lost
    /// with killed nodes, warns of the mistake in the use of storage that explains the loss.
    pub(crate) fn note_storage(&mut self, was_used: bool, discarded_bytes: u64) {
        self.discarded_bytes = discarded_bytes;
        if self.lost_with_killed_nodes.is_empty() {
            return;
        }
        let warning = match discarded_bytes {
            _ if !was_used => "no node wrote anything to its storage".to_owned(),
            0 => "nodes wrote to storage, and kills discarded none of it: were these values \
                  written before they were acknowledged, and read again after the restart?"
                .to_owned(),
            _ => format!(
                "nodes wrote to storage, and kills discarded {} that were not durable yet: does an \
                 acknowledgement wait until its value is durable?",
                counted(discarded_bytes, "byte")
            ),
        };
        if self.decisive_warning_count > 0 {
            self.warnings.insert(self.decisive_warning_count, warning);
            self.decisive_warning_count += 1;
        } else {
            self.warnings.push(warning);
        }
    }

    /// Adds warnings about pipes. If the test is not valid they come first, since lines that were
    /// lost on the way explain such a verdict.
    pub fn warn_of_pipes(&mut self, warnings: Vec<String>) {
        if self.valid == Validity::Valid {
            self.warnings.extend(warnings);
        } else {
            self.decisive_warning_count += warnings.len();
            self.warnings.splice(0..0, warnings);
        }
    }

    /// Adds warnings about vacuous faults: requested, but unable to reveal anything. Does nothing
    /// if the test has already failed.
    pub fn warn_of_vacuous_faults(&mut self, options: OptionNames) {
        if self.failure.is_some() || self.valid == Validity::Invalid {
            return;
        }
        let Report { test, strikes, history, network_record, .. } = self;
        let warnings =
            vacuous_faults::warnings(test, strikes, history, network_record.strikes_start, options);
        // The first warning is about mistakes of nodes and is shown at length, so it stays first.
        let place = self.warnings.len().min(1);
        self.warnings.splice(place..place, warnings.iter().cloned());
        self.vacuous_fault_warnings = warnings;
    }

    /// [Asserts](Report::assert) that the test is valid: the last line of a `#[test]`.
    #[track_caller]
    pub fn assert_valid(&self) {
        self.assert("be valid", |report| report.valid == Validity::Valid);
    }

    /// [Asserts](Report::assert) that nothing is wrong except losses that kills excuse, for nodes
    /// without storage. In nodes with storage it does not find values that are acknowledged before
    /// they are durable.
    #[track_caller]
    pub fn assert_valid_but_for_kills(&self) {
        self.assert(
            "be valid, except for values that only killed nodes had",
            Report::is_valid_but_for_kills,
        );
    }

    /// True if the test is valid, or the only mistake is that values were lost that only nodes had
    /// which were killed later.
    pub fn is_valid_but_for_kills(&self) -> bool {
        let rest = Validities { workload: Validity::Valid, ..self.validities };
        let is_excused = !self.lost.is_empty() && self.lost == self.lost_with_killed_nodes;
        self.valid == Validity::Valid || (is_excused && rest.valid() == Validity::Valid)
    }

    /// Panics unless `holds` is true of the report. The message says what the test `should` do,
    /// such as `be valid`.
    ///
    /// The message has the report, the command that repeats the test, and the smallest test found
    /// that fails in the same way: as Rust with every strike, with its history, and with the
    /// operations that contradict each other.
    ///
    /// The search can take a minute, and the test harness shows a panic only when all tests have
    /// ended. So the verdict is printed on STDERR before the search, and each smaller test when it
    /// is found: whoever interrupts the search keeps those.
    #[track_caller]
    pub fn assert(&self, should: &str, holds: impl Fn(&Report) -> bool) {
        if holds(self) {
            return;
        }
        let repeat = crate::repro_command::for_this_test(Location::caller());
        let verdict = format!("the test should {should}: {}", VerdictLines(self));
        let repeat = format!("To repeat it: {repeat}");
        let progress = shrink::SearchProgress::new(&format!("{verdict}{repeat}"));
        let smallest = shrink::find_smallest(self, &holds, Some(progress));
        let smallest = smallest.map(|smallest| format!("\n{smallest}")).unwrap_or_default();
        panic!("{verdict}{}{repeat}\n{}{smallest}", ExplanationLines(self), StatsLines(self));
    }

    /// Searches for the smallest test that fails in the same way, by running smaller and smaller
    /// ones. A test fails in the same way if all parts of its verdict have the same validity and
    /// `holds` is false.
    ///
    /// `None` if `holds` is true of this report, or if its nodes did not run in a simulation.
    pub fn smallest_failing_test(&self, holds: impl Fn(&Report) -> bool) -> Option<Test> {
        shrink::find_smallest(self, &holds, None).map(|smallest| smallest.test)
    }

    /// The test that this is the report of.
    pub fn test(&self) -> &Test {
        &self.test
    }

    /// The messages of the run, and what relates them to the history.
    pub fn network_record(&self) -> &NetworkRecord {
        &self.network_record
    }

    pub(crate) fn validities(&self) -> Validities {
        self.validities
    }

    /// The function that runs another test with the same nodes, if there is one.
    pub(crate) fn rerun(&self) -> Option<&dyn Fn(&Test) -> Report> {
        self.rerun.as_ref().map(|Rerun(rerun)| &**rerun)
    }

    /// The node that received a client's operation.
    pub fn node_of(&self, op: &Op) -> Option<String> {
        let nodes = self.test.node_ids();
        let concurrency = self.test.concurrency.threads(nodes.len());
        Placement { nodes: &nodes, concurrency }.node_of(op.process).map(str::to_owned)
    }

    /// The number of operations of function `f` that succeeded.
    pub fn ok_count(&self, f: &str) -> usize {
        self.history.ops().iter().filter(|op| op.kind == Kind::Ok && op.f == f).count()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", VerdictLines(self), ExplanationLines(self), StatsLines(self))
    }
}

/// Displays the verdict and its reasons.
struct VerdictLines<'a>(&'a Report);

impl Display for VerdictLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VerdictLines(report) = self;
        let Test { workload, seed, .. } = &report.test;
        let workload = workload.name();
        let nodes = counted(report.test.node_ids().len() as u64, "node");
        writeln!(f, "{workload} with {nodes}, seed {seed}: {}", report.verdict())?;
        report.reasons.iter().try_for_each(|reason| writeln!(f, "  reason: {reason}"))
    }
}

/// Displays the explanation of the contradiction.
struct ExplanationLines<'a>(&'a Report);

impl Display for ExplanationLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.explanation.iter().try_for_each(|line| writeln!(f, "    {line}"))
    }
}

/// Displays the figures and warnings.
struct StatsLines<'a>(&'a Report);

impl Display for StatsLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StatsLines(report) = self;
        let OkCount { ok, invoked } = report.operations;
        writeln!(f, "  operations      {ok} ok of {invoked}")?;
        if let Some(figure) = report.traffic.servers.msgs_per_op {
            let (sent, dropped) = (report.traffic.servers.sent, report.dropped);
            write!(f, "  server messages {sent}, {figure:.2} per operation")?;
            writeln!(f, ", {dropped} dropped by faults")?;
        }
        for (fault, stats) in &report.faults {
            writeln!(f, "  {}", FaultLine(*fault, stats))?;
        }
        if report.discarded_bytes > 0 {
            let bytes = counted(report.discarded_bytes, "byte");
            writeln!(f, "  storage         kills discarded {bytes} that were not durable yet")?;
        }
        let Quantiles { median, maximum, .. } = report.stable_latency;
        if maximum > 0 {
            writeln!(f, "  stable latency  median {median} ms, maximum {maximum} ms")?;
        }
        if let Some(repair) = &report.repair {
            writeln!(f, "  repair          {repair}")?;
        }
        for warning in &report.warnings {
            writeln!(f, "  warning: {warning}")?;
        }
        Ok(())
    }
}

impl Report {
    fn verdict(&self) -> &'static str {
        match self.valid {
            Validity::Valid => "valid",
            Validity::Unknown => "unknown",
            Validity::Invalid => "INVALID",
        }
    }
}

impl Debug for Rerun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rerun")
    }
}
