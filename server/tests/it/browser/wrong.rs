//! Reports of other failed workloads: each opens at its contradiction.

use eddy::{Report, Test, workload};

use crate::browser::clusters::{SECOND, broadcast, keep};
use crate::browser::log::LogServer;
use crate::browser::page::browse;
use crate::browser::registers::Registers;

/// Opens a report, and checks that the first contradiction is at the top and visible.
fn check(name: &str, report: &Report) {
    let what = &report.contradictions.first().unwrap_or_else(|| panic!("{report}")).description;
    let directory = keep(report, name);
    browse(name, |page| {
        page.goto_report(&directory);
        page.save_screenshot("top");
        page.shows("#verdict", "not valid");
        page.shows("#cards .card.selected .what", what);
        assert!(page.visible() > 0);
        page.get("document.getElementById(\"cards\").scrollIntoView()");
        page.save_screenshot("cards");
        page.get("document.getElementById(\"messages\").scrollIntoView()");
        page.click("#cards .card.selected tbody tr:nth-child(1) .row");
        page.wait_until_drawn();
        page.save_screenshot("operation");
    });
}

#[test]
fn a_stale_read_of_a_register_is_shown_with_the_write_that_it_missed() {
    let workload = &workload::LinKv;
    let concurrency = "2n".parse().unwrap();
    let test = Test { workload, nodes: 3, concurrency, rate: 200.0, ..broadcast() };
    check("lin-kv", &test.run(Registers::new));
}

#[test]
fn a_lost_send_of_a_log_is_shown_with_the_poll_that_passed_it() {
    let workload = &workload::Kafka;
    let test = Test { workload, nodes: 1, rate: 30.0, time_limit: 10 * SECOND, ..broadcast() };
    check("kafka", &test.run(|node| LogServer::new(node, true)));
}
