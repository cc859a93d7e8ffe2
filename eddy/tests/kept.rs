//! What a test leaves in its directory for people, and what `eddy check` adds to it.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use common::{ECHO, Place};

const ALWAYS: [&str; 10] = [
    "history.edn",
    "history.txt",
    "latency-quantiles.svg",
    "latency-raw.svg",
    "messages.svg",
    "rate.svg",
    "report.html",
    "summary.json",
    "test.json",
    "timeline.html",
];

fn read(place: &Place, file: &str) -> String {
    std::fs::read_to_string(place.0.join("store/latest").join(file)).unwrap()
}

#[test]
fn a_test_leaves_a_report_and_a_check_puts_its_limits_there() {
    let place = Place::with_node("kept_limits", ECHO);
    place.eddy("test -w echo --bin node --node-count 1 --time-limit 1 --seed 7").expect(0, "");
    for file in ALWAYS.into_iter().chain(["results.edn", "results.json"]) {
        assert!(!read(&place, file).is_empty(), "{file}");
    }
    let results: serde_json::Value = serde_json::from_str(&read(&place, "results.json")).unwrap();
    assert_eq!(results["valid?"], true);
    let test = read(&place, "test.json");
    assert!(test.contains("\"--seed\",\n    \"7\""), "{test}");
    assert!(!read(&place, "report.html").contains("&lt; 0.5"));
    let before = read(&place, "results.edn");
    let limits = "check store/latest --max-latency 0.5e-3 --min-ok-fraction 1";
    assert!(place.eddy(limits).expect(1, "").stdout.contains("EXCEEDED"));
    for _ in 0..2 {
        let report = read(&place, "report.html");
        assert!(report.contains("valid, but not within limits"), "{report}");
        assert!(report.contains("EXCEEDED") && report.contains("holds"), "{report}");
        assert!(read(&place, "summary.json").contains("\"limit\": 0.0005"));
        // Without limits there is nothing to say of them.
        place.eddy("check store/latest").expect(0, "");
    }
    assert_eq!(read(&place, "results.edn"), before);
}

#[test]
fn a_test_without_a_verdict_leaves_a_report_that_says_why() {
    let place = Place::with_node("kept_failure", "echo rubbish; sleep 60");
    place.eddy("test -w echo --bin node --node-count 1").expect(255, "");
    for file in ALWAYS {
        assert!(place.0.join("store/latest").join(file).exists(), "{file}");
    }
    assert!(!place.0.join("store/latest/results.edn").exists());
    let report = read(&place, "report.html");
    assert!(report.contains("no verdict") && report.contains("that is no message"), "{report}");
}
