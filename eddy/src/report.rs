//! What came of a test.

use std::fmt::{self, Display};

use crate::checker::quantiles::Quantiles;
use crate::checker::{Placement, Validity, availability, exceptions, stats};
use crate::edn::{Map, Value};
use crate::history::{History, Kind};
use crate::interpreter::Interpreter;
use crate::network::{Counts, Traffic};
use crate::test::Test;

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
    /// Messages that cut links dropped.
    pub dropped: u64,
    /// Operations invoked, and those that succeeded.
    pub operations: OkFraction,
    /// Milliseconds that broadcast values took to be everywhere; zeros when nothing became stable.
    pub stable_latency: Quantiles,
    /// What Maelstrom would not have said, in sentences.
    pub warnings: Vec<String>,
    /// Everything the checkers found, as Maelstrom's `results.edn`.
    pub results: Value,
    /// What happened.
    pub history: History,
    /// Every message, sent, received or dropped, one a line; empty unless [`Test::trace`] is set.
    pub trace: String,
    test: Test,
}

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
    pub(crate) fn new(test: &Test, interpreter: Interpreter, failure: Option<String>) -> Report {
        let strays = interpreter.warnings();
        let (history, network) = interpreter.into_results();
        let invoked = history.clients().filter(|op| op.kind == Kind::Invoke).count();
        let Traffic { all, clients, servers } = network.journal().traffic(invoked as u64);
        let stats = stats::check(&history);
        let availability = availability::check(&history, test.availability);
        let nodes = test.node_ids();
        let concurrency = test.concurrency.threads(nodes.len());
        let verdict = test.workload.check(&history, &Placement { nodes: &nodes, concurrency });
        let failed = Validity::from(failure.is_none());
        let valid = Validity::merge([stats.valid, availability.valid, verdict.valid, failed]);
        let mut results = Map::new()
            .with("exceptions", exceptions::check(&history).to_edn())
            .with("stats", stats.to_edn())
            .with("availability", availability.to_edn())
            .with("net", Traffic { all, clients, servers }.to_edn())
            .with("workload", verdict.results);
        if let Some(failure) = &failure {
            results = results.with("error", failure.as_str());
        }
        Report {
            valid,
            failure,
            all,
            clients,
            servers,
            dropped: network.journal().dropped(),
            operations: OkFraction { ok: availability.ok_count, invoked },
            stable_latency: verdict.stable_latency.unwrap_or_default(),
            warnings: verdict.warnings.into_iter().chain(strays).collect(),
            results: results.with("valid?", valid).into(),
            history,
            trace: network.journal().trace().to_owned(),
            test: test.clone(),
        }
    }

    /// Panics with the report unless the test is valid: the last line of a `#[test]`.
    #[track_caller]
    pub fn assert_valid(&self) {
        assert!(self.valid == Validity::Valid, "{self}");
    }

    /// How many operations of this kind succeeded.
    pub fn completed(&self, f: &str) -> usize {
        self.history.ops().iter().filter(|op| op.kind == Kind::Ok && op.f == f).count()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Test { workload, seed, .. } = &self.test;
        let nodes = self.test.node_ids().len();
        writeln!(f, "{workload} with {nodes} nodes, seed {seed}: {}", self.verdict())?;
        if let Some(failure) = &self.failure {
            writeln!(f, "  {failure}")?;
        }
        let OkFraction { ok, invoked } = self.operations;
        writeln!(f, "  operations      {ok} ok of {invoked}")?;
        if let Some(figure) = self.servers.msgs_per_op {
            let Report { servers, dropped, .. } = self;
            write!(f, "  server messages {}, {figure:.2} per operation", servers.sent)?;
            writeln!(f, ", {dropped} dropped by cut links")?;
        }
        let Quantiles { median, maximum, .. } = self.stable_latency;
        if maximum > 0 {
            writeln!(f, "  stable latency  median {median} ms, maximum {maximum} ms")?;
        }
        for warning in &self.warnings {
            writeln!(f, "  warning: {warning}")?;
        }
        if self.valid != Validity::Valid {
            writeln!(f, "{}", self.results.pretty())?;
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
