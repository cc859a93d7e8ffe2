//! What was probably the mistake in a line that is no message.

use serde_json::error::Category;

/// Advice for whoever wrote the node, as a sentence or two; empty if there is none.
pub(super) fn of(line: &str, error: &serde_json::Error) -> &'static str {
    let line = line.trim_ascii();
    match error.classify() {
        _ if line.starts_with("{'") => "JSON needs double quotes.",
        Category::Eof => "Each message must be on one line; does it pretty-print?",
        Category::Syntax if line.starts_with('{') && is_trailing(error) => {
            "End each message with a newline."
        }
        // It is JSON, and so no stray print; what is expected says enough.
        Category::Data | Category::Io => "",
        Category::Syntax => "Did you mean STDERR?",
    }
}

/// The same for a message that does not say who sent it, by a node that may have answered `init` by
/// now.
pub(super) fn of_nameless(has_begun: bool) -> &'static str {
    if has_begun {
        "A node's id is the node_id of its init request; does it keep it?"
    } else {
        "This was sent before it had answered init, and a node does not know its own id before it \
         has read that request: the id is its node_id. Until then a node should say nothing."
    }
}

/// What is wrong, without the number of the line, which is the only one.
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
