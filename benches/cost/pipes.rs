//! A node as a process, compared with a program that does as little as possible.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::pairs::{self, Figure};

/// Argument that runs [`bare_loop`].
pub(crate) const BARE_LOOP: &str = "bare-loop";

/// Argument that runs [`bare_write`].
pub(crate) const BARE_WRITE: &str = "bare-write";

const ECHO: &str = env!("CARGO_BIN_EXE_echo");
const BROADCAST: &str = env!("CARGO_BIN_EXE_broadcast-c");

/// The first message to each node.
pub(crate) const INIT: &str = r#"{"id":0,"src":"c0","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1"],"msg_id":1}}
"#;

const VALUES: usize = 100_000;

/// Echo of many messages without a pause between them.
pub(crate) fn throughput() -> Figure {
    const MESSAGES: usize = 100_000;
    let input = echoes(MESSAGES);
    let run = |program: &mut Command| {
        let node = NodeProcess::start(program);
        pairs::time(|| node.echo_all(&input))
    };
    let times =
        pairs::alternate(|| run(&mut Command::new(ECHO)), || run(&mut this_program(BARE_LOOP)));
    Figure::faster(2.0, MESSAGES, times)
}

/// Echo of one message at a time.
pub(crate) fn delay() -> Figure {
    const MESSAGES: usize = 5_000;
    let input = echoes(MESSAGES);
    let run = |program: &mut Command| {
        let mut node = NodeProcess::start(program);
        let time = pairs::time(|| input.lines().for_each(|line| _ = node.call(line)));
        node.stop();
        time
    };
    let times =
        pairs::alternate(|| run(&mut Command::new(ECHO)), || run(&mut this_program(BARE_LOOP)));
    Figure::slower(1.2, MESSAGES, times)
}

/// A long reply, compared with a program that has it ready.
///
/// It fits into the pipe, and the reader polls. Otherwise most of the time would be the system's
/// scheduling of two processes at a full pipe, by which the same program is five times as slow in
/// one run as in another.
pub(crate) fn read_of_many_values() -> Figure {
    const READS: usize = 100;
    let read = r#"{"id":9,"src":"c1","dest":"n1","body":{"type":"read","msg_id":2}}"#;
    let mut node = NodeProcess::start(&mut Command::new(BROADCAST));
    for value in 0..VALUES {
        // Without a `msg_id`, and so without a reply.
        node.send(&format!(
            r#"{{"src":"c1","dest":"n1","body":{{"type":"broadcast","message":{value}}}}}"#
        ));
    }
    let mut bare = NodeProcess::start(&mut this_program(BARE_WRITE));
    for node in [&node, &bare] {
        rustix::pipe::fcntl_setpipe_size(&node.stdout, 1 << 20).unwrap();
        rustix::io::ioctl_fionbio(&node.stdout, true).unwrap();
    }
    assert_eq!(node.call(read), bare.call(read), "both write the same");
    let ask = |node: &mut NodeProcess| pairs::time(|| (0..READS).for_each(|_| _ = node.call(read)));
    let times = pairs::alternate(|| ask(&mut node), || ask(&mut bare));
    node.stop();
    bare.stop();
    Figure::slower(2.0, READS, times)
}

/// Parses each line, swaps the addresses, and writes the reply; nothing else.
pub(crate) fn bare_loop() -> io::Result<()> {
    let mut input = BufReader::new(io::stdin().lock());
    let mut output = BufWriter::new(io::stdout().lock());
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        let mut message: Value = serde_json::from_str(&line)?;
        let (src, dest) = (message["src"].take(), message["dest"].take());
        (message["src"], message["dest"]) = (dest, src);
        let body = message["body"].as_object_mut().unwrap();
        let reply = format!("{}_ok", body["type"].as_str().unwrap());
        body.insert("type".to_owned(), reply.into());
        let msg_id = body.remove("msg_id").unwrap();
        body.insert("in_reply_to".to_owned(), msg_id);
        serde_json::to_writer(&mut output, &message)?;
        output.write_all(b"\n")?;
        // Only lines in the buffer can share a write.
        if input.buffer().is_empty() {
            output.flush()?;
        }
        line.clear();
    }
    Ok(())
}

/// Answers every line with the same long one, which is prepared before the first.
pub(crate) fn bare_write() -> io::Result<()> {
    let mut reply = r#"{"src":"n1","dest":"c1","body":{"type":"read_ok","messages":["#.to_owned();
    for value in 0..VALUES {
        let comma = if value == 0 { "" } else { "," };
        write!(reply, "{comma}{value}").unwrap();
    }
    reply.push_str("],\"in_reply_to\":2}}\n");
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        if line?.contains("init") {
            output.write_all(b"{}\n")?;
        } else {
            output.write_all(reply.as_bytes())?;
        }
    }
    Ok(())
}

fn this_program(word: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(word);
    command
}

/// Echo requests as Maelstrom's client sends them.
pub(crate) fn echoes(count: usize) -> String {
    let mut lines = String::new();
    for id in 1..=count {
        let payload = id * 7919 % 128;
        let line = format!(
            r#"{{"id":{id},"src":"c2","dest":"n1","body":{{"echo":"Please echo {payload}","type":"echo","msg_id":{id}}}}}"#
        );
        writeln!(lines, "{line}").unwrap();
    }
    lines
}

/// A process that has answered `init`.
pub(crate) struct NodeProcess {
    process: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    buffer: Vec<u8>,
}

impl NodeProcess {
    /// Starts a program and waits until it has answered `init`.
    pub(crate) fn start(program: &mut Command) -> NodeProcess {
        let mut process = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let mut node = NodeProcess { process, stdin, stdout, buffer: vec![0; 1 << 16] };
        node.call(INIT.trim_end());
        node
    }

    /// A file of the process in `/proc`.
    pub(crate) fn proc_file(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).unwrap()
    }

    /// Writes a line, waits for one, and returns its length.
    fn call(&mut self, line: &str) -> usize {
        self.send(line);
        let mut length = 0;
        loop {
            let read = match self.stdout.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                read => read.unwrap(),
            };
            assert!(read > 0, "the node has ended");
            length += read;
            if self.buffer[..read].ends_with(b"\n") {
                return length;
            }
        }
    }

    fn send(&mut self, line: &str) {
        // In one write, because the node may wake up before a second one.
        self.stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Writes everything, and reads until the node ends.
    fn echo_all(self, input: &str) {
        let NodeProcess { mut process, mut stdin, stdout, .. } = self;
        let mut stdout = BufReader::with_capacity(1 << 16, stdout);
        std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input.as_bytes()).unwrap());
            let length = io::copy(&mut stdout, &mut io::sink()).unwrap();
            assert!(length > input.len() as u64 / 2, "{length} bytes came out");
        });
        process.wait().unwrap();
    }

    /// Ends the node.
    pub(crate) fn stop(self) {
        let NodeProcess { mut process, stdin, .. } = self;
        drop(stdin);
        process.wait().unwrap();
    }
}
