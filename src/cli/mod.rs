//! The command line: the frontend's core on the user's machine.

mod diff;
mod lock;
mod name;
mod project;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};

use crate::image_spec::Algorithm;
use crate::name::NamingOptions;
use crate::oci::Platform;
use crate::python::Unicode;
use crate::text::{Diagnostic, Text};

/// It did what it was asked.
const DONE: u8 = 0;
/// The answer is no; for `diff`, that there are differences.
const NO: u8 = 1;
// Wrong command lines end with 2, which is clap's.
/// The spec, its files or another program are in error.
const FAILED: u8 = 3;

/// Turns image specs into container images.
///
/// imagespec is a BuildKit frontend: with `# syntax=docker.io/imagespec/imagespec:1` as the first line of a spec,
/// `docker buildx build -f imageSpec.yaml -t NAME .` builds the image. The commands here compute the same names, and lock packages.
///
/// Exit codes: 0 done, 1 the answer is no (`diff` found differences), 2 wrong command line, 3 the spec, its files or
/// another program are in error.
#[derive(Debug, Parser)]
#[command(name = "imagespec", version, arg_required_else_help = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the tag of an image: what is in it, as a hash.
    Tag(NameArguments),
    /// Print the full name of an image: registry, name and tag.
    Name(NameArguments),
    /// Print what flytekit calls the id of a spec, which its tasks find in `_F_IMG_ID`.
    Id(NameArguments),
    /// Say which inputs of the tag differ between two specs, or a spec and an image.
    Diff(DiffArguments),
    /// Resolve the Python packages of a spec, and write the lock that builds then use: pylock.toml beside the spec.
    ///
    /// docker resolves them, in the image that they are for, as a build would.
    Lock(LockArguments),
}

#[derive(Debug, Args)]
struct NameArguments {
    /// The spec; `imageSpec.yaml` or `imagespec.yaml` in CONTEXT where none is named, `-` for standard input.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The directory that paths in the spec are relative to.
    #[arg(default_value = ".")]
    context: PathBuf,
    #[command(flatten)]
    how: HowArguments,
}

#[derive(Debug, Args)]
struct LockArguments {
    /// The spec; `imageSpec.yaml` or `imagespec.yaml` in CONTEXT where none is named, `-` for standard input.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The directory that paths in the spec are relative to.
    #[arg(default_value = ".")]
    context: PathBuf,
    /// Where the lock goes; `pylock.toml` beside the spec where nothing is said.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Look versions up again, instead of taking those that an earlier build has found.
    #[arg(short = 'U', long)]
    upgrade: bool,
    /// The frontend's image, instead of the one in the first line of the spec.
    #[arg(long, value_name = "IMAGE")]
    frontend: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// More arguments of `docker buildx build`, such as `--secret id=secret_0,src=.netrc`.
    #[arg(last = true, value_name = "ARGUMENTS")]
    docker: Vec<String>,
}

#[derive(Debug, Args)]
struct DiffArguments {
    /// A spec file or an image.
    left: String,
    /// A spec file or an image.
    right: String,
    /// The directory that paths in the specs are relative to; each spec's own where none is named.
    #[arg(short, long, value_name = "DIRECTORY")]
    context: Option<PathBuf>,
    #[command(flatten)]
    how: HowArguments,
}

/// How names are computed.
#[derive(Debug, Args)]
struct HowArguments {
    /// The algorithm instead of the spec's `tag_algorithm`: flytekit, flytekit-1.13 or content.
    #[arg(long, value_name = "NAME")]
    algorithm: Option<Algorithm>,
    /// The architecture that flytekit would find; this machine's where none is named.
    #[arg(long, value_name = "ARCHITECTURE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    host_arch: Option<String>,
    /// The Python whose Unicode tables flytekit would use: 3.10, 3.11 or 3.12.
    #[arg(long, value_name = "VERSION", default_value_t)]
    python_unicode: Unicode,
    /// The platforms that the image is built for, as given to the build; counts in `content` only.
    #[arg(long, value_name = "PLATFORMS", value_parser = platforms)]
    platform: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Platforms that images are made for.
fn platforms(text: &str) -> Result<String, String> {
    let platforms = Platform::parse_list(text).map_err(|error| error.to_string())?;
    match platforms.iter().find(|platform| platform.os != "linux") {
        Some(other) => Err(format!("{other} cannot be built: images are made for linux")),
        None => Ok(text.to_owned()),
    }
}

impl HowArguments {
    fn options(&self) -> NamingOptions {
        NamingOptions {
            algorithm: self.algorithm,
            unicode: self.python_unicode,
            machine: self
                .host_arch
                .clone()
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            platform: self.platform.clone(),
            beside: None,
        }
    }
}

/// Why a command failed.
enum Failure {
    /// The spec is in error.
    Spec(Text, Vec<Diagnostic>),
    /// Anything else, in words, and what to do.
    Other(String),
}

/// Runs the command line of the process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and versions come this way, too.
        Err(error) => {
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let (json, outcome) = match &arguments.command {
        Command::Tag(arguments) => (arguments.how.json, name::print(arguments, name::What::Tag)),
        Command::Name(arguments) => (arguments.how.json, name::print(arguments, name::What::Name)),
        Command::Id(arguments) => (arguments.how.json, name::print(arguments, name::What::Id)),
        Command::Diff(arguments) => (arguments.how.json, diff::print(arguments)),
        Command::Lock(arguments) => (arguments.json, lock::write(arguments)),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            report(&failure, json);
            ExitCode::from(FAILED)
        }
    }
}

/// Writes to standard output. A reader that went away is no error.
fn out(text: &str) {
    drop(std::io::stdout().write_all(text.as_bytes()));
}

fn err(text: &str) {
    drop(std::io::stderr().write_all(text.as_bytes()));
}

fn report(failure: &Failure, json: bool) {
    match failure {
        Failure::Spec(text, problems) if json => {
            let problems: Vec<Value> = problems.iter().map(|problem| as_json(text, problem)).collect();
            out(&format!("{}\n", json!({"version": 1, "problems": problems})));
        }
        Failure::Spec(text, problems) => {
            for problem in problems {
                err(&format!("{}\n\n", problem.snippet(text)));
            }
            let count = problems.len();
            let plural = if count == 1 { "" } else { "s" };
            err(&format!("imagespec: {count} problem{plural} in {}\n", text.name()));
        }
        Failure::Other(message) if json => {
            out(&format!(
                "{}\n",
                json!({"version": 1, "problems": [{"severity": "error", "message": message}]})
            ));
        }
        Failure::Other(message) => err(&format!("imagespec: {message}\n")),
    }
}

/// A problem for programs: lines and columns count from 1.
fn as_json(text: &Text, problem: &Diagnostic) -> Value {
    let place = problem.span.map(|span| text.position(span.start));
    json!({
        "rule": problem.rule,
        "severity": problem.severity.name(),
        "message": problem.message,
        "file": text.name(),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "help": problem.help,
    })
}
