//! One test, as far as its files tell.
//!
//! eddy leaves a description and a summary; Jepsen's Maelstrom, and eddy before it had those, left
//! results in EDN, which tell the verdict and most figures. A test that runs has its progress, and
//! one that was stopped may have nothing at all.

use std::path::Path;

use cap_std::fs::Dir;
use jiff::Timestamp;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::root::{self, Id};
use super::shown;
use crate::checker::Validity;
use crate::edn::Value;
use crate::history::History;
use crate::store::{Description, Progress};
use crate::summary::{self, Summary};

#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: Id,
    /// `None` if its directory has a name that is no time.
    pub(super) began: Option<Timestamp>,
    pub(super) description: Description,
    pub(super) outcome: Outcome,
    pub(super) has_report: bool,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Running(Progress),
    Ended(Summary),
}

/// What a list is colored and filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Running,
    Valid,
    Beyond,
    Unknown,
    Invalid,
    None,
}

impl Run {
    /// Reads what is there; whatever cannot be read is as good as missing.
    pub(super) fn read(directory: &Dir, id: &Id) -> Run {
        let description = root::read(directory, "test.json");
        let description = description.and_then(|text| serde_json::from_str(&text).ok());
        let mut description: Description = description.unwrap_or_default();
        if description.workload.is_empty() {
            description.workload.clone_from(&id.workload);
        }
        let outcome = match progress(directory) {
            Some(progress) => Outcome::Running(progress),
            None => Outcome::Ended(summary(directory)),
        };
        Run {
            id: id.clone(),
            began: shown::began(&id.time),
            description,
            outcome,
            has_report: directory.metadata("report.html").is_ok(),
        }
    }

    /// The file name of the program, or the name of the test in Rust.
    pub(super) fn program(&self) -> String {
        let bin = &self.description.bin;
        Path::new(bin).file_name().map_or(bin.clone(), |name| name.to_string_lossy().into_owned())
    }

    pub(super) fn verdict(&self) -> Verdict {
        match &self.outcome {
            Outcome::Running(_) => Verdict::Running,
            Outcome::Ended(summary) => Verdict::of(summary),
        }
    }

    /// The verdict in a few words.
    pub(super) fn words(&self) -> String {
        match &self.outcome {
            Outcome::Running(progress) => {
                let Progress { stage, elapsed_s, time_limit_s, .. } = progress;
                format!("running: {stage}, {elapsed_s:.0} of {time_limit_s:.0} s")
            }
            Outcome::Ended(summary) => summary.verdict().to_owned(),
        }
    }

    /// One of the four figures, in the summary's order.
    pub(super) fn figure(&self, number: usize) -> Option<f64> {
        match &self.outcome {
            Outcome::Running(progress) => progress.msgs_per_op.filter(|_| number == 0),
            Outcome::Ended(summary) => summary.figures.get(number)?.value,
        }
    }

    /// What came of it, if it has come to its end.
    pub(super) fn summary(&self) -> Option<&Summary> {
        match &self.outcome {
            Outcome::Running(_) => None,
            Outcome::Ended(summary) => Some(summary),
        }
    }
}

/// How far a test is, if it is still running: whoever was killed has left its progress behind.
pub(super) fn progress(directory: &Dir) -> Option<Progress> {
    let progress: Progress = serde_json::from_str(&root::read(directory, "progress.json")?).ok()?;
    is_alive(progress.pid).then_some(progress)
}

fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // Another user's process may not be touched, but is there.
    pid.is_some_and(|pid| matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM)))
}

fn summary(directory: &Dir) -> Summary {
    let summary = root::read(directory, "summary.json");
    let summary = summary.and_then(|text| serde_json::from_str(&text).ok());
    summary.or_else(|| summary_of_results(directory)).unwrap_or_default()
}

/// What Maelstrom's own results tell. Latencies of operations would need the whole history, which
/// is too much for a list.
fn summary_of_results(directory: &Dir) -> Option<Summary> {
    let results = Value::read_edn(&root::read(directory, "results.edn")?).ok()?;
    let valid = match results.get("valid?")? {
        Value::Bool(valid) => Validity::from(*valid),
        _ => Validity::Unknown,
    };
    let figures = summary::figures(&results, || None::<History>);
    Some(Summary { valid: Some(valid), figures, ..Summary::default() })
}

impl Verdict {
    pub(super) const ALL: [Verdict; 6] = [
        Verdict::Running,
        Verdict::Valid,
        Verdict::Beyond,
        Verdict::Unknown,
        Verdict::Invalid,
        Verdict::None,
    ];

    pub(super) fn of(summary: &Summary) -> Verdict {
        match summary.valid {
            None => Verdict::None,
            Some(Validity::Invalid) => Verdict::Invalid,
            Some(Validity::Unknown) => Verdict::Unknown,
            Some(Validity::Valid) if summary.is_within_limits() => Verdict::Valid,
            Some(Validity::Valid) => Verdict::Beyond,
        }
    }

    /// Its class in our styles, and its value in addresses.
    pub(super) fn class(self) -> &'static str {
        match self {
            Verdict::Running => "running",
            Verdict::Valid => "valid",
            Verdict::Beyond => "beyond",
            Verdict::Unknown => "unknown",
            Verdict::Invalid => "invalid",
            Verdict::None => "none",
        }
    }

    /// What a choice of it is called.
    pub(super) fn title(self) -> &'static str {
        match self {
            Verdict::Running => "running",
            Verdict::Valid => "valid",
            Verdict::Beyond => "not within limits",
            Verdict::Unknown => "unknown",
            Verdict::Invalid => "not valid",
            Verdict::None => "no verdict",
        }
    }
}
