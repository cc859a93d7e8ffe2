//! Output of a failing test: during the search for smaller ones, and at its end.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use eddy::{Fault, Latency, Report, Test, Validity, seeds, workload};
use glomers::{DurableLog, Handler, KeyValue, Node, async_trait};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum CounterRequest {
    Add { delta: i64 },
    Read,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum CounterReply {
    AddOk,
    ReadOk { value: i64 },
}

/// Keeps a sum in a store. The mistake: another node may write between its read and its write.
struct RacingCounter(KeyValue);

#[async_trait(?Send)]
impl Handler for RacingCounter {
    type Request = CounterRequest;
    type Reply = CounterReply;

    async fn handle(&self, _from: &str, request: CounterRequest) -> anyhow::Result<CounterReply> {
        let value: i64 = self.0.read(&"sum").await?.unwrap_or_default();
        Ok(match request {
            CounterRequest::Add { delta } => {
                self.0.write(&"sum", &(value + delta)).await?;
                CounterReply::AddOk
            }
            CounterRequest::Read => CounterReply::ReadOk { value },
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SetMessage {
    Topology,
    TopologyOk,
    Broadcast { message: u64 },
    BroadcastOk,
    Read,
    ReadOk { messages: Vec<u64> },
}

#[derive(Clone, Copy, PartialEq)]
enum StorageMistake {
    StoresNothing,
    DoesNotWait,
    DoesNotRead,
}

/// Keeps values, and loses them in a kill through one of these mistakes.
struct ForgetfulSet {
    node: Node,
    mistake: StorageMistake,
    log: DurableLog<u64>,
    values: Rc<RefCell<Vec<u64>>>,
}

impl ForgetfulSet {
    fn new(node: Node, mistake: StorageMistake) -> ForgetfulSet {
        let (log, mut values) = node.storage().log("values");
        if mistake == StorageMistake::DoesNotRead {
            values.clear();
        }
        ForgetfulSet { node, mistake, log, values: Rc::new(RefCell::new(values)) }
    }

    async fn store(&self, message: u64) -> anyhow::Result<()> {
        self.values.borrow_mut().push(message);
        match self.mistake {
            StorageMistake::StoresNothing => {}
            StorageMistake::DoesNotRead => self.log.append(&[message]).await?,
            StorageMistake::DoesNotWait => {
                let append = self.log.append(&[message]);
                self.node.spawn(async move { append.await.unwrap() });
            }
        }
        Ok(())
    }
}

#[async_trait(?Send)]
impl Handler for ForgetfulSet {
    type Request = SetMessage;
    type Reply = SetMessage;

    async fn handle(&self, _from: &str, request: SetMessage) -> anyhow::Result<SetMessage> {
        Ok(match request {
            SetMessage::Broadcast { message } => {
                self.store(message).await?;
                SetMessage::BroadcastOk
            }
            SetMessage::Read => SetMessage::ReadOk { messages: self.values.borrow().clone() },
            _ => SetMessage::TopologyOk,
        })
    }
}

/// The report of the first seed that reveals the mistake.
fn first_failure(mistake: StorageMistake) -> Report {
    let run = |seed| {
        let test = Test {
            workload: &workload::Broadcast,
            rate: 50.0,
            time_limit: Duration::from_secs(10),
            faults: [Fault::Kill].into(),
            nemesis_interval: Duration::from_secs(1),
            seed,
            ..Test::default()
        };
        test.run(move |node| ForgetfulSet::new(node, mistake))
    };
    (0..100).map(run).find(|report| !report.lost_with_killed_nodes.is_empty()).unwrap()
}

fn is_valid(report: &Report) -> bool {
    report.valid == Validity::Valid
}

fn failure_message(report: &Report) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| report.assert_valid())).unwrap_err();
    *panic.downcast().unwrap()
}

#[test]
#[ignore = "it fails; other tests check its output"]
fn a_test_that_shrinks_slowly() {
    first_failure(StorageMistake::DoesNotWait).assert("be valid", |report| {
        // As slow as a test with many nodes.
        thread::sleep(Duration::from_millis(100));
        is_valid(report)
    });
}

#[test]
#[ignore = "it fails; other tests check its output"]
fn for_any_seed_this_fails() {
    seeds(|seed| assert!(seed < 2, "seed {seed} is bad"));
}

#[test]
#[ignore = "other tests check its output"]
fn for_any_seed_this_succeeds() {
    seeds(|seed| seed);
    seeds(|seed| seed);
}

#[test]
#[ignore = "it fails; other tests check its output"]
fn for_any_seed_this_fails_in_reverse() {
    seeds(|seed| {
        if seed == 0 {
            thread::sleep(Duration::from_secs(2));
        }
        first_failure(StorageMistake::StoresNothing).assert("be valid", |report| {
            thread::sleep(Duration::from_millis(if seed == 0 { 0 } else { 100 }));
            is_valid(report)
        });
    });
}

/// One of these tests in a process of its own, without any choice of seeds in the environment.
fn process(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let test = format!("failure::{test}");
    command.args(["--ignored", "--exact", &test]).stdin(Stdio::null()).env("TERM", "xterm");
    for name in ["EDDY_SEED", "EDDY_SEEDS", "RUST_TEST_NOCAPTURE", "NO_COLOR"] {
        command.env_remove(name);
    }
    command
}

/// Reads the output of a test that is being shrunk, and kills it when a smaller test is printed.
/// Returns the whole output.
fn killed_when_smaller(mut command: Command, stderr: Option<File>) -> String {
    let mut child = command.spawn().unwrap();
    // A reader of a terminal waits as long as any handle for writing is open.
    drop(command);
    let stderr: Box<dyn Read> = match stderr {
        Some(terminal) => Box::new(terminal),
        None => Box::new(child.stderr.take().unwrap()),
    };
    let mut text = String::new();
    // Reading past the end of a terminal is an error.
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        text += &anstream::adapter::strip_str(&line).to_string();
        text.push('\n');
        if line.contains("..Test::default()") {
            // Processes that a shell starts in the background ignore SIGINT, the signal of Ctrl-C.
            let _ = kill_process(Pid::from_child(&child), Signal::TERM);
        }
    }
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()), "{status}: {text}");
    text
}

#[track_caller]
fn expect_in_order(text: &str, expected: &[&str]) {
    let mut rest = text;
    for part in expected {
        let (_, after) = rest
            .split_once(part)
            .unwrap_or_else(|| panic!("expected {part:?} after what was found, in:\n{text}"));
        rest = after;
    }
}

/// Checks the output about the slow test, which is the same with and without a terminal.
#[track_caller]
fn expect_verdict(text: &str) {
    let seed = first_failure(StorageMistake::DoesNotWait).test().seed;
    let expected = [
        "\nfailure::a_test_that_shrinks_slowly: the test should be valid: broadcast with 1 node, ",
        &format!("seed {seed}: INVALID\n"),
        "  reason: 1 value was lost after an acknowledgement or a read: ",
        "\nTo repeat it: ",
        " --exact failure::a_test_that_shrinks_slowly --ignored\n",
        "\nfailure::a_test_that_shrinks_slowly: smaller, with 1 node, ",
        " tried):",
        "Test {",
        "workload: &workload::Broadcast,",
        "strikes: vec![",
        "Strike::kill([\"n0\"], ",
        "..Test::default()",
    ];
    expect_in_order(text, &expected);
    // Naming the same strikes makes no smaller test.
    assert!(!text.contains(" strikes, 10s, "), "{text}");
}

#[test]
fn the_smallest_test_so_far_is_on_stderr_when_a_search_is_interrupted() {
    let mut command = process("a_test_that_shrinks_slowly");
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let text = killed_when_smaller(command, None);
    expect_verdict(&text);
    expect_in_order(
        &text,
        &[": Test { workload: &workload::Broadcast, nodes: 1, ", " ..Test::default() }\n"],
    );
}

#[test]
fn at_a_terminal_the_smallest_test_so_far_is_printed_as_rust() {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let ours = openpt(flags).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    tcsetwinsize(&ours, Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let theirs = ioctl_tiocgptpeer(&ours, flags).unwrap();
    let mut command = process("a_test_that_shrinks_slowly");
    command.stdout(Stdio::null()).stderr(theirs);
    let text = killed_when_smaller(command, Some(ours.into())).replace('\r', "\n");
    expect_verdict(&text);
    expect_in_order(&text, &["Ctrl-C stops the search", " smaller tests tried"]);
    expect_in_order(&text, &["\nTest {\n    workload: &workload::Broadcast,\n    nodes: 1,\n"]);
}

#[test]
fn a_search_that_stops_because_a_lower_seed_fails_says_so() {
    if thread::available_parallelism().is_ok_and(|cores| cores.get() == 1) {
        return;
    }
    let output = process("for_any_seed_this_fails_in_reverse").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    expect_in_order(
        &stderr,
        &[
            "\nseed 1 of it::failure::for_any_seed_this_fails_in_reverse: the test should be ",
            "seed 1 of it::failure::for_any_seed_this_fails_in_reverse: smaller, with ",
            "\nseed 0 of it::failure::for_any_seed_this_fails_in_reverse: the test should be ",
        ],
    );
    let stopped = "seed 1 of it::failure::for_any_seed_this_fails_in_reverse: stopped, \
                   because a lower seed fails too\n";
    assert_eq!(stderr.matches(stopped).count(), 1, "{stderr}");
    assert_eq!(stderr.matches("no smaller test among").count(), 1, "{stderr}");
}

#[test]
fn a_test_whose_kills_came_too_early_says_so() {
    let run = |seed| {
        let test = Test {
            workload: &workload::Broadcast,
            time_limit: Duration::from_secs(10),
            faults: [Fault::Kill].into(),
            seed,
            ..Test::default()
        };
        test.run(|node| ForgetfulSet::new(node, StorageMistake::StoresNothing))
    };
    let is_early = |report: &Report| {
        let is_first = |strike: &eddy::Strike| strike.from.is_zero();
        report.faults[&Fault::Kill].strikes > 0 && report.strikes.iter().all(is_first)
    };
    let report = (0..100).map(run).find(|report| is_valid(report) && is_early(report)).unwrap();
    let expected = "the only kill struck before any value was acknowledged, so nothing could be \
                    lost: try nemesis_interval: Duration::from_secs(2)";
    assert_eq!(report.warnings, [expected], "{report}");
    // A test that is not valid has no such warning, since its mistakes matter more.
    let report = first_failure(StorageMistake::StoresNothing);
    assert!(!report.to_string().contains("nemesis_interval"), "{report}");
}

#[test]
fn a_failure_begins_with_the_verdict_and_ends_with_the_contradiction() {
    let report = first_failure(StorageMistake::StoresNothing);
    expect_in_order(
        &failure_message(&report),
        &[
            "the test should be valid: broadcast with 1 node, seed ",
            ": INVALID\n",
            " lost after an acknowledgement or a read: ",
            "\nTo repeat it: ",
            "\n  operations      ",
            "\n  warning: no node wrote anything to its storage",
            "\n\nOf ",
            " tests, the smallest that fails in the same way has 1 node, ",
            "2 operations, 1 strike, 2ms, seed ",
            "\n\nTest {\n",
            "\n\nIts history (> marks operations that contradict each other):\n\n",
            ">   0.000 s  0\t:invoke\t:broadcast\t0\n>   0.000 s  0\t:ok\t:broadcast\t0\n",
            "    0.001 s  :nemesis\t:info\t:kill\t{\"n0\" :killed}\n",
            ">  10.002 s  0\t:invoke\t:read\tnil\n>  10.002 s  0\t:ok\t:read\t[]\n",
            "\nvalue 0, acknowledged to process 0 at 0.000 s, is missing from the read by process",
        ],
    );
}

#[test]
fn a_lost_update_ends_with_the_operations_that_contradict_each_other() {
    let test = Test {
        workload: &workload::GCounter,
        nodes: 3,
        rate: 100.0,
        time_limit: Duration::from_secs(5),
        latency: Latency { mean: Duration::from_millis(10), ..Latency::default() },
        seed: 7,
        ..Test::default()
    };
    let run = |test: &Test| test.run(|node| RacingCounter(KeyValue::lin(&node)));
    let report = run(&test);
    let smallest = run(&report.smallest_failing_test(is_valid).unwrap());
    let message = failure_message(&report);
    let (_, told) = message.split_once("\nIts history").unwrap();
    let first = smallest.contradictions.first().unwrap();
    assert!(told.contains(&format!("\n\n{}.\n", first.description)), "{message}");
    let mut wrong: Vec<usize> = Vec::new();
    for each in smallest.contradictions.iter().take(3) {
        wrong.extend(&each.operations);
    }
    wrong.sort_unstable();
    wrong.dedup();
    assert_eq!(told.lines().filter(|line| line.starts_with("> ")).count(), wrong.len(), "{told}");
}

#[test]
fn of_a_long_history_only_the_contradicting_operations_are_shown() {
    let report = first_failure(StorageMistake::DoesNotWait);
    let is_small = |report: &Report| is_valid(report) || report.operations.invoked < 40;
    let panic = catch_unwind(AssertUnwindSafe(|| report.assert("be small or valid", is_small)));
    let message = *panic.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("\n  storage         kills discarded "), "{message}");
    let (_, told) = message.split_once("\n\nThe operations that contradict each other:\n").unwrap();
    expect_in_order(told, &["\t:invoke\t:broadcast\t", "\t:ok\t:broadcast\t", "\t:ok\t:read\t["]);
    assert!(told.lines().filter(|line| line.contains("\t:")).count() < 20, "{message}");
}

#[test]
fn the_warning_about_storage_depends_on_its_use() {
    #[track_caller]
    fn check(mistake: StorageMistake, expected: &[&str]) {
        let report = first_failure(mistake);
        let [.., warning] = &report.warnings[..] else { panic!("{report}") };
        expect_in_order(warning, expected);
    }
    check(StorageMistake::StoresNothing, &["no node wrote anything to its storage"]);
    let waits =
        "that were not durable yet: does an acknowledgement wait until its value is durable?";
    check(StorageMistake::DoesNotWait, &["nodes wrote to storage, and kills discarded ", waits]);
    check(StorageMistake::DoesNotRead, &["nodes wrote to storage, "]);
}

#[test]
fn the_default_number_of_seeds_is_printed_once() {
    let usual = "it: tests that take seeds try 4 of them; EDDY_SEEDS=500 tries more\n";
    let output = |command: &mut Command| {
        let output = command.output().unwrap();
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), stdout, stderr)
    };
    let (status, _, stderr) = output(&mut process("for_any_seed_this_succeeds"));
    assert_eq!((status, &*stderr), (Some(0), usual));
    let (status, _, stderr) = output(process("for_any_seed_this_succeeds").env("EDDY_SEEDS", "1"));
    assert_eq!((status, stderr.contains("4 of them")), (Some(0), false), "{stderr}");
    assert!(stderr.contains("::for_any_seed_this_succeeds: 1 seed in "), "{stderr}");
    let (status, stdout, stderr) = output(&mut process("for_any_seed_this_fails"));
    assert_eq!((status, &*stderr), (Some(101), usual));
    expect_in_order(
        &stdout,
        &[
            "seed 2 is bad",
            "\nseed 2 failed, the first to fail; ",
            " of 4 seeds were tried; to repeat it:\nEDDY_SEED=2 ",
            " --exact failure::for_any_seed_this_fails --ignored\n",
        ],
    );
    // Without RUST_BACKTRACE the standard library's note about it must not be between these lines.
    let mut alone = process("for_any_seed_this_fails");
    alone.env("EDDY_SEED", "2").env_remove("RUST_BACKTRACE");
    let (status, stdout, _) = output(&mut alone);
    assert_eq!((status, stdout.contains("RUST_BACKTRACE")), (Some(101), false), "{stdout}");
    expect_in_order(
        &stdout,
        &["panicked at ", "seed 2 is bad\n\nseed 2 failed; to repeat it:\nEDDY_SEED=2 "],
    );
    alone.env("RUST_BACKTRACE", "1");
    let (_, stdout, _) = output(&mut alone);
    expect_in_order(&stdout, &["seed 2 is bad", "stack backtrace:", "seed 2 failed; to repeat it"]);
}
