//! Command lines as people paste them into a shell.

use std::borrow::Cow;
use std::path::Path;

/// Words as a shell takes them.
pub fn quoted(words: &[String]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// The path that was probably meant by one whose `~` no shell has expanded, because it was quoted
/// or stood behind `=`.
pub fn expanded(path: &Path) -> Option<String> {
    let rest = path.strip_prefix("~").ok()?;
    let home = std::env::home_dir()?;
    Some(quoted(&[home.join(rest).display().to_string()]))
}

fn quote(word: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_=+./,:@%".contains(letter);
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
    fn what_a_shell_would_take_apart_is_quoted() {
        let words = ["eddy", "it's", "", "a b", "--seed=7", "$HOME"].map(str::to_owned);
        assert_eq!(quoted(&words), r"eddy 'it'\''s' '' 'a b' --seed=7 '$HOME'");
    }
}
