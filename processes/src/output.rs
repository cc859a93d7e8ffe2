//! STDOUT of a node, line by line.

use std::time::Duration;

use eddy_text::printable;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::mpsc;

use super::pulse::Pulse;
use crate::Event;

/// How long a line may be. More than any message of a test that makes sense; less than what a node
/// that writes without end fills a machine's memory with.
const LONGEST_LINE: usize = 64 << 20;

/// How often it is looked whether half a line has grown, while the node runs. Twice without
/// growth, and it is taken for all that there will be: longer would keep people waiting, shorter
/// would blame a busy machine.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How much of half a line is shown.
const EXCERPT: usize = 300;

/// Reports lines until STDOUT is closed; what stands behind the last newline is no line, and
/// returned if it had stood there for a while.
///
/// A node whose first line gets no end has not understood how messages are told apart, and is
/// given up. Later ones may be in the middle of a write, and Maelstrom would wait. A node that was
/// killed is not complained of.
pub(super) async fn read(
    stdout: impl AsyncRead + Unpin,
    node: usize,
    nth_life: u64,
    events: &mpsc::Sender<Event>,
    mut pulse: Pulse,
) -> Option<String> {
    let mut stdout = BufReader::with_capacity(1 << 16, stdout);
    let mut is_first = true;
    loop {
        let mut line = Vec::new();
        let mut looks_in_vain = 0;
        loop {
            let before = line.len();
            let mut rest = (&mut stdout).take((LONGEST_LINE + 1 - before) as u64);
            let read = tokio::select! {
                biased;
                read = rest.read_until(b'\n', &mut line) => Some(read),
                () = pulse.has_run_for(LOOK_EVERY) => None,
            };
            match read {
                Some(read) => {
                    read.ok()?;
                    break;
                }
                None if line.is_empty() || line.len() > before => looks_in_vain = 0,
                None => looks_in_vain += 1,
            }
            if is_first && looks_in_vain == 2 {
                let half = show(&line);
                let how = format!(
                    "wrote half a line to STDOUT and then nothing more:\n  {half}\nEnd each \
                     message with a newline, and flush STDOUT."
                );
                complain(events, Event::Ended { node, life: nth_life, how }, &mut pulse).await;
            }
        }
        let event = match line.pop() {
            Some(b'\n') => Event::Said { node, line: text(line) },
            Some(_) if line.len() >= LONGEST_LINE => {
                let how = format!(
                    "wrote more than {} MiB to STDOUT without a newline:\n  {}\nEnd each message \
                     with a newline.",
                    LONGEST_LINE >> 20,
                    show(&line[..EXCERPT.min(line.len())])
                );
                complain(events, Event::Ended { node, life: nth_life, how }, &mut pulse).await;
                return None;
            }
            Some(last) if looks_in_vain >= 2 && !is_first => {
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

/// Tells what no test survives, unless the node was killed meanwhile.
async fn complain(events: &mpsc::Sender<Event>, event: Event, pulse: &mut Pulse) {
    tokio::select! {
        biased;
        () = pulse.killed() => {}
        // Nobody listens any more when the test is over.
        _ = events.send(event) => {}
    }
}

fn text(line: Vec<u8>) -> String {
    String::from_utf8(line)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn show(line: &[u8]) -> String {
    printable::excerpt(&String::from_utf8_lossy(line), EXCERPT)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::time;

    use super::super::pulse::testing::Puppet;
    use super::*;

    async fn events(input: &[u8]) -> Vec<Event> {
        let (sender, mut receiver) = mpsc::channel(16);
        let (_node, pulse) = Puppet::running();
        assert_eq!(read(input, 7, 0, &sender, pulse).await, None);
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    #[tokio::test]
    async fn a_line_ends_with_a_newline() {
        let events = events(b"one\n\xfftwo\n\nthree").await;
        let expected = r#"[Said { node: 7, line: "one" }, Said { node: 7, line: "�two" }, Said { node: 7, line: "" }]"#;
        assert_eq!(format!("{events:?}"), expected);
    }

    #[tokio::test]
    async fn a_line_may_be_long_but_not_endless() {
        let mut input = vec![b'x'; LONGEST_LINE];
        input.push(b'\n');
        let lengths = |events: Vec<Event>| match &events[..] {
            [Event::Said { line, .. }] => line.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(lengths(events(&input).await), LONGEST_LINE);
        input.insert(0, b'x');
        let events = events(&input).await;
        let [Event::Ended { how, .. }] = &events[..] else { panic!("no single end") };
        assert!(how.starts_with("wrote more than 64 MiB to STDOUT without a newline"), "{how}");
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_line_is_a_mistake_at_first_and_worth_a_word_later() {
        let (sender, mut receiver) = mpsc::channel(16);
        let (mut node, stdout) = tokio::io::duplex(64);
        let (puppet, pulse) = Puppet::running();
        let reading = tokio::spawn(async move { read(stdout, 7, 0, &sender, pulse).await });
        puppet.pause();
        node.write_all(b"{\"src").await.unwrap();
        time::sleep(60 * LOOK_EVERY).await;
        assert!(receiver.is_empty());
        puppet.resume();
        let event = receiver.recv().await;
        let Some(Event::Ended { how, .. }) = event else { panic!("{event:?}") };
        assert!(how.contains(":\n  {\"src\nEnd each message with a newline"), "{how}");
        node.write_all(b"\":0}\n\x1b").await.unwrap();
        assert!(matches!(receiver.recv().await, Some(Event::Said { .. })));
        time::sleep(4 * LOOK_EVERY).await;
        drop(node);
        assert_eq!(reading.await.unwrap().as_deref(), Some("\\u{1b}"));
    }

    #[tokio::test]
    async fn a_node_that_was_killed_is_not_complained_of() {
        let (sender, mut receiver) = mpsc::channel(16);
        let (puppet, pulse) = Puppet::running();
        puppet.kill();
        let endless = vec![b'x'; LONGEST_LINE + 1];
        assert_eq!(read(&endless[..], 7, 0, &sender, pulse).await, None);
        drop(sender);
        assert!(receiver.recv().await.is_none());
    }
}
