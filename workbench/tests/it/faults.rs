//! Faults that strike processes, as seen by nodes, in files and in output.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use eddy::edn::{Map, Value};
use eddy::history::{History, Kind, Op, Process};
use rustix::process::{Pid, Signal, kill_process};

use crate::common::{CommandResult, ECHO, Place, all_at_once, is_running, unique_sleep};

/// Script that counts a node's incarnations, and writes each number and the storage directory to
/// STDERR.
const COUNT_INCARNATION: &str = r#"echo $$ >> "$EDDY_STORAGE/incarnations"
    incarnation=$(($(wc -l < "$EDDY_STORAGE/incarnations")))
    echo "incarnation $incarnation in $EDDY_STORAGE" >&2
"#;

/// Script that starts processes: in the node's group, in their own session, and an orphan.
const CHILDREN: &str = "begun() { until grep -q sleep /proc/$!/comm; do :; done; }
    sleep MARKER & begun
    setsid sleep MARKER & begun
    (setsid sleep MARKER & begun)
";

/// Interval at which a condition is polled. A shorter one would take the processor from the
/// programs under test.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Node for the echo workload that sends a message to another node at each request.
const GREETER: &str = r#"exec sed -n -u -E \
    -e '/"type":"init"/ s/.*"src":"([^"]*)","dest":"([^"]*)".*"msg_id":([0-9]+).*/{"src":"\2","dest":"\1","body":{"type":"init_ok","in_reply_to":\3}}/p' \
    -e '/"type":"echo"/ {
        s/.*"src":"([^"]*)","dest":"([^"]*)".*"echo":("[^"]*").*"msg_id":([0-9]+).*/{"src":"\2","dest":"\1","body":{"type":"echo_ok","echo":\3,"in_reply_to":\4}}\n{"src":"\2","dest":"next \2","body":{"type":"hello"}}/
        s/next n0/n1/; s/next n[12]/n0/; p
    }'"#;

/// Script that extracts the value of a key from a line.
const VALUE: &str = r#"
    value() {
        rest=${line##*\"$1\":}
        rest=${rest#\"}
        echo "${rest%%[,\"\}]*}"
    }
"#;

/// Node for the broadcast workload that stores a value before it answers, and writes each request
/// to STDERR. Thirty final reads come at once, so it spawns few processes.
const STORE: &str = r#"
    while read -r line; do
        type=$(value type)
        echo "$type" >&2
        more=
        case $type in
            broadcast) value message >> "$EDDY_STORAGE/values";;
            read) more=",\"messages\":[$(cat "$EDDY_STORAGE/values" | paste -s -d, -)]";;
        esac
        echo "{\"src\":\"$(value dest)\",\"dest\":\"$(value src)\",\"body\":{\"type\":\"${type}_ok\",\"in_reply_to\":$(value msg_id)$more}}"
    done"#;

/// Node for the lin-kv workload that loses everything in a restart.
const FORGETFUL: &str = r#"
    reply() {
        echo "{\"src\":\"$(value dest)\",\"dest\":\"$(value src)\",\"body\":{\"type\":\"$1\",\"in_reply_to\":$(value msg_id)$2}}"
    }
    while read -r line; do
        type=$(value type)
        if [ "$type" = init ]; then reply init_ok; continue; fi
        name=key_$(value key)
        eval "now=\$$name"
        if [ "$type" = write ]; then eval "$name=$(value value)"; reply write_ok
        elif [ -z "$now" ]; then reply error ',"code":20,"text":"no such key"'
        elif [ "$type" = read ]; then reply read_ok ",\"value\":$now"
        elif [ "$now" != "$(value from)" ]; then reply error ',"code":22,"text":"another value"'
        else eval "$name=$(value to)"; reply cas_ok
        fi
    done"#;

/// One node that is killed at once, restarted after 0.26 s, and not killed again for 5 s.
const KILLED: &str = "--nemesis kill --node-count 1 --seed 7 --nemesis-interval 1";

/// One node that is killed at once, and not restarted for minutes.
const DEAD: &str = "--nemesis kill --node-count 1 --seed 7 --nemesis-interval 1000";

/// One node that is paused at once, for 5.9 s.
const PAUSED: &str = "--nemesis pause --node-count 1 --seed 25 --nemesis-interval 3";

/// These mostly wait for nodes to recover, so they run concurrently.
#[test]
fn faults_have_their_effects_on_processes() {
    let checks: [fn(); 8] = [
        correct_nodes_survive_all_faults_at_once,
        a_killed_node_is_restarted_repeatedly,
        a_restarted_node_is_set_up_again,
        a_store_that_loses_its_keys_is_found_although_it_only_refuses,
        a_paused_node_answers_later,
        only_links_between_servers_are_struck,
        a_node_that_cannot_be_restarted_ends_the_test_with_a_reason,
        a_restarted_node_that_is_silent_is_awaited,
    ];
    all_at_once(&checks, |_, check| check());
}

fn correct_nodes_survive_all_faults_at_once() {
    let all = "partition,kill,pause,one-way,loss,duplicate,slow";
    all_at_once(&[11, 12, 13, 14, 15], |_, seed| {
        let marker = unique_sleep(&format!("8660{seed}"));
        let node = format!("{}{GREETER}", CHILDREN.replace("MARKER", &marker));
        let place = Place::with_node(&format!("all{seed}"), &node);
        let outcome = place.eddy(&format!(
            "test -w echo --bin node --node-count 3 --rate 60 --time-limit 4 --nemesis {all} \
             --nemesis-interval 0.5 --seed {seed}"
        ));
        let CommandResult { status, stdout, stderr } = &outcome;
        assert!(matches!(status, Some(0 | 1)), "seed {seed}: {stdout}\n{stderr}");
        assert!(!stdout.contains("warning:"), "seed {seed}: {stdout}");
        assert!(!is_running(&marker), "seed {seed}");
        let results = results(&place);
        for fault in all.split(',') {
            let count = results.get_in(&["faults", fault, "count"]).and_then(Value::as_int);
            assert!(count > Some(0), "seed {seed}: {fault} in {stdout}");
        }
    });
}

fn a_killed_node_is_restarted_repeatedly() {
    let place = Place::with_node("incarnations", &format!("{COUNT_INCARNATION}{ECHO}"));
    let run = "test -w echo --bin node --node-count 2 --rate 30 --concurrency 30n --time-limit 3 --nemesis kill \
               --nemesis-interval 0.5 --seed 8 --log-net-send";
    let CommandResult { stderr, .. } = place.eddy(run).expect(0, "");
    let history = history(&place);
    let killed = named_by(&history, "kill", "killed");
    let started = named_by(&history, "start", "started");
    assert_eq!(killed, started);
    for node in ["n0", "n1"] {
        let storage = place.0.join("store/latest/storage").join(node).canonicalize().unwrap();
        let incarnations =
            fs::read_to_string(storage.join("incarnations")).unwrap().lines().count();
        // A process that is killed right after its start may not have run.
        assert!((2..=1 + killed[node]).contains(&incarnations), "{incarnations}, {killed:?}");
        let words = fs::read_to_string(place.0.join(format!("store/latest/node-logs/{node}.log")));
        let each = (1..=incarnations)
            .map(|incarnation| format!("incarnation {incarnation} in {}\n", storage.display()));
        assert_eq!(words.unwrap(), each.collect::<String>());
        let said = format!(r#""src":"{node}""#);
        let answered = |line: &&str| line.contains(&said) && line.contains("init_ok");
        let answered = stderr.lines().filter(answered).count();
        assert!(
            (2..=incarnations).contains(&answered),
            "{answered} of {incarnations} incarnations answered init"
        );
    }
    assert!(killed["n0"] >= 3, "{killed:?}");

    let results = results(&place);
    let of_kill = |key: &str| results.get_in(&["faults", "kill", key]).cloned();
    let number = |count: usize| Value::Int(i64::try_from(count).unwrap());
    let strikes = outcomes(&history, "kill").filter(|op| op.value.to_string() != "{}").count();
    assert_eq!(of_kill("count"), Some(number(strikes)));
    let struck: Map =
        killed.iter().map(|(node, times)| (Value::Str(node.clone()), number(*times))).collect();
    assert_eq!(of_kill("struck"), Some(struck.into()));
    let indeterminate = history.client_ops().filter(|op| op.kind == Kind::Info).count();
    let lost = of_kill("messages-lost").and_then(|lost| lost.as_int()).unwrap();
    // Other requests reached a node that was killed before it answered; init may be lost, too.
    let most = indeterminate + killed.values().sum::<usize>();
    assert!(
        (1..=i64::try_from(most).unwrap()).contains(&lost),
        "{lost}, {indeterminate} indeterminate"
    );
    assert_eq!(results.get_in(&["liveness", "valid?"]), Some(&Value::Bool(true)));
}

fn a_restarted_node_is_set_up_again() {
    let place = Place::with_node("setup", &format!("{COUNT_INCARNATION}{VALUE}{STORE}"));
    let run = "test -w broadcast --bin node --node-count 1 --rate 10 --concurrency 30n --time-limit 3 --nemesis kill \
               --nemesis-interval 0.5 --seed 8";
    place.eddy(run).expect(0, "");
    let words = fs::read_to_string(place.0.join("store/latest/node-logs/n0.log")).unwrap();
    let incarnations = words
        .split("incarnation ")
        .skip(1)
        .map(|incarnation| incarnation.lines().skip(1).collect::<Vec<_>>());
    let incarnations: Vec<_> = incarnations.collect();
    assert!(incarnations.len() > 2, "{words}");
    for incarnation in &incarnations {
        let setup = ["init", "topology"];
        // It may be killed earlier.
        assert!(
            incarnation.iter().zip(setup).all(|(asked, expected)| *asked == expected),
            "{words}"
        );
        assert!(!incarnation.iter().skip(2).any(|asked| setup.contains(asked)), "{words}");
    }
    assert!(incarnations.last().unwrap().contains(&"read"), "{words}");
}

fn a_store_that_loses_its_keys_is_found_although_it_only_refuses() {
    let place = Place::with_node("forgetful", &format!("{VALUE}{FORGETFUL}"));
    let run = "test -w lin-kv --bin node --node-count 1 --rate 30 --concurrency 4n --time-limit 5";
    let CommandResult { stdout, .. } = place.eddy(&format!("{run} --seed 8")).expect(0, "");
    assert!(!stdout.contains("warning:"), "{stdout}");
    // On a busy machine, a kill may come before anything was written that is read later.
    let refused = "was refused because the key did not exist";
    let is_found = (8..13).any(|seed| {
        let killed = format!("{run} --nemesis kill --nemesis-interval 0.5 --seed {seed}");
        let CommandResult { status, stdout, .. } = place.eddy(&killed);
        status == Some(1) && stdout.contains(refused)
    });
    assert!(is_found, "no seed of five shows {refused:?}");
}

fn a_paused_node_answers_later() {
    let place = Place::with_node("paused", &format!("{COUNT_INCARNATION}{ECHO}"));
    // The first requests time out after 5 s, and are answered at 5.9 s, with the others.
    let run = format!(
        "test -w echo --bin node --rate 20 --concurrency 4n --time-limit 7 {PAUSED} \
         --log-net-send"
    );
    let mut eddy = TestInProgress::start(&place, &run);
    let id = eddy.pid_of_incarnation(1);
    eddy.wait_until(|| procfs_state(id) == Some('T'));
    let since = Instant::now();
    let told = eddy.read_until("echo_ok");
    assert!(since.elapsed() > Duration::from_secs(3), "{:?}", since.elapsed());
    assert_ne!(procfs_state(id), Some('T'));
    assert!(told.contains(r#""type":"echo""#), "{told}");
    let CommandResult { status, stdout, .. } = eddy.end();
    assert_eq!(status, Some(0), "{stdout}");
    assert!(!stdout.contains("warning:"), "{stdout}");

    let history = history(&place);
    let time = |f: &'static str| outcomes(&history, f).next().unwrap().time;
    let (paused, resumed) = (time("pause"), time("resume"));
    let pause = paused..resumed;
    let ended: Vec<&Op> = history.client_ops().filter(|op| op.kind != Kind::Invoke).collect();
    let during = |op: &&&Op| pause.contains(&op.time);
    assert!(ended.iter().filter(during).all(|op| op.kind == Kind::Info));
    assert_eq!(ended.iter().filter(during).count(), 4);
    let after = ended.iter().filter(|op| op.time >= resumed);
    assert!(after.clone().all(|op| op.kind == Kind::Ok));
    let begun_before = |op: &&&Op| history.invocation(op).is_some_and(|op| op.time < resumed);
    assert!(after.filter(begun_before).count() > 0);
}

fn only_links_between_servers_are_struck() {
    let place = Place::with_node("links", GREETER);
    let run = "test -w echo --bin node --node-count 2 --rate 100 --time-limit 5 --seed 1 \
               --nemesis loss,duplicate,slow,one-way --nemesis-interval 0.3 --availability total";
    let CommandResult { stdout, .. } = place.eddy(run).expect(0, "");
    let results = results(&place);
    for (fault, what) in [
        ("loss", "messages-lost"),
        ("duplicate", "messages-doubled"),
        ("slow", "messages-slowed-down"),
        ("one-way", "messages-lost"),
    ] {
        let count = results.get_in(&["faults", fault, what]).and_then(Value::as_int);
        assert!(count > Some(0), "{fault} in {stdout}");
    }
}

fn a_node_that_cannot_be_restarted_ends_the_test_with_a_reason() {
    let again = |script: &str| format!("if [ $incarnation -gt 1 ]; then {script}; fi\n{ECHO}");
    let refusal = ECHO.replace("init_ok", "error\",\"code\":13,\"text\":\"no");
    let rows = [
        (
            again("exit 3"),
            "node n0 cannot be tested: after its restart, before it answered init, it exited with \
             status 3.\nIt last wrote to STDERR:\n  incarnation 2 in /",
        ),
        (
            again("printf '{\"src\"'; sleep MARKER"),
            "node n0 cannot be tested: after its restart, before it answered init, it wrote half a \
             line to STDOUT and then nothing more:\n  {\"src\"\n",
        ),
        (
            again(&refusal),
            "node n0 cannot be tested: after its restart, it answered init with\n  {\"type\":\
             \"error\"",
        ),
        (format!("rm -- \"$0\"\n{ECHO}"), "/node no longer exists; the recorded files are in "),
        (
            // It exits by itself while the other node is dead.
            r#"read -r line
            me=$(echo "$line" | sed -E 's/.*"dest":"([^"]*)".*/\1/')
            client=$(echo "$line" | sed -E 's/.*"src":"([^"]*)".*/\1/')
            echo "{\"src\":\"$me\",\"dest\":\"$client\",\"body\":{\"type\":\"init_ok\",\"in_reply_to\":1}}"
            [ $me = n0 ] && exec sleep MARKER
            read -r line
            exit 5"#
                .to_owned(),
            "node n1 cannot be tested: it exited with status 5.\n",
        ),
    ];
    all_at_once(&rows, |number, (script, expected)| {
        let marker = unique_sleep(&format!("8670{number}"));
        let script = script.replace("MARKER", &marker);
        let node = format!("{COUNT_INCARNATION}sleep {marker} &\n{script}");
        let place = Place::with_node(&format!("again{number}"), &node);
        let two = DEAD.replace("--node-count 1", "--node-count 2");
        let faults = if script.contains("n0") { &two } else { KILLED };
        let run = format!("test -w echo --bin node {faults}");
        place.eddy(&run).expect(255, expected);
        assert!(!is_running(&marker), "{script}");
        let history = history(&place);
        assert_eq!(
            outcomes(&history, "kill").next().unwrap().value.to_string(),
            "{\"n0\" :killed}"
        );
    });
}

fn a_restarted_node_that_is_silent_is_awaited() {
    let node =
        format!("{COUNT_INCARNATION}if [ $incarnation = 2 ]; then exec sleep 100; fi\n{ECHO}");
    let place = Place::with_node("silent-again", &node);
    let begin = Instant::now();
    place.eddy(&format!("test -w echo --bin node {KILLED} --time-limit 6")).expect(
        255,
        "node n0 cannot be tested: after its restart, it did not answer init in time. Does it read \
         STDIN and flush STDOUT, as print(…, flush=True) does in Python?\n",
    );
    assert!(begin.elapsed() > Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[test]
fn a_signal_leaves_no_process_behind_whatever_faults_do() {
    let rows = [(Signal::INT, "Ctrl-C"), (Signal::TERM, "SIGTERM"), (Signal::HUP, "SIGHUP")];
    let moments = [SignalMoment::Paused, SignalMoment::Dead, SignalMoment::StartedAgain];
    let rows: Vec<_> = moments
        .iter()
        .flat_map(|signal_moment| rows.map(|(signal, name)| (*signal_moment, signal, name)))
        .collect();
    all_at_once(&rows, |number, (signal_moment, signal, name)| {
        let marker = unique_sleep(&format!("8680{number}"));
        let again = format!("if [ $incarnation = 2 ]; then exec sleep {marker}; fi");
        let node =
            format!("{}{COUNT_INCARNATION}{again}\n{ECHO}", CHILDREN.replace("MARKER", &marker));
        let place = Place::with_node(&format!("signal{number}"), &node);
        let faults = match signal_moment {
            SignalMoment::Paused => PAUSED,
            SignalMoment::Dead => DEAD,
            SignalMoment::StartedAgain => KILLED,
        };
        let run = format!("test -w echo --bin node {faults}");
        let mut eddy = TestInProgress::start(&place, &run);
        let id = eddy.pid_of_incarnation(1);
        match signal_moment {
            SignalMoment::Paused => eddy.wait_until(|| procfs_state(id) == Some('T')),
            SignalMoment::Dead => eddy.wait_until(|| procfs_state(id).is_none()),
            SignalMoment::StartedAgain => {
                eddy.pid_of_incarnation(2);
            }
        }
        assert!(is_running(&marker));
        let begin = Instant::now();
        // A second signal changes nothing.
        for _ in 0..2 {
            kill_process(Pid::from_child(&eddy.eddy), *signal).unwrap();
        }
        let CommandResult { status, stderr, .. } = eddy.end();
        assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
        assert_eq!(status, Some(255), "{stderr}");
        let expected = format!("eddy: stopped by {name}; the recorded files are in store/echo/");
        assert!(stderr.contains(&expected), "{stderr}");
        assert!(!is_running(&marker), "{signal_moment:?} {name}");
        let history = history(&place);
        assert!(history.ops().iter().any(|op| op.process == Process::Nemesis));
    });
}

/// State of the node when a signal comes.
#[derive(Debug, Clone, Copy)]
enum SignalMoment {
    Paused,
    Dead,
    StartedAgain,
}

#[test]
fn faults_are_named() {
    let place = Place::new("names");
    let known = "(known: partition, kill, pause, one-way, loss, duplicate, slow)";
    for (names, expected) in [
        ("clock", "no fault is called \"clock\" "),
        ("kill,puase", "no fault is called \"puase\"; did you mean pause? "),
        ("oneway", "no fault is called \"oneway\"; did you mean one-way? "),
        ("Kill", "no fault is called \"Kill\"; did you mean kill? "),
    ] {
        let run = format!("test -w echo --bin /bin/true --nemesis {names}");
        let outcome = place.eddy(&run).expect(254, "--nemesis");
        outcome.expect(254, &format!("{expected}{known}"));
    }
    let nameless = "a fault has no name; expected names separated by commas, without spaces";
    place.eddy("test -w echo --bin /bin/true --nemesis kill,").expect(254, nameless);
    let help = place.eddy("test --help").stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("partition, kill, pause, one-way, loss, duplicate, slow"), "{help}");
}

/// Running test.
struct TestInProgress<'a> {
    place: &'a Place,
    eddy: Child,
    stderr: BufReader<ChildStderr>,
}

impl TestInProgress<'_> {
    fn start<'a>(place: &'a Place, run: &str) -> TestInProgress<'a> {
        // The parent of these tests may ignore signals, and eddy would inherit that.
        let mut shell = Command::new("env");
        shell.arg("--default-signal").arg(place.command("").get_program());
        shell.args(run.split_whitespace()).current_dir(&place.0);
        let mut eddy = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(eddy.stderr.take().unwrap());
        TestInProgress { place, eddy, stderr }
    }

    /// Waits for a condition while the test runs.
    fn wait_until(&mut self, is_so: impl Fn() -> bool) {
        while !is_so() {
            assert!(self.eddy.try_wait().unwrap().is_none(), "the test has ended");
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Id of the process of this incarnation of a node, from 1.
    fn pid_of_incarnation(&mut self, incarnation: usize) -> i32 {
        let path = self.place.0.join("store/current/storage/n0/incarnations");
        let id = || {
            let incarnations = fs::read_to_string(&path).ok()?;
            // The last line may be incomplete.
            let incarnations: Vec<&str> = incarnations.split_inclusive('\n').collect();
            incarnations.get(incarnation - 1)?.strip_suffix('\n')?.parse().ok()
        };
        self.wait_until(|| id().is_some());
        id().unwrap()
    }

    /// Reads STDERR up to a line with this fragment.
    fn read_until(&mut self, fragment: &str) -> String {
        let mut told = String::new();
        loop {
            let before = told.len();
            assert!(self.stderr.read_line(&mut told).unwrap() > 0, "no {fragment} in {told}");
            if told[before..].contains(fragment) {
                return told;
            }
        }
    }

    fn end(mut self) -> CommandResult {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stderr.read_to_string(&mut stderr).unwrap();
        self.eddy.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        CommandResult { status: self.eddy.wait().unwrap().code(), stdout, stderr }
    }
}

/// State of a process in procfs: `T` if it is stopped.
fn procfs_state(id: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

fn history(place: &Place) -> History {
    let text = fs::read_to_string(place.0.join("store/latest/history.edn")).unwrap();
    History::read_edn(&text).unwrap()
}

fn results(place: &Place) -> Value {
    let text = fs::read_to_string(place.0.join("store/latest/results.edn")).unwrap();
    Value::read_edn(&text).unwrap()
}

/// Recorded outcomes of an action of the nemesis.
fn outcomes<'a>(history: &'a History, f: &'static str) -> impl Iterator<Item = &'a Op> {
    let nemesis = history.ops().iter().filter(|op| op.process == Process::Nemesis);
    nemesis.filter(move |op| op.f == f).skip(1).step_by(2)
}

/// Number of actions of the nemesis that name each node.
fn named_by(history: &History, f: &'static str, what: &str) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for op in outcomes(history, f) {
        let Value::Map(nodes) = &op.value else { panic!("{op:?}") };
        for (node, outcome) in nodes.iter() {
            assert_eq!(outcome.to_string(), format!(":{what}"));
            *times.entry(node.as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    times
}
