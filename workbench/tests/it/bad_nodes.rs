//! Nodes that misbehave. Each ends its test soon, with a reason, and the record is kept.

use std::fs;
use std::time::{Duration, Instant};

use crate::common::{CommandResult, ECHO, Place, all_at_once, is_running, unique_sleep};

/// Report of the line that every node writes to STDERR first.
const STDERR_TAIL: &str = "It last wrote to STDERR:\n  I was here\n";

/// Time limit of a row: much longer than any needs, and shorter than the minute that the test takes
/// if nothing ends it.
const ROW_TIME_LIMIT: Duration = Duration::from_secs(25);

/// Shell script that answers init and sets variables to its own id and a client's.
const INIT: &str = r#"
    read -r line
    me=$(echo "$line" | sed -E 's/.*"dest":"([^"]*)".*/\1/')
    client=$(echo "$line" | sed -E 's/.*"src":"([^"]*)".*/\1/')
    say() { echo "{\"src\":\"$1\",\"dest\":\"$2\",\"body\":$3}"; }
    say $me $client '{"type":"init_ok","in_reply_to":1}'
"#;

/// Runs an echo test with a node that says a word, starts a process, and goes on with a script in
/// which `INIT`, `ECHO` and `MARKER` stand for what they are called.
#[track_caller]
fn run(number: usize, script: &str, options: &str) -> (Place, CommandResult) {
    let marker = unique_sleep(&format!("8650{number}"));
    let script = script.replace("INIT", INIT).replace("ECHO", ECHO).replace("MARKER", &marker);
    let script = format!("echo 'I was here' >&2\nsleep {marker} >&2 &\n{script}");
    let place = Place::with_node(&format!("bad{number}"), &script);
    let start = Instant::now();
    let outcome = place.eddy(&format!("test -w echo --bin node {options}"));
    let (took, CommandResult { stderr, .. }) = (start.elapsed(), &outcome);
    assert!(took < ROW_TIME_LIMIT, "{took:?} for {script}\n{stderr}");
    assert!(!is_running(&marker), "something goes on after {script}\n{stderr}");
    for history in ["history.edn", "history.txt"] {
        assert!(place.0.join("store/latest").join(history).exists(), "no {history}: {stderr}");
    }
    (place, outcome)
}

/// Checks that a node ends the test with this reason and this end of STDERR.
#[track_caller]
fn check_end(number: usize, script: &str, expected: &str, words: &str) {
    let (place, outcome) = run(number, script, "--node-count 2 --rate 50");
    let CommandResult { stderr, stdout, .. } = outcome.expect(255, expected);
    assert!(stderr.contains("eddy: node n"), "{stderr}");
    assert!(stderr.contains("It last wrote to STDERR:\n"), "{stderr}");
    assert!(stderr.contains(words), "expected {words:?} in\n{stderr}");
    let lines: Vec<&str> = stderr.lines().collect();
    let [.., recorded, report, again] = lines[..] else { panic!("{stderr}") };
    assert!(recorded.starts_with("the recorded files are in store/echo/"), "{stderr}");
    assert!(report.starts_with("report  store/echo/") && again.starts_with("again   "), "{stderr}");
    let is_raw = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    assert!(!stderr.contains(is_raw) && stdout.is_empty(), "{stderr:?}");
    assert!(!place.0.join("store/latest/results.edn").exists());
    let logs = fs::read_dir(place.0.join("store/latest/node-logs")).unwrap();
    for log in logs.map(|log| log.unwrap().path()) {
        assert!(fs::metadata(&log).unwrap().len() <= 256 << 20, "{}", log.display());
        fs::write(log, "").unwrap();
    }
}

#[test]
fn a_bad_node_ends_the_test_with_a_reason_and_the_end_of_its_stderr() {
    let init = "before it answered init, it";
    let rows = [
        // Rubbish, including terminal control sequences.
        ("echo starting", "it wrote a line to STDOUT that is not a message: ", STDERR_TAIL),
        ("echo hello; sleep 60", "Did you mean STDERR?\n", STDERR_TAIL),
        ("echo; sleep 60", "tested: it wrote an empty line to STDOUT", STDERR_TAIL),
        (
            r"printf '\033[2J\000\377\n'; sleep 60",
            "\n  \\u{1b}[2J\\u{0}\u{fffd}\nExpected {\"src\": …",
            STDERR_TAIL,
        ),
        (
            r"printf 'a\033[5m' >&2; exit 1",
            &format!("{init} exited with status 1.\n"),
            "a\\u{1b}[5m\n",
        ),
        (
            "INIT\nprintf x; head -c 100000 /dev/urandom; sleep 60",
            "that is not a message: ",
            STDERR_TAIL,
        ),
        // Unterminated lines.
        (
            r#"printf '{"src":"n0"'; sleep 60"#,
            &format!(
                "{init} wrote half a line to STDOUT and then nothing more:\n  {{\"src\":\"n0\"\nEnd \
                 each message with a newline, and flush STDOUT.\n"
            ),
            STDERR_TAIL,
        ),
        (
            "head -c 100000000 /dev/zero | tr '\\0' x; sleep 60",
            &format!("{init} wrote more than 64 MiB to STDOUT without a newline:\n  xxx"),
            STDERR_TAIL,
        ),
        // Exits.
        (
            "INIT\nexit 0",
            "it exited with status 0. A node must run until its STDIN ends",
            STDERR_TAIL,
        ),
        (
            "INIT\nread -r request; exit 0",
            "tested: it exited with status 0. A node must run",
            STDERR_TAIL,
        ),
        ("INIT\nkill -SEGV $$", "tested: it was killed by signal 11 (SIGSEGV).\n", STDERR_TAIL),
        // Children that hold its pipes after its exit.
        ("INIT\nsleep MARKER & exit 7", "it exited with status 7.\n", STDERR_TAIL),
        (
            "INIT\nsetsid sleep MARKER & sleep 0.2; exit 7",
            "it exited with status 7.\n",
            STDERR_TAIL,
        ),
        (
            "INIT\nexec 1>&-\nwhile :; do sleep MARKER; done",
            "it closed its STDOUT and keeps running. Messages go to STDOUT; keep it open",
            "",
        ),
        // More output than is read.
        (
            "INIT\nyes 'no end' >&2",
            "it wrote more than 256 MiB to STDERR. Make it log less;",
            "no end",
        ),
        (
            // Each node floods the other, and neither reads.
            r#"INIT
            case $me in n0) other=n1;; *) other=n0;; esac
            yes "$(say $me $other "{\"type\":\"$(head -c 100000 /dev/zero | tr '\0' x)\"}")""#,
            "it does not read STDIN: more than 64 MiB wait for it. A node must go on reading",
            STDERR_TAIL,
        ),
    ];
    all_at_once(&rows, |number, (script, expected, words)| {
        check_end(number, script, expected, words);
    });
}

#[test]
fn an_undeliverable_message_ends_the_test() {
    let rows = [
        (
            r#"INIT
            say $me n9 '{"type":"hello"}'; sleep 60"#,
            "it sent a message to \"n9\", which does not exist:\n  {\"src\":\"n",
        ),
        (
            r#"INIT
            say n9 $client '{"type":"hello"}'; sleep 60"#,
            "it sent a message in the name of \"n9\", which does not exist:\n  {\"src\":\"n9\"",
        ),
        (
            // Before the node knows its id.
            r#"echo '{"src":null,"dest":"lin-kv","body":{"type":"read","key":1,"msg_id":1}}'
            sleep 60"#,
            "Expected {\"src\": …, \"dest\": …, \"body\": {…}}. The node sent this before it had \
             answered init. A node learns its id from that request",
        ),
        (
            r#"INIT
            echo "{\"src\":\"$me\",\"dest\":\"$client\",\"body\":{},\"type\":\"x\"}"; sleep 60"#,
            "that is not a message: unknown field `type`",
        ),
        (
            r#"INIT
            echo "{\"src\":\"$me\",\"dest\":\"$client\"}"; sleep 60"#,
            "that is not a message: missing field `body`",
        ),
    ];
    all_at_once(&rows, |number, (script, expected)| {
        check_end(500 + number, script, expected, STDERR_TAIL);
    });
}

#[test]
fn whatever_maelstrom_tolerates_is_tolerated() {
    let rows = [
        // Ignores requests to end.
        ("trap '' TERM INT HUP; ECHO", 0, "Everything looks good!"),
        ("trap '' TERM; (ECHO); while :; do sleep MARKER; done", 0, "Everything looks good!"),
        // Leaves a process in its own session, and one whose parent has exited.
        ("setsid sleep MARKER & (setsid sleep MARKER &) ; ECHO", 0, "Everything looks good!"),
        // Stops reading, or writes half a reply.
        ("INIT\nsleep 60", 1, "Analysis invalid!"),
        (
            "INIT\nread -r request; printf '{\"src\":\\033'; sleep 60",
            1,
            "warning: node n1 left a line on STDOUT without the newline that ends a message: \
             {\"src\":\\u{1b}\n",
        ),
        // Closes its STDIN.
        (
            &format!("{}\nsleep 60", INIT.replace("say $me", "exec 0<&-; say $me")),
            1,
            "warning: node n1 closed its STDIN and kept running: everything after message 1 \
             was lost\n",
        ),
        // Sends an unsolicited message together with a reply.
        (
            r#"INIT
            while read -r request; do
                client=$(echo "$request" | sed -E 's/.*"src":"([^"]*)".*/\1/')
                say $me $client '{"type":"echo_ok","in_reply_to":0}'
                say $me $client '{"type":"echo_ok"}'
            done"#,
            1,
            " messages to clients that are not replies to any of their requests, the first, to c",
        ),
    ];
    all_at_once(&rows, |number, (script, status, expected)| {
        let (_, outcome) = run(100 + number, script, "--node-count 2 --rate 20 --time-limit 1");
        let CommandResult { stdout, .. } = outcome.expect(*status, "");
        assert!(stdout.contains(expected), "expected {expected:?} in\n{stdout}");
    });
}

#[test]
fn a_lenient_test_continues_like_maelstrom() {
    let echo = |line: &str| {
        let node = r#"INIT
            LINE
            while read -r request; do
                case $request in *'"type":"echo"'*) ;; *) continue;; esac
                client=$(echo "$request" | sed -E 's/.*"src":"([^"]*)".*/\1/')
                id=$(echo "$request" | sed -E 's/.*"msg_id":([0-9]*).*/\1/')
                echo=$(echo "$request" | sed -E 's/.*"echo":("[^"]*").*/\1/')
                say $me $client "{\"type\":\"echo_ok\",\"echo\":$echo,\"in_reply_to\":$id}"
            done"#;
        node.replace("LINE", &format!("[ $me = n1 ] && {{ {line}; }}"))
    };
    let unheard = "warning: node n1 was ignored from ";
    let taken =
        "warning: node n1 sent a message that only Maelstrom and a lenient test accept: it ";
    // Requests to an ignored node time out after 5 s, and the required availability is missed.
    let rows = [
        ("echo starting", 1, [unheard, "a message: expected value at column 1: starting. Exp"]),
        ("echo", 1, [unheard, " not read: it wrote an empty line to STDOUT"]),
        ("say $me n9 '{}'", 1, [unheard, "it sent a message to \"n9\", which does not exist: {"]),
        ("say n9 n0 '{}'", 1, [unheard, "it sent a message in the name of \"n9\", which does not"]),
        ("say $me n0 7", 1, [unheard, "whose body is not a JSON object: {"]),
        (
            r#"echo '{"src":"n1","dest":"n0","body":{},"type":"x"}'"#,
            1,
            [unheard, "a message: unknown field `type`"],
        ),
        (
            r#"echo '{"src":"n1","dest":"n0","body":{},"id":null}'"#,
            1,
            [unheard, "a message: id is null, expected an integer or none"],
        ),
        (r#"echo '["n1","n0",{}]'"#, 1, [unheard, "an array is not an object"]),
        (r#"echo '{"src":"n1","dest":"lin-tso"}'"#, 0, [taken, "missing field `body`"]),
        ("say $me lin-tso null", 0, [taken, "whose body is not a JSON object: {"]),
        ("say $me lin-tso '[]'", 0, [taken, "whose body is not a JSON object: {"]),
        (r#"echo '{"src":"n1","dest":"lin-tso","body":{}} {'"#, 0, [taken, "trailing characters"]),
        // Behavior that is always tolerated.
        (
            "say n0 lin-tso '{}'",
            0,
            ["n1 sent 1 message in the name of somebody else, as n0 to", ""],
        ),
    ];
    all_at_once(&rows, |number, (line, status, expected)| {
        let options = "--node-count 2 --rate 10 --time-limit 2 --availability total --lenient";
        let (_, outcome) = run(400 + number, &echo(line), options);
        let CommandResult { stdout, .. } = outcome.expect(*status, "");
        for expected in expected {
            assert!(stdout.contains(expected), "expected {expected:?} of {line} in\n{stdout}");
        }
    });
    // A node that is ignored before init never starts, so there is no verdict.
    let (_, outcome) = run(450, "echo starting; INIT\nsleep 60", "--lenient");
    outcome.expect(255, "it wrote a line to STDOUT that is not a message");
}

#[test]
fn only_a_node_without_a_reply_to_init_is_blamed_for_it() {
    // The other nodes never answer.
    let script = r#"read -r line
        case $line in *'"dest":"n1"'*) ;; *) sleep 60;; esac
        echo '{"src":"n1","dest":"c1","body":{"type":"init_ok","in_reply_to":1}}'
        exit 5"#;
    let (_, outcome) = run(200, script, "--node-count 3");
    outcome.expect(255, "eddy: node n1 cannot be tested: it exited with status 5.\n");
}

#[test]
fn a_reply_to_no_request_is_distinguished_from_silence() {
    let rows = [
        (
            "",
            "echo",
            "it did not answer init in time. Does it read STDIN and flush STDOUT, as print(…, \
             flush=True) does in Python?\n",
        ),
        (
            // The most common mistake.
            r#"say $me $client '{"type":"init_ok"}'"#,
            "echo",
            "it did not answer init in time. It sent c0 {\"type\":\"init_ok\"}, which is not a \
             reply to its request: expected \"in_reply_to\": 1.\n",
        ),
        (
            r#"say $me $client '{"type":"init_ok","in_reply_to":"1"}'"#,
            "echo",
            "It sent c0 {\"type\":\"init_ok\",\"in_reply_to\":\"1\"}, which",
        ),
        (
            r#"say $me $me '{"type":"init_ok","in_reply_to":1}'"#,
            "echo",
            "it did not answer init in time. It sent {\"type\":\"init_ok\",\"in_reply_to\":1} to n0, \
             which is itself: expected \"dest\": \"c0\", the src of the request.\n",
        ),
        (
            r#"say $me $client '{"type":"init","in_reply_to":1}'"#,
            "echo",
            "it answered init with\n  {\"type\":\"init\",\"in_reply_to\":1}\nExpected {\"type\": \
             \"init_ok\"",
        ),
        (
            r#"say $me $client '{"type":"init_ok","in_reply_to":1}'"#,
            "broadcast",
            "it did not answer topology in time. It has answered init; does it know the message \
             type topology?\n",
        ),
        (
            r#"say $me $client '{"type":"init_ok","in_reply_to":1}'; read -r line; exit 4"#,
            "broadcast",
            "cannot be tested: before it answered topology, it exited with status 4.\n",
        ),
    ];
    let say_nothing = INIT.trim_end().rsplit_once('\n').unwrap().0;
    all_at_once(&rows, |number, (answer, workload, expected)| {
        let script = format!("{say_nothing}\n{answer}\nsleep 60");
        let (_, outcome) = run(300 + number, &script, &format!("--node-count 1 -w {workload}"));
        outcome.expect(255, expected);
    });
}

#[test]
fn an_ignored_reply_to_init_is_reported_at_once() {
    let say_nothing = INIT.trim_end().rsplit_once('\n').unwrap().0;
    let right = r#"say $me $client '{"type":"init_ok","in_reply_to":1}'"#;
    let rows = [
        (
            format!(r#"say $me $client '{{"type":"init_ok","in_reply_to":7}}'; sleep 1; {right}"#),
            "eddy: node n1 has not answered init, for which it has 10 s. It sent c1 \
             {\"type\":\"init_ok\",\"in_reply_to\":7}, which is not a reply to its request: \
             expected \"in_reply_to\": 1.\n",
            "Everything looks good!",
        ),
        (
            format!(r#"say $me n0 '{{"type":"init_ok","in_reply_to":1}}'; sleep 1; {right}"#),
            "eddy: node n1 has not answered init, for which it has 10 s. It sent \
             {\"type\":\"init_ok\",\"in_reply_to\":1} to n0: expected \"dest\": \"c1\", the src of",
            "warning: nodes n0 and n1 sent 2 replies to nodes instead of clients, the first, to n0",
        ),
        (
            // A node that uses the id from an example as its own.
            r#"say n0 $client '{"type":"init_ok","in_reply_to":1}'"#.to_owned(),
            "eddy: node n1 sent a reply in the name of another, as n0, to the init of c1: expected \
             \"src\": \"n1\", the node_id of its init request, in {\"type\":\"init_ok\"",
            "warning: node n1 sent a reply in the name of another, as n0, to the init of c1: \
             expected \"src\": \"n1\", the node_id of its init request, in {\"type\":\"init_ok\"",
        ),
    ];
    all_at_once(&rows, |number, (answer, told, warning)| {
        let script = format!("{say_nothing}\n{answer}\nECHO");
        let (_, outcome) = run(600 + number, &script, "--node-count 2 --rate 20 --time-limit 1");
        let CommandResult { stdout, .. } = outcome.expect(0, told);
        assert!(stdout.contains(warning), "expected {warning:?} in\n{stdout}");
    });
}
