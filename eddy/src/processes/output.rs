//! STDOUT of a node, line by line.

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::mpsc;

use crate::drive::Event;

/// How long a line may be. More than any message of a test that makes sense; less than what a node
/// that writes without end fills a machine's memory with.
const LONGEST_LINE: usize = 64 << 20;

/// Reports lines until STDOUT is closed; what stands behind the last newline is no line.
pub(super) async fn read(
    stdout: impl AsyncRead + Unpin,
    node: usize,
    events: mpsc::UnboundedSender<Event>,
) {
    let mut stdout = BufReader::with_capacity(1 << 16, stdout);
    loop {
        let mut line = Vec::new();
        let mut rest = (&mut stdout).take(LONGEST_LINE as u64 + 1);
        if rest.read_until(b'\n', &mut line).await.is_err() {
            return;
        }
        let event = match line.pop() {
            Some(b'\n') => Event::Said { node, line: text(line) },
            Some(_) if line.len() >= LONGEST_LINE => {
                let how = format!("wrote a line of more than {} MiB", LONGEST_LINE >> 20);
                Event::Ended { node, how }
            }
            _ => return,
        };
        let is_last = matches!(event, Event::Ended { .. });
        if events.send(event).is_err() || is_last {
            return;
        }
    }
}

fn text(line: Vec<u8>) -> String {
    String::from_utf8(line)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn events(input: &[u8]) -> Vec<Event> {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        read(input, 7, sender).await;
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
        assert_eq!(how, "wrote a line of more than 64 MiB");
    }
}
