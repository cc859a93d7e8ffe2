//! Files that a test records, to which `eddy check` adds nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::{CommandResult, ECHO, Place};

const ALWAYS_RECORDED: [&str; 10] = [
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
    fs::read_to_string(place.0.join("store/latest").join(file)).unwrap()
}

/// All files of the last test, with their contents.
fn recorded_files(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![fs::canonicalize(place.0.join("store/latest")).unwrap()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                files.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    files
}

#[test]
fn a_test_records_a_report_and_a_check_changes_nothing() {
    let place = Place::with_node("kept", ECHO);
    place.eddy("test -w echo --bin node --node-count 1 --time-limit 1 --seed 7").expect(0, "");
    for file in ALWAYS_RECORDED.into_iter().chain(["results.edn", "results.json"]) {
        assert!(!read(&place, file).is_empty(), "{file}");
    }
    let results: serde_json::Value = serde_json::from_str(&read(&place, "results.json")).unwrap();
    assert_eq!(results["valid?"], true);
    let test = read(&place, "test.json");
    assert!(test.contains("\"--seed\",\n    \"7\""), "{test}");
    let before = recorded_files(&place);
    let check = "check store/latest --max-latency 0.5e-3 --min-ok-fraction 1 --table table.txt";
    assert!(place.eddy(check).expect(1, "").stdout.contains("EXCEEDED"));
    assert!(fs::read_to_string(place.0.join("table.txt")).unwrap().contains("FAILED"));
    assert!(before == recorded_files(&place), "a check wrote into the directory of the test");
}

#[test]
fn limits_of_a_test_are_in_its_report() {
    let place = Place::with_node("kept_limits", ECHO);
    let test = "test -w echo --bin node --node-count 1 --time-limit 1 --max-latency 0.5e-3";
    place.eddy(&format!("{test} --min-ok-fraction 1")).expect(1, "");
    let report = read(&place, "report.html");
    for expected in ["valid, but not within limits", "EXCEEDED", "holds"] {
        assert!(report.contains(expected), "{expected} in {report}");
    }
    assert!(read(&place, "summary.json").contains("\"limit\": 0.0005"));
}

#[test]
fn a_warning_fails_a_strict_test() {
    let place = Place::with_node("kept_strict", &format!("{ECHO} -e '/\"echo_ok\"/p'"));
    let test = "test -w echo --bin node --node-count 1 --time-limit 1 --rate 20";
    place.eddy(test).expect(0, "");
    place.eddy("check store/latest").expect(0, "");
    let CommandResult { stdout, .. } = place.eddy("check store/latest --strict").expect(1, "");
    assert!(stdout.contains("valid, with 1 warning, which --strict takes for"), "{stdout}");
    assert!(stdout.contains("\nwarning: node n0 sent "), "{stdout}");
    let CommandResult { stdout, .. } = place.eddy(&format!("{test} --strict")).expect(1, "");
    assert!(stdout.contains("valid, with 1 warning, which --strict takes for"), "{stdout}");

    // A fault that strikes nobody is not the node's mistake.
    let place = Place::with_node("kept_strict_idle", ECHO);
    let alone = "test -w echo --bin node --node-count 1 --time-limit 1 --nemesis partition";
    let CommandResult { stdout, .. } = place.eddy(&format!("{alone} --strict")).expect(0, "");
    assert!(stdout.contains("a single node has no links to others"), "{stdout}");
    place.eddy("check store/latest --strict").expect(0, "");

    // For a test of Maelstrom, only the history shows it.
    let add = ":process 0, :f :add, :value 3";
    let read = ":process 1, :f :read, :value nil, :final? true";
    let history = format!(
        "{{:index 0, :time 1, :type :invoke, {add}}}\n{{:index 1, :time 2, :type :ok, {add}}}\n\
         {{:index 2, :time 3, :type :invoke, {read}}}\n{{:index 3, :time 4, :type :info, {read}}}\n"
    );
    place.file("store/pn-counter/20260101T120000.000Z/history.edn", &history, 0o644);
    let results = "{:workload {:valid? true}, :valid? true}";
    place.file("store/pn-counter/20260101T120000.000Z/results.edn", results, 0o644);
    place.eddy("check store/pn-counter/20260101T120000.000Z").expect(0, "");
    let strict = "check store/pn-counter/20260101T120000.000Z --strict";
    let CommandResult { stdout, .. } = place.eddy(strict).expect(1, "");
    assert!(stdout.contains("\nwarning: "), "{stdout}");
}

#[test]
fn the_stderr_of_a_crashed_node_is_in_the_report_once_with_its_lines() {
    let traceback = "Traceback <most recent call last>:\n  File \"node\", line 7\n    ^^^^";
    let place = Place::with_node("kept_crash", &format!("echo '{traceback}' >&2; exit 1"));
    place.eddy("test -w echo --bin node --node-count 1").expect(255, "Traceback");
    let report = read(&place, "report.html");
    assert_eq!(report.matches("Traceback").count(), 1, "{report}");
    let escaped = "  Traceback &#60;most recent call last&#62;:\n    File &#34;node&#34;, line 7\n";
    let (_, lines) = report.split_once("<pre class=\"wrapped\">").unwrap();
    assert!(lines.contains(escaped), "{lines}");
    assert!(!read(&place, "summary.json").contains("\"reasons\": [\n    \"node n0 cannot"));
}

#[test]
fn a_test_without_a_verdict_has_a_report_with_the_reason() {
    let place = Place::with_node("kept_failure", "echo rubbish; sleep 60");
    place.eddy("test -w echo --bin node --node-count 1").expect(255, "");
    for file in ALWAYS_RECORDED {
        assert!(place.0.join("store/latest").join(file).exists(), "{file}");
    }
    assert!(!place.0.join("store/latest/results.edn").exists());
    let report = read(&place, "report.html");
    assert!(report.contains("no verdict") && report.contains("that is not a message"), "{report}");
}

#[test]
fn a_kill_of_eddy_loses_at_most_the_last_second_of_a_history() {
    let node = ECHO.replace(" -u -E", " -u -E -e 'w /dev/stderr'");
    let place = Place::with_node("kept_killed", &node);
    let test = "test -w echo --bin node --node-count 1 --rate 50 --time-limit 60";
    let mut eddy = place.command(test).stderr(Stdio::null()).spawn().unwrap();
    let file = |name: &str| {
        let path = place.0.join("store/current").join(name);
        fs::read_to_string(path).unwrap_or_default()
    };
    let requests = || file("node-logs/n0.log").matches("\"type\":\"echo\"").count();
    let begun = Instant::now();
    while requests() < 150 {
        assert!(begun.elapsed() < Duration::from_secs(50), "{} requests", requests());
        sleep(Duration::from_millis(20));
    }
    eddy.kill().unwrap();
    eddy.wait().unwrap();
    let history = file("history.edn");
    let kept = history.matches(":type :invoke").count();
    assert!(kept >= 100, "{kept} operations of {} were kept", requests());
    // A torn line must not lose the others.
    let torn = format!("{history}{{:index 100000, :time 12");
    fs::write(place.0.join("store/current/history.edn"), torn).unwrap();
    let CommandResult { stdout, .. } = place.eddy("analyze store/current").expect(2, "");
    assert!(stdout.contains("the test did not end"), "{stdout}");
    let answered = history.matches(":type :ok").count();
    assert!(stdout.contains(&format!(":ok-count {answered}")), "{answered} in {stdout}");
}
