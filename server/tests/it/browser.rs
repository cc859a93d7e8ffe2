//! Browser tests of `report.html`, opened as a file, and of the pages of `eddy serve`.
//!
//! Each test runs its own clusters in virtual time, opens the recorded pages in its own browser
//! session, and points, clicks and types there. The browser is Debian's Chromium, headless. Without
//! one, each test prints that and passes; with `EDDY_BROWSER=required` in the environment it fails.
//! Each checked state of a page is also stored as a picture, in `screenshots` of cargo's directory
//! for tests.

mod clusters;
mod driver;
#[path = "../../../eddy/tests/it/workloads/log.rs"]
mod log;
mod page;
mod phone;
mod registers;
mod report;
mod served;
mod session;
mod smooth;
mod wrong;

/// Interval of sends at which the wrong log loses one.
const WRONG_ONE_IN: usize = 20;
