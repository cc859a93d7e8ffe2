//! Commands in the fenced blocks of a document.

/// The languages of blocks that hold no commands; a block without one shows what is printed.
const NO_COMMANDS: [&str; 5] = ["", "diff", "rust", "text", "toml"];

/// A block of commands.
#[derive(Debug, PartialEq)]
pub(crate) struct Block {
    /// The line of the document that opens it, from 1.
    pub(crate) line: usize,
    pub(crate) commands: Vec<Command>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Command {
    /// As a shell reads it, comments included.
    pub(crate) text: String,
    /// With what it is to exit.
    pub(crate) status: i32,
    /// What it is to print, if the document shows anything.
    pub(crate) output: Vec<String>,
}

/// All blocks of commands; an error names a block of a language that is not known.
pub(crate) fn blocks(document: &str) -> Result<Vec<Block>, String> {
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
        blocks.push(Block { line, commands });
    }
    Ok(blocks)
}

/// A command a line, or several that end in a backslash.
fn commands_of(body: &[&str]) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for line in body {
        match commands.last_mut().filter(|last| last.text.ends_with('\\')) {
            Some(last) => last.text.extend(["\n", line]),
            None if line.trim().is_empty() || line.starts_with('#') => {}
            None => commands.push(Command::new(line)),
        }
    }
    commands.into_iter().map(Command::with_status).collect()
}

/// The same behind `$ `, and below each what it prints.
fn commands_with_output(body: &[&str]) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for line in body {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(text), _) => commands.push(Command::new(text)),
            (None, Some(last)) if last.text.ends_with('\\') => last.text.extend(["\n", line]),
            (None, Some(last)) => last.output.push((*line).to_owned()),
            (None, None) => {}
        }
    }
    commands.into_iter().map(Command::with_status).collect()
}

impl Command {
    fn new(text: &str) -> Command {
        Command { text: text.to_owned(), status: 0, output: Vec::new() }
    }

    /// The same with the status that its comment names: `# exits with 1`.
    fn with_status(self) -> Command {
        let named = self.text.rsplit_once(" # ").and_then(|(_, comment)| {
            let (_, after) = comment.split_once("exits with ")?;
            let digits = after.split(|letter: char| !letter.is_ascii_digit()).next()?;
            digits.parse().ok()
        });
        Command { status: named.unwrap_or(0), ..self }
    }
}

/// Whether a command printed what a document shows: `…` stands for anything, between words or, on
/// a line of its own, for any number of lines.
pub(crate) fn agrees(shown: &[String], printed: &[&str]) -> bool {
    let Some((first, rest)) = shown.split_first() else { return printed.is_empty() };
    if first.trim() == "…" {
        return (0..=printed.len()).any(|from| agrees(rest, &printed[from..]));
    }
    printed.split_first().is_some_and(|(line, others)| {
        is_alike(first.trim_end(), line.trim_end()) && agrees(rest, others)
    })
}

fn is_alike(shown: &str, printed: &str) -> bool {
    match shown.split_once('…') {
        None => shown == printed,
        Some((start, rest)) => printed.strip_prefix(start).is_some_and(|printed| {
            let mut ends = printed.char_indices().map(|(at, _)| at).chain([printed.len()]);
            ends.any(|at| is_alike(rest, &printed[at..]))
        }),
    }
}
