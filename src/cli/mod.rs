//! The command line: the frontend's core on the user's machine.

mod archive;
mod arguments;
mod build;
mod commands;
mod directory;
mod disk;
mod dockerfile;
mod ignore_file;
mod names;
mod output;
mod project;
mod registries;
mod report;
mod settings;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::cli::build::arguments::{BuildArguments, flags_of_environment, with_flags};
use crate::cli::commands::{
    build as build_command, check, completions, config, context, diff, dockerfile as dockerfile_command, engines,
    exists, from_env, id, inspect, lock, man, name, plan, run as run_command, tag, with,
};
use crate::cli::output::exit_code;
use crate::cli::report::report;
use crate::engine::end_when_interrupted;
use crate::text::{Diagnostic, Failure, ProblemKind};

/// Turns image specs into container images.
///
/// `imagespec build` builds the image of imageSpec.yaml in this directory. imagespec is also a BuildKit frontend: with
/// `# syntax=docker.io/imagespec/imagespec:1` as the first line of a spec, `docker buildx build -f imageSpec.yaml .` builds
/// the same image without this program.
///
/// Exit codes: 0 done, 1 the answer is no, or the build failed, 2 wrong command line, 3 an error in the spec or its files,
/// 4 unknown, 5 no engine, 75 it failed for a reason that may pass, 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "imagespec", version, arg_required_else_help = true, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the image of a spec with docker, buildctl, nerdctl, podman or buildah.
    ///
    /// Progress goes to standard error, one line about the image to standard output. With --push, an image that is in its
    /// registry already is not built. IMAGESPEC_BUILD_FLAGS adds flags; docs/cli.md has settings, engines and exit codes.
    Build(Box<BuildArguments>),
    /// Show which engines there are, and which of them can build.
    Engines(engines::EnginesArguments),
    /// Print the settings that count, and where each comes from.
    Config(config::ConfigArguments),
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
    /// Check a spec and its files, as far as a build does before its first step. Needs no engine and no network.
    ///
    /// What only a build finds out is listed as not checked. Exit codes: 0 nothing to say, 1 warnings, 3 problems.
    Check(check::CheckArguments),
    /// Print the plan of an image: its steps, what they see and write, and how they run.
    ///
    /// Needs no engine and no registry: what only they know is marked `unknown`, and without a lock the
    /// plan ends where the packages are looked up. docs/plan.md describes the JSON.
    Plan(plan::PlanArguments),
    /// Write the Dockerfile of an image: for engines without BuildKit, and to read what is done.
    ///
    /// Needs no engine and no registry. With a lock (`imagespec lock`) each group of packages is a step of its own.
    Dockerfile(dockerfile_command::DockerfileArguments),
    /// Write the build context as an archive, for builders that are handed one. Needs no engine.
    ///
    /// It has what a build of the spec sends, and the same files give the same bytes. docs/cli.md has the rules.
    Context(context::ContextArguments),
    /// Start a container of an image, with the engine whose store has it.
    ///
    /// The container is removed when it ends; its exit code is that of this command. What stands behind the name is what it
    /// runs.
    Run(run_command::RunArguments),
    /// Resolve the Python packages of a spec, and write the lock that builds will use: pylock.toml beside the spec.
    ///
    /// An engine resolves them inside the image, as a build would.
    Lock(lock::LockArguments),
    /// Print a spec with more in it, comments kept: flytekit's `with_packages` and its kin.
    ///
    /// The file stays as it is. `extends` in a spec does the same for good.
    With(with::WithArguments),
    /// Print a spec with the Python version and pinned packages of an environment: flytekit's `from_env`.
    FromEnv(from_env::FromEnvArguments),
    /// Print a script that completes command lines in a shell.
    Completions(completions::CompletionsArguments),
    /// Write manual pages.
    Man(man::ManArguments),
}

/// Runs the command line of the process.
#[must_use]
pub fn main() -> ExitCode {
    let words = match with_flags(std::env::args_os().collect(), flags_of_environment()) {
        Ok(words) => words,
        Err(problem) => return failed(&problem.into(), wants_json(&std::env::args_os().collect::<Vec<_>>())),
    };
    let wants_json = wants_json(&words);
    let arguments = match CommandLine::try_parse_from(words) {
        Ok(arguments) => arguments,
        // Help and versions also come this way.
        Err(error) if wants_json && error.use_stderr() => {
            let message = error.kind().as_str().unwrap_or("the command line is wrong");
            let words = error.to_string();
            let line = words.lines().next().unwrap_or(message).trim_start_matches("error: ");
            let problem = Diagnostic::error("command-line", line).kind(ProblemKind::Usage);
            return failed(&problem.into(), true);
        }
        Err(error) => {
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    end_when_interrupted();
    let (json, outcome) = match &arguments.command {
        Command::Build(arguments) => (arguments.json(), build_command::run(arguments)),
        Command::Engines(arguments) => (arguments.json(), engines::run(arguments)),
        Command::Config(arguments) => (arguments.json(), config::run(arguments)),
        Command::Tag(arguments) => (arguments.json(), tag::run(arguments)),
        Command::Name(arguments) => (arguments.json(), name::run(arguments)),
        Command::Id(arguments) => (arguments.json(), id::run(arguments)),
        Command::Diff(arguments) => (arguments.json(), diff::run(arguments)),
        Command::Exists(arguments) => (arguments.json(), exists::run(arguments)),
        Command::Inspect(arguments) => (arguments.json(), inspect::run(arguments)),
        Command::Check(arguments) => (arguments.json(), check::run(arguments)),
        Command::Plan(arguments) => (arguments.json(), plan::run(arguments)),
        Command::Dockerfile(arguments) => (arguments.json(), dockerfile_command::run(arguments)),
        Command::Context(arguments) => (arguments.json(), context::run(arguments)),
        Command::Run(arguments) => (false, run_command::run(arguments)),
        Command::Lock(arguments) => (arguments.json(), lock::run(arguments)),
        Command::With(arguments) => (false, with::run(arguments)),
        Command::FromEnv(arguments) => (false, from_env::run(arguments)),
        Command::Completions(arguments) => (false, completions::run(arguments, CommandLine::command())),
        Command::Man(arguments) => (false, man::run(arguments, CommandLine::command())),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => failed(&failure, json),
    }
}

/// Whether a command line that cannot be read asks for JSON.
fn wants_json(words: &[OsString]) -> bool {
    words
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "--json")
}

fn failed(failure: &Failure, json: bool) -> ExitCode {
    report(failure, json);
    ExitCode::from(exit_code(failure))
}
