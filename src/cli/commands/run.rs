//! `imagespec run`.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::output::{DONE, out};
use crate::cli::project::Project;
use crate::cli::settings::AUTO;
use crate::engine::{Container, starter, starter_of};
use crate::name::NamingOptions;
use crate::oci::Reference;
use crate::program::replace_by;
use crate::text::{Diagnostic, Failure, Operation, ProblemKind};

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The image; that of the spec in this directory by default.
    #[arg(value_name = "NAME")]
    image: Option<String>,
    /// The spec that names the image, if no NAME does.
    #[arg(short, long, value_name = "FILE", conflicts_with = "image")]
    file: Option<PathBuf>,
    /// The engine: auto, buildx, docker, podman, buildah or nerdctl [default: the first whose store has the image].
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// A port of the container, as the engine takes it: `3000:3000`.
    #[arg(short, long, value_name = "PORT")]
    publish: Vec<String>,
    /// A variable of the container: `NAME=VALUE`, or the name of one that is set here.
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// A directory or volume: `FROM:TO`.
    #[arg(short, long, value_name = "FROM:TO")]
    volume: Vec<String>,
    /// What runs instead of the image's entry point.
    #[arg(long, value_name = "PROGRAM")]
    entrypoint: Option<String>,
    /// Let the container read standard input; a terminal is always read.
    #[arg(short, long)]
    interactive: bool,
    /// Another flag of the engine's `run`, such as `--gpus=all`.
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    flag: Vec<String>,
    /// Print what would be run.
    #[arg(long)]
    dry_run: bool,
    /// What the container runs, with its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    words: Vec<String>,
}

/// Starts a container in the place of this process.
pub(crate) fn run(arguments: &RunArguments) -> Result<u8, Failure> {
    let image = match &arguments.image {
        Some(image) => image.clone(),
        None => name_of_spec(arguments)?,
    };
    // What the engine would take for a flag is no name.
    Reference::parse(&image).map_err(|error| {
        let problem = Diagnostic::error("image-name", error.to_string()).kind(ProblemKind::Usage);
        problem.help("write the words of the container behind the image's name")
    })?;
    let program = match arguments.engine.as_deref().filter(|engine| *engine != AUTO) {
        Some(engine) => starter(engine)?,
        None => starter_of(&image)?,
    };
    let container = Container {
        image,
        words: arguments.words.clone(),
        flags: flags(arguments),
    };
    let line = container.line(program);
    if arguments.dry_run {
        out(&format!("{line}\n"));
        return Ok(DONE);
    }
    Err(Diagnostic::from(replace_by(&line.program, &line.arguments)).into())
}

fn name_of_spec(arguments: &RunArguments) -> Result<String, Failure> {
    let context = PathBuf::from(".");
    let project = Project::read(arguments.file.as_deref(), &context, Operation::Naming)?;
    let options = NamingOptions {
        machine: std::env::consts::ARCH.to_owned(),
        ..NamingOptions::default()
    };
    let naming = project.naming(&options)?;
    Ok(project.identify(&naming, None)?.identity.image_name)
}

fn flags(arguments: &RunArguments) -> Vec<String> {
    let mut flags = Vec::new();
    match (std::io::stdin().is_terminal(), std::io::stdout().is_terminal()) {
        (true, true) => flags.extend(["--interactive", "--tty"].map(str::to_owned)),
        (true, false) => flags.push("--interactive".to_owned()),
        (false, _) if arguments.interactive => flags.push("--interactive".to_owned()),
        (false, _) => {}
    }
    let lists = [
        ("--publish", &arguments.publish),
        ("--env", &arguments.env),
        ("--volume", &arguments.volume),
    ];
    for (flag, values) in lists {
        flags.extend(values.iter().flat_map(|value| [flag.to_owned(), value.clone()]));
    }
    if let Some(program) = &arguments.entrypoint {
        flags.extend(["--entrypoint".to_owned(), program.clone()]);
    }
    flags.extend(arguments.flag.iter().cloned());
    flags
}
