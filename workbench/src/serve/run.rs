//! One test, as far as its files tell.
//!
//! eddy leaves a description and a summary; Jepsen's Maelstrom, and eddy before it had those, left
//! results in EDN, which tell the verdict and most figures. A test that runs has its progress, and
//! one that was stopped may have nothing at all.

use std::path::Path;
use std::time::Duration;

use cap_std::fs::Dir;
use eddy_checkers::edn::Value;
use eddy_checkers::history::History;
use eddy_pages::page::REPORT;
use eddy_pages::store::{DESCRIPTION, Description, PROGRESS, Progress, RESULTS, SUMMARY};
use eddy_pages::summary::{self, Standing, Summary};
use jiff::Timestamp;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::root::{self, Id};
use super::shown;

/// A test that has told no progress for so long is over; it tells some twice a second. Less would
/// take a disk that is slow for an end, more would show tests that were killed for longer. After a
/// machine has slept, its tests are over until they tell more.
const SILENT: Duration = Duration::from_secs(30);

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
    Ended(Standing),
}

impl Run {
    /// Reads what is there; whatever cannot be read is as good as missing.
    pub(super) fn read(directory: &Dir, id: &Id) -> Run {
        let description = root::read(directory, DESCRIPTION);
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
            has_report: directory.metadata(REPORT).is_ok(),
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
            Outcome::Ended(summary) => Verdict::Ended(summary.standing()),
        }
    }

    /// The verdict in a few words.
    pub(super) fn words(&self) -> String {
        match &self.outcome {
            Outcome::Running(progress) => {
                let Progress { stage, elapsed_s, time_limit_s, .. } = progress;
                // The time limit is that of operations alone.
                if stage != "operations" {
                    return format!("running: {stage}");
                }
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

/// How far a test is, if it is still running: whoever was killed has left its progress behind, and
/// another process may have got its id since.
pub(super) fn progress(directory: &Dir) -> Option<Progress> {
    let written = directory.metadata(PROGRESS).ok()?.modified().ok()?.into_std();
    // What was written in the future, by another clock, is not old.
    if written.elapsed().is_ok_and(|age| age > SILENT) {
        return None;
    }
    let progress: Progress = serde_json::from_str(&root::read(directory, PROGRESS)?).ok()?;
    is_alive(progress.pid).then_some(progress)
}

fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // Another user's process may not be touched, but is there.
    pid.is_some_and(|pid| matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM)))
}

fn summary(directory: &Dir) -> Summary {
    let summary = root::read(directory, SUMMARY);
    let summary = summary.and_then(|text| serde_json::from_str(&text).ok());
    summary.or_else(|| summary_of_results(directory)).unwrap_or_default()
}

/// What Maelstrom's own results tell. Latencies of operations would need the whole history, which
/// is too much for a list.
fn summary_of_results(directory: &Dir) -> Option<Summary> {
    let results = Value::read_edn(&root::read(directory, RESULTS)?).ok()?;
    let valid = summary::verdict(&results)?;
    let figures = summary::figures(&results, || None::<History>);
    Some(Summary { valid: Some(valid), figures, ..Summary::default() })
}

impl Verdict {
    pub(super) const ALL: [Verdict; 6] = [
        Verdict::Running,
        Verdict::Ended(Standing::Valid),
        Verdict::Ended(Standing::Beyond),
        Verdict::Ended(Standing::Unknown),
        Verdict::Ended(Standing::Invalid),
        Verdict::Ended(Standing::None),
    ];

    /// Its class in our styles, and its value in addresses.
    pub(super) fn class(self) -> &'static str {
        match self {
            Verdict::Running => "running",
            Verdict::Ended(standing) => standing.class(),
        }
    }

    /// What a choice of it is called.
    pub(super) fn title(self) -> &'static str {
        match self {
            Verdict::Running => "running",
            Verdict::Ended(Standing::Valid) => "valid",
            Verdict::Ended(Standing::Beyond) => "not within limits",
            Verdict::Ended(Standing::Unknown) => "unknown",
            Verdict::Ended(Standing::Invalid) => "not valid",
            Verdict::Ended(Standing::None) => "no verdict",
        }
    }
}
