//! Server for each test, and a client over a plain socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::place::Place;

/// Read timeout, after which a server is considered hung.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Running server, killed when dropped.
pub(crate) struct ServeProcess {
    child: Child,
    pub(crate) address: String,
}

/// Response to a request.
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Client of server-sent events.
pub(crate) struct EventListener(BufReader<TcpStream>);

/// Command of the server, in the directory of a test.
pub(crate) fn eddy_serve(place: &Place, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy-serve"));
    command.args(words.split_whitespace()).current_dir(&place.0);
    command
}

impl ServeProcess {
    pub(crate) fn start(place: &Place) -> ServeProcess {
        let mut command = eddy_serve(place, "store 127.0.0.1 0");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").and_then(|rest| rest.strip_suffix('/'));
        ServeProcess { child, address: address.unwrap_or_else(|| panic!("{line:?}")).to_owned() }
    }

    pub(crate) fn get(&self, path: &str) -> HttpResponse {
        self.send_request(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", self.address))
    }

    /// Sends the head of a request unchanged, and reads the response.
    pub(crate) fn send_request(&self, head: &str) -> HttpResponse {
        let mut bytes = Vec::new();
        let mut stream = self.send(&format!("{head}Connection: close\r\n\r\n"));
        // A refused connection may be closed before all was read.
        let _ = stream.read_to_end(&mut bytes);
        HttpResponse::of(&bytes).unwrap_or_else(|| {
            panic!("{head:?} was answered with {:?}", String::from_utf8_lossy(&bytes))
        })
    }

    pub(crate) fn listen(&self) -> EventListener {
        let head = format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        EventListener(BufReader::new(self.send(&head)))
    }

    /// Stops the server by SIGTERM, which shells do not make their jobs ignore, and returns the
    /// exit status.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }

    fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(READ_TIMEOUT)).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    }
}

impl Drop for ServeProcess {
    fn drop(&mut self) {
        // An early exit explains why requests failed.
        if let (true, Ok(Some(status))) = (thread::panicking(), self.child.try_wait()) {
            eprintln!("the server had ended before: {status}");
        }
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl HttpResponse {
    fn of(bytes: &[u8]) -> Option<HttpResponse> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let (first, rest) = head.split_once("\r\n").unwrap_or((head, ""));
        let status = first.strip_prefix("HTTP/1.1 ").or(first.strip_prefix("HTTP/1.0 "))?;
        let headers = rest.lines().filter_map(|line| line.split_once(": "));
        let headers: Vec<_> =
            headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let mut answer = HttpResponse {
            status: status[..3].parse().ok()?,
            headers,
            body: bytes[end + 4..].to_vec(),
        };
        if answer.find("transfer-encoding") == Some("chunked") {
            answer.body = joined(&answer.body)?;
        }
        Some(answer)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(other, _)| other == name);
        header.map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16, kind: &str) -> HttpResponse {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(2000)]);
        assert_eq!(self.status, status, "{body}");
        let found = self.find("content-type").unwrap_or_default();
        assert!(found.starts_with(kind), "{found} is not {kind}");
        self
    }

    #[track_caller]
    pub(crate) fn contains(&self, fragment: &str) -> &HttpResponse {
        assert!(self.text().contains(fragment), "expected {fragment:?} in:\n{}", self.text());
        self
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str, value: &str) {
        assert_eq!(self.find(name), Some(value), "{name}");
    }
}

/// Decodes a chunked body.
fn joined(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        let start = end + 2;
        if size == 0 {
            return Some(body);
        }
        body.extend(rest.get(start..start + size)?);
        rest = rest.get(start + size + 2..)?;
    }
}

impl EventListener {
    /// Waits for the next event.
    pub(crate) fn next(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the server has hung up");
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}
