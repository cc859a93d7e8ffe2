//! `eddy completions`: scripts with which shells complete commands, options and names.
//!
//! `clap_complete` generates the scripts, but treats a comma-separated list as one word. So in the
//! scripts for bash, zsh and fish, the values of such an option are replaced by shell code that
//! completes the last part of a list. The scripts of the other two shells complete no values at
//! all.

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;

use super::Cli;

/// Instructions for each shell.
pub(super) const INSTALLATION: &str = "\
To install it for good:
  bash        mkdir -p ~/.local/share/bash-completion/completions
              eddy completions bash > ~/.local/share/bash-completion/completions/eddy
              where the package bash-completion is installed
  zsh         mkdir -p ~/.zfunc
              eddy completions zsh > ~/.zfunc/_eddy
              with fpath+=~/.zfunc before compinit in ~/.zshrc
  fish        mkdir -p ~/.config/fish/completions
              eddy completions fish > ~/.config/fish/completions/eddy.fish
  elvish      mkdir -p ~/.config/elvish/lib
              eddy completions elvish > ~/.config/elvish/lib/eddy.elv
              with use eddy in ~/.config/elvish/rc.elv
  powershell  New-Item -ItemType Directory -Force (Split-Path $PROFILE)
              eddy completions powershell >> $PROFILE

To try it: source <(eddy completions bash)";

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

impl CompletionsArguments {
    /// Script for the shell.
    pub(super) fn script(&self) -> String {
        let mut script = Vec::new();
        let mut command = Cli::command();
        clap_complete::generate(self.shell, &mut command, "eddy", &mut script);
        let mut script = String::from_utf8_lossy(&script).into_owned();
        for values in values_of_lists(&command) {
            if let Some([words, parts]) = word_and_part_code(self.shell, &values) {
                script = script.replace(&words, &parts);
            }
        }
        script
    }
}

/// Values of each option that takes a comma-separated list.
fn values_of_lists(command: &Command) -> Vec<Vec<String>> {
    let lists = command.get_arguments().filter(|argument| {
        argument.get_value_delimiter() == Some(',') && !argument.get_possible_values().is_empty()
    });
    let values = lists.map(|argument| {
        let values = argument.get_possible_values();
        values.iter().map(|value| value.get_name().to_owned()).collect()
    });
    values.chain(command.get_subcommands().flat_map(values_of_lists)).collect()
}

/// Code of a script that offers these values for a whole word, and its replacement for the last
/// part of a list. `None` for a shell whose script offers no values.
fn word_and_part_code(shell: Shell, values: &[String]) -> Option<[String; 2]> {
    let words = values.join(" ");
    Some(match shell {
        Shell::Bash => [
            format!(r#"compgen -W "{words}" -- "${{cur}}""#),
            format!(r#"compgen -P "${{cur%"${{cur##*,}}"}}" -W "{words}" -- "${{cur##*,}}""#),
        ],
        Shell::Zsh => [format!(":({words})'"), format!(":_values -s , value {words}'")],
        Shell::Fish => {
            let lines: Vec<String> = values.iter().map(|value| format!("{value}\\t''")).collect();
            let parts = format!("(__fish_complete_list , 'string split , {}')", values.join(","));
            [format!("\"{}\"", lines.join("\n")), format!("\"{parts}\"")]
        }
        _ => return None,
    })
}
