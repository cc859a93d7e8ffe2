//! What a test leaves in its directory for people, and what `eddy check` adds to it.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use eddy::{Test, Workload};
use glomers::{Handler, Json, async_trait};
use serde::{Deserialize, Serialize};

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

/// A node that sends back what it gets.
struct Echo;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Echo { echo: Json },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    EchoOk { echo: Json },
}

#[async_trait(?Send)]
impl Handler for Echo {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, Request::Echo { echo }: Request) -> anyhow::Result<Reply> {
        Ok(Reply::EchoOk { echo })
    }
}

#[test]
fn simulations_side_by_side_are_kept_in_one_store() {
    let place = Place::new("kept_side_by_side");
    let time_limit = Duration::from_millis(100);
    let keep = || {
        let test = Test { workload: Workload::Echo, time_limit, ..Test::default() };
        test.run(|_| Echo).keep(&place.0.join("store")).unwrap()
    };
    let kept: BTreeSet<PathBuf> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(keep)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(kept.len(), 8);
    assert!(kept.iter().all(|directory| directory.join("report.html").exists()));
    let latest = std::fs::canonicalize(place.0.join("store/latest")).unwrap();
    assert!(kept.contains(&latest), "{latest:?}, of {kept:?}");
    let entries = std::fs::read_dir(place.0.join("store")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().display().to_string());
    assert_eq!(names.filter(|name| name.starts_with('.')).count(), 0);
}
