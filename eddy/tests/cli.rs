//! The `eddy` command as scripts meet it: arguments in; status, output and files out.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A node for the echo workload: requests have their keys in alphabetical order.
const ECHO: &str = r#"exec sed -u -E \
    -e '/"type":"init"/ s/.*"src":"([^"]*)","dest":"([^"]*)".*"msg_id":([0-9]+).*/{"src":"\2","dest":"\1","body":{"type":"init_ok","in_reply_to":\3}}/' \
    -e '/"type":"echo"/ s/.*"src":"([^"]*)","dest":"([^"]*)".*"echo":("[^"]*").*"msg_id":([0-9]+).*/{"src":"\2","dest":"\1","body":{"type":"echo_ok","echo":\3,"in_reply_to":\4}}/'"#;

/// A directory of one test, empty at first.
struct Place(PathBuf);

/// What came of a command.
struct Outcome {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Place {
    fn new(name: &str) -> Place {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Place(path)
    }

    /// A place with an executable `node` that runs this script.
    fn with_node(name: &str, script: &str) -> Place {
        let place = Place::new(name);
        place.file("node", &format!("#!/bin/sh\n{script}\n"), 0o755);
        place
    }

    fn file(&self, name: &str, text: &str, mode: u32) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
        command.args(words.split_whitespace()).current_dir(&self.0);
        command
    }

    fn eddy(&self, words: &str) -> Outcome {
        let output = self.command(words).output().unwrap();
        Outcome {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Outcome {
    #[track_caller]
    fn expect(self, status: i32, fragment: &str) -> Outcome {
        let Outcome { stdout, stderr, .. } = &self;
        assert_eq!(self.status, Some(status), "{stdout}\n{stderr}");
        assert!(stderr.contains(fragment), "expected {fragment:?} in:\n{stderr}");
        self
    }
}

#[test]
fn a_valid_test_ends_with_maelstroms_verdict_and_is_recorded() {
    let place = Place::with_node("valid", &format!("echo \"$@\" >&2; {ECHO}"));
    let run = "test -w echo --bin node --node-count 2 --time-limit 1 --rate 20 --seed 7 \
               --availability total one -- --two";
    let outcome = place.eddy(run).expect(0, "eddy: echo with n0 n1, seed 7");
    assert_eq!(outcome.stdout.lines().last(), Some("Everything looks good! ヽ(‘ー`)ノ"));
    let read = |path: &str| fs::read_to_string(place.0.join("store").join(path)).unwrap();
    let results = read("latest/results.edn");
    assert!(outcome.stdout.starts_with(&results), "{results}");
    assert_eq!(read("current/history.edn"), read("echo/latest/history.edn"));
    assert!(read("latest/history.txt").contains("0\t:ok\t:echo\t"));
    for node in ["n0", "n1"] {
        assert_eq!(read(&format!("latest/node-logs/{node}.log")), "one --two\n");
    }
    place.eddy("check store/latest --min-ok-fraction 1").expect(0, "");
}

#[test]
fn the_first_test_that_is_not_valid_is_the_last() {
    let wrong = ECHO.replace(r#""echo":\3"#, r#""echo":"something else""#);
    let place = Place::with_node("invalid", &wrong);
    let run = "test -w echo --bin ./node --node-count 1 --time-limit 1 --test-count 3";
    let outcome = place.eddy(run).expect(1, "");
    assert_eq!(outcome.stdout.matches("Analysis invalid! (ﾉಥ益ಥ）ﾉ ┻━┻\n").count(), 1);
}

#[test]
fn a_node_that_cannot_be_tested_is_named_with_the_reason() {
    #[track_caller]
    fn check(name: &str, script: &str, expected: &str) {
        let place = Place::with_node(name, script);
        let outcome = place.eddy("test -w echo --bin node --node-count 1").expect(255, expected);
        assert!(outcome.stderr.trim_end().lines().last().unwrap().contains("store/echo/"));
        assert!(place.0.join("store/latest/history.edn").exists());
        assert!(!place.0.join("store/latest/results.edn").exists());
    }
    check(
        "exits",
        "echo 'no luck' >&2; exit 3",
        "node n0 cannot be tested: before it answered init, it exited with status 3; its last \
         words on STDERR were:\n  no luck\n",
    );
    check("mute", "kill -9 $$", "was killed by signal 9 and wrote nothing to STDERR");
    check("rubbish", "echo hello; sleep 100", "a line to STDOUT that is no message");
}

#[test]
fn a_node_that_is_silent_is_waited_for_as_long_as_maelstrom_does() {
    let place = Place::with_node("silent", "exec sleep 100");
    place.eddy("test -w echo --bin node").expect(255, "it did not answer init in time");
}

#[test]
fn a_program_that_cannot_run_is_named() {
    let place = Place::new("programs");
    place.file("data", "#!/bin/sh\n", 0o644);
    place.file("lost", "#!/no/such/interpreter\n", 0o755);
    for (bin, expected) in [
        ("nothing", "node n1 cannot be started: "),
        ("nothing", "programs/nothing does not exist"),
        (".", "is a directory; expected an executable file"),
        ("data", "programs/data is not executable"),
        ("lost", "does the interpreter that its first line names exist?"),
        ("sh", "programs/sh does not exist"),
    ] {
        place.eddy(&format!("test -w echo --bin {bin}")).expect(255, expected);
    }
    place.file("file", "", 0o644);
    let run = "test -w echo --bin /bin/sh --store file/store";
    place.eddy(run).expect(255, "file/store/echo cannot be written: Not a directory");
}

#[test]
fn wrong_arguments_are_shown_with_what_is_expected() {
    let place = Place::new("arguments");
    let test = "test -w echo --bin /bin/true";
    for (options, expected) in [
        ("--node-count 0", "'0' for '--node-count <NUMBER>': expected a whole number, 1 or more"),
        ("--rate -1", "'-1' for '--rate <RATE>': expected operations per second"),
        ("--rate many", "'many'"),
        ("--availability 2", "expected total, or a number from 0 to 1"),
        ("--topology gird", "did you mean grid?"),
        ("--latency -5", "milliseconds, 0 or more"),
        ("--latency-dist normal", "constant, uniform, exponential"),
        ("--nemesis partition,fire", "\"fire\""),
        ("--nemesis-interval 0", "expected a number of seconds above 0"),
        ("--concurrency n", "no concurrency"),
        ("--time-limit 0", "expected a whole number"),
        ("--test-count 0", "expected a whole number"),
        ("--delivery fast", "expected maelstrom or plain"),
        ("--no-such-option", "--no-such-option"),
        ("--node a --node a", "two nodes called \"a\""),
        ("--nodes a,,b", "\"\" is no name for a node"),
        ("--nodes-file nowhere", "nowhere: No such file"),
        ("-w kafka", "does not work yet"),
    ] {
        place.eddy(&format!("{test} {options}")).expect(254, expected);
    }
    place.eddy("test -w echo").expect(254, "--bin <FILE>");
    place.eddy("test --bin /bin/true").expect(254, "the workload lin-kv does not work yet");
    place.eddy("").expect(254, "Usage: eddy");
    place.eddy("tset").expect(254, "tset");
    assert!(place.eddy("test --help").expect(0, "").stdout.contains("[default: grid]"));
}

#[test]
fn options_of_maelstrom_that_mean_nothing_here_are_no_mistake() {
    let place = Place::with_node("options", ECHO);
    place.file("names", "x\n\n y \n", 0o644);
    let run = "test --workload=echo --bin nothing --bin node --nodes z --node n9 --node n8 \
               --nodes-file names --time-limit 1 --rate 0 --username me --password secret \
               --no-ssh --strict-host-key-checking --ssh-private-key none --leave-db-running \
               --logging-json --consistency-models serializable --key-count 3 \
               --max-txn-length 2 --max-writes-per-key 8 --nemesis-interval 0.5";
    place.eddy(run).expect(0, "eddy: echo with x y z n9 n8, seed ");
}

#[test]
fn a_signal_leaves_no_process_behind_and_keeps_the_history() {
    #[track_caller]
    fn check(marker: &str, signal: Signal, name: &str) {
        let place = Place::with_node(marker, &format!("sleep {marker} & {ECHO}"));
        let run = "test -w echo --bin node --node-count 3 --rate 50 --log-net-recv";
        let mut eddy = place.command(run).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(eddy.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("echo_ok") {
            line.clear();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "no operation was answered");
        }
        assert!(is_running(marker));
        kill_process(Pid::from_child(&eddy), signal).unwrap();
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(eddy.wait().unwrap().code(), Some(255));
        let expected = format!("eddy: stopped by {name}; what was recorded is in store/echo/");
        assert!(rest.contains(&expected), "{rest}");
        assert!(!is_running(marker));
        let history = fs::read_to_string(place.0.join("store/latest/history.edn")).unwrap();
        assert!(history.contains(":type :ok"), "{history}");
    }
    check("86401", Signal::INT, "Ctrl-C");
    check("86402", Signal::TERM, "SIGTERM");
}

/// Whether any process of this machine sleeps that long.
fn is_running(marker: &str) -> bool {
    let expected = format!("sleep\0{marker}\0");
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.into_iter().any(|line| line == expected.as_bytes())
}

#[test]
fn figures_are_compared_with_limits() {
    #[track_caller]
    fn check(valid: &str, limits: &str, status: i32, expected: &str) {
        let place = Place::new(&format!("limits{}{valid}", limits.replace([' ', '.'], "")));
        let results = format!(
            "{{:availability {{:valid? true, :ok-fraction 0.99}},\n :net {{:servers {{:msgs-per-op \
             20.0}}}},\n :workload {{:stable-latencies {{0 0, 0.5 399, 0.95 500, 1 600}}}},\n \
             :valid? {valid}}}\n"
        );
        place.file("results.edn", &results, 0o644);
        let outcome = place.eddy(&format!("check . {limits}")).expect(status, "");
        let words = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(expected), "{}", outcome.stdout);
    }
    check("true", "--max-msgs-per-op 20", 1, "20 < 20 EXCEEDED");
    check("true", "--max-msgs-per-op 20.1 --max-median 400", 0, "399 < 400 holds");
    check("true", "--max-latency 600", 1, "600 < 600 EXCEEDED");
    check("true", "--max-latency 601", 0, "600 < 601 holds");
    check("true", "--min-ok-fraction 0.99", 0, "0.99 ≥ 0.99 holds");
    check("true", "--min-ok-fraction 1", 1, "0.99 ≥ 1 EXCEEDED");
    check("false", "--max-latency 601", 1, "not valid");
    check(":unknown", "--max-latency 601", 2, "unknown");
    check(":unknown", "--max-latency 1", 1, "unknown, and not within limits");
}

#[test]
fn only_results_can_be_checked() {
    let place = Place::new("no-results");
    place.file("empty/history.edn", "", 0o644);
    place.file("torn/results.edn", "{:valid? ", 0o644);
    place.file("other/results.edn", "{:valid? 7}", 0o644);
    place.file("short/results.edn", "{:valid? true}", 0o644);
    place.eddy("check nowhere").expect(254, "nowhere does not exist");
    place.eddy("check empty/history.edn").expect(254, "is no directory");
    place.eddy("check empty").expect(254, "empty/results.edn: No such file");
    place.eddy("check torn").expect(254, "torn/results.edn is no results file: line 1");
    place.eddy("check other").expect(254, "has no :valid?");
    let outcome = place.eddy("check short --max-median 5").expect(1, "");
    assert!(outcome.stdout.contains("CANNOT BE TOLD"), "{}", outcome.stdout);
    place.eddy("check short").expect(0, "");
}
