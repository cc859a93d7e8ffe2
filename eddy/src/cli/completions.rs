//! `eddy completions`: what a shell needs to complete commands, options and names.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;

/// How each shell is told.
pub(super) const INSTALLATION: &str = "\
To install it for good:
  bash        eddy completions bash > ~/.local/share/bash-completion/completions/eddy
  zsh         eddy completions zsh > ~/.zfunc/_eddy
              with fpath+=~/.zfunc before compinit in ~/.zshrc
  fish        eddy completions fish > ~/.config/fish/completions/eddy.fish
  elvish      eddy completions elvish > ~/.config/elvish/lib/eddy.elv
              with use eddy in ~/.config/elvish/rc.elv
  powershell  eddy completions powershell >> $PROFILE

To try it: source <(eddy completions bash)";

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    /// The script for the shell.
    pub(super) fn script(&self) -> String {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "eddy", &mut script);
        String::from_utf8_lossy(&script).into_owned()
    }
}
