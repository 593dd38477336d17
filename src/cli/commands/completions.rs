//! `imagespec completions`.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::cli::output::{DONE, out};
use crate::text::Failure;

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    shell: Shell,
}

/// Prints a script that completes command lines.
pub(crate) fn run(arguments: &CompletionsArguments, mut command: Command) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "imagespec", &mut script);
    out(&String::from_utf8_lossy(&script));
    Ok(DONE)
}
