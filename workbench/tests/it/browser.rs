//! What people look at, opened in a browser and used as they do: `report.html` as a file, and the
//! pages of `eddy serve`.
//!
//! Each test runs its own clusters in virtual time, opens what they left in a session of its own,
//! and points, clicks and types there. The browser is Debian's Chromium without a window. Where
//! there is none, each test says so and passes; with `EDDY_BROWSER=required` in the environment it
//! fails. Each state of a page that is checked is also kept as a picture, in `screenshots` of
//! cargo's directory for tests, for people to look at.

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
