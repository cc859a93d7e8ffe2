//! A node as a future, compared with a loop that only reads and writes JSON.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use glomers::{Json, Message, Node};
use serde::{Deserialize, Serialize};

use crate::echo::{Echo, Reply, Request};
use crate::pairs::{self, Figure};
use crate::pipes;

/// Echo of lines in memory, compared with a loop over the same types.
pub(crate) fn echo() -> Figure {
    const MESSAGES: usize = 50_000;
    let echoes = pipes::echoes(MESSAGES);
    let input = format!("{}{echoes}", pipes::INIT);
    let ours = || {
        let mut output = Vec::new();
        pairs::time(|| {
            block_on(async {
                glomers::serve_on(input.as_bytes(), &mut output, |_| Echo).await.unwrap();
            });
            assert!(output.len() > echoes.len() / 2);
        })
    };
    Figure::faster(0.6, MESSAGES, pairs::alternate(ours, || bare_loop(&echoes)))
}

/// The time of a loop that answers these lines in memory.
fn bare_loop(echoes: &str) -> Duration {
    let mut output = Vec::new();
    pairs::time(|| {
        echoes.lines().for_each(|line| bare_echo(line, &mut output));
        assert!(output.len() > echoes.len() / 2);
    })
}

/// The body of an echo as one struct: the reserved fields and those of [`Request`] and [`Reply`].
#[derive(Serialize, Deserialize)]
struct EchoBody {
    #[serde(rename = "type")]
    kind: String,
    echo: Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_reply_to: Option<u64>,
}

#[derive(Serialize)]
struct BareMessage<'a> {
    src: &'a str,
    dest: &'a str,
    body: EchoBody,
}

fn bare_echo(line: &str, output: &mut Vec<u8>) {
    let Message { src, dest, body } = Message::parse(line.as_bytes()).unwrap();
    let EchoBody { echo, msg_id, .. } = serde_json::from_str(body.get()).unwrap();
    let body = EchoBody { kind: "echo_ok".to_owned(), echo, msg_id: None, in_reply_to: msg_id };
    serde_json::to_writer(&mut *output, &BareMessage { src: &dest, dest: &src, body }).unwrap();
    output.push(b'\n');
}

/// Sequential calls of one node to another, compared with the loop for as many messages.
pub(crate) fn rpc() -> Figure {
    const CALLS: usize = 20_000;
    let echoes = pipes::echoes(2 * CALLS);
    Figure::slower(3.0, CALLS, pairs::alternate(|| ask_a_neighbor(CALLS), || bare_loop(&echoes)))
}

/// The time of so many calls between two nodes, whose inputs are each other's outputs.
fn ask_a_neighbor(calls: usize) -> Duration {
    let (one, other) = tokio::io::duplex(1 << 16);
    let ((input, output), (others_input, others_output)) =
        (tokio::io::split(one), tokio::io::split(other));
    let took = Rc::new(Cell::new(Duration::ZERO));
    let result = Rc::clone(&took);
    let asking = move |node: Node| {
        let caller = node.clone();
        node.spawn(async move {
            let payload: Json = serde_json::from_str("\"Please echo 42\"").unwrap();
            let request = Request::Echo { echo: payload };
            let start = std::time::Instant::now();
            for _ in 0..calls {
                let Reply::EchoOk { .. } = caller.rpc("n2", &request).await.unwrap();
            }
            result.set(start.elapsed());
        });
        Echo
    };
    block_on(async {
        let inits = ["n1", "n2"].map(|id| {
            format!(r#"{{"src":"c0","dest":"{id}","body":{{"type":"init","node_id":"{id}","node_ids":["n1","n2"]}}}}{}"#, "\n")
        });
        let [init, others_init] = &inits;
        let input = tokio::io::AsyncReadExt::chain(init.as_bytes(), input);
        let others_input = tokio::io::AsyncReadExt::chain(others_init.as_bytes(), others_input);
        tokio::select! {
            _ = glomers::serve_on(input, output, asking) => {}
            _ = glomers::serve_on(others_input, others_output, |_| Echo) => {}
            () = async { while took.get().is_zero() { tokio::task::yield_now().await } } => {}
        }
    });
    took.get()
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future);
}
