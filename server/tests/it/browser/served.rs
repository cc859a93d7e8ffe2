//! Pages of `eddy serve` with real tests.

use std::fs;
use std::process::id as this_process;

use eddy::Report;
use serde_json::{Value, json};

use crate::browser::clusters::{lost, markup, valid};
use crate::browser::page::{BrowserPage, browse};
use crate::place::Place;
use crate::serve::client::ServeProcess;

/// Tests of [`store`], newest first.
pub(crate) const NEWEST_FIRST: [&str; 3] = [
    "unique-ids/20260103T000000.000+0000",
    "broadcast/20260102T000000.000+0000",
    "broadcast/20260101T000000.000+0000",
];

const RUNNING: &str = "echo/20260104T000000.000+0000";

/// Store with a valid test, one that lost values, and one whose nodes wrote markup.
pub(crate) fn store(name: &str) -> Place {
    let place = Place::new(&format!("browser/{name}"));
    let file = |report: &Report, test: &str| {
        let kept = eddy_pages::keep(report, &place.0.join("kept")).unwrap();
        let directory = place.0.join("store").join(test);
        fs::create_dir_all(directory.parent().unwrap()).unwrap();
        fs::rename(kept, directory).unwrap();
    };
    for (report, test) in [markup(), lost(), valid()].iter().zip(NEWEST_FIRST) {
        file(report, test);
    }
    place
}

/// Opens the list.
fn goto_list(page: &BrowserPage, server: &ServeProcess) {
    page.goto(&format!("http://{}/", server.address));
    page.until("document.querySelector(\"#runs\")");
}

/// Tests that the list shows.
fn listed(page: &BrowserPage) -> Value {
    page.get("[...document.querySelectorAll(\"#runs tbody tr\")].map((row) => row.dataset.run)")
}

fn row(test: &str) -> String {
    format!("#runs tr[data-run=\"{test}\"]")
}

#[test]
fn the_list_is_filtered_and_its_runs_are_opened_and_compared() {
    let place = store("list");
    let server = ServeProcess::start(&place);
    browse("list", |page| {
        goto_list(page, &server);
        the_list_is_filtered_and_a_run_opens_its_report(page);
        goto_list(page, &server);
        two_runs_are_chosen_and_compared(page);
    });
}

fn the_list_is_filtered_and_a_run_opens_its_report(page: &BrowserPage) {
    let [_, lost, valid] = NEWEST_FIRST;
    assert_eq!(listed(page), json!(NEWEST_FIRST));
    page.shows(&format!("{} .verdict", row(lost)), "not valid");
    page.shows(&format!("{} .verdict", row(valid)), "valid");
    page.save_screenshot("all");

    page.find("#workload").select("broadcast");
    page.until("location.search.includes(\"workload=broadcast\")");
    page.until("document.querySelectorAll(\"#runs tbody tr\").length === 2");
    assert_eq!(listed(page), json!([lost, valid]));
    page.until("document.activeElement.id === \"workload\"");
    page.find("#verdict").select("invalid");
    page.until("location.search.includes(\"verdict=invalid\")");
    page.until("document.querySelectorAll(\"#runs tbody tr\").length === 1");
    assert_eq!(listed(page), json!([lost]));
    page.save_screenshot("filtered");

    page.click(&format!("{} a.report", row(lost)));
    page.wait_until_loaded();
    // The server sandboxes the report, without an origin, and it still works.
    assert_eq!(page.get("origin"), "null");
    page.shows("#verdict", "not valid");
    page.shows("#cards .card.selected", "never got it");
    assert!(page.visible() > 0);
    page.save_screenshot("report");
}

fn two_runs_are_chosen_and_compared(page: &BrowserPage) {
    let [_, lost, valid] = NEWEST_FIRST;
    assert!(!page.find("#compare").is_enabled());
    for test in [lost, valid] {
        page.click(&format!("{} input[name=run]", row(test)));
    }
    page.save_screenshot("chosen");
    page.click("#compare");
    page.until("document.querySelectorAll(\".side\").length === 2");
    // The older test comes first.
    page.shows(&format!(".side[data-run=\"{valid}\"]:first-child"), "valid");
    page.shows(&format!(".side[data-run=\"{lost}\"]"), "not valid");
    page.shows("#figures", "messages per operation");
    page.shows("#about .differs", "operations per second 40 10");
    page.find("img[alt=\"Messages per second\"]");
    let pictures = "[...document.images].slice(0, 2)";
    page.until(&format!("{pictures}.every((image) => image.complete)"));
    let drawn = format!("{pictures}.every((image) => image.naturalWidth > 0)");
    assert_eq!(page.get(&drawn), true);
    page.save_screenshot("compared");
}

#[test]
fn a_running_test_is_updated_until_it_ends() {
    let place = store("live");
    let server = ServeProcess::start(&place);
    let directory = place.0.join("store").join(RUNNING);
    let write = |stage: &str, operations: u64| {
        let progress = json!({"pid": this_process(), "elapsed_s": 7.4, "time_limit_s": 20.0,
            "stage": stage, "operations": operations, "ops_per_second": 99.5,
            "msgs_per_op": 18.25, "faults": {"partition": 2}});
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("progress.new"), progress.to_string()).unwrap();
        fs::rename(directory.join("progress.new"), directory.join("progress.json")).unwrap();
    };
    browse("live", |page| {
        goto_list(page, &server);
        // A reload would lose this.
        page.get("window.kept = true");
        let choice = format!("{} input[name=run]", row(NEWEST_FIRST[0]));
        page.get(&format!("document.querySelector('{choice}').focus()"));
        let verdict = format!("document.querySelector('{} td.verdict')?.textContent", row(RUNNING));
        for operations in [740, 790] {
            write("operations", operations);
            page.until(&format!("{verdict}?.includes(\"{operations} operations\")"));
        }
        page.shows(&row(RUNNING), "7 of 20 s");
        page.shows(&row(RUNNING), "2 × partition");
        page.save_screenshot("running");
        let is_focused = format!("document.activeElement === document.querySelector('{choice}')");
        assert_eq!(page.get(&is_focused), true);
        write("judging", 790);
        page.until(&format!("{verdict}?.startsWith(\"running: judging, 790 operations\")"));
        let results = json!({"valid": "valid", "figures": [], "reasons": []});
        fs::write(directory.join("summary.json"), results.to_string()).unwrap();
        fs::remove_file(directory.join("progress.json")).unwrap();
        page.until(&format!("{verdict} === \"valid\""));
        assert_eq!(page.get("kept"), true);
        page.save_screenshot("ended");
    });
}
