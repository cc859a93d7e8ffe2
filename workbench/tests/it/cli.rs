//! The `eddy` command as used by scripts: arguments in; status, output and files out.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{ECHO, Place, all_at_once, is_running, unique_sleep};

/// Interval at which a condition is polled. A shorter one would take the processor from the
/// programs under test.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

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
    let told = outcome.stdout.lines().find(|line| line.starts_with("reason: ")).unwrap();
    for path in ["latest", "latest/results.edn", "latest/node-logs/n0.log", "latest/report.html"] {
        let checked = place.eddy(&format!("check store/{path}")).expect(1, "").stdout;
        let reason = checked.lines().find(|line| line.starts_with("reason: "));
        assert_eq!(reason, Some(told), "{checked}");
        let analyzed = place.eddy(&format!("analyze store/{path}")).expect(1, "").stdout;
        assert!(analyzed.contains(told), "{analyzed}");
    }
    // Tests of Maelstrom say only in results.edn what is wrong.
    fs::remove_file(place.0.join("store/latest/summary.json")).unwrap();
    let checked = place.eddy("check store/latest").expect(1, "").stdout;
    assert!(checked.ends_with("not valid\nwhy: eddy analyze store/latest\n"), "{checked}");
}

#[test]
fn probable_mistakes_are_reported_and_executed() {
    let alone = "every node is given these words as arguments";
    let rows = [
        ("-w echo --nodes 1", "eddy: there is one node, called \"1\": --nodes and --node take"),
        ("-w echo -n 3", "names; for 3 nodes: --node-count 3\n"),
        (
            "-w echo --rate 0",
            "eddy: clients do nothing until the time limit, because --rate is 0\n",
        ),
        (
            "-w echo --nemesis partition kill",
            "eddy: every node is given these words as arguments: kill. An option takes several",
        ),
        ("-w echo node", ", as in Maelstrom, where node is another file or none; did you mean /"),
        (
            "--node-count 1 --concurrency 2 --rate 0",
            "eddy: without -w the workload is lin-kv, as in Maelstrom\n",
        ),
    ];
    all_at_once(&rows, |number, (options, expected)| {
        let place = Place::with_node(&format!("notices{number}"), ECHO);
        let run = format!("test --bin node --time-limit 1 --rate 20 {options}");
        place.eddy(&run).expect(0, expected);
    });
    let place = Place::with_node("notices", ECHO);
    let run = "test -w echo --bin node --node-count 1 --time-limit 1 --rate 20 1600ms -- kill";
    let outcome = place.eddy(run).expect(0, "");
    assert!(!outcome.stderr.contains(alone), "{}", outcome.stderr);
}

#[test]
fn a_node_that_cannot_be_tested_is_named_with_the_reason() {
    #[track_caller]
    fn check(name: &str, script: &str, expected: &str) {
        let place = Place::with_node(name, script);
        let outcome = place.eddy("test -w echo --bin node --node-count 1").expect(255, expected);
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        let [.., recorded, report, again] = lines[..] else { panic!("{}", outcome.stderr) };
        assert!(recorded.contains("store/echo/"), "{}", outcome.stderr);
        assert!(report.starts_with("report  store/echo/") && again.starts_with("again   "));
        assert!(place.0.join("store/latest/history.edn").exists());
        assert!(!place.0.join("store/latest/results.edn").exists());
    }
    check(
        "exits",
        "echo 'no luck' >&2; exit 3",
        "node n0 cannot be tested: before it answered init, it exited with status 3.\nIt \
         last wrote to STDERR:\n  no luck\n",
    );
    check("mute", "kill -9 $$", "was killed by signal 9 (SIGKILL).\nIt wrote nothing to STDERR.\n");
    check("rubbish", "echo hello; sleep 100", "a line to STDOUT that is not a message");
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
        ("sh", "programs/sh does not exist; --bin is a path, and not looked for on PATH. Did you"),
        ("sh data", "does not exist; --bin takes the script itself. Did you mean --bin data, with"),
        ("~/node", "node does not exist; no shell has expanded its ~. Did you mean --bin /"),
    ] {
        place.eddy(&format!("test -w echo --bin {bin}")).expect(255, expected);
    }
    place.file("file", "", 0o644);
    let run = "test -w echo --bin /bin/sh --store file";
    place.eddy(run).expect(255, "eddy: file is a file; --store must be a directory");
    let run = "test -w echo --bin /bin/sh --store file/store";
    place.eddy(run).expect(255, "file/store/echo cannot be written: Not a directory");
}

#[test]
fn wrong_arguments_are_shown_with_what_is_expected() {
    let place = Place::new("arguments");
    place.file("none", "\n \n", 0o644);
    let test = "test -w echo --bin /bin/true";
    let name = "x".repeat(201);
    for (options, expected) in [
        ("--node-count 0", "'0' for '--node-count <NUMBER>': expected a whole number, 1 or more\n"),
        ("--node-count 99999999999", "'99999999999' for '--node-count <NUMBER>': expected 1000000"),
        ("--node-count 200000", "200000 is not a possible number of nodes; expected 1 to 100000"),
        (
            "--rate -1",
            "'-1' for '--rate <RATE>': expected operations per second, 0 or more; did you mean 1?",
        ),
        ("--rate many", "'many' for '--rate <RATE>': expected operations per second, 0 or more\n"),
        ("--rate 1e300", "is not a rate; expected operations per second, from 0 to 1000000000"),
        ("--availability 2", "'2'"),
        ("--availability 99", "a number from 0 to 1; did you mean 0.99?"),
        ("--availability 99%", "expected any, total, or a number from 0 to 1; did you mean 0.99?"),
        ("--availability none", "'none'"),
        (
            "--topology gird",
            "no topology is called \"gird\"; did you mean grid? (known: line, grid",
        ),
        ("--latency -5", "'-5'"),
        ("--latency 100ms", "milliseconds, 0 or more; did you mean 100?"),
        ("--latency 18446744073709551615", "s is too long; expected at most 315360000 s"),
        ("--latency-dist normal", "constant, uniform, exponential"),
        ("--latency-dist unifrom", "did you mean uniform?"),
        ("--nemesis partition,fire", "\"fire\""),
        ("--nemesis partitions", "did you mean partition?"),
        ("--nemesis none", "there are no faults without --nemesis; leave it out"),
        (
            "--nemesis partition, kill",
            "expected names separated by commas, without spaces, as in part",
        ),
        ("--nemesis l", "no fault is called \"l\" (known: partition"),
        ("--store=~/store", "no shell has expanded --store ~/store; did you mean /"),
        ("--nemesis-interval 0", "'0'"),
        ("--nemesis-interval 10s", "expected a number of seconds above 0; did you mean 10?"),
        ("--nemesis-interval 1e18", "a nemesis interval of 1000000000000000000 s is too long"),
        ("--concurrency n", "'n' for '--concurrency <NUMBER>': expected 1 or more, or a multiple"),
        ("--concurrency -1n", "or a multiple of the nodes like 2n; did you mean 1n?"),
        ("--concurrency 2N", "did you mean 2n?"),
        ("--concurrency 18446744073709551615n", "clients are too many; expected at most 100000"),
        ("--time-limit 0", "expected a whole number of seconds, 1 or more\n"),
        ("--time-limit 20s", "did you mean 20?"),
        ("--time-limit 18446744073709551615", "a time limit of 18446744073709551615 s is too long"),
        ("--test-count 0", "expected a whole number"),
        ("--seed -7", "expected a whole number from 0 to 18446744073709551615; did you mean 7?"),
        ("--delivery plane", "no delivery is called \"plane\"; did you mean plain? (known: mael"),
        ("--key-count none", "'none' for '--key-count <NUMBER>': expected a whole number"),
        ("--no-such-option", "--no-such-option"),
        ("--time-limt 5", "a similar argument exists: '--time-limit'"),
        ("--node a --node a", "there are two nodes called \"a\""),
        ("--node c1", "\"c1\" cannot be the name of a node, because names that begin with c"),
        ("--node lin-kv", "\"lin-kv\" cannot be the name of a node, because it is a service's"),
        (&format!("--node {name}"), "because it is too long"),
        ("--nodes a,,b", "\"\" cannot be the name of a node"),
        ("--nodes ../a", "\"../a\" cannot be the name of a node"),
        ("--nodes-file nowhere", "nowhere: No such file"),
        ("--nodes-file none", "none names no node; expected --nodes-file to have one on each line"),
        ("--key-count 9999999", "expected 1000000 at most"),
        ("--consistency-models serialisable", "did you mean serializable?"),
        ("--consistency-models read-committed,none", "no consistency model is called \"none\""),
        ("-w lin-kv", "5 clients cannot be divided among the keys of lin-kv"),
        ("-w brodcast", "no workload is called \"brodcast\"; did you mean broadcast? (known: br"),
    ] {
        place.eddy(&format!("{test} {options}")).expect(254, expected);
    }
    place.eddy("test -w echo").expect(254, "--bin <FILE>");
    let run = place.eddy("test --bin /bin/true");
    let run = run.expect(254, "expected a concurrency of 10, or 2n, or a");
    run.expect(254, ". Without -w the workload is lin-kv, as in Maelstrom; did you mean");
    let named = place.eddy("test -w lin-kv --bin /bin/true");
    assert!(!named.stderr.contains("ithout -w the workload is"), "{}", named.stderr);
    place.eddy("").expect(254, "Usage: eddy");
    place.eddy("tset").expect(254, "a similar subcommand exists: 'test'");
    place.eddy("check . --max-median 400ms").expect(254, "0 or more; did you mean 400?");
    place.eddy("check . --min-ok-fraction 2").expect(254, "number from 0 to 1; did you mean 0.02?");
    place.eddy("check . --max-medain 4").expect(254, "a similar argument exists: '--max-median'");
    assert!(place.eddy("test --help").expect(0, "").stdout.contains("[default: grid]"));
}

#[test]
fn a_typo_is_answered_with_a_suggestion() {
    let place = Place::new("slips");
    let test = "test -w echo --bin /bin/true";
    let meant = |what: &str| format!("did you mean {what}?");
    let similar = |kind: &str, what: &str| format!("a similar {kind} exists: '{what}'");
    for (words, expected) in [
        ("tset -w echo".to_owned(), similar("subcommand", "test")),
        ("-w echo --bin x".to_owned(), meant("eddy test -w echo --bin x")),
        ("test -w echo -bin /bin/true".to_owned(), meant("--bin")),
        (format!("{test} -node-count 3"), meant("--node-count")),
        (format!("{test} -nemesis=kill"), meant("--nemesis")),
        ("check . -max-median 4".to_owned(), meant("--max-median")),
        ("anaylze store".to_owned(), similar("subcommand", "analyze")),
        ("chekc store".to_owned(), similar("subcommand", "check")),
        ("completion bash".to_owned(), similar("subcommand", "completions")),
        ("completions bsh".to_owned(), similar("value", "bash")),
        (
            "test --node-cout 3 -w echo --bin /bin/true".to_owned(),
            similar("argument", "--node-count"),
        ),
        (format!("{test} --node-cout 3"), similar("argument", "--node-count")),
        (format!("{test} word --node-cout 3"), similar("argument", "--node-count")),
        (format!("{test} word --node-cout=3 word"), similar("argument", "--node-count")),
        (format!("{test} --nemsis partition"), similar("argument", "--nemesis")),
        (format!("{test} --latency-dits uniform"), similar("argument", "--latency-dist")),
        (format!("{test} --max-msg-per-op 3"), similar("argument", "--max-msgs-per-op")),
        (format!("{test} --ednn"), similar("argument", "--edn")),
        ("check store --max-msgs-per-ops 3".to_owned(), similar("argument", "--max-msgs-per-op")),
        ("analyze store --workloda echo".to_owned(), similar("argument", "--workload")),
        ("test -w brodcast --bin /bin/true".to_owned(), meant("broadcast")),
        ("test -w Echo --bin /bin/true".to_owned(), meant("echo")),
        ("test -w unique-id --bin /bin/true".to_owned(), meant("unique-ids")),
        ("analyze . -w linkv".to_owned(), meant("lin-kv")),
        (format!("{test} --topology gird"), meant("grid")),
        (format!("{test} --topology tree5"), meant("tree")),
        (format!("{test} --nemesis kill,puase"), meant("pause")),
        (format!("{test} --nemesis oneway"), meant("one-way")),
        (format!("{test} --latency-dist exponental"), meant("exponential")),
        (format!("{test} --consistency-models serialisable"), meant("serializable")),
        ("analyze . --consistency-models read-comitted".to_owned(), meant("read-committed")),
    ] {
        place.eddy(&words).expect(254, &expected);
    }
    // Everything after `--` belongs to the node, including typos.
    place.eddy("test -w echo --bin nothing -- --node-cout 3").expect(255, "cannot be started");
}

#[test]
fn limits_change_the_exit_status_and_not_the_verdict() {
    let place = Place::with_node("test-limits", ECHO);
    let test = "test -w echo --bin node --node-count 1 --time-limit 1 --rate 20";
    let outcome = place.eddy(&format!("{test} --max-latency 0 --test-count 9")).expect(1, "");
    let words = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("< 0 EXCEEDED"), "{}", outcome.stdout);
    assert!(words.contains("valid, but not within limits Everything looks good!"), "{words}");
    let outcome = place.eddy(&format!("{test} --min-ok-fraction 1")).expect(0, "");
    assert!(outcome.stdout.contains("valid, and within limits\n\nEverything looks good!"));
}

#[test]
fn options_of_maelstrom_without_effect_are_accepted() {
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
    let rows = [
        (Signal::INT, "Ctrl-C"),
        (Signal::TERM, "SIGTERM"),
        (Signal::HUP, "SIGHUP"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::USR2, "SIGUSR2"),
    ];
    all_at_once(&rows, |number, (signal, name)| {
        let marker = &unique_sleep(&format!("8640{number}"));
        let place = Place::with_node(marker, &format!("sleep {marker} & {ECHO}"));
        let run = "test -w echo --bin node --node-count 3 --rate 50 --log-net-recv";
        // The parent of these tests may ignore signals, and eddy would inherit that.
        let run = format!("exec env --default-signal \"$1\" {run}");
        let (mut eddy, mut stderr) = first_answer(&place, &run);
        assert!(is_running(marker));
        kill_process(Pid::from_child(&eddy), *signal).unwrap();
        // A second signal changes nothing.
        kill_process(Pid::from_child(&eddy), *signal).unwrap();
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(eddy.wait().unwrap().code(), Some(255));
        let expected = format!("eddy: stopped by {name}; the recorded files are in store/echo/");
        assert!(rest.contains(&expected), "{rest}");
        assert!(!is_running(marker));
        let history = fs::read_to_string(place.0.join("store/latest/history.edn")).unwrap();
        assert!(history.contains(":type :ok"), "{history}");
    });
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let place = Place::with_node("ignored", ECHO);
    let run = "test -w echo --bin node --node-count 1 --rate 50 --time-limit 1 --log-net-recv";
    let run = format!("trap '' HUP INT; exec \"$1\" {run}");
    let (mut eddy, mut stderr) = first_answer(&place, &run);
    for signal in [Signal::HUP, Signal::INT] {
        kill_process(Pid::from_child(&eddy), signal).unwrap();
    }
    stderr.read_to_string(&mut String::new()).unwrap();
    assert_eq!(eddy.wait().unwrap().code(), Some(0));
}

/// Runs eddy, as `$1` of a shell command, and waits until an operation was answered.
fn first_answer(place: &Place, run: &str) -> (Child, BufReader<ChildStderr>) {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", run, "sh"]).arg(place.command("").get_program()).current_dir(&place.0);
    let mut eddy = shell.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(eddy.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("echo_ok") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "no operation was answered");
    }
    (eddy, stderr)
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
    check("true", "--max-median 400", 0, "median stable latency, ms 399 < 400 holds");
    check("true", "", 0, "stable latency: how long reads lacked a value that was not lost");
    check("true", "--max-latency 600", 1, "600 < 600 EXCEEDED");
    check("true", "--max-latency 601", 0, "600 < 601 holds");
    check("true", "--min-ok-fraction 0.99", 0, "0.99 ≥ 0.99 holds");
    check("true", "--min-ok-fraction 1", 1, "0.99 ≥ 1 EXCEEDED");
    check("false", "--max-latency 601", 1, "not valid");
    check(":unknown", "--max-latency 601", 2, "unknown");
    check(":unknown", "--max-latency 1", 1, "unknown, and not within limits");
}

#[test]
fn without_stable_latencies_the_latency_is_that_of_operations() {
    let place = Place::new("operations");
    place.file("results.edn", "{:workload {:valid? true}, :valid? true}\n", 0o644);
    let ops = [
        (0, "invoke", 0),
        (1_500_000, "ok", 0),
        (2_000_000, "invoke", 0),
        (3_000_000, "invoke", 1),
        (9_000_000, "ok", 0),
        (90_000_000, "info", 1),
    ];
    let lines = ops.iter().enumerate().map(|(index, (time, kind, process))| {
        format!(
            "{{:index {index}, :time {time}, :type :{kind}, :process {process}, :f :read, \
             :value nil}}\n"
        )
    });
    place.file("history.edn", &lines.collect::<String>(), 0o644);
    let outcome = place.eddy("check . --max-median 7 --max-latency 7.1").expect(1, "");
    let words = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("median operation latency, ms 7 < 7 EXCEEDED"), "{words}");
    assert!(words.contains("maximum operation latency, ms 7 < 7.1 holds"), "{words}");

    // A set without stable elements has no latency.
    let results = "{:workload {:stable-count 0, :valid? :unknown}, :valid? :unknown}\n";
    place.file("results.edn", results, 0o644);
    let outcome = place.eddy("check . --max-median 7").expect(1, "");
    assert!(outcome.stdout.contains("NOT MEASURED"), "{}", outcome.stdout);
}

#[test]
fn only_results_can_be_checked() {
    let place = Place::new("no-results");
    place.file("empty/history.edn", "", 0o644);
    place.file("torn/results.edn", "{:valid? ", 0o644);
    place.file("other/results.edn", "{:valid? 7}", 0o644);
    place.file("short/results.edn", "{:valid? true}", 0o644);
    place.eddy("check nowhere").expect(254, "nowhere does not exist");
    place.eddy("check empty/history.edn").expect(254, "is not a directory");
    place.file("store/latest/results.edn", "{:valid? true}", 0o644);
    place.file("nothing/else", "", 0o644);
    place
        .eddy("check empty")
        .expect(255, "eddy: empty has no verdict: the test was stopped, could");
    place.eddy("check store").expect(254, "store is not a test; did you mean store/latest?");
    place.eddy("check nothing").expect(254, "nothing/results.edn: No such file");
    let outcome = place.eddy("check short --table nowhere/table");
    let outcome = outcome.expect(255, "eddy: nowhere/table cannot be written: No such file");
    assert!(outcome.stdout.ends_with("\nvalid\n"), "{}", outcome.stdout);
    place.eddy("check torn").expect(254, "torn/results.edn is not a results file: line 1");
    place.eddy("check other").expect(254, "has no :valid?");
    let outcome = place.eddy("check short --max-median 5").expect(1, "");
    assert!(outcome.stdout.contains("NOT MEASURED"), "{}", outcome.stdout);
    place.eddy("check short").expect(0, "");
}

#[test]
fn a_closed_pipe_is_no_reason_to_panic() {
    let rows = [
        ("check .", "1"),
        ("test -w echo --bin node --node-count 1 --time-limit 1 --log-net-send", "0"),
        ("tset", "254"),
    ];
    // The command waits until the pipe is closed, and then writes to it.
    all_at_once(&rows, |number, (run, status)| {
        let place = Place::with_node(&format!("closed{number}"), ECHO);
        place.file("results.edn", "{:valid? false}", 0o644);
        let eddy = place.command("").get_program().to_owned();
        let wait = "trap '' PIPE; while echo 2>/dev/null; do :; done";
        let script = format!("({wait}; \"$1\" {run} 2>&1; echo $? >status) | exec 0<&-");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &script]).arg("sh").arg(eddy).current_dir(&place.0);
        let output = shell.output().unwrap();
        assert_eq!(output.stderr, b"", "{}", String::from_utf8_lossy(&output.stderr));
        let path = place.0.join("status");
        // The shell waits only for the last command of a pipeline.
        while fs::read_to_string(&path).unwrap_or_default() != format!("{status}\n") {
            std::thread::sleep(POLL_INTERVAL);
        }
    });
}

#[test]
fn an_obstacle_in_the_store_is_reported_before_anything_is_started() {
    #[track_caller]
    fn check(name: &str, file: &str, expected: &str) {
        let place = Place::with_node(name, "touch started; exec sleep 100");
        place.file(file, "", 0o644);
        place.eddy("test -w echo --bin node").expect(255, expected);
        assert!(!place.0.join("store/echo/latest/node-logs").exists());
    }
    check(
        "way1",
        "store/latest/file",
        "eddy: store/latest is in the way: expected nothing there, or a",
    );
    check("way2", "store/current", "eddy: store/current is in the way");
    check("way3", "store/echo/latest", "eddy: store/echo/latest is in the way");
    check("way4", "store/echo", "eddy: store/echo cannot be written: File exists");
    let place = Place::with_node("full", ECHO);
    let run = "test -w echo --bin node --store /dev/full";
    place.eddy(run).expect(255, "eddy: /dev/full is a file; --store must be a directory");
}

#[test]
fn a_full_disk_is_reported_at_once_or_loses_only_the_end() {
    // A limit of the file size, in blocks of 512 bytes, acts like a full disk.
    #[track_caller]
    fn check(blocks: u32, trap: &str, rate: u32, expected: &str) {
        let place = Place::with_node(&format!("disk{blocks}{rate}"), ECHO);
        let eddy = place.command("").get_program().to_owned();
        let run = format!(
            "{trap} ulimit -f {blocks}; exec \"$1\" test -w echo --bin node --node-count 2 \
             --time-limit 1 --rate {rate}"
        );
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &run]).arg("sh").arg(eddy).current_dir(&place.0);
        let output = shell.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(255), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
    let lost = " entries long, the end is lost: store/echo/";
    check(4, "", 5, "/history.edn cannot be written: File too large");
    check(4, "trap '' XFSZ;", 5, "/history.edn cannot be written: File too large");
    check(256, "", 2000, lost);
}
