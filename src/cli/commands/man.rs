//! `imagespec man`.

use std::path::PathBuf;

use clap::{Args, Command};

use crate::cli::disk::cannot;
use crate::cli::output::{DONE, out};
use crate::text::Failure;

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The directory that the pages are written to.
    directory: PathBuf,
}

/// Writes a manual page for the program and for each command.
pub(crate) fn run(arguments: &ManArguments, command: Command) -> Result<u8, Failure> {
    let directory = arguments.directory.as_path();
    let unwritten = |error| cannot("write", directory, error);
    std::fs::create_dir_all(directory).map_err(unwritten)?;
    clap_mangen::generate_to(command, directory).map_err(unwritten)?;
    out(&format!("{}\n", directory.join("imagespec.1").display()));
    Ok(DONE)
}
