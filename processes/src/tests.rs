use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::procfs::all_processes;
use super::*;

/// Script that counts a node's processes and prints the number of this one.
const COUNT_SCRIPT: &str = r#"echo x >> "$EDDY_STORAGE/count"
    number=$(wc -l < "$EDDY_STORAGE/count")
    echo "process $((number))"
"#;

/// Cluster of one node that runs a shell script.
struct Fixture {
    command: ProcessConfig,
    nodes: Processes,
    events: mpsc::Receiver<ProcessEvent>,
}

impl Fixture {
    async fn of(script: &str) -> Fixture {
        Fixture::with_capacity(EVENT_CAPACITY, script).await
    }

    async fn with_capacity(room: usize, script: &str) -> Fixture {
        let command = command(script);
        let (sender, events) = mpsc::channel(room);
        let nodes = Processes::start(&command, &["n0".into()], &sender).await.unwrap();
        Fixture { command, nodes, events }
    }

    #[track_caller]
    fn expect_no_event(&mut self) {
        let event = self.events.try_recv();
        assert!(event.is_err(), "{event:?}");
    }

    async fn expect(&mut self, expected: &str) {
        let event = self.events.recv().await;
        let Some(ProcessEvent::Wrote { node: 0, line }) = &event else { panic!("{event:?}") };
        assert_eq!(line, expected);
    }

    async fn expect_end(&mut self, expected: &str) {
        let event = self.events.recv().await;
        let Some(ProcessEvent::Ended { node: 0, cause, .. }) = &event else { panic!("{event:?}") };
        assert_eq!(cause, expected);
    }

    /// Id of the node's process, if it exists.
    fn id(&self) -> Option<i32> {
        let us = i32::try_from(std::process::id()).unwrap();
        let mut children = all_processes().into_iter().filter(|process| process.parent == us);
        children.find(|child| self.nodes.supervised.contains(child.id)).map(|child| child.id)
    }

    async fn end(self) -> NodeDiagnostics {
        drop(self.events);
        let mut diagnostics = self.nodes.stop(None).await;
        fs::remove_dir_all(&self.command.logs).unwrap();
        diagnostics.pop().unwrap()
    }
}

fn command(script: &str) -> ProcessConfig {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let directory = format!("eddy-processes-{}-{number}", std::process::id());
    let logs = std::env::temp_dir().join(directory);
    ProcessConfig {
        program: ProgramFile::find(Path::new("/bin/sh"), &[], "n0").unwrap(),
        arguments: ["-c", script].map(OsString::from).into(),
        storage: logs.join("storage"),
        logs,
        log_stderr: false,
    }
}

/// Argument for `sleep` that no other process uses, not even another run of these tests.
fn unique(seconds: u32) -> String {
    format!("{seconds}.{}", std::process::id())
}

fn is_running(marker: &str) -> bool {
    let expected = format!("sleep\0{marker}\0");
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let mut lines = processes.filter_map(|one| fs::read(one.path().join("cmdline")).ok());
    lines.any(|line| line == expected.as_bytes())
}

/// State of a process in procfs: `T` if it is stopped.
fn procfs_state(id: i32) -> char {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.trim_start().chars().next().unwrap()
}

/// Waits for a condition that the system or a process brings about. A test that hangs here has
/// found a bug.
fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        std::thread::yield_now();
    }
}

#[test]
fn a_panic_leaves_no_process_behind() {
    for (number, is_paused) in [(86403, false), (86404, true)] {
        let marker = unique(number);
        let command = command(&format!("sleep {marker} & echo started; sleep {marker}"));
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let (sender, mut events) = mpsc::channel(EVENT_CAPACITY);
                let nodes = Processes::start(&command, &["n0".into()], &sender).await.unwrap();
                let started = events.recv().await;
                assert!(
                    matches!(started, Some(ProcessEvent::Wrote { node: 0, .. })),
                    "{started:?}"
                );
                if is_paused {
                    nodes.pause(0);
                }
                panic!("as a bug would");
            })
        }));
        assert!(panic.is_err());
        fs::remove_dir_all(&command.logs).unwrap();
        wait_until(|| !is_running(&marker));
    }
}

#[tokio::test]
async fn a_paused_node_is_killed_with_its_children() {
    let marker = unique(86405);
    let mut fixture = Fixture::of(&format!("sleep {marker} & echo started; sleep {marker}")).await;
    fixture.expect("started").await;
    fixture.nodes.pause(0);
    fixture.end().await;
    wait_until(|| !is_running(&marker));
}

#[tokio::test]
async fn a_kill_reaches_descendants_in_other_sessions() {
    for (number, is_paused) in [(86406, false), (86407, true)] {
        let marker = unique(number);
        let deep =
            format!("setsid sh -c 'sleep {marker} & setsid -w sleep {marker} & echo on; wait'");
        let mut fixture = Fixture::of(&format!("{deep} & setsid sleep {marker} & wait")).await;
        fixture.expect("on").await;
        if is_paused {
            fixture.nodes.pause(0);
        }
        fixture.nodes.kill(&[0]).await;
        assert_eq!(fixture.id(), None);
        wait_until(|| !is_running(&marker));
        fixture.end().await;
    }
}

#[tokio::test]
async fn output_before_a_kill_is_delivered_before_that_of_the_next_process() {
    let written = r#"touch "$EDDY_STORAGE/written$((number))"; exec sleep 1000"#;
    let script = format!("{COUNT_SCRIPT} seq 1 1000; printf half; {written}");
    let mut fixture = Fixture::of(&script).await;
    for process in 1..=3 {
        let written = fixture.command.storage.join(format!("n0/written{process}"));
        // The event channel takes a few lines, the pipe the others.
        wait_until(|| written.exists());
        fixture.nodes.kill(&[0]).await;
        fixture.nodes.restart(0).await.unwrap();
    }
    for process in 1..=3 {
        fixture.expect(&format!("process {process}")).await;
        for number in 1..=1000 {
            fixture.expect(&number.to_string()).await;
        }
    }
    fixture.expect("process 4").await;
    fixture.end().await;
}

#[tokio::test]
async fn an_escaped_process_does_not_write_for_the_next_one() {
    // Its parent has exited, so it is no longer a descendant of the node.
    let escape = "(setsid sh -c 'while echo ghost; do :; done' &)";
    let script =
        format!("{COUNT_SCRIPT} [ $number = 2 ] && exec sleep 1000; {escape}; exec sleep 1000");
    let mut fixture = Fixture::of(&script).await;
    fixture.expect("process 1").await;
    fixture.expect("ghost").await;
    fixture.nodes.kill(&[0]).await;
    fixture.nodes.restart(0).await.unwrap();
    loop {
        match fixture.events.recv().await {
            Some(ProcessEvent::Wrote { line, .. }) if line == "process 2" => break,
            Some(ProcessEvent::Wrote { line, .. }) if line == "ghost" => {}
            event => panic!("{event:?}"),
        }
    }
    fixture.nodes.kill(&[0]).await;
    fixture.expect_no_event();
    fixture.end().await;
}

#[tokio::test]
async fn late_and_repeated_requests_do_no_harm() {
    let script =
        format!("{COUNT_SCRIPT} while read -r line; do echo \"$line\"; done; exec sleep 1000");
    let mut fixture = Fixture::of(&script).await;
    fixture.expect("process 1").await;
    let id = fixture.id().unwrap();
    fixture.nodes.resume(0);
    fixture.nodes.pause(0);
    fixture.nodes.pause(0);
    wait_until(|| procfs_state(id) == 'T');
    fixture.nodes.resume(0);
    fixture.nodes.resume(0);
    fixture.nodes.deliver(0, "hello\n".to_owned());
    fixture.expect("hello").await;

    fixture.nodes.kill(&[0]).await;
    fixture.nodes.kill(&[0]).await;
    fixture.nodes.pause(0);
    fixture.nodes.resume(0);
    fixture.nodes.deliver(0, "lost\n".to_owned());
    fixture.nodes.restart(0).await.unwrap();
    // It may not have started its script yet.
    fixture.nodes.kill(&[0]).await;
    assert_eq!(fixture.id(), None);
    fixture.nodes.restart(0).await.unwrap();
    let event = fixture.events.recv().await;
    let Some(ProcessEvent::Wrote { line, .. }) = event else { panic!("{event:?}") };
    assert!(line == "process 2" || line == "process 3", "{line}");
    fixture.end().await;
}

#[tokio::test]
async fn a_node_that_exits_while_it_is_killed_is_not_reported() {
    let mut fixture = Fixture::of("echo ready; read -r line; exit 3").await;
    for _ in 0..10 {
        fixture.expect("ready").await;
        let id = fixture.id().unwrap();
        fixture.nodes.deliver(0, "end\n".to_owned());
        tokio::task::yield_now().await;
        fixture.nodes.kill(&[0]).await;
        fixture.nodes.restart(0).await.unwrap();
        assert_ne!(fixture.id(), Some(id));
    }
    // It exits before it is killed, and its supervisor has not noticed yet.
    fixture.expect("ready").await;
    let id = fixture.id().unwrap();
    fixture.nodes.deliver(0, "end\n".to_owned());
    tokio::task::yield_now().await;
    wait_until(|| procfs_state(id) == 'Z');
    fixture.nodes.kill(&[0]).await;
    fixture.expect_no_event();
    fixture.end().await;
}

#[tokio::test]
async fn a_failure_that_was_not_received_is_dropped_when_the_node_is_killed() {
    let mut fixture =
        Fixture::with_capacity(1, &format!("{COUNT_SCRIPT} echo one; echo two; exit 3")).await;
    while fixture.id().is_some() {
        tokio::task::yield_now().await;
    }
    fixture.nodes.kill(&[0]).await;
    fixture.nodes.restart(0).await.unwrap();
    for process in ["process 1", "process 2"] {
        fixture.expect(process).await;
        fixture.expect("one").await;
        fixture.expect("two").await;
    }
    fixture.expect_end("exited with status 3").await;
    fixture.end().await;
}

#[tokio::test]
async fn the_end_of_stderr_is_that_of_the_last_process() {
    #[track_caller]
    fn check(diagnostics: &NodeDiagnostics, expected: &str) {
        assert_eq!(diagnostics.stderr_tail.to_string(), expected);
    }
    let words = "[ $number = 1 ] && echo words >&2; echo said; exec sleep 1000";
    let script = format!("{COUNT_SCRIPT} {words}");
    for is_started_again in [false, true] {
        let mut fixture = Fixture::of(&script).await;
        fixture.expect("process 1").await;
        fixture.expect("said").await;
        fixture.nodes.kill(&[0]).await;
        if is_started_again {
            fixture.nodes.restart(0).await.unwrap();
            fixture.expect("process 2").await;
            fixture.expect("said").await;
            let log = fs::read_to_string(fixture.command.logs.join("n0.log")).unwrap();
            assert_eq!(log, "words\n");
            check(&fixture.end().await, "It wrote nothing to STDERR.");
        } else {
            check(&fixture.end().await, "It last wrote to STDERR:\n  words");
        }
    }
}
