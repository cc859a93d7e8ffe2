//! Command that repeats a test.

use std::ffi::OsString;

/// Words of a command line with its seed added or replaced.
pub(super) fn with_seed(line: impl IntoIterator<Item = OsString>, seed: u64) -> Vec<String> {
    let mut words = Vec::new();
    let mut line = line.into_iter().map(|word| word.to_string_lossy().into_owned());
    let mut is_of_eddy = true;
    while let Some(word) = line.next() {
        is_of_eddy &= word != "--";
        if is_of_eddy && word == "--seed" {
            line.next();
        } else if !(is_of_eddy && word.starts_with("--seed=")) {
            words.push(word);
        }
    }
    let options = words.iter().position(|word| word == "--").unwrap_or(words.len());
    words.splice(options..options, ["--seed".to_owned(), seed.to_string()]);
    words
}

#[cfg(test)]
mod tests {
    use eddy_text::shell::quote_words;

    use super::*;

    #[test]
    fn a_command_gets_its_seed() {
        #[track_caller]
        fn check(line: &[&str], expected: &str) {
            assert_eq!(quote_words(&with_seed(line.iter().map(OsString::from), 7)), expected);
        }
        check(&["eddy", "test", "-w", "echo"], "eddy test -w echo --seed 7");
        check(&["eddy", "test", "--seed", "3", "--bin", "x"], "eddy test --bin x --seed 7");
        check(&["eddy", "test", "--seed=3", "--", "--seed"], "eddy test --seed 7 -- --seed");
    }
}
