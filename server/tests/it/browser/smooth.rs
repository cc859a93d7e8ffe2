//! Performance of a large test's report: writing, drawing and scrolling.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::browser::clusters::{keep, large};
use crate::browser::page::{BrowserPage, HOME, LEFT, RIGHT, browse};

/// Bound on the time to write a report with its pictures, as a multiple of the time to simulate the
/// cluster. It takes 1.4 times as long.
const MAX_WRITE_RATIO: f64 = 3.0;

/// Bound on the size of a report, in bytes.
const MAX_REPORT_BYTES: u64 = 5_000_000;

/// Bound on the median time of a full redraw, in milliseconds: more than ten per second look like
/// motion. Without a GPU an idle machine takes about 30.
const MAX_REDRAW_MS: f64 = 100.0;

/// Bound on the median time until a redraw is visible: the browser executes drawing commands later.
/// An idle machine takes 60 ms, and a second where broad lines are drawn one by one.
const MAX_VISIBLE_DELAY: Duration = Duration::from_millis(500);

/// Script that measures reference work in milliseconds, and the time of an idle machine. Other
/// tests slow down drawing and this work alike.
const REFERENCE: &str = "(() => {
  const begin = performance.now();
  let sum = 0;
  for (let i = 0; i < 3e6; i++) sum = (sum * 31 + i) | 0;
  return performance.now() - begin + sum % 1;
})()";
const IDLE_REFERENCE_MS: f64 = 20.0;

/// Minimum number of messages drawn.
const MESSAGES: u64 = 20_000;

/// Number of messages visited.
const STEPS: usize = 12;

/// CPU time of this thread, independent of other tests.
fn thread_cpu_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

#[test]
fn a_report_of_twenty_thousand_messages_is_written_fast_and_is_small_and_smooth() {
    let began = thread_cpu_time();
    let report = large();
    let simulated = thread_cpu_time();
    let directory = keep(&report, "large");
    let (simulating, writing) =
        (simulated.saturating_sub(began), thread_cpu_time().saturating_sub(simulated));
    let size = fs::metadata(directory.join("report.html")).unwrap().len();
    println!(
        "25 nodes, 20 s, {} messages: simulated in {simulating:?}, written in {writing:?}, {size} \
         bytes",
        report.traffic.all.sent
    );
    assert!(writing < simulating.mul_f64(MAX_WRITE_RATIO), "{writing:?} after {simulating:?}");
    assert!(size < MAX_REPORT_BYTES, "{size} bytes");
    browse("large", |page| {
        page.goto_report(&directory);
        page.save_screenshot("top");
        page.click("#all");
        let visible = page.visible();
        page.get("document.getElementById(\"view\").scrollIntoView({ block: \"center\" })");
        page.press("#view", "+");
        it_moves_smoothly(page);
        page.save_screenshot("all");
        page.press("#view", HOME);
        page.wait_until_drawn();
        let whole = page.number("eddy.drawMs()");
        println!("all {visible} of them in {whole} ms");
        // As many are highlighted when values were lost that nodes send again and again.
        page.get("eddy.highlightAll()");
        page.press("#view", "+");
        it_moves_smoothly(page);
        page.save_screenshot("highlighted");
        messages_are_visited_one_after_the_other_where_they_do_not_fit(page);
    });
}

/// One end of the test leaves the window and returns, so nothing drawn can be reused.
fn it_moves_smoothly(page: &BrowserPage) {
    let (mut took, mut seen, mut reference) = (Vec::new(), Vec::new(), Vec::new());
    for step in 0..20 {
        let since = Instant::now();
        page.press("#view", if step % 2 == 0 { RIGHT } else { LEFT });
        page.wait_until_drawn();
        seen.push(since.elapsed());
        took.push(page.number("eddy.drawMs()"));
        reference.push(page.number(REFERENCE));
    }
    let messages = page.visible();
    assert!(messages >= MESSAGES, "{messages} messages");
    took.sort_by(f64::total_cmp);
    reference.sort_by(f64::total_cmp);
    seen.sort();
    let middle = took.len() / 2;
    let slowness = (reference[middle] / IDLE_REFERENCE_MS).max(1.0);
    println!(
        "{messages} messages drawn in {} ms and seen after {:?}, where a machine is {slowness:.1} \
         times slower than an idle one",
        took[middle], seen[middle]
    );
    assert!(took[middle] < MAX_REDRAW_MS * slowness, "{took:?}, reference {reference:?}");
    assert!(
        seen[middle] < MAX_VISIBLE_DELAY.mul_f64(slowness),
        "{seen:?}, reference {reference:?}"
    );
}

fn messages_are_visited_one_after_the_other_where_they_do_not_fit(page: &BrowserPage) {
    page.click("#clients");
    page.resize(1280, 400);
    page.press("#view", HOME);
    let told: BTreeSet<String> = (0..STEPS)
        .map(|_| {
            page.press("#view", "n");
            page.text("#tooltip")
        })
        .collect();
    assert_eq!(told.len(), STEPS, "{told:?}");
    page.save_screenshot("visited");
}
