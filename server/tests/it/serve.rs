//! The server, with requests like a browser's, and requests that no browser sends.

pub(crate) mod client;
mod attacks;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Stdio, id as this_process};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::place::{CommandResult, Place, all_at_once};

use client::{HttpResponse, ServeProcess, eddy_serve};

/// Tests of [`store`], newest first, in different time zones.
const NEWEST_FIRST: [&str; 5] = [
    "kafka/20260105T000000.000Z",
    "echo/20260103T233000.000+0000",
    "echo/20260104T010000.000+0200",
    "broadcast/20260102T000000.000+0000",
    "broadcast/20260101T000000.000+0000",
];

fn description(workload: &str, bin: &str, nodes: &[&str]) -> String {
    json!({"workload": workload, "bin": bin, "command": ["eddy", "test"], "began": "", "nodes": nodes,
        "concurrency": 3, "rate": 10.0, "time_limit_s": 20.0, "latency_ms": 100.0,
        "latency_dist": "constant", "nemesis": ["partition"], "seed": "7"})
    .to_string()
}

fn summary(valid: &str, msgs_per_op: f64, limit: Option<f64>, reasons: &[&str]) -> String {
    let figure = |name: &str, value: f64, bound: &str, limit: Option<f64>| json!({"name": name, "value": value, "bound": bound, "limit": limit});
    let figures = [
        figure("messages per operation", msgs_per_op, "<", limit),
        figure("median latency, ms", 400.0, "<", None),
        figure("maximum latency, ms", 600.0, "<", None),
        figure("ok fraction", 1.0, "≥", None),
    ];
    json!({"valid": valid, "figures": figures, "reasons": reasons}).to_string()
}

fn progress(operations: u64) -> String {
    json!({"pid": this_process(), "elapsed_s": 7.4, "time_limit_s": 20.0, "stage": "operations",
        "operations": operations, "ops_per_second": 99.5, "msgs_per_op": 18.25,
        "faults": {"partition": 2}})
    .to_string()
}

/// Store with a test of each kind.
fn store(name: &str) -> Place {
    let place = Place::new(name);
    let [kafka, running, aborted, lost, held] = NEWEST_FIRST;
    let file = |test: &str, name: &str, text: &str| {
        place.file(&format!("store/{test}/{name}"), text, 0o644);
    };
    file(held, "test.json", &description("broadcast", "target/debug/flood", &["n0", "n1"]));
    file(held, "summary.json", &summary("valid", 12.5, Some(10.0), &[]));
    file(held, "report.html", "<!doctype html><script>1</script>");
    file(held, "rate.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
    file(held, "results.edn", "{:valid? true}");
    file(held, "node-logs/n0.log", "<script>alert(1)</script> \u{fc}");
    file(held, "storage/n0/report.html", "<script>alert(1)</script>");
    file(held, "storage/n0/a b%.svg", "<svg/>");
    file(lost, "test.json", &description("broadcast", "flood-<b>", &["n0"]));
    file(lost, "summary.json", &summary("invalid", 25.0, None, &["value <17> is lost"]));
    file(aborted, "history.edn", "");
    file(running, "test.json", &description("echo", "echo", &["n0"]));
    file(running, "progress.json", &progress(740));
    // A test recorded by Jepsen's Maelstrom.
    let results = "{:valid? :unknown, :net {:servers {:msgs-per-op 3.5}}, \
        :availability {:valid? true, :ok-fraction 0.5}}";
    file(kafka, "results.edn", results);
    for link in ["latest", "current"] {
        std::os::unix::fs::symlink(held, place.0.join("store").join(link)).unwrap();
    }
    let latest = place.0.join("store/broadcast/latest");
    std::os::unix::fs::symlink(held.split_once('/').unwrap().1, latest).unwrap();
    place
}

/// Tests that a page lists, in its order.
fn listed(answer: &HttpResponse) -> Vec<&str> {
    let rows = answer.text().split("<tr data-run=\"").skip(1);
    rows.map(|row| row.split_once('"').unwrap().0).collect()
}

#[test]
fn the_list_shows_the_newest_first_with_verdicts_and_figures() {
    let place = store("serve_list");
    let server = ServeProcess::start(&place);
    let list = server.get("/").expect(200, "text/html; charset=utf-8");
    assert_eq!(listed(&list), NEWEST_FIRST);
    for fragment in [
        "valid, but not within limits",
        "<td class=\"verdict beyond\"",
        ">flood</td>",
        ">12.5</td>",
        "<td class=\"verdict invalid\" title=\"value &#60;17&#62; is lost\">not valid",
        "running: operations, 7 of 20 s",
        ">18.25</td>",
        "no verdict",
        "<td class=\"verdict unknown\"",
        ">3.5</td>",
        ">0.5</td>",
        "flood-&#60;b&#62;",
        "class=\"report\" href=\"/run/broadcast/20260101T000000.000%2B0000/report.html\"",
    ] {
        list.contains(fragment);
    }
}

#[test]
fn the_list_is_filtered_and_sorted_by_its_url() {
    let place = store("serve_filter");
    let server = ServeProcess::start(&place);
    let [kafka, running, aborted, lost, held] = NEWEST_FIRST;
    let table: &[(&str, &[&str])] = &[
        ("/?workload=broadcast", &[lost, held]),
        ("/?workload=&program=flood&verdict=", &[held]),
        ("/?program=flood-%3Cb%3E", &[lost]),
        ("/?verdict=invalid", &[lost]),
        ("/?verdict=beyond", &[held]),
        ("/?verdict=running", &[running]),
        ("/?verdict=unknown", &[kafka]),
        ("/?verdict=none", &[aborted]),
        ("/?workload=echo&verdict=valid", &[]),
        ("/?sort=time&order=ascending", &[held, lost, aborted, running, kafka]),
        ("/?sort=msgs", &[kafka, held, running, lost, aborted]),
        ("/?sort=msgs&order=descending", &[lost, running, held, kafka, aborted]),
        ("/?sort=nodes&order=descending", &[held, running, lost, kafka, aborted]),
        ("/?sort=workload", &[lost, held, running, aborted, kafka]),
        ("/?sort=nonsense&page=-7", &NEWEST_FIRST),
        ("/?page=2000", &NEWEST_FIRST),
    ];
    for (path, tests) in table {
        assert_eq!(listed(&server.get(path)), *tests, "{path}");
    }
    let filtered = server.get("/?workload=broadcast&sort=msgs&order=descending");
    filtered.contains("<option value=\"broadcast\" selected>");
    filtered.contains("/?workload=broadcast&#38;sort=msgs&#38;order=ascending");
    filtered.contains("<input type=\"hidden\" name=\"order\" value=\"descending\">");
    server.get("/?verdict=valid&workload=echo").contains("No test matches");
}

#[test]
fn many_tests_come_in_pages() {
    let place = Place::new("serve_pages");
    for number in 0..450 {
        let path = format!("store/echo/20260101T000000.{number:03}+0000/results.edn");
        place.file(&path, "{:valid? true}", 0o644);
    }
    let server = ServeProcess::start(&place);
    let pages: Vec<_> = (1..=3).map(|page| server.get(&format!("/?sort=ok&page={page}"))).collect();
    let rows: Vec<_> = pages.iter().map(|page| listed(page).len()).collect();
    assert_eq!(rows, [200, 200, 50]);
    pages[1].contains("201–400 of 450 tests");
    pages[1].contains("rel=\"prev\" href=\"/?sort=ok&#38;page=1\"");
    pages[1].contains("rel=\"next\" href=\"/?sort=ok&#38;page=3\"");
    assert_eq!(listed(&pages[2]).last().copied(), Some("echo/20260101T000000.000+0000"));
}

#[test]
fn a_store_without_tests_shows_how_to_run_one_even_after_it_was_removed() {
    let place = Place::new("serve_empty");
    fs::create_dir(place.0.join("store")).unwrap();
    let server = ServeProcess::start(&place);
    server.get("/").expect(200, "text/html").contains("eddy test -w echo");
    fs::remove_dir(place.0.join("store")).unwrap();
    server.get("/").expect(200, "text/html").contains("eddy test -w echo");
    place.file("store/echo/20260101T000000.000+0000/results.edn", "{:valid? true}", 0o644);
    assert_eq!(listed(&server.get("/")), ["echo/20260101T000000.000+0000"]);
}

#[test]
fn the_page_of_a_test_lists_its_files() {
    let place = store("serve_overview");
    let server = ServeProcess::start(&place);
    let held = "/run/broadcast/20260101T000000.000%2B0000";
    server.get(held).header("location", &format!("{held}/"));
    let page = server.get(&format!("{held}/")).expect(200, "text/html; charset=utf-8");
    for fragment in [
        "valid, but not within limits",
        "exceeded",
        "target/<wbr>debug/<wbr>flood",
        "partition",
        &format!("href=\"{held}/node-logs/n0.log\""),
        &format!("href=\"{held}/storage/n0/a%20b%25.svg\""),
        &format!("class=\"report\" href=\"{held}/report.html\""),
    ] {
        page.contains(fragment);
    }
    server.get("/run/broadcast/20260102T000000.000+0000/").contains("value &#60;17&#62; is lost");
    server.get("/run/broadcast/latest/").contains("within limits");
    server.get("/run/broadcast/20260109T000000.000+0000/").expect(404, "text/html");
}

#[test]
fn the_stderr_of_a_crashed_node_keeps_its_lines() {
    let place = store("serve_crash");
    let test = NEWEST_FIRST[2];
    let failure = "node n0 cannot be tested\nTraceback <1>:\n  File";
    let summary = json!({"failure": failure}).to_string();
    place.file(&format!("store/{test}/summary.json"), &summary, 0o644);
    let server = ServeProcess::start(&place);
    let page = server.get(&format!("/run/{}/", test.replace('+', "%2B")));
    page.contains("<p class=\"sentence\">node n0 cannot be tested</p>");
    page.contains("<pre class=\"wrapped\">Traceback &#60;1&#62;:\n  File</pre>");
}

#[test]
fn files_have_their_types_and_text_of_nodes_never_runs() {
    let place = store("serve_files");
    let server = ServeProcess::start(&place);
    let text = "text/plain; charset=utf-8";
    for (path, kind, scripts_run) in [
        ("report.html", "text/html; charset=utf-8", true),
        ("rate.svg", "image/svg+xml", true),
        ("results.edn", text, false),
        ("node-logs/n0.log", text, false),
        ("storage/n0/report.html", text, false),
        ("storage/n0/a%20b%25.svg", text, false),
    ] {
        let path = format!("/run/broadcast/20260101T000000.000+0000/{path}");
        let answer = server.get(&path).expect(200, kind);
        answer.header("x-content-type-options", "nosniff");
        let policy = answer.find("content-security-policy").unwrap();
        assert!(policy.starts_with("sandbox"), "{path}: {policy}");
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert_eq!(policy.contains("script"), scripts_run, "{path}: {policy}");
        let head = server
            .send_request(&format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n"))
            .expect(200, kind);
        assert!(head.body.is_empty(), "{path}");
        head.header("content-length", &answer.body.len().to_string());
    }
    let log = server.get("/run/broadcast/20260101T000000.000+0000/node-logs/n0.log");
    assert_eq!(log.text(), "<script>alert(1)</script> \u{fc}");
    for (path, kind) in
        [("/style.css", "text/css"), ("/serve.css", "text/css"), ("/serve.js", "text/javascript")]
    {
        server.get(path).expect(200, kind);
    }
    let policy = server.get("/").find("content-security-policy").unwrap().to_owned();
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn a_large_file_comes_whole() {
    let place = store("serve_large");
    let (test, size) = ("broadcast/20260101T000000.000+0000", 20_000_003);
    let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
    fs::write(place.0.join("store").join(test).join("storage/wal"), &bytes).unwrap();
    let server = ServeProcess::start(&place);
    let answer = server.get(&format!("/run/{test}/storage/wal")).expect(200, "text/plain");
    assert!(answer.body == bytes, "{} bytes came", answer.body.len());
}

#[test]
fn two_tests_are_compared_with_their_differences() {
    let place = store("serve_compare");
    let server = ServeProcess::start(&place);
    let (lost, held) =
        ("broadcast/20260102T000000.000%2B0000", "broadcast/20260101T000000.000%2B0000");
    let page = server.get(&format!("/compare?a={held}&b={lost}")).expect(200, "text/html");
    for fragment in [
        "<tr class=\"differs\"><th>nodes</th><td>n0 n1</td><td>n0</td>",
        "<tr class=\"differs\"><th>program</th>",
        "<tr><th>seed</th><td>7</td><td>7</td>",
        "+12.5",
        "× 2",
        "value &#60;17&#62; is lost",
        "valid, but not within limits",
        "not valid",
        &format!("<img src=\"/run/{held}/rate.svg\""),
        &format!("class=\"report\" href=\"/run/{held}/report.html\""),
    ] {
        page.contains(fragment);
    }
    // The list's form sends them in any order; the older comes first.
    server
        .get(&format!("/compare?run={lost}&run={held}"))
        .expect(303, "")
        .header("location", &format!("/compare?a={held}&b={lost}"));
    for (query, status, fragment) in [
        (format!("a={held}&b={held}"), 400, "the same test"),
        (format!("a={held}&b=echo/20200101T000000.000Z"), 404, "echo/20200101T000000.000Z"),
        (format!("a={held}&b=nonsense"), 400, "nonsense is not the name of a test"),
        (format!("a={held}&b=../../etc"), 400, "not the name of a test"),
        (format!("run={held}"), 400, "Choose two"),
        (format!("run={held}&run={lost}&run={held}"), 400, "Choose two"),
        (String::new(), 400, "Choose two"),
    ] {
        server.get(&format!("/compare?{query}")).expect(status, "text/html").contains(fragment);
    }
}

#[test]
fn listeners_get_the_progress_of_tests_and_their_end() {
    let place = store("serve_events");
    let server = ServeProcess::start(&place);
    let running = NEWEST_FIRST[1];
    let directory = place.0.join("store").join(running);
    let write = |text: &str| {
        fs::write(directory.join("progress.new"), text).unwrap();
        fs::rename(directory.join("progress.new"), directory.join("progress.json")).unwrap();
    };
    let mut listeners = [server.listen(), server.listen()];
    let all = |listeners: &mut [client::EventListener], running: &Value| {
        for listener in listeners {
            assert_eq!(&listener.next()["running"], running);
        }
    };
    let going = |operations| {
        let progress: Value = serde_json::from_str(&progress(operations)).unwrap();
        json!([{"run": running, "progress": progress}])
    };
    all(&mut listeners, &going(740));
    write(&progress(790));
    all(&mut listeners, &going(790));
    fs::write(directory.join("summary.json"), summary("valid", 1.0, None, &[])).unwrap();
    fs::remove_file(directory.join("progress.json")).unwrap();
    all(&mut listeners, &json!([]));
    server.get("/?verdict=valid").contains(running);
    // Another test begins; and a killed one has ended, whatever it left.
    let other = "echo/20260106T000000.000+0000";
    place.file(&format!("store/{other}/progress.json"), &progress(1), 0o644);
    let began = json!([{"run": other, "progress": going(1)[0]["progress"]}]);
    all(&mut listeners, &began);
    let dead = progress(1).replace(&format!("\"pid\":{}", this_process()), "\"pid\":4194305");
    place.file(&format!("store/{other}/progress.json"), &dead, 0o644);
    all(&mut listeners, &json!([]));
    assert_eq!(server.listen().next(), json!({"running": []}));
}

#[test]
fn a_silent_test_has_ended_even_if_its_process_id_is_in_use() {
    let place = store("serve_silent");
    let server = ServeProcess::start(&place);
    let running = NEWEST_FIRST[1];
    let file = place.0.join("store").join(running).join("progress.json");
    for (age, verdict) in [(20, "running"), (31, "none"), (0, "running")] {
        let written = SystemTime::now() - Duration::from_secs(age);
        fs::File::options().write(true).open(&file).unwrap().set_modified(written).unwrap();
        let page = server.get(&format!("/?verdict={verdict}"));
        assert!(listed(&page).contains(&running), "{age} s: {:?}", listed(&page));
    }
}

#[test]
fn an_address_that_cannot_be_used_is_reported_with_advice() {
    let place = store("serve_address");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let table = [
        (format!("store 127.0.0.1 {port}"), "--port 0"),
        ("store 203.0.113.7 0".to_owned(), "--host must be"),
        ("store no.such.host.invalid 0".to_owned(), "--host must be"),
    ];
    all_at_once(&table, |_, (words, fragment)| {
        CommandResult::of(&mut eddy_serve(&place, words)).expect(255, fragment);
    });
}

#[test]
fn arguments_that_eddy_serve_never_passes_are_refused() {
    let place = store("serve_arguments");
    for words in ["", "store", "store 127.0.0.1 http", "store 127.0.0.1 0 0", "--help"] {
        let refused = CommandResult::of(&mut eddy_serve(&place, words));
        refused.expect(254, "expected STORE HOST PORT, which eddy serve passes");
    }
}

#[test]
fn a_closed_stdout_is_no_reason_to_end() {
    let place = store("serve_closed");
    let (reader, stdout) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = eddy_serve(&place, "store 127.0.0.1 0");
    let mut child = command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "eddy: serving store; Ctrl-C stops it\n");
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_signal_ends_it_with_success_even_while_somebody_listens() {
    let place = store("serve_signal");
    let mut server = ServeProcess::start(&place);
    let mut listener = server.listen();
    listener.next();
    let since = Instant::now();
    assert_eq!(server.terminate(), Some(0));
    assert!(since.elapsed() < Duration::from_secs(10));
}
