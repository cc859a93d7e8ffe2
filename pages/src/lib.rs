//! Store of tests and the pages that show them: histories, results and logs in Jepsen's layout, and
//! `report.html` with every message, operation and fault.
//!
//! [`keep`] records a simulation, before the assertion that may fail:
//!
//! ```no_run
//! # use std::path::Path;
//! # fn example(report: &eddy::Report) -> anyhow::Result<()> {
//! let directory = eddy_pages::keep(report, Path::new("store"))?;
//! report.assert_valid();
//! # Ok(())
//! # }
//! ```

pub mod chart;
pub mod page;
pub mod store;
pub mod summary;

use std::panic::Location;
use std::path::{Path, PathBuf};

use eddy::Report;

use self::store::{Description, RESULTS, TestRecord};
use self::summary::Summary;

/// Records a test in a store, as `eddy test` does, and returns its directory. The files are
/// `report.html` and its pictures, `history.edn`, `history.txt`, `results.edn`, and, if there are
/// any, the faults as `faults.txt` and the messages as `trace.txt`. The report shows messages if
/// [`Test::trace`](eddy::Test::trace) is set. The files depend only on the test and on the name of
/// this thread. That name, which is the Rust test's, stands in place of a program's and is part of
/// the command that repeats the test.
///
/// # Errors
/// If that cannot be written.
#[track_caller]
pub fn keep(report: &Report, store: &Path) -> anyhow::Result<PathBuf> {
    let test = report.test();
    let record = TestRecord::create(store, test.workload.name())?;
    let thread = std::thread::current();
    let line = eddy::repro_command::for_this_test(Location::caller());
    let command = line.split(' ').map(str::to_owned).collect();
    let description = Description {
        began: String::new(),
        ..Description::of(test, thread.name().unwrap_or_default(), command)
    };
    record.describe(&description)?;
    record.keep_history(&report.history)?;
    record.keep_results(&report.results)?;
    if !report.trace.is_empty() {
        record.keep_trace(&report.trace)?;
    }
    keep_pages(report, &record, &description, &Summary::of(report))?;
    Ok(record.directory())
}

/// Records the summary, the list of faults and the pages. Returns lines that explain the first
/// contradiction, as far as messages show its cause.
///
/// # Errors
/// If that cannot be written.
pub fn keep_pages(
    report: &Report,
    record: &TestRecord,
    description: &Description,
    summary: &Summary,
) -> anyhow::Result<Vec<String>> {
    record.keep_summary(summary)?;
    if !report.strikes.is_empty() {
        record.keep_faults(&eddy::report::faults_txt::render(&report.strikes))?;
    }
    let mut files = vec!["history.txt", "history.edn"];
    if report.failure.is_none() {
        files.extend([RESULTS, "results.json"]);
    }
    if !report.strikes.is_empty() {
        files.push("faults.txt");
    }
    let logs = record.written_logs(&description.nodes);
    files.extend(logs.iter().map(String::as_str));
    let (pages, explanation) = page::render_all(report, description, summary, &files)?;
    record.keep_pages(&pages)?;
    Ok(explanation)
}
