//! Parser of the commands in the fenced blocks of a document.

/// Languages of blocks without commands. A block without a language shows output.
const NO_COMMANDS: [&str; 5] = ["", "diff", "rust", "text", "toml"];

/// Block of commands.
#[derive(Debug, PartialEq)]
pub(crate) struct CommandBlock {
    /// Number of the line that opens it, from 1.
    pub(crate) line: usize,
    pub(crate) commands: Vec<DocumentedCommand>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct DocumentedCommand {
    /// Text for the shell, including comments.
    pub(crate) text: String,
    /// Expected exit status.
    pub(crate) status: i32,
    /// Expected output, if the document shows any.
    pub(crate) output: Vec<String>,
}

/// All blocks of commands. The error names a block with an unknown language.
pub(crate) fn blocks(document: &str) -> Result<Vec<CommandBlock>, String> {
    let mut blocks = Vec::new();
    let mut lines = document.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let body = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
        let body: Vec<&str> = body.collect();
        let line = number + 1;
        let commands = match language {
            "sh" => commands_of(&body),
            "console" => commands_with_output(&body),
            other if NO_COMMANDS.contains(&other) => continue,
            other => {
                return Err(format!(
                    "line {line}: a block of {other:?}; expected sh or console for commands, or \
                     none, diff, rust, text or toml"
                ));
            }
        };
        blocks.push(CommandBlock { line, commands });
    }
    Ok(blocks)
}

/// Commands of an `sh` block, one per line unless the line ends with a backslash.
fn commands_of(body: &[&str]) -> Vec<DocumentedCommand> {
    let mut commands: Vec<DocumentedCommand> = Vec::new();
    for line in body {
        match commands.last_mut().filter(|last| last.text.ends_with('\\')) {
            Some(last) => last.text.extend(["\n", line]),
            None if line.trim().is_empty() || line.starts_with('#') => {}
            None => commands.push(DocumentedCommand::new(line)),
        }
    }
    commands.into_iter().map(DocumentedCommand::with_status).collect()
}

/// Commands of a `console` block, after `$ `, each followed by its output.
fn commands_with_output(body: &[&str]) -> Vec<DocumentedCommand> {
    let mut commands: Vec<DocumentedCommand> = Vec::new();
    for line in body {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(text), _) => commands.push(DocumentedCommand::new(text)),
            (None, Some(last)) if last.text.ends_with('\\') => last.text.extend(["\n", line]),
            (None, Some(last)) => last.output.push((*line).to_owned()),
            (None, None) => {}
        }
    }
    commands.into_iter().map(DocumentedCommand::with_status).collect()
}

impl DocumentedCommand {
    fn new(text: &str) -> DocumentedCommand {
        DocumentedCommand { text: text.to_owned(), status: 0, output: Vec::new() }
    }

    /// Sets the status from the comment `# exits with 1`.
    fn with_status(self) -> DocumentedCommand {
        let named = self.text.rsplit_once(" # ").and_then(|(_, comment)| {
            let (_, after) = comment.split_once("exits with ")?;
            let digits = after.split(|letter: char| !letter.is_ascii_digit()).next()?;
            digits.parse().ok()
        });
        DocumentedCommand { status: named.unwrap_or(0), ..self }
    }
}

/// True if a command printed what the document shows. `…` stands for any text, or, on its own line,
/// for any number of lines.
pub(crate) fn output_matches(shown: &[String], printed: &[&str]) -> bool {
    let Some((first, rest)) = shown.split_first() else { return printed.is_empty() };
    if first.trim() == "…" {
        return (0..=printed.len()).any(|from| output_matches(rest, &printed[from..]));
    }
    printed.split_first().is_some_and(|(line, others)| {
        line_matches(first.trim_end(), line.trim_end()) && output_matches(rest, others)
    })
}

fn line_matches(shown: &str, printed: &str) -> bool {
    match shown.split_once('…') {
        None => shown == printed,
        Some((start, rest)) => printed.strip_prefix(start).is_some_and(|printed| {
            let mut ends = printed.char_indices().map(|(at, _)| at).chain([printed.len()]);
            ends.any(|at| line_matches(rest, &printed[at..]))
        }),
    }
}
