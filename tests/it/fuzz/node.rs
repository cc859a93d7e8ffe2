//! The node under test, and the comparison of its output with the oracle's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use glomers::{ErrorCode, Handler, Host, Json, Node, async_trait};
use serde::{Deserialize, Serialize};

use crate::fuzz::oracle::Oracle;
use crate::fuzz::pipe::ChunkedPipe;

/// The types of requests that the node knows.
pub(crate) const KNOWN_TYPES: &[&str] = &["echo", "refuse", "ask"];

/// The `msg_id` of the first call of a node whose host has the seed 0.
pub(crate) const FIRST_CALL: u64 = 2_033_605_725;

struct FuzzedNode {
    node: Node,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Echo { echo: Json },
    Refuse,
    Ask,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    EchoOk { echo: Json },
    AskOk { value: Json },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PeerMessage {
    Question,
    Answer { value: Json },
}

#[async_trait(?Send)]
impl Handler for FuzzedNode {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        match request {
            Request::Echo { echo } => Ok(Reply::EchoOk { echo }),
            Request::Refuse => Err(ErrorCode::TxnConflict.error("on purpose").into()),
            Request::Ask => match self
                .node
                .rpc_with_timeout(Duration::MAX, "n2", &PeerMessage::Question)
                .await?
            {
                PeerMessage::Answer { value } => Ok(Reply::AskOk { value }),
                PeerMessage::Question => anyhow::bail!("n2 asks back"),
            },
        }
    }
}

/// Counts of lines and of the output for them.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct LineCounts {
    pub(crate) lines: usize,
    pub(crate) immediate: usize,
    pub(crate) delayed: usize,
    pub(crate) reported: usize,
}

/// Runs a node on this input, in seeded chunks of at most `largest` bytes, and checks its output.
pub(crate) fn check(input: &[u8], seed: u64, largest: usize) -> Result<LineCounts, String> {
    let mut input = input.to_vec();
    let expected = Expected::of(&mut input, Oracle::new(KNOWN_TYPES));
    let output = catch_unwind(AssertUnwindSafe(|| run(&input, seed, largest)))
        .map_err(|_| "the node panicked, see above".to_owned())??;
    expected.compare(&output)?;
    Ok(expected.counts)
}

fn run(input: &[u8], seed: u64, largest: usize) -> Result<String, String> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    let mut output = Vec::new();
    let (input, written) =
        (ChunkedPipe::new(seed, largest, input), ChunkedPipe::new(!seed, largest, &mut output));
    let node = Host::seeded(0).serve_on(input, written, |node| FuzzedNode { node });
    // Virtual time jumps to this timeout if the node waits for input that never comes.
    let ended =
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(3600), node).await });
    match ended {
        Ok(Ok(())) => String::from_utf8(output).map_err(|error| error.to_string()),
        Ok(Err(error)) => Err(format!("the node ended: {error:#}")),
        Err(_) => Err("the node hangs".to_owned()),
    }
}

/// The expected output, each line with its cause.
pub(crate) struct Expected {
    immediate: Vec<(String, String)>,
    delayed: Vec<(String, String)>,
    pub(crate) counts: LineCounts,
}

impl Expected {
    /// Runs the oracle on each line. Appends replies to all pending calls to the input.
    pub(crate) fn of(input: &mut Vec<u8>, mut oracle: Oracle) -> Self {
        let mut expected =
            Expected { immediate: Vec::new(), delayed: Vec::new(), counts: LineCounts::default() };
        expected.add_lines(&mut oracle, input);
        let answer = |call| {
            let body = format!(r#"{{"type":"answer","value":[{call}],"in_reply_to":{call}}}"#);
            format!("\n{}", message("n2", &body))
        };
        let answers: String = oracle.pending_calls().map(answer).collect();
        expected.add_lines(&mut oracle, answers.as_bytes());
        input.extend_from_slice(answers.as_bytes());
        expected
    }

    fn add_lines(&mut self, oracle: &mut Oracle, input: &[u8]) {
        for line in input.split(|byte| *byte == b'\n') {
            let reaction = oracle.react(line);
            let because = |said| (said, String::from_utf8_lossy(line).into_owned());
            self.counts.lines += 1;
            self.counts.reported += reaction.reported;
            self.immediate.extend(reaction.immediate.into_iter().map(because));
            self.delayed.extend(reaction.delayed.into_iter().map(because));
        }
        self.delayed.sort_unstable();
        (self.counts.immediate, self.counts.delayed) = (self.immediate.len(), self.delayed.len());
    }

    /// Checks the output: immediate replies in the order of the lines, delayed ones in any order.
    pub(crate) fn compare(&self, output: &str) -> Result<(), String> {
        let is_later = |line: &String| {
            line.contains(r#","body":{"type":"ask_ok","#)
                || line.contains(r#","body":{"type":"error","code":13,"#)
        };
        let (mut later, said): (Vec<_>, Vec<_>) =
            output.lines().map(without_text).partition(is_later);
        later.sort_unstable();
        for (expected, got) in [(&self.immediate, &said), (&self.delayed, &later)] {
            let differs = expected.iter().zip(got).find(|((expected, _), got)| expected != *got);
            if let Some(((expected, because), got)) = differs {
                return Err(format!("for\n{because:?}\nexpected\n{expected}\ngot\n{got}"));
            }
            if let Some((expected, because)) = expected.get(got.len()) {
                return Err(format!("for\n{because:?}\nexpected\n{expected}\ngot nothing"));
            }
            if let Some(got) = got.get(expected.len()) {
                return Err(format!("expected nothing more, got\n{got}"));
            }
        }
        Ok(())
    }
}

/// The line, with `…` in the place of an error's text.
fn without_text(line: &str) -> String {
    let is_json = crate::fuzz::json::value(line).is_some();
    assert!(is_json, "the node wrote what is no JSON: {line}");
    if let Some((start, rest)) = line.split_once(r#","body":{"type":"error","code":"#)
        && let Some((code, rest)) = rest.split_once(r#","text":""#)
        && let Some((_, end)) = rest.rsplit_once(r#"","in_reply_to":"#)
    {
        return format!(
            r#"{start},"body":{{"type":"error","code":{code},"text":"…","in_reply_to":{end}"#
        );
    }
    line.to_owned()
}

/// A message to n1.
pub(crate) fn message(src: &str, body: &str) -> String {
    format!(r#"{{"src":"{src}","dest":"n1","body":{body}}}"#)
}
