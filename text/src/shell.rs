//! Quoting of command lines that people paste into a shell.

use std::borrow::Cow;
use std::path::Path;

/// Joins words into a command line, and quotes them where a shell needs it.
pub fn quote_words(words: &[String]) -> String {
    words.iter().map(|word| quote_word(word)).collect::<Vec<_>>().join(" ")
}

/// The probable path behind one whose `~` the shell did not expand, because it was quoted or stood
/// behind `=`.
pub fn expand_tilde(path: &Path) -> Option<String> {
    let rest = path.strip_prefix("~").ok()?;
    let home = std::env::home_dir()?;
    Some(quote_words(&[home.join(rest).display().to_string()]))
}

fn quote_word(word: &str) -> Cow<'_, str> {
    let is_plain =
        |character: char| character.is_alphanumeric() || "-_=+./,:@%".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''")).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_would_split_are_quoted() {
        let words = ["eddy", "it's", "", "a b", "--seed=7", "$HOME"].map(str::to_owned);
        assert_eq!(quote_words(&words), r"eddy 'it'\''s' '' 'a b' --seed=7 '$HOME'");
    }
}
