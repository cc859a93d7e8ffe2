//! `eddy analyze` of histories, and of files that are not histories.

use std::fs;
use std::io::Write;

use eddy::edn::Value;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::common::{CommandResult, ECHO, Place};

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../checkers/tests/recordings");

#[test]
fn recordings_of_maelstrom_are_judged() {
    let place = Place::new("analyze");
    for (name, status, words) in [
        ("echo-1", 0, "Everything looks good!"),
        ("unique-ids-3-duplicated", 1, "reason: "),
        ("broadcast-5-tree4-lost", 1, "lost after an acknowledgement or a read"),
        ("g-set-3-partition", 0, ":attempt-count 197"),
        ("g-counter-3-partition", 0, ":acceptable ([271 271])"),
        ("pn-counter-3-partition", 0, ":acceptable ([-120 -120])"),
        ("kafka-1", 0, ":worst-realtime-lag"),
        ("lin-kv-3-broken", 1, "is not linearizable"),
        ("lin-kv-3-raft", 0, ":failures []"),
        ("txn-append-2-broken", 1, "reason: not strict-serializable"),
    ] {
        let outcome = place.eddy(&format!("analyze {RECORDINGS}/{name}")).expect(status, "");
        assert!(outcome.stdout.contains(words), "{name}: {}", outcome.stdout);
    }
    let weaker = "--consistency-models read-uncommitted";
    let register = format!("analyze {RECORDINGS}/txn-rw-2-not-serializable");
    place.eddy(&register).expect(1, "");
    place.eddy(&format!("{register} {weaker}")).expect(0, "");
    // Only its availability is not total.
    let kafka = place.eddy(&format!("analyze {RECORDINGS}/kafka-1 --availability total"));
    assert!(kafka.expect(1, "").stdout.contains("reason: "));
}

#[test]
fn the_workload_is_recognized_by_its_operations() {
    let place = Place::new("analyze-recordings");
    for directory in fs::read_dir(RECORDINGS).unwrap() {
        let directory = directory.unwrap().path();
        let flags = fs::read_to_string(directory.join("flags.txt")).unwrap();
        let workload = flags.split_whitespace().nth(1).unwrap();
        // Both counters are judged alike.
        let told = workload.replace("g-counter", "pn-counter");
        let outcome = place.eddy(&format!("analyze {}", directory.display()));
        let expected = format!("eddy: workload {told}, recognized by its operations");
        assert!(outcome.stderr.starts_with(&expected), "{flags}: {}", outcome.stderr);
    }
}

#[test]
fn a_test_that_eddy_recorded_can_be_judged_again() {
    let place = Place::with_node("analyze-own", crate::common::ECHO);
    place.eddy("test -w echo --bin node --node-count 1 --time-limit 1 --rate 20").expect(0, "");
    let tested = fs::read_to_string(place.0.join("store/latest/results.edn")).unwrap();
    let analyzed = place.eddy("analyze store/latest").expect(0, "").stdout;
    let workload = |text: &str| text.split(" :workload ").nth(1).unwrap()[..20].to_owned();
    assert_eq!(workload(&analyzed), workload(&tested));
    place.eddy("analyze store/latest/history.edn -w echo").expect(0, "");
    // A different recorded verdict is a warning.
    fs::write(place.0.join("store/latest/results.edn"), "{:workload {:valid? false}}").unwrap();
    let outcome = place.eddy("analyze store/latest").expect(0, "");
    let warning = "results.edn says false of the workload, and this analysis true";
    assert!(outcome.stdout.contains(warning), "{}", outcome.stdout);
}

#[test]
fn an_invalid_history_is_reported_with_its_line_and_the_expected_form() {
    let place = Place::new("analyze-foreign");
    let op = "{:index 0, :time 1, :type :invoke, :process 0, :f :echo, :value \"a\"}\n";
    place.file("cut.edn", &format!("{op}{}", &op[..30]), 0o644);
    place.file("foreign.edn", &format!("{op}hello"), 0o644);
    place.file("empty.edn", "", 0o644);
    place.file("nemesis.edn", &op.replace(":process 0", ":process :nemesis"), 0o644);
    place.file("unknown.edn", &op.replace(":echo", ":sing"), 0o644);
    let read = |kind: &str| op.replace(":echo, :value \"a\"", &format!(":read, {kind}"));
    place.file("reads.edn", &read(":value [1]").replace(":invoke", ":ok"), 0o644);
    place.file("echo.edn", op, 0o644);
    place.file("test.jepsen", "JEPSEN\0\0", 0o644);
    place.file("history.txt", "0\t:invoke\t:echo\t\"a\"\n", 0o644);
    place.file("double.edn", &format!("{op}{}", op.replace(":index 0", ":index 1")), 0o644);
    place.file("cut.json", "[{\"type\": \"invoke\",\n \"f\": \"echo\"", 0o644);
    fs::write(place.0.join("binary.edn"), [op.as_bytes(), &[0xff, 0xfe]].concat()).unwrap();
    let gzipped = gzip(&op.repeat(1000));
    fs::write(place.0.join("cut.edn.gz"), &gzipped[..gzipped.len() - 20]).unwrap();
    fs::create_dir_all(place.0.join("empty")).unwrap();
    fs::create_dir_all(place.0.join("store/latest")).unwrap();
    for (path, expected) in [
        ("cut.edn", "cut.edn: line 2, column "),
        (
            "cut.edn",
            "Expected one operation after the other, as in a history.edn, or objects in JSON",
        ),
        ("foreign.edn", "foreign.edn: line 2"),
        ("empty.edn", "empty.edn has no operation of a client; expected a history.edn"),
        ("nemesis.edn", "nemesis.edn has no operation of a client"),
        ("unknown.edn", "fits no known workload: it has the operations "),
        ("unknown.edn", "operations sing. The workloads are broadcast (broadcast, read), echo ("),
        ("unknown.edn", "unique-ids (generate); name it with -w"),
        ("reads.edn", "fits several workloads with its operations (read): broadcast, g-set; "),
        ("echo.edn -w kafak", "did you mean kafka?"),
        ("test.jepsen", "a whole test in Jepsen's own format; expected the history.edn beside it"),
        ("history.txt", "history.txt: line 1: expected an operation such as {:type :invoke, "),
        ("history.txt", "as in the history.edn beside a history.txt"),
        ("double.edn", "line 2: expected the end of the operation at index 0 first"),
        ("cut.json", "cut.json: line 2: malformed JSON: EOF while parsing an object"),
        ("binary.edn", "binary.edn: line 2: this is no UTF-8; expected an operation in EDN"),
        ("cut.edn.gz", "expected a whole gzipped history"),
        ("empty", "empty has no history.edn or history.edn.gz; expected the directory of a test"),
        ("store", "store is not a test; did you mean store/latest?"),
        ("nowhere", "nowhere: No such file or directory"),
        ("", "<HISTORY_OR_DIR>"),
    ] {
        let outcome = place.eddy(&format!("analyze {path}")).expect(254, expected);
        assert_eq!(outcome.stdout, "");
    }
    fs::write(place.0.join("whole.edn.gz"), gzip(op)).unwrap();
    let other = place.eddy("analyze echo.edn -w kafka").expect(2, "").stdout;
    let reason = "reason: there is no operation of kafka (send, poll, txn, assign, subscribe, \
                  crash, debug-topic-partitions); the history has echo (0 ok of 1); did you mean \
                  echo?";
    assert!(other.contains(reason), "{other}");
    // An operation without completion: nothing is wrong, and nothing was judged.
    let nothing = place.eddy("analyze whole.edn.gz").expect(2, "recognized by its op").stdout;
    let reason = "reason: nothing was judged: there is no echo that was answered or refused; the \
                  history has echo (0 ok of 1)";
    assert!(nothing.contains(reason), "{nothing}");
    assert!(nothing.contains("reason: no operation ended, so nothing shows"), "{nothing}");
}

#[test]
fn no_verdict_is_valid_if_nothing_was_judged() {
    let place = Place::new("analyze-nothing");
    // An operation of the workload in a shape that its checker ignores. Maelstrom rejects a graph
    // without transactions.
    for (workload, f, value, verdict) in [
        ("broadcast", "read", "{0 60}", ":unknown"),
        ("g-set", "read", "7", ":unknown"),
        ("g-counter", "read", "7", ":unknown"),
        ("pn-counter", "read", "\"7\"", ":unknown"),
        ("kafka", "poll", "[[:poll]]", "false"),
        ("kafka", "send", "{}", "false"),
        ("kafka", "assign", "[\"1\"]", "false"),
        ("lin-kv", "cas", "7", ":unknown"),
        ("txn-list-append", "txn", "[]", ":unknown"),
        ("txn-list-append", "txn", "{}", ":unknown"),
        ("txn-rw-register", "txn", "[:r]", ":unknown"),
    ] {
        let line = |index: usize, kind: &str, value: &str| {
            format!(
                "{{:index {index}, :time {index}, :type :{kind}, :process 0, :f :{f}, :value \
                 {value}}}\n"
            )
        };
        let ops = [line(0, "invoke", "nil"), line(1, "ok", value)];
        place.file("history.edn", &ops.concat(), 0o644);
        let outcome = place.eddy(&format!("analyze history.edn -w {workload}"));
        let CommandResult { stdout, stderr, .. } = &outcome;
        let told = format!("{workload} {f} {value}: {stdout}{stderr}");
        assert_eq!(outcome.status, Some(if verdict == "false" { 1 } else { 2 }), "{told}");
        assert!(stdout.contains("nothing was judged: there is no "), "{told}");
        let results = ["\nwarning: ", "\nreason: "].iter().filter_map(|end| stdout.find(end)).min();
        let results = Value::read_edn(&stdout[..results.unwrap()]).unwrap();
        let found = results.get_in(&["workload", "valid?"]).map(ToString::to_string);
        assert_eq!(found.as_deref(), Some(verdict), "{told}");
    }
}

#[test]
fn a_consistency_model_that_explains_the_recorded_verdict_is_named() {
    let place = Place::new("analyze-models");
    let recording = format!("{RECORDINGS}/txn-rw-2-not-serializable");
    let results = "{:workload {:valid? true}}";
    for (name, text) in [("history.edn.gz", None), ("results.edn", Some(results))] {
        let path = place.0.join(name);
        match text {
            Some(text) => fs::write(path, text).unwrap(),
            None => drop(fs::copy(format!("{recording}/{name}"), path).unwrap()),
        }
    }
    let outcome = place.eddy("analyze .").expect(1, "recognized by its operations").stdout;
    let words = "results.edn says true of the workload, and this analysis false: under \
                 --consistency-models ";
    let models = outcome.split(words).nth(1).unwrap_or_else(|| panic!("{outcome}"));
    let models = models.split(" it is valid\n").next().unwrap();
    for model in models.split(" or ") {
        place.eddy(&format!("analyze . --consistency-models {model}")).expect(0, "");
    }
    place.eddy("analyze . --consistency-models read-uncommitted").expect(0, "");
}

#[test]
fn histories_of_other_tools_are_read_in_their_formats() {
    let place = Place::new("analyze-neighbors");
    // Two writers, and a reader that saw the later value first, as in Elle's README.
    let cycle = [
        ("0", r#"[["append", "x", 1], ["r", "y", [1]]]"#),
        ("1", r#"[["append", "x", 2], ["append", "y", 1]]"#),
        ("2", r#"[["r", "x", [1, 2]]]"#),
    ];
    let json = cycle.map(|(process, value)| {
        format!(r#"{{"type": "ok", "process": {process}, "value": {value}}}"#)
    });
    let edn = cycle.map(|(process, value)| {
        let value = value.replace(r#""append""#, ":append").replace(r#""r""#, ":r");
        format!("{{:process {process}, :type :ok, :value {value}}}")
    });
    let register = "({:process 0, :type :invoke, :f :write, :value [0 1]}
        {:process 0, :type :ok, :f :write, :value [0 1]
         :when #inst \"2020-01-01T00:00:00.000-00:00\", :lag 1/3, :skew -0.095M, :big 12N, :c \\a}
        {:process 1, :type :invoke, :f :write, :value [0 2]}
        {:process 1, :type :info, :f :write, :value [0 2], :error #error {
 :cause \"reset\"
 :via
 [{:type java.net.SocketException
   :message \"reset\"}]}, :socket #object[java.net.Socket 0x6f2958e \"Socket[unconnected]\"]}
        {:process 2, :type :invoke, :f :read, :value [0 nil]}
        {:process 2, :type :ok, :f :read, :value [0 2]})";
    let set = "{:type :invoke, :process 0, :f :broadcast, :value 1}
        {:type :ok, :process 0, :f :broadcast, :value 1}
        {:type :invoke, :process 1, :f :read} {:type :ok, :process 1, :f :read, :value [1]}";
    for (name, text, status, words) in [
        ("cycle.json", format!("[{}]", json.join(",\n")), 1, ":G1c"),
        ("lines.json", json.join("\n"), 1, ":G1c"),
        ("cycle.edn", format!("[{}]", edn.join("\n")), 1, ":G1c"),
        ("lines.edn", edn.join(" "), 1, ":G1c"),
        ("register.edn", register.to_owned(), 0, ":failures []"),
        ("set.edn", set.to_owned(), 0, "have no time; their order was used instead"),
    ] {
        place.file(name, &text, 0o644);
        let outcome = place.eddy(&format!("analyze {name}")).expect(status, "");
        assert!(outcome.stdout.contains(words), "{name}: {}", outcome.stdout);
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn missing_values_do_not_fail_an_interrupted_test() {
    let place = Place::with_node("analyze-cut", ECHO);
    place.eddy("test -w echo --bin node --node-count 1 --time-limit 1").expect(0, "");
    let test = fs::read_to_string(place.0.join("store/latest/test.json")).unwrap();
    let unseen = "{:index 0, :time 1, :type :invoke, :process 0, :f :send, :value [[:send 1 7]]}\n\
         {:index 1, :time 2, :type :ok, :process 0, :f :send, :value [[:send 1 [0 7]]]}\n\
         {:index 2, :time 3, :type :invoke, :process 1, :f :poll, :value [[:poll]]}\n\
         {:index 3, :time 4, :type :ok, :process 1, :f :poll, :value [[:poll {}]]}\n";
    let lost = "{:index 0, :time 1, :type :invoke, :process 0, :f :broadcast, :value 7}\n\
         {:index 1, :time 2, :type :ok, :process 0, :f :broadcast, :value 7}\n\
         {:index 2, :time 3, :type :invoke, :process 1, :f :read, :value nil}\n\
         {:index 3, :time 4, :type :ok, :process 1, :f :read, :value []}\n";
    for (workload, history) in [("broadcast", lost), ("kafka", unseen)] {
        let file = format!("{workload}/history.edn");
        place.file(&file, history, 0o644);
        place.eddy(&format!("analyze {file} -w {workload}")).expect(1, "");
        let test = test.replace("\"workload\": \"echo\"", &format!("\"workload\": {workload:?}"));
        place.file(&format!("{workload}/test.json"), &test, 0o644);
        let CommandResult { stdout, .. } = place.eddy(&format!("analyze {file}")).expect(2, "");
        assert!(stdout.contains("; later operations might have returned what"), "{stdout}");
        assert!(stdout.contains("the test did not end"), "{stdout}");
    }
}
