//! How long a report of a large test takes, to write and to draw.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::clusters::{keep, large};
use crate::page::{HOME, LEFT, RIGHT, browse};

/// How long a report may take to be written, pictures included, without optimization.
const WRITTEN_WITHIN: Duration = Duration::from_secs(2);

/// How large a report may be, in bytes.
const LARGEST: u64 = 5_000_000;

/// How many milliseconds a redraw of everything may take, as the median. More than ten a second
/// look like motion. Without a GPU an idle machine takes about 30, and tests have to pass on busy ones.
const SMOOTH: f64 = 100.0;

/// What is drawn, at least.
const MESSAGES: u64 = 20_000;

/// How long this thread has worked: other tests take turns with it.
fn busy() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

#[test]
fn a_report_of_twenty_thousand_messages_is_soon_written_small_and_smooth() {
    let report = large();
    let began = busy();
    let directory = keep(&report, "large");
    let took = busy().saturating_sub(began);
    let size = fs::metadata(directory.join("report.html")).unwrap().len();
    println!("25 nodes, 20 s, {} messages: {took:?}, {size} bytes", report.all.sent);
    assert!(took < WRITTEN_WITHIN, "{took:?}");
    assert!(size < LARGEST, "{size} bytes");
    browse("large", |page| {
        page.goto_report(&directory);
        page.keep("top");
        page.click("#all");
        let visible = page.visible();
        page.get("document.getElementById(\"view\").scrollIntoView({ block: \"center\" })");
        let mut took = Vec::new();
        // One end of the test leaves the window and comes back, so nothing drawn can be used again.
        page.press("#view", "+");
        for step in 0..20 {
            page.press("#view", if step % 2 == 0 { RIGHT } else { LEFT });
            page.drawn();
            took.push(page.number("eddy.drawMs()"));
        }
        let messages = page.visible();
        assert!(messages >= MESSAGES, "{messages} messages");
        page.keep("all");
        took.sort_by(f64::total_cmp);
        let (median, longest) = (took[took.len() / 2], took[took.len() - 1]);
        println!("{messages} of {visible} messages drawn in {median} ms, {longest} ms at most");
        page.press("#view", HOME);
        page.drawn();
        let whole = page.number("eddy.drawMs()");
        println!("all {visible} of them in {whole} ms");
        assert!(median < SMOOTH, "{median} ms, {longest} ms at most");
    });
}
