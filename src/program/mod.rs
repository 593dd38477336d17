//! Programs on the user's machine, to their end. Only this module starts any, `engine/run.rs` those that build, and
//! `registry/helper.rs` those that keep credentials.

mod git;

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};

pub(crate) use git::ignored_files;

use crate::text::{Diagnostic, ProblemKind};

/// Why a program did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    /// It could not be started.
    #[error("cannot start `{program}`: {error}")]
    Start {
        /// What was looked for on the search path.
        program: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// It failed.
    #[error("`{command}` failed: {message}")]
    Failed {
        /// What was asked.
        command: String,
        /// Its error output, or what to do.
        message: String,
    },
}

impl From<ProgramError> for Diagnostic {
    fn from(error: ProgramError) -> Self {
        Self::error("program", error.to_string())
            .kind(ProblemKind::Other)
            .caused_by(error)
    }
}

/// Runs a program to its end, without input.
pub(crate) fn run(command: &mut Command) -> Result<Output, ProgramError> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| ProgramError::Start {
            program: command.get_program().to_string_lossy().into_owned(),
            error,
        })
}

/// Puts a program in the place of this one, with its terminal and its exit code. Returns only if it cannot be started.
pub(crate) fn replace_by(program: &str, arguments: &[String]) -> ProgramError {
    ProgramError::Start {
        error: Command::new(program).args(arguments).exec(),
        program: program.to_owned(),
    }
}

/// What a program prints on standard output; an error if it fails.
pub(crate) fn stdout_of(command: &mut Command) -> Result<String, ProgramError> {
    let output = run(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    Err(ProgramError::Failed {
        command: words.join(" "),
        message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}
