use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::table::processes;
use super::*;

/// Counts a node's processes, and says which one this is.
const COUNT: &str = r#"echo x >> "$EDDY_STORAGE/count"
    number=$(wc -l < "$EDDY_STORAGE/count")
    echo "process $((number))"
"#;

/// One node of a script, and what comes from it.
struct Stage {
    command: Command,
    nodes: Processes,
    events: mpsc::Receiver<Event>,
}

impl Stage {
    async fn of(script: &str) -> Stage {
        Stage::with_room(EVENTS, script).await
    }

    async fn with_room(room: usize, script: &str) -> Stage {
        let command = command(script);
        let (sender, events) = mpsc::channel(room);
        let nodes = Processes::start(&command, &["n0".into()], &sender).await.unwrap();
        Stage { command, nodes, events }
    }

    #[track_caller]
    fn expect_silence(&mut self) {
        let event = self.events.try_recv();
        assert!(event.is_err(), "{event:?}");
    }

    async fn expect(&mut self, expected: &str) {
        let event = self.events.recv().await;
        let Some(Event::Said { node: 0, line }) = &event else { panic!("{event:?}") };
        assert_eq!(line, expected);
    }

    async fn expect_end(&mut self, expected: &str) {
        let event = self.events.recv().await;
        let Some(Event::Ended { node: 0, how, .. }) = &event else { panic!("{event:?}") };
        assert_eq!(how, expected);
    }

    /// The id of the one process, if it is there.
    fn id(&self) -> Option<i32> {
        let us = i32::try_from(std::process::id()).unwrap();
        let mut children = processes().into_iter().filter(|process| process.parent == us);
        children.find(|child| self.nodes.kept.contains(child.id)).map(|child| child.id)
    }

    async fn end(self) -> Remains {
        drop(self.events);
        let mut remains = self.nodes.stop(None).await;
        fs::remove_dir_all(&self.command.logs).unwrap();
        remains.pop().unwrap()
    }
}

fn command(script: &str) -> Command {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let directory = format!("eddy-processes-{}-{number}", std::process::id());
    let logs = std::env::temp_dir().join(directory);
    Command {
        program: Program::find(Path::new("/bin/sh"), &[], "n0").unwrap(),
        arguments: ["-c", script].map(OsString::from).into(),
        storage: logs.join("storage"),
        logs,
        log_stderr: false,
    }
}

/// How long to sleep so that nobody else does, not even another run of these tests.
fn unique(seconds: u32) -> String {
    format!("{seconds}.{}", std::process::id())
}

fn is_running(marker: &str) -> bool {
    let expected = format!("sleep\0{marker}\0");
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let mut lines = processes.filter_map(|one| fs::read(one.path().join("cmdline")).ok());
    lines.any(|line| line == expected.as_bytes())
}

/// The letter that tells what a process does: `T` if it is stopped.
fn state(id: i32) -> char {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.trim_start().chars().next().unwrap()
}

/// Waits for what the system or a process brings about; a test that hangs here has found a bug.
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
                let (sender, mut events) = mpsc::channel(EVENTS);
                let nodes = Processes::start(&command, &["n0".into()], &sender).await.unwrap();
                let started = events.recv().await;
                assert!(matches!(started, Some(Event::Said { node: 0, .. })), "{started:?}");
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
async fn a_node_that_is_paused_is_stopped_with_its_children() {
    let marker = unique(86405);
    let mut stage = Stage::of(&format!("sleep {marker} & echo started; sleep {marker}")).await;
    stage.expect("started").await;
    stage.nodes.pause(0);
    stage.end().await;
    wait_until(|| !is_running(&marker));
}

#[tokio::test]
async fn a_kill_reaches_what_is_below_a_node_in_whatever_session() {
    for (number, is_paused) in [(86406, false), (86407, true)] {
        let marker = unique(number);
        let deep =
            format!("setsid sh -c 'sleep {marker} & setsid -w sleep {marker} & echo on; wait'");
        let mut stage = Stage::of(&format!("{deep} & setsid sleep {marker} & wait")).await;
        stage.expect("on").await;
        if is_paused {
            stage.nodes.pause(0);
        }
        stage.nodes.kill(&[0]).await;
        assert_eq!(stage.id(), None);
        wait_until(|| !is_running(&marker));
        stage.end().await;
    }
}

#[tokio::test]
async fn what_a_node_wrote_before_it_was_killed_is_heard_before_the_next_one() {
    let written = r#"touch "$EDDY_STORAGE/written$((number))"; exec sleep 1000"#;
    let script = format!("{COUNT} seq 1 1000; printf half; {written}");
    let mut stage = Stage::of(&script).await;
    for process in 1..=3 {
        let written = stage.command.storage.join(format!("n0/written{process}"));
        // The events take no more than a few lines; the pipe takes the others.
        wait_until(|| written.exists());
        stage.nodes.kill(&[0]).await;
        stage.nodes.restart(0).await.unwrap();
    }
    for process in 1..=3 {
        stage.expect(&format!("process {process}")).await;
        for number in 1..=1000 {
            stage.expect(&number.to_string()).await;
        }
    }
    stage.expect("process 4").await;
    stage.end().await;
}

#[tokio::test]
async fn a_process_that_escapes_does_not_speak_for_the_next_one() {
    // Its parent is gone, so that it is found below the node no more.
    let escape = "(setsid sh -c 'while echo ghost; do :; done' &)";
    let script = format!("{COUNT} [ $number = 2 ] && exec sleep 1000; {escape}; exec sleep 1000");
    let mut stage = Stage::of(&script).await;
    stage.expect("process 1").await;
    stage.expect("ghost").await;
    stage.nodes.kill(&[0]).await;
    stage.nodes.restart(0).await.unwrap();
    loop {
        match stage.events.recv().await {
            Some(Event::Said { line, .. }) if line == "process 2" => break,
            Some(Event::Said { line, .. }) if line == "ghost" => {}
            event => panic!("{event:?}"),
        }
    }
    stage.nodes.kill(&[0]).await;
    stage.expect_silence();
    stage.end().await;
}

#[tokio::test]
async fn orders_that_come_late_or_twice_do_no_harm() {
    let script = format!("{COUNT} while read -r line; do echo \"$line\"; done; exec sleep 1000");
    let mut stage = Stage::of(&script).await;
    stage.expect("process 1").await;
    let id = stage.id().unwrap();
    stage.nodes.resume(0);
    stage.nodes.pause(0);
    stage.nodes.pause(0);
    wait_until(|| state(id) == 'T');
    stage.nodes.resume(0);
    stage.nodes.resume(0);
    stage.nodes.deliver(0, "hello\n".to_owned());
    stage.expect("hello").await;

    stage.nodes.kill(&[0]).await;
    stage.nodes.kill(&[0]).await;
    stage.nodes.pause(0);
    stage.nodes.resume(0);
    stage.nodes.deliver(0, "lost\n".to_owned());
    stage.nodes.restart(0).await.unwrap();
    // It may not have begun.
    stage.nodes.kill(&[0]).await;
    assert_eq!(stage.id(), None);
    stage.nodes.restart(0).await.unwrap();
    let event = stage.events.recv().await;
    let Some(Event::Said { line, .. }) = event else { panic!("{event:?}") };
    assert!(line == "process 2" || line == "process 3", "{line}");
    stage.end().await;
}

#[tokio::test]
async fn nobody_complains_of_a_node_that_ends_while_it_is_killed() {
    let mut stage = Stage::of("echo ready; read -r line; exit 3").await;
    for _ in 0..10 {
        stage.expect("ready").await;
        let id = stage.id().unwrap();
        stage.nodes.deliver(0, "end\n".to_owned());
        tokio::task::yield_now().await;
        stage.nodes.kill(&[0]).await;
        stage.nodes.restart(0).await.unwrap();
        assert_ne!(stage.id(), Some(id));
    }
    // Ends before it is killed, and its keeper does not know it yet.
    stage.expect("ready").await;
    let id = stage.id().unwrap();
    stage.nodes.deliver(0, "end\n".to_owned());
    tokio::task::yield_now().await;
    wait_until(|| state(id) == 'Z');
    stage.nodes.kill(&[0]).await;
    stage.expect_silence();
    stage.end().await;
}

#[tokio::test]
async fn a_complaint_that_nobody_has_heard_is_dropped_when_the_node_is_killed() {
    let mut stage = Stage::with_room(1, &format!("{COUNT} echo one; echo two; exit 3")).await;
    while stage.id().is_some() {
        tokio::task::yield_now().await;
    }
    stage.nodes.kill(&[0]).await;
    stage.nodes.restart(0).await.unwrap();
    for process in ["process 1", "process 2"] {
        stage.expect(process).await;
        stage.expect("one").await;
        stage.expect("two").await;
    }
    stage.expect_end("exited with status 3").await;
    stage.end().await;
}

#[tokio::test]
async fn the_last_words_are_those_of_the_last_process() {
    #[track_caller]
    fn check(remains: &Remains, expected: &str) {
        assert_eq!(remains.last_words.to_string(), expected);
    }
    let words = "[ $number = 1 ] && echo words >&2; echo said; exec sleep 1000";
    let script = format!("{COUNT} {words}");
    for is_started_again in [false, true] {
        let mut stage = Stage::of(&script).await;
        stage.expect("process 1").await;
        stage.expect("said").await;
        stage.nodes.kill(&[0]).await;
        if is_started_again {
            stage.nodes.restart(0).await.unwrap();
            stage.expect("process 2").await;
            stage.expect("said").await;
            let log = fs::read_to_string(stage.command.logs.join("n0.log")).unwrap();
            assert_eq!(log, "words\n");
            check(&stage.end().await, "It wrote nothing to STDERR.");
        } else {
            check(&stage.end().await, "Its last words on STDERR were:\n  words");
        }
    }
}
