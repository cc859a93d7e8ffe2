//! The report of a large test: how long it takes to write and to draw, and how it scrolls.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::browser::clusters::{keep, large};
use crate::browser::page::{HOME, LEFT, Page, RIGHT, browse};

/// How many times the work of simulating a cluster it may be to write its report, pictures included.
/// It takes 1.4 times as much.
const WRITTEN_WITHIN: f64 = 3.0;

/// How large a report may be, in bytes.
const LARGEST: u64 = 5_000_000;

/// How many milliseconds a redraw of everything may take, as the median. More than ten a second
/// look like motion. Without a GPU an idle machine takes about 30.
const SMOOTH: f64 = 100.0;

/// How long it may take until it is seen, as the median: what a script draws, the browser works off
/// later. An idle machine takes 60 ms, and a second where broad lines are drawn one by one.
const SEEN_WITHIN: Duration = Duration::from_millis(500);

/// Work for the browser, in milliseconds; and what an idle machine takes for it. Other tests make a
/// machine slow, for drawing as for this.
const REFERENCE: &str = "(() => {
  const begin = performance.now();
  let sum = 0;
  for (let i = 0; i < 3e6; i++) sum = (sum * 31 + i) | 0;
  return performance.now() - begin + sum % 1;
})()";
const IDLE: f64 = 20.0;

/// What is drawn, at least.
const MESSAGES: u64 = 20_000;

/// How many messages are visited.
const STEPS: usize = 12;

/// How long this thread has worked: other tests take turns with it.
fn busy() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

#[test]
fn a_report_of_twenty_thousand_messages_is_soon_written_small_and_smooth() {
    let began = busy();
    let report = large();
    let simulated = busy();
    let directory = keep(&report, "large");
    let (simulating, writing) = (simulated.saturating_sub(began), busy().saturating_sub(simulated));
    let size = fs::metadata(directory.join("report.html")).unwrap().len();
    println!(
        "25 nodes, 20 s, {} messages: simulated in {simulating:?}, written in {writing:?}, {size} \
         bytes",
        report.all.sent
    );
    assert!(writing < simulating.mul_f64(WRITTEN_WITHIN), "{writing:?} after {simulating:?}");
    assert!(size < LARGEST, "{size} bytes");
    browse("large", |page| {
        page.goto_report(&directory);
        page.keep("top");
        page.click("#all");
        let visible = page.visible();
        page.get("document.getElementById(\"view\").scrollIntoView({ block: \"center\" })");
        page.press("#view", "+");
        it_moves_smoothly(page);
        page.keep("all");
        page.press("#view", HOME);
        page.drawn();
        let whole = page.number("eddy.drawMs()");
        println!("all {visible} of them in {whole} ms");
        // As many are when values were lost that nodes tell each other again and again.
        page.get("eddy.highlightAll()");
        page.press("#view", "+");
        it_moves_smoothly(page);
        page.keep("highlighted");
        messages_are_visited_one_after_the_other_where_they_do_not_fit(page);
    });
}

/// One end of the test leaves the window and comes back, so nothing drawn can be used again.
fn it_moves_smoothly(page: &Page) {
    let (mut took, mut seen, mut reference) = (Vec::new(), Vec::new(), Vec::new());
    for step in 0..20 {
        let since = Instant::now();
        page.press("#view", if step % 2 == 0 { RIGHT } else { LEFT });
        page.drawn();
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
    let slowness = (reference[middle] / IDLE).max(1.0);
    println!(
        "{messages} messages drawn in {} ms and seen after {:?}, where a machine is {slowness:.1} \
         times slower than an idle one",
        took[middle], seen[middle]
    );
    assert!(took[middle] < SMOOTH * slowness, "{took:?}, reference {reference:?}");
    assert!(seen[middle] < SEEN_WITHIN.mul_f64(slowness), "{seen:?}, reference {reference:?}");
}

fn messages_are_visited_one_after_the_other_where_they_do_not_fit(page: &Page) {
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
    page.keep("visited");
}
