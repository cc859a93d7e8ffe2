//! Recorded test, as far as its files describe it.
//!
//! eddy writes a description and a summary. Jepsen's Maelstrom, and early versions of eddy, wrote
//! results in EDN, which contain the verdict and most figures. A running test has its progress, and
//! an interrupted one may have nothing at all.

use std::path::Path;
use std::time::Duration;

use cap_std::fs::Dir;
use eddy_checkers::edn::Value;
use eddy_checkers::history::History;
use eddy_pages::page::REPORT;
use eddy_pages::store::{DESCRIPTION, Description, PROGRESS, RESULTS, SUMMARY, TestProgress};
use eddy_pages::summary::{self, Summary, SummaryStatus};
use jiff::Timestamp;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::format;
use crate::store_dir::{self, TestId};

/// Time without an update of `progress.json`, written twice a second, after which a test counts as
/// ended. A shorter one would take a slow disk for the end of the test; a longer one would show
/// killed tests as running. After a machine has slept, its tests count as ended until the next
/// update.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct RecordedTest {
    pub(crate) id: TestId,
    /// `None` if the directory's name is not a time.
    pub(crate) began: Option<Timestamp>,
    pub(crate) description: Description,
    pub(crate) outcome: TestOutcome,
    pub(crate) has_report: bool,
}

#[derive(Debug)]
pub(crate) enum TestOutcome {
    Running(TestProgress),
    Ended(Summary),
}

/// Status by which a list is colored and filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TestStatus {
    Running,
    Ended(SummaryStatus),
}

impl RecordedTest {
    /// Reads the files of a test. Unreadable ones count as missing.
    pub(crate) fn read(directory: &Dir, id: &TestId) -> RecordedTest {
        let description = store_dir::read(directory, DESCRIPTION);
        let description = description.and_then(|text| serde_json::from_str(&text).ok());
        let mut description: Description = description.unwrap_or_default();
        if description.workload.is_empty() {
            description.workload.clone_from(&id.workload);
        }
        let outcome = match progress(directory) {
            Some(progress) => TestOutcome::Running(progress),
            None => TestOutcome::Ended(summary(directory)),
        };
        RecordedTest {
            id: id.clone(),
            began: format::start_time(&id.time),
            description,
            outcome,
            has_report: directory.metadata(REPORT).is_ok(),
        }
    }

    /// File name of the program, or name of the Rust test.
    pub(crate) fn program(&self) -> String {
        let bin = &self.description.bin;
        Path::new(bin).file_name().map_or(bin.clone(), |name| name.to_string_lossy().into_owned())
    }

    pub(crate) fn status(&self) -> TestStatus {
        match &self.outcome {
            TestOutcome::Running(_) => TestStatus::Running,
            TestOutcome::Ended(summary) => TestStatus::Ended(summary.status()),
        }
    }

    /// Verdict in a few words.
    pub(crate) fn verdict_text(&self) -> String {
        match &self.outcome {
            TestOutcome::Running(progress) => {
                let TestProgress { stage, elapsed_s, time_limit_s, .. } = progress;
                // The time limit applies to operations only.
                if stage != "operations" {
                    return format!("running: {stage}");
                }
                format!("running: {stage}, {elapsed_s:.0} of {time_limit_s:.0} s")
            }
            TestOutcome::Ended(summary) => summary.verdict().to_owned(),
        }
    }

    /// One of the four figures, in the order of the summary.
    pub(crate) fn figure(&self, number: usize) -> Option<f64> {
        match &self.outcome {
            TestOutcome::Running(progress) => progress.msgs_per_op.filter(|_| number == 0),
            TestOutcome::Ended(summary) => summary.figures.get(number)?.value,
        }
    }

    /// Summary, if the test has ended.
    pub(crate) fn summary(&self) -> Option<&Summary> {
        match &self.outcome {
            TestOutcome::Running(_) => None,
            TestOutcome::Ended(summary) => Some(summary),
        }
    }
}

/// Progress of a test, if it is still running. A killed test leaves its file behind, and another
/// process may have its id since.
pub(crate) fn progress(directory: &Dir) -> Option<TestProgress> {
    let written = directory.metadata(PROGRESS).ok()?.modified().ok()?.into_std();
    // A time in the future, from another clock, is not old.
    if written.elapsed().is_ok_and(|age| age > PROGRESS_TIMEOUT) {
        return None;
    }
    let progress: TestProgress =
        serde_json::from_str(&store_dir::read(directory, PROGRESS)?).ok()?;
    is_alive(progress.pid).then_some(progress)
}

fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // Another user's process exists, but may not be signaled.
    pid.is_some_and(|pid| matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM)))
}

fn summary(directory: &Dir) -> Summary {
    let summary = store_dir::read(directory, SUMMARY);
    let summary = summary.and_then(|text| serde_json::from_str(&text).ok());
    summary.or_else(|| summary_of_results(directory)).unwrap_or_default()
}

/// Summary from Maelstrom's results. Operation latencies would need the whole history, which is too
/// much for a list.
fn summary_of_results(directory: &Dir) -> Option<Summary> {
    let results = Value::read_edn(&store_dir::read(directory, RESULTS)?).ok()?;
    let valid = summary::verdict(&results)?;
    let figures = summary::figures(&results, || None::<History>);
    Some(Summary { valid: Some(valid), figures, ..Summary::default() })
}

impl TestStatus {
    pub(crate) const ALL: [TestStatus; 6] = [
        TestStatus::Running,
        TestStatus::Ended(SummaryStatus::Valid),
        TestStatus::Ended(SummaryStatus::BeyondLimits),
        TestStatus::Ended(SummaryStatus::Unknown),
        TestStatus::Ended(SummaryStatus::Invalid),
        TestStatus::Ended(SummaryStatus::NoVerdict),
    ];

    /// CSS class, and value in URLs.
    pub(crate) fn class(self) -> &'static str {
        match self {
            TestStatus::Running => "running",
            TestStatus::Ended(status) => status.class(),
        }
    }

    /// Title in the filter.
    pub(crate) fn title(self) -> &'static str {
        match self {
            TestStatus::Running => "running",
            TestStatus::Ended(SummaryStatus::Valid) => "valid",
            TestStatus::Ended(SummaryStatus::BeyondLimits) => "not within limits",
            TestStatus::Ended(SummaryStatus::Unknown) => "unknown",
            TestStatus::Ended(SummaryStatus::Invalid) => "not valid",
            TestStatus::Ended(SummaryStatus::NoVerdict) => "no verdict",
        }
    }
}
