//! Suggestions for a program that does not exist.

use std::env;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use eddy_text::shell::{expand_tilde, quote_words};

/// Continuation of the sentence that `path` does not exist; `words` are its arguments.
pub(super) fn of(path: &Path, words: &[OsString]) -> Option<String> {
    if let Some(meant) = expand_tilde(path) {
        return Some(format!("; no shell has expanded its ~. Did you mean --bin {meant}?"));
    }
    let text = path.to_str()?;
    if let Some((program, rest)) = text.split_once(char::is_whitespace) {
        let script = rest.split_whitespace().find(|word| Path::new(word).is_file());
        return Some(match script {
            Some(script) => script_hint(program, script),
            None => format!(
                "; --bin takes only a file; its arguments follow after --. Did you mean \
                 --bin {program} -- {}?",
                rest.trim()
            ),
        });
    }
    if text.contains('/') {
        return None;
    }
    let found = find_on_path(text)?;
    let mut words = words.iter().filter_map(|word| word.to_str());
    if let Some(script) = words.find(|word| Path::new(word).is_file()) {
        return Some(script_hint(text, script));
    }
    let found = quote_words(&[found.display().to_string()]);
    Some(format!("; --bin is a path, and not looked for on PATH. Did you mean --bin {found}?"))
}

/// Suggestion to run a script directly instead of its interpreter.
fn script_hint(interpreter: &str, script: &str) -> String {
    let interpreter = interpreter.rsplit('/').next().unwrap_or(interpreter);
    let script = quote_words(&[script.to_owned()]);
    format!(
        "; --bin takes the script itself. Did you mean --bin {script}, with #!/usr/bin/env \
         {interpreter} as its first line, and made executable (chmod +x {script})?"
    )
}

/// Program that a shell would find on `PATH`.
fn find_on_path(name: &str) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    env::split_paths(&env::var_os("PATH")?).map(|place| place.join(name)).find(is_program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_gets_a_suggestion() {
        #[track_caller]
        fn check(path: &str, words: &[&str], expected: &str) {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            let hint = of(Path::new(path), &words).unwrap_or_default();
            assert!(hint.contains(expected) && hint.is_empty() == expected.is_empty(), "{hint}");
        }
        // Unit tests run in the package's directory.
        let script =
            "--bin Cargo.toml, with #!/usr/bin/env sh as its first line, and made executable";
        check("sh", &["Cargo.toml"], script);
        check("sh Cargo.toml", &[], script);
        check("/bin/sh -u Cargo.toml", &[], script);
        check("sh", &["nowhere.py"], "not looked for on PATH. Did you mean --bin /");
        check("./node --fast", &[], "Did you mean --bin ./node -- --fast?");
        check("~/node", &[], "; no shell has expanded its ~. Did you mean --bin /");
        check("./node", &["Cargo.toml"], "");
        check("no-such-program", &[], "");
    }
}
