//! What came of a test.

mod idle;
pub mod strikes;
pub mod timeline;
mod toll;

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display};
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

pub use self::idle::Options;
use self::toll::Line;
pub use self::toll::Toll;
use crate::checker::judgement::{Judgement, Mistakes, Parts, Standard, Warnings};
use crate::checker::quantiles::Quantiles;
use crate::checker::repair::Repair;
use crate::checker::sentence::counted;
use crate::checker::{Contradiction, Placement, Validity, Verdict};
use crate::edn::Value;
use crate::history::{History, Kind, Op};
use crate::interpreter::Interpreter;
use crate::nemesis::{Fault, Strike};
use crate::network::{Counts, Log, Traffic};
use crate::shrink;
use crate::test::Test;
use crate::workload::Setting;

/// A test's verdict, figures and record; prints itself.
#[derive(Debug, Clone)]
pub struct Report {
    /// The verdict: the worst that any checker gave.
    pub valid: Validity,
    /// Why the test could not be carried out to its end, if so; then it is not valid.
    pub failure: Option<String>,
    /// All messages.
    pub all: Counts,
    /// Messages to and from clients.
    pub clients: Counts,
    /// Messages between servers.
    pub servers: Counts,
    /// Messages that faults dropped.
    pub dropped: u64,
    /// What each fault did that there was.
    pub faults: BTreeMap<Fault, Toll>,
    /// The bytes that kills took from the disks of simulated nodes: what was written and not yet
    /// durable.
    pub torn: u64,
    /// Every strike that there was, in the order of beginning. A test that names them in place of
    /// its faults is the same test. Each displays as the Rust that makes it.
    pub strikes: Vec<Strike>,
    /// Operations invoked, and those that succeeded.
    pub operations: OkFraction,
    /// Milliseconds that the values of a broadcast, or a set, took to be everywhere; zeros when
    /// nothing became stable.
    pub stable_latency: Quantiles,
    /// How soon after the last strike the broadcast values that were acknowledged before were
    /// everywhere; `None` for other workloads, if there was no strike, or if it ended with the
    /// operations.
    pub repair: Option<Repair>,
    /// Values of a broadcast, or a set, that vanished.
    pub lost: Vec<Value>,
    /// Those of them that no node had which was not killed afterwards, as far as the history tells.
    /// Only storage keeps such a value, if it was durable there before it was acknowledged.
    pub lost_with_nodes: Vec<Value>,
    /// Why it is not valid, in sentences; empty if it is.
    pub reasons: Vec<String>,
    /// What contradicts what, if the workload's checker can tell: the operations in order, and why
    /// there is no order in which they could have happened, in lines for a person to read.
    pub explanation: Vec<String>,
    /// The operations that contradict each other, the most telling first; as far as the checker
    /// of the workload can name them. If it has nothing to name, those that should have succeeded.
    pub contradictions: Vec<Contradiction>,
    /// What Maelstrom would not have said, in sentences.
    pub warnings: Vec<String>,
    /// How many of the warnings, the first ones, explain why the test is not valid.
    pub decisive: usize,
    /// Those of them that tell of faults which could show nothing.
    pub idle_faults: Vec<String>,
    /// Everything the checkers found, as Maelstrom's `results.edn`.
    pub results: Value,
    /// What happened.
    pub history: History,
    /// Every message, sent, received or dropped, one a line; empty unless [`Test::trace`] is set.
    /// A warning tells if there was no room for all.
    pub trace: String,
    /// What a page draws beside the history.
    chronicle: Chronicle,
    /// The verdict in parts, to tell whether another test failed likewise.
    parts: Parts,
    test: Test,
    rerun: Option<Rerun>,
}

/// What happened besides operations, and when; nothing in the history depends on it.
#[derive(Debug, Clone)]
pub struct Chronicle {
    /// When the history's time begins, in that of the messages.
    pub zero: Duration,
    /// When that of the strikes begins, in that of the history.
    pub began: Duration,
    /// The name of each process's client on the network.
    pub processes: BTreeMap<u64, String>,
    /// Every message, if they were kept.
    pub messages: Option<Log>,
}

/// Runs another test with the same nodes.
#[derive(Clone)]
pub(crate) struct Rerun(Rc<dyn Fn(&Test) -> Report>);

/// How many operations succeeded, of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OkFraction {
    /// Those that succeeded.
    pub ok: usize,
    /// All that were invoked.
    pub invoked: usize,
}

impl Report {
    /// Judges what an interpreter has recorded.
    pub fn new(test: &Test, interpreter: Interpreter, failure: Option<String>) -> Report {
        let judge = |history: &History, placement: &Placement<'_>| {
            test.workload.check(history, &Setting { placement, models: &test.consistency_models })
        };
        Report::judged_by(judge, test, interpreter, failure)
    }

    /// What an interpreter has recorded of a test that failed, whose workload nobody judges: that
    /// may take longer than who waits for the failure should have to.
    pub fn without_verdict(test: &Test, interpreter: Interpreter, failure: &str) -> Report {
        let judge = |_: &History, _: &Placement<'_>| Verdict::unknown();
        Report::judged_by(judge, test, interpreter, Some(failure.to_owned()))
    }

    fn judged_by(
        judge: impl Fn(&History, &Placement<'_>) -> Verdict,
        test: &Test,
        interpreter: Interpreter,
        failure: Option<String>,
    ) -> Report {
        let mistakes = Mistakes { all: interpreter.warnings(), silencing: interpreter.silencing() };
        let began = interpreter.operations_began();
        let (zero, processes) = (interpreter.zero(), interpreter.processes());
        let (history, network, strikes) = interpreter.into_results();
        let journal = network.into_journal();
        let faults = toll::of(&strikes, &journal);
        let invoked = history.clients().filter(|op| op.kind == Kind::Invoke).count();
        let traffic = journal.traffic(invoked as u64);
        let Traffic { all, clients, servers } = traffic;
        let nodes = test.node_ids();
        let concurrency = test.concurrency.threads(nodes.len());
        let placement = Placement { nodes: &nodes, concurrency };
        let verdict = judge(&history, &placement);
        let standard = Standard {
            availability: test.availability,
            is_liveness_judged: test.is_beyond_maelstrom(),
        };
        let judged = Judgement::new(standard, &history, &placement, verdict, failure.clone());
        let repair = toll::heal(&strikes, test.time_limit).and_then(|heal| {
            let excused = &judged.verdict.lost_with_nodes;
            test.workload.repair(&history, began.saturating_add(heal), &placement, excused)
        });
        let mut results = judged.results(Some(traffic.to_edn()));
        if !faults.is_empty() {
            results = results.with("faults", toll::to_edn(&faults));
        }
        if let Some(repair) = repair
            && test.faults_until != Duration::MAX
        {
            results = results.with("repair", repair.to_edn());
        }
        let parts = judged.parts();
        let valid = judged.valid();
        let cut = journal.log().filter(|_| test.trace).and_then(Log::full_since);
        let cut = cut.map(|since| {
            format!("the trace ends at {since:?} of the test: there was no room for more")
        });
        let storm = journal.storm(invoked as u64);
        let Warnings { all: warnings, decisive } =
            judged.warnings(&placement, mistakes, cut.into_iter().chain(storm));
        Report {
            valid,
            failure,
            all,
            clients,
            servers,
            dropped: journal.dropped(),
            faults,
            torn: 0,
            strikes,
            operations: OkFraction { ok: judged.availability.ok_count, invoked },
            stable_latency: judged.verdict.stable_latency.unwrap_or_default(),
            repair,
            reasons: judged.reasons(&placement),
            contradictions: judged.contradictions(&history, &placement),
            warnings,
            decisive,
            idle_faults: Vec::new(),
            results: judged.complete(results).with("valid?", valid).into(),
            lost: judged.verdict.lost,
            lost_with_nodes: judged.verdict.lost_with_nodes,
            explanation: judged.verdict.explanation,
            trace: journal.log().filter(|_| test.trace).map(Log::to_text).unwrap_or_default(),
            chronicle: Chronicle { zero, began, processes, messages: journal.into_log() },
            history,
            parts,
            test: test.clone(),
            rerun: None,
        }
    }

    /// The report, with a way to run other tests with the same nodes.
    pub(crate) fn with_rerun(self, rerun: impl Fn(&Test) -> Report + 'static) -> Report {
        Report { rerun: Some(Rerun(Rc::new(rerun))), ..self }
    }

    /// Notes whether nodes used their simulated disks, how many bytes kills took from them, and
    /// what that says about values that were lost with killed nodes.
    pub(crate) fn note_storage(&mut self, was_used: bool, torn: u64) {
        self.torn = torn;
        if self.lost_with_nodes.is_empty() {
            return;
        }
        let warning = match torn {
            _ if !was_used => "no node wrote anything to its storage".to_owned(),
            0 => "nodes did write to storage, but no kill took anything from there: were these \
                  values written before they were acknowledged, and read again?"
                .to_owned(),
            _ => format!(
                "nodes did write to storage, and kills took {} from there that were not durable \
                 yet: does an acknowledgement wait until its value is durable?",
                counted(torn, "byte")
            ),
        };
        if self.decisive > 0 {
            self.warnings.insert(self.decisive, warning);
            self.decisive += 1;
        } else {
            self.warnings.push(warning);
        }
    }

    /// Warns of what nodes did with their pipes, which explains a verdict that is not valid: lines
    /// did not come through.
    pub fn note_pipes(&mut self, warnings: Vec<String>) {
        if self.valid == Validity::Valid {
            self.warnings.extend(warnings);
        } else {
            self.decisive += warnings.len();
            self.warnings.splice(0..0, warnings);
        }
    }

    /// Warns of faults that were asked for and could not show anything, unless something is wrong
    /// already.
    pub fn note_idle_faults(&mut self, options: Options) {
        if self.failure.is_some() || self.valid == Validity::Invalid {
            return;
        }
        let Report { test, strikes, history, chronicle, .. } = self;
        let warnings = idle::warnings(test, strikes, history, chronicle.began, options);
        // Behind what nodes got wrong, which comes first and is shown at length.
        let place = self.warnings.len().min(1);
        self.warnings.splice(place..place, warnings.iter().cloned());
        self.idle_faults = warnings;
    }

    /// [`Report::assert`] that the test is valid: the last line of a `#[test]`.
    #[track_caller]
    pub fn assert_valid(&self) {
        self.assert("be valid", |report| report.valid == Validity::Valid);
    }

    /// [`Report::assert`] that nothing is wrong but what kills excuse, for nodes without storage.
    /// Of nodes with storage, it overlooks what they acknowledged before it was durable.
    #[track_caller]
    pub fn assert_valid_but_for_kills(&self) {
        self.assert(
            "be valid, but for what only killed nodes knew",
            Report::is_valid_but_for_kills,
        );
    }

    /// Whether the test is valid, or nothing is wrong but that values are lost that no node had
    /// which was not killed afterwards.
    pub fn is_valid_but_for_kills(&self) -> bool {
        let rest = Parts { workload: Validity::Valid, ..self.parts };
        let is_excused = !self.lost.is_empty() && self.lost == self.lost_with_nodes;
        self.valid == Validity::Valid || (is_excused && rest.valid() == Validity::Valid)
    }

    /// Panics unless the test does what it should, `be valid`, say.
    ///
    /// Then it tells the report, how to repeat the test, and the smallest test that it finds in
    /// which the same thing goes wrong, with every fault named, as Rust that makes a test of it,
    /// what happens in it, and which operations contradict each other.
    ///
    /// The search can take a minute, and a panic is shown when all tests have ended. So the verdict
    /// is on STDERR before the search, and smaller tests are as they are found: whoever stops it
    /// keeps those.
    #[track_caller]
    pub fn assert(&self, should: &str, holds: impl Fn(&Report) -> bool) {
        if holds(self) {
            return;
        }
        let repeat = crate::repeat::here(Location::caller());
        let verdict = format!("the test should {should}: {}", Head(self));
        let repeat = format!("To repeat it: {repeat}");
        let progress = shrink::Progress::new(&format!("{verdict}{repeat}"));
        let smallest = shrink::smallest(self, &holds, Some(progress));
        let smallest = smallest.map(|smallest| format!("\n{smallest}")).unwrap_or_default();
        panic!("{verdict}{}{repeat}\n{}{smallest}", Explanation(self), Figures(self));
    }

    /// The smallest test found, by running smaller and smaller ones, in which the same thing goes
    /// wrong: the parts of the verdict are the same, and `holds` is false.
    ///
    /// `None` if it holds in this one, or if the nodes are not those of a simulation.
    pub fn smallest_without(&self, holds: impl Fn(&Report) -> bool) -> Option<Test> {
        shrink::smallest(self, &holds, None).map(|smallest| smallest.test)
    }

    /// Which test this came of.
    pub fn test(&self) -> &Test {
        &self.test
    }

    /// What happened besides operations, and when.
    pub fn chronicle(&self) -> &Chronicle {
        &self.chronicle
    }

    pub(crate) fn parts(&self) -> Parts {
        self.parts
    }

    /// Runs another test with the same nodes, if that can be done.
    pub(crate) fn rerun(&self) -> Option<&dyn Fn(&Test) -> Report> {
        self.rerun.as_ref().map(|Rerun(rerun)| &**rerun)
    }

    /// The node that an operation of a client was sent to.
    pub fn node_of(&self, op: &Op) -> Option<String> {
        let nodes = self.test.node_ids();
        let concurrency = self.test.concurrency.threads(nodes.len());
        Placement { nodes: &nodes, concurrency }.node_of(op.process).map(str::to_owned)
    }

    /// How many operations of this kind succeeded.
    pub fn completed(&self, f: &str) -> usize {
        self.history.ops().iter().filter(|op| op.kind == Kind::Ok && op.f == f).count()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", Head(self), Explanation(self), Figures(self))
    }
}

/// Displays the verdict, and why it is not better.
struct Head<'a>(&'a Report);

impl Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Head(report) = self;
        let Test { workload, seed, .. } = &report.test;
        let workload = workload.name();
        let nodes = counted(report.test.node_ids().len() as u64, "node");
        writeln!(f, "{workload} with {nodes}, seed {seed}: {}", report.verdict())?;
        report.reasons.iter().try_for_each(|reason| writeln!(f, "  because {reason}"))
    }
}

/// Displays what contradicts what.
struct Explanation<'a>(&'a Report);

impl Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.explanation.iter().try_for_each(|line| writeln!(f, "    {line}"))
    }
}

/// Displays what else there is to tell.
struct Figures<'a>(&'a Report);

impl Display for Figures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures(report) = self;
        let OkFraction { ok, invoked } = report.operations;
        writeln!(f, "  operations      {ok} ok of {invoked}")?;
        if let Some(figure) = report.servers.msgs_per_op {
            let Report { servers, dropped, .. } = report;
            write!(f, "  server messages {}, {figure:.2} per operation", servers.sent)?;
            writeln!(f, ", {dropped} dropped by faults")?;
        }
        for (fault, toll) in &report.faults {
            writeln!(f, "  {}", Line(*fault, toll))?;
        }
        if report.torn > 0 {
            let bytes = counted(report.torn, "byte");
            writeln!(f, "  storage         kills took {bytes} that were not durable yet")?;
        }
        let Quantiles { median, maximum, .. } = report.stable_latency;
        if maximum > 0 {
            writeln!(f, "  stable latency  median {median} ms, maximum {maximum} ms")?;
        }
        if let Some(repair) = &report.repair {
            writeln!(f, "  repaired        {repair}")?;
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
            Validity::Unknown => "unknown, for lack of evidence",
            Validity::Invalid => "INVALID",
        }
    }
}

impl Debug for Rerun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rerun")
    }
}
