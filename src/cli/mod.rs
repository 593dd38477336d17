//! The command line: the frontend's core on the user's machine.

mod arguments;
mod commands;
mod disk;
mod names;
mod output;
mod project;
mod registries;
mod report;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cli::commands::{diff, exists, id, inspect, lock, name, plan, tag};
use crate::cli::output::FAILED;
use crate::cli::report::report;

/// Turns image specs into container images.
///
/// imagespec is a BuildKit frontend: with `# syntax=docker.io/imagespec/imagespec:1` as the first line of a spec,
/// `docker buildx build -f imageSpec.yaml -t NAME .` builds the image. The commands here compute the same names, and lock packages.
///
/// Exit codes: 0 done, 1 the answer is no (`diff` found differences), 2 wrong command line, 3 an error in the spec, its
/// files or another program, 4 a registry does not say.
#[derive(Debug, Parser)]
#[command(name = "imagespec", version, arg_required_else_help = true, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the tag of an image: what is in it, as a hash.
    Tag(tag::TagArguments),
    /// Print the full name of an image: registry, name and tag.
    Name(name::NameArguments),
    /// Print what flytekit calls the id of a spec, which its tasks find in `_F_IMG_ID`.
    Id(id::IdArguments),
    /// Show which inputs of the tag differ between two specs, or a spec and an image.
    Diff(diff::DiffArguments),
    /// Ask the registry whether an image is there. Needs no engine.
    ///
    /// Prints `yes` with the digest, `no`, or `unknown` with the reason: exit codes 0, 1 and 4. docs/registries.md says
    /// what is asked and where credentials are found.
    Exists(exists::ExistsArguments),
    /// Print what an image in a registry says of itself: its spec, its inputs, its Python packages. Needs no engine.
    ///
    /// Of its layers, only the one with the lock is downloaded.
    Inspect(inspect::InspectArguments),
    /// Print the plan of an image: its steps, what they see and write, and how they run.
    ///
    /// Needs no engine and no registry: what only they know is marked `unknown`, and without a lock the
    /// plan ends where the packages are looked up. docs/plan.md describes the JSON.
    Plan(plan::PlanArguments),
    /// Resolve the Python packages of a spec, and write the lock that builds will use: pylock.toml beside the spec.
    ///
    /// docker resolves them inside the image, as a build would.
    Lock(lock::LockArguments),
}

/// Runs the command line of the process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match CommandLine::try_parse() {
        Ok(arguments) => arguments,
        // Help and versions also come this way.
        Err(error) => {
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let (json, outcome) = match &arguments.command {
        Command::Tag(arguments) => (arguments.json(), tag::run(arguments)),
        Command::Name(arguments) => (arguments.json(), name::run(arguments)),
        Command::Id(arguments) => (arguments.json(), id::run(arguments)),
        Command::Diff(arguments) => (arguments.json(), diff::run(arguments)),
        Command::Exists(arguments) => (arguments.json(), exists::run(arguments)),
        Command::Inspect(arguments) => (arguments.json(), inspect::run(arguments)),
        Command::Plan(arguments) => (arguments.json(), plan::run(arguments)),
        Command::Lock(arguments) => (arguments.json(), lock::run(arguments)),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            report(&failure, json);
            ExitCode::from(FAILED)
        }
    }
}
