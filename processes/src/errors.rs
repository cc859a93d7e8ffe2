//! Errors in what a node writes to STDERR: the first traceback or panic, or else the first line
//! that says that it tells an error.
//!
//! A thread of a node may die and leave the node running, which then answers nothing, or nothing
//! right. Its log has the reason, among whatever else it wrote. The first error is kept: those that
//! follow are its consequences, or the same again.

use std::collections::VecDeque;

use eddy_text::printable::excerpt;

/// How many lines are kept behind the first one of an error, the last ones: of a traceback those
/// tell what was wrong, and where.
const MOST_LINES: usize = 9;

/// How many letters of a line are kept.
const MOST_LETTERS: usize = 200;

/// How many errors are counted. More would take time from the test, and say no more.
const MOST_ERRORS: u64 = 100_000;

/// How much of a line is looked at, in bytes.
const LONGEST_LINE: usize = 2000;

/// The errors of a node so far.
#[derive(Debug, Clone, Default)]
pub struct Errors {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// The error to which the next line may belong.
    open: Option<Error>,
    /// The first crash, or else the first error.
    kept: Option<Error>,
    count: u64,
}

/// Lines that belong together.
#[derive(Debug, Clone)]
struct Error {
    is_crash: bool,
    head: String,
    last: VecDeque<String>,
    left_out: usize,
    /// Whether the next line belongs to it even if it is not indented.
    goes_on: bool,
}

impl Errors {
    /// Looks at what was written next.
    pub(super) fn push(&mut self, text: &[u8]) {
        let is_newline = |byte: &u8| *byte == b'\n';
        let (Some(first), Some(last)) =
            (text.iter().position(is_newline), text.iter().rposition(is_newline))
        else {
            return self.read(text);
        };
        // A node may write hundreds of megabytes that tell nothing.
        let (begin, rest) = text.split_at(first + 1);
        let (whole, end) = rest.split_at(last - first);
        self.read(begin);
        if self.open.is_some() || may_tell_an_error(&String::from_utf8_lossy(whole)) {
            self.read(whole);
        }
        self.read(end);
    }

    fn read(&mut self, text: &[u8]) {
        for part in text.split_inclusive(|byte| *byte == b'\n') {
            let room = LONGEST_LINE.saturating_sub(self.line.len());
            self.line.extend(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") && self.count < MOST_ERRORS {
                self.end_line();
            } else if part.ends_with(b"\n") {
                self.line.clear();
            }
        }
    }

    /// Nothing more is written: the process has ended.
    pub(super) fn end(&mut self) {
        self.end_line();
        self.close();
    }

    /// Those in a text.
    pub fn of(text: &str) -> Errors {
        let mut errors = Errors::default();
        errors.push(text.as_bytes());
        errors.end();
        errors
    }

    /// How many errors there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The lines of the first one, printable.
    pub fn first(&self) -> Option<Vec<String>> {
        let Error { head, last, left_out, .. } = self.kept.as_ref()?;
        let gap = (*left_out > 0).then(|| format!("  … {left_out} more lines"));
        let lines = [head.clone()].into_iter().chain(gap).chain(last.iter().cloned());
        Some(lines.map(|line| excerpt(&line, MOST_LETTERS)).collect())
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if self.open.as_ref().is_some_and(|open| open.takes(line)) {
            self.open.iter_mut().for_each(|open| open.add(line));
            return;
        }
        self.close();
        let is_crash = is_crash(line);
        if is_crash || tells_an_error(line) {
            self.count += 1;
            self.open = Some(Error {
                is_crash,
                head: line.to_owned(),
                last: VecDeque::new(),
                left_out: 0,
                goes_on: is_crash,
            });
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let is_better = self.kept.as_ref().is_none_or(|kept| open.is_crash && !kept.is_crash);
        if is_better {
            self.kept = Some(open);
        }
    }
}

impl Error {
    fn takes(&self, line: &str) -> bool {
        !line.is_empty() && (self.goes_on || line.starts_with([' ', '\t']))
    }

    fn add(&mut self, line: &str) {
        // Python's last line, which names the exception, is not indented; nor is what Rust's panic
        // says, in the line behind the first.
        if !line.starts_with([' ', '\t']) {
            self.goes_on = line.contains(TRACEBACK);
        }
        self.last.push_back(line.to_owned());
        if self.last.len() > MOST_LINES {
            self.last.pop_front();
            self.left_out += 1;
        }
    }
}

const TRACEBACK: &str = "Traceback (most recent call last)";

/// Whether any line of a text may be an error: looking at each would take many times as long.
fn may_tell_an_error(text: &str) -> bool {
    let parts = [
        "rror",
        "ERROR",
        "panic",
        "Traceback",
        "xception",
        "FATAL",
        "CRITICAL",
        "fatal",
        "Unhandled",
        "Uncaught",
        "Segmentation",
    ];
    parts.iter().any(|part| text.contains(part))
}

/// Whether a line begins what a runtime writes when a thread or a program dies.
fn is_crash(line: &str) -> bool {
    let begins = ["panic:", "fatal error:", "Unhandled ", "Uncaught ", "Segmentation fault"];
    let anywhere = [TRACEBACK, " panicked at ", ": panic serving ", "Exception in thread "];
    begins.iter().any(|text| line.starts_with(text))
        || anywhere.iter().any(|text| line.contains(text))
}

/// Whether a line says that it tells an error: by a level in capitals, as logs have it, or by a
/// word such as `Error:` or `KeyError:`.
fn tells_an_error(line: &str) -> bool {
    line.split_whitespace().any(|word| {
        let word = word.trim_start_matches(['[', '(', '<']);
        let level = word.split([':', ']', ')', '>', ',']).next().unwrap_or_default();
        matches!(level, "ERROR" | "FATAL" | "CRITICAL")
            || word == "level=error"
            || ["error:", "Error:", "Exception:"].iter().any(|end| word.ends_with(end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, count: u64, expected: &[&str]) {
        // However it comes.
        for length in [1, 7, text.len().max(1)] {
            let mut errors = Errors::default();
            text.as_bytes().chunks(length).for_each(|chunk| errors.push(chunk));
            errors.end();
            assert_eq!(errors.first().unwrap_or_default(), expected, "{text}");
            let is_found = text.lines().any(|line| is_crash(line) || tells_an_error(line));
            assert!(!is_found || may_tell_an_error(text), "{text}");
            assert_eq!(errors.count(), count, "{text}");
        }
    }

    #[test]
    fn tracebacks_and_panics_are_kept_whole() {
        let python = "Exception in thread Thread-1 (gossip):\n\
                      Traceback (most recent call last):\n  File \"node.py\", line 7, in a\n    \
                      peers[me]\n    ~~~~~^^^^\nKeyError: 'n1'\n";
        let lines: Vec<&str> = python.lines().collect();
        check(&format!("starting\n{python}beat\nbeat\n"), 1, &lines);
        check(&format!("ERROR:root:failed\n{python}\n{python}"), 3, &lines);
        let rust = "thread 'gossip' panicked at src/a.rs:7:5:\nassertion `left == right` failed\n  \
                    left: 1\n right: 2";
        let lines: Vec<&str> = rust.lines().collect();
        check(&format!("{rust}\nnote: run with `RUST_BACKTRACE=1` …\n"), 1, &lines);
        let go = ["http: panic serving 127.0.0.1:1: nil map", "goroutine 7 [running]:"];
        check(
            &format!("2026/11/28 {}\n{}\n\nmore\n", go[0], go[1]),
            1,
            &["2026/11/28 http: panic serving 127.0.0.1:1: nil map", go[1]],
        );
        let java =
            ["Exception in thread \"Thread-0\" java.lang.Error: no", "\tat Node.run(Node:7)"];
        check(&java.join("\n"), 1, &java);
    }

    #[test]
    fn a_line_that_says_that_it_tells_an_error_is_one() {
        for line in [
            "TypeError: Cannot read properties of undefined",
            "2026-11-28 ERROR node: no peers",
            "[ERROR] no peers",
            "ERROR:root:no peers",
            "error: no peers",
            "time=1 level=error msg=no",
        ] {
            check(&format!("{line}\n    at a.js:7\nbeat\n"), 1, &[line, "    at a.js:7"]);
        }
        for line in
            ["0 errors so far", "an error_ok came", "Terror", "", "received echo", "INFO ok"]
        {
            check(line, 0, &[]);
        }
    }

    #[test]
    fn of_a_long_one_the_first_line_and_the_last_are_kept_printable() {
        let frames: Vec<String> = (0..1000).map(|frame| format!("  frame {frame}\n")).collect();
        let frames = frames.concat();
        let mut errors = Errors::default();
        errors.push(format!("{TRACEBACK}:\n{frames}Error: \x1b[2J{}", "x".repeat(9999)).as_bytes());
        errors.end();
        let lines = errors.first().unwrap();
        assert_eq!(lines.len(), MOST_LINES + 2);
        assert_eq!(lines[..2], [format!("{TRACEBACK}:"), "  … 992 more lines".to_owned()]);
        assert_eq!(lines[2], "  frame 992");
        assert!(lines[10].starts_with("Error: \\u{1b}[2Jxxx"), "{lines:?}");
        assert!(lines[10].ends_with("… (2000 bytes)"), "{lines:?}");
    }
}
