//! `imagespec with`.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::output::{DONE, out};
use crate::cli::project::{read, spec_file};
use crate::image_spec::{Additions, derive, parse};
use crate::text::{Diagnostic, Failure, Operation, ProblemKind, Text};

#[derive(Debug, Args)]
pub(crate) struct WithArguments {
    /// The spec; `imageSpec.yaml` or `imagespec.yaml` in this directory by default, `-` for standard input.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Add Python packages.
    #[arg(long, value_name = "PACKAGE", num_args = 1..)]
    packages: Vec<String>,
    /// Add Debian packages.
    #[arg(long, value_name = "PACKAGE", num_args = 1..)]
    apt_packages: Vec<String>,
    /// Add commands to the last ones.
    #[arg(long, value_name = "COMMAND", num_args = 1..)]
    commands: Vec<String>,
    /// Add files and directories to copy.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    copy: Vec<String>,
    /// Add packages that tasks install when they start.
    #[arg(long, value_name = "PACKAGE", num_args = 1..)]
    runtime_packages: Vec<String>,
    /// Set keys of `builder_options`, to values as YAML writes them.
    #[arg(long, value_name = "KEY=VALUE", num_args = 1.., value_parser = option)]
    builder_options: Vec<(String, String)>,
}

fn option(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

/// Prints the spec with more in it. The file stays as it is.
pub(crate) fn run(arguments: &WithArguments) -> Result<u8, Failure> {
    let text = read(&spec_file(arguments.file.as_deref(), Path::new("."))?)?;
    let mut entries = vec![
        ("packages", arguments.packages.clone()),
        ("apt_packages", arguments.apt_packages.clone()),
        ("commands", arguments.commands.clone()),
        ("copy", arguments.copy.clone()),
        ("runtime_packages", arguments.runtime_packages.clone()),
    ];
    entries.retain(|(_, entries)| !entries.is_empty());
    let additions = Additions {
        entries,
        options: arguments.builder_options.clone(),
        ..Additions::default()
    };
    if additions.entries.is_empty() && additions.options.is_empty() {
        let problem = Diagnostic::error("nothing-added", "nothing is to be added").kind(ProblemKind::Usage);
        return Err(problem.help("name something: imagespec with --packages pandas").into());
    }
    let derived = derive(&text, &additions).map_err(|problem| Failure::from(problem).about(&text))?;
    still_a_spec(&text, &derived)?;
    out(&derived);
    Ok(DONE)
}

/// What the additions made wrong that was right before: an option may stand at the top level already.
fn still_a_spec(text: &Text, derived: &str) -> Result<(), Failure> {
    let before: Vec<String> = parse(text)
        .diagnostics
        .into_iter()
        .map(|problem| problem.message)
        .collect();
    let derived = Text::new(text.name(), derived);
    let parsed = parse(&derived);
    let made = |problem: &&Diagnostic| !before.contains(&problem.message);
    let problems: Vec<&Diagnostic> = parsed.errors(Operation::Building).filter(made).collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Failure::of(&derived, problems)),
    }
}
