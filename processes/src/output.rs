//! STDOUT of a node, line by line.

use std::time::Duration;

use eddy_text::printable;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::mpsc;

use super::run_state::RunStateReceiver;
use crate::ProcessEvent;

/// Bytes of a line at most. This is more than any sensible message has, and little enough that a
/// node which writes endlessly cannot fill the memory.
const MAX_LINE_BYTES: usize = 64 << 20;

/// Interval at which an unterminated line is checked for growth while the node runs. A line that
/// did not grow in two intervals is taken for complete: a longer interval would keep people
/// waiting, a shorter one would blame a busy machine.
const GROWTH_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Characters of an unterminated line that are shown.
const MAX_EXCERPT_CHARS: usize = 300;

/// Reports lines until STDOUT is closed. Text after the last newline is not reported, but returned
/// if it stayed there for a while.
///
/// A node whose first line has no end does not know the framing of messages, so it ends the test.
/// Later lines may be in the middle of a write, and Maelstrom would wait. A killed node is not
/// reported.
pub(super) async fn read(
    stdout: impl AsyncRead + Unpin,
    node: usize,
    incarnation: u64,
    events: &mpsc::Sender<ProcessEvent>,
    mut run_state: RunStateReceiver,
) -> Option<String> {
    let mut stdout = BufReader::with_capacity(1 << 16, stdout);
    let mut is_first = true;
    loop {
        let mut line = Vec::new();
        let mut checks_without_growth = 0;
        loop {
            let before = line.len();
            let mut rest = (&mut stdout).take((MAX_LINE_BYTES + 1 - before) as u64);
            let read = tokio::select! {
                biased;
                read = rest.read_until(b'\n', &mut line) => Some(read),
                () = run_state.has_run_for(GROWTH_CHECK_INTERVAL) => None,
            };
            match read {
                Some(read) => {
                    read.ok()?;
                    break;
                }
                None if line.is_empty() || line.len() > before => checks_without_growth = 0,
                None => checks_without_growth += 1,
            }
            if is_first && checks_without_growth == 2 {
                let half = show(&line);
                let cause = format!(
                    "wrote half a line to STDOUT and then nothing more:\n  {half}\nEnd each \
                     message with a newline, and flush STDOUT."
                );
                report_failure(
                    events,
                    ProcessEvent::Ended { node, incarnation, cause },
                    &mut run_state,
                )
                .await;
            }
        }
        let event = match line.pop() {
            Some(b'\n') => ProcessEvent::Wrote { node, line: text(line) },
            Some(_) if line.len() >= MAX_LINE_BYTES => {
                let cause = format!(
                    "wrote more than {} MiB to STDOUT without a newline:\n  {}\nEnd each message \
                     with a newline.",
                    MAX_LINE_BYTES >> 20,
                    show(&line[..MAX_EXCERPT_CHARS.min(line.len())])
                );
                report_failure(
                    events,
                    ProcessEvent::Ended { node, incarnation, cause },
                    &mut run_state,
                )
                .await;
                return None;
            }
            Some(last) if checks_without_growth >= 2 && !is_first => {
                line.push(last);
                return Some(show(&line));
            }
            _ => return None,
        };
        if events.send(event).await.is_err() {
            return None;
        }
        is_first = false;
    }
}

/// Reports an event that ends the test, unless the node is killed meanwhile.
async fn report_failure(
    events: &mpsc::Sender<ProcessEvent>,
    event: ProcessEvent,
    run_state: &mut RunStateReceiver,
) {
    tokio::select! {
        biased;
        () = run_state.killed() => {}
        // Nobody receives events after the test.
        _ = events.send(event) => {}
    }
}

fn text(line: Vec<u8>) -> String {
    String::from_utf8(line)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn show(line: &[u8]) -> String {
    printable::excerpt(&String::from_utf8_lossy(line), MAX_EXCERPT_CHARS)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::time;

    use super::super::run_state::testing::FakeRunState;
    use super::*;

    async fn events(input: &[u8]) -> Vec<ProcessEvent> {
        let (sender, mut receiver) = mpsc::channel(16);
        let (_node, run_state) = FakeRunState::running();
        assert_eq!(read(input, 7, 0, &sender, run_state).await, None);
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    #[tokio::test]
    async fn a_line_ends_with_a_newline() {
        let events = events(b"one\n\xfftwo\n\nthree").await;
        let expected = r#"[Wrote { node: 7, line: "one" }, Wrote { node: 7, line: "�two" }, Wrote { node: 7, line: "" }]"#;
        assert_eq!(format!("{events:?}"), expected);
    }

    #[tokio::test]
    async fn a_line_may_be_long_but_not_endless() {
        let mut input = vec![b'x'; MAX_LINE_BYTES];
        input.push(b'\n');
        let lengths = |events: Vec<ProcessEvent>| match &events[..] {
            [ProcessEvent::Wrote { line, .. }] => line.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(lengths(events(&input).await), MAX_LINE_BYTES);
        input.insert(0, b'x');
        let events = events(&input).await;
        let [ProcessEvent::Ended { cause, .. }] = &events[..] else { panic!("no single end") };
        assert!(cause.starts_with("wrote more than 64 MiB to STDOUT without a newline"), "{cause}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_unterminated_first_line_is_a_failure_and_a_later_one_is_returned() {
        let (sender, mut receiver) = mpsc::channel(16);
        let (mut node, stdout) = tokio::io::duplex(64);
        let (fake, run_state) = FakeRunState::running();
        let reading = tokio::spawn(async move { read(stdout, 7, 0, &sender, run_state).await });
        fake.pause();
        node.write_all(b"{\"src").await.unwrap();
        time::sleep(60 * GROWTH_CHECK_INTERVAL).await;
        assert!(receiver.is_empty());
        fake.resume();
        let event = receiver.recv().await;
        let Some(ProcessEvent::Ended { cause, .. }) = event else { panic!("{event:?}") };
        assert!(cause.contains(":\n  {\"src\nEnd each message with a newline"), "{cause}");
        node.write_all(b"\":0}\n\x1b").await.unwrap();
        assert!(matches!(receiver.recv().await, Some(ProcessEvent::Wrote { .. })));
        time::sleep(4 * GROWTH_CHECK_INTERVAL).await;
        drop(node);
        assert_eq!(reading.await.unwrap().as_deref(), Some("\\u{1b}"));
    }

    #[tokio::test]
    async fn a_killed_node_is_not_reported() {
        let (sender, mut receiver) = mpsc::channel(16);
        let (fake, run_state) = FakeRunState::running();
        fake.kill();
        let endless = vec![b'x'; MAX_LINE_BYTES + 1];
        assert_eq!(read(&endless[..], 7, 0, &sender, run_state).await, None);
        drop(sender);
        assert!(receiver.recv().await.is_none());
    }
}
