//! Hints about the probable mistake in a line that is not a message.

use serde_json::error::Category;

/// Advice for the author of the node, in one or two sentences; empty if there is none.
pub(super) fn for_line(line: &str, error: &serde_json::Error) -> &'static str {
    let line = line.trim_ascii();
    match error.classify() {
        _ if line.starts_with("{'") => "JSON needs double quotes.",
        Category::Eof => "Each message must be on one line; does the node pretty-print its JSON?",
        Category::Syntax if line.starts_with('{') && is_trailing(error) => {
            "End each message with a newline."
        }
        // The line is JSON, so it is not a stray print; the expected format is hint enough.
        Category::Data | Category::Io => "",
        Category::Syntax => "Did you mean STDERR?",
    }
}

/// Advice about a message without a `src`.
pub(super) fn for_missing_source(has_answered_init: bool) -> &'static str {
    if has_answered_init {
        "A node's id is the node_id of its init request; does the node remember that id?"
    } else {
        "The node sent this before it had answered init. A node learns its id from that request, \
         as node_id, and should send nothing until then."
    }
}

/// The text of a JSON error without its line number, which is always 1.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line 1 column ") {
        Some((what, column)) => format!("{what} at column {column}"),
        None => text,
    }
}

fn is_trailing(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("trailing characters")
}
