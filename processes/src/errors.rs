//! Errors in a node's STDERR: the first traceback or panic, or else the first line with an error
//! marker.
//!
//! A thread of a node may die and leave the node running, which then answers nothing, or answers
//! wrongly. The log has the reason among everything else that the node wrote. The first error is
//! kept, because later ones are its consequences or repetitions.

use std::collections::VecDeque;

use eddy_text::printable::excerpt;

/// Last lines of an error that are kept beside its first line. A traceback ends with the cause and
/// its place; more lines would only show library frames.
const MAX_LAST_LINES: usize = 9;

/// Characters of a line that are shown. More would push other lines off the screen.
const MAX_LINE_CHARS: usize = 200;

/// Bound on the number of errors counted. A higher one would take time from the test and say no
/// more.
const MAX_ERRORS: u64 = 100_000;

/// Bytes of a line that are scanned and kept; the rest is dropped, to bound memory.
const MAX_LINE_BYTES: usize = 2000;

/// Errors found so far in a node's STDERR.
#[derive(Debug, Clone, Default)]
pub struct StderrErrors {
    /// Beginning of a line whose newline has not arrived.
    partial_line: Vec<u8>,
    /// Error to which the next line may belong.
    current: Option<ErrorLines>,
    /// First crash, or else first error.
    reported: Option<ErrorLines>,
    count: u64,
}

/// Error of several lines.
#[derive(Debug, Clone)]
struct ErrorLines {
    is_crash: bool,
    first_line: String,
    last_lines: VecDeque<String>,
    omitted: usize,
    /// True if the next line belongs to this error even if it is not indented.
    continues: bool,
}

impl StderrErrors {
    /// Scans the next chunk of STDERR.
    pub(super) fn push(&mut self, text: &[u8]) {
        let is_newline = |byte: &u8| *byte == b'\n';
        let (Some(first), Some(last)) =
            (text.iter().position(is_newline), text.iter().rposition(is_newline))
        else {
            return self.scan(text);
        };
        // A node may write hundreds of megabytes without an error: whole lines are searched at
        // once.
        let (begin, rest) = text.split_at(first + 1);
        let (whole, end) = rest.split_at(last - first);
        self.scan(begin);
        if self.current.is_some() || may_have_error(&String::from_utf8_lossy(whole)) {
            self.scan(whole);
        }
        self.scan(end);
    }

    fn scan(&mut self, text: &[u8]) {
        for part in text.split_inclusive(|byte| *byte == b'\n') {
            let room = MAX_LINE_BYTES.saturating_sub(self.partial_line.len());
            self.partial_line.extend(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") && self.count < MAX_ERRORS {
                self.end_line();
            } else if part.ends_with(b"\n") {
                self.partial_line.clear();
            }
        }
    }

    /// Ends the last line and the last error: the process has exited.
    pub(super) fn finish(&mut self) {
        self.end_line();
        self.finish_error();
    }

    /// Errors in a whole text.
    pub fn of(text: &str) -> StderrErrors {
        let mut errors = StderrErrors::default();
        errors.push(text.as_bytes());
        errors.finish();
        errors
    }

    /// Number of errors, at most 100,000.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Printable lines of the first crash, or else of the first error.
    pub fn first(&self) -> Option<Vec<String>> {
        let ErrorLines { first_line, last_lines, omitted, .. } = self.reported.as_ref()?;
        let gap = (*omitted > 0).then(|| format!("  … {omitted} more lines"));
        let lines = [first_line.clone()].into_iter().chain(gap).chain(last_lines.iter().cloned());
        Some(lines.map(|line| excerpt(&line, MAX_LINE_CHARS)).collect())
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.partial_line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if self.current.as_ref().is_some_and(|open| open.continues_with(line)) {
            self.current.iter_mut().for_each(|open| open.add(line));
            return;
        }
        self.finish_error();
        let is_crash = is_crash(line);
        if is_crash || has_error_marker(line) {
            self.count += 1;
            self.current = Some(ErrorLines {
                is_crash,
                first_line: line.to_owned(),
                last_lines: VecDeque::new(),
                omitted: 0,
                continues: is_crash,
            });
        }
    }

    fn finish_error(&mut self) {
        let Some(open) = self.current.take() else { return };
        let is_better = self.reported.as_ref().is_none_or(|kept| open.is_crash && !kept.is_crash);
        if is_better {
            self.reported = Some(open);
        }
    }
}

impl ErrorLines {
    fn continues_with(&self, line: &str) -> bool {
        !line.is_empty() && (self.continues || line.starts_with([' ', '\t']))
    }

    fn add(&mut self, line: &str) {
        // Two continuation lines are not indented: the last line of a Python traceback, which names
        // the exception, and the line with the message of a Rust panic.
        if !line.starts_with([' ', '\t']) {
            self.continues = line.contains(PYTHON_TRACEBACK);
        }
        self.last_lines.push_back(line.to_owned());
        if self.last_lines.len() > MAX_LAST_LINES {
            self.last_lines.pop_front();
            self.omitted += 1;
        }
    }
}

const PYTHON_TRACEBACK: &str = "Traceback (most recent call last)";

/// True if some line of the text may be an error. One search over the text is many times faster
/// than a check of each line.
fn may_have_error(text: &str) -> bool {
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

/// True if the line begins the message that a runtime writes when a thread or program dies.
fn is_crash(line: &str) -> bool {
    let begins = ["panic:", "fatal error:", "Unhandled ", "Uncaught ", "Segmentation fault"];
    let anywhere = [PYTHON_TRACEBACK, " panicked at ", ": panic serving ", "Exception in thread "];
    begins.iter().any(|text| line.starts_with(text))
        || anywhere.iter().any(|text| line.contains(text))
}

/// True if the line has an error marker: a log level in capitals, or a word such as `Error:` or
/// `KeyError:`.
fn has_error_marker(line: &str) -> bool {
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
        // The result must not depend on chunk boundaries.
        for length in [1, 7, text.len().max(1)] {
            let mut errors = StderrErrors::default();
            text.as_bytes().chunks(length).for_each(|chunk| errors.push(chunk));
            errors.finish();
            assert_eq!(errors.first().unwrap_or_default(), expected, "{text}");
            let is_found = text.lines().any(|line| is_crash(line) || has_error_marker(line));
            assert!(!is_found || may_have_error(text), "{text}");
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
    fn a_line_with_an_error_marker_is_an_error() {
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
    fn the_first_and_last_lines_of_a_long_error_are_kept_printable() {
        let frames: Vec<String> = (0..1000).map(|frame| format!("  frame {frame}\n")).collect();
        let frames = frames.concat();
        let mut errors = StderrErrors::default();
        errors.push(
            format!("{PYTHON_TRACEBACK}:\n{frames}Error: \x1b[2J{}", "x".repeat(9999)).as_bytes(),
        );
        errors.finish();
        let lines = errors.first().unwrap();
        assert_eq!(lines.len(), MAX_LAST_LINES + 2);
        assert_eq!(lines[..2], [format!("{PYTHON_TRACEBACK}:"), "  … 992 more lines".to_owned()]);
        assert_eq!(lines[2], "  frame 992");
        assert!(lines[10].starts_with("Error: \\u{1b}[2Jxxx"), "{lines:?}");
        assert!(lines[10].ends_with("… (2000 bytes)"), "{lines:?}");
    }
}
