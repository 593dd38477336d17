//! `imagespec from-env`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;
use serde::Deserialize;

use crate::cli::output::{DONE, out};
use crate::cli::project::read;
use crate::image_spec::{Additions, derive, parse};
use crate::program::stdout_of;
use crate::text::{Diagnostic, Failure, ProblemKind, Text};

/// Asks an interpreter for its version, and for the versions of the packages that are its arguments.
const QUESTION: &str = "\
import importlib.metadata, json, sys
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
names = sys.argv[1:]
print(json.dumps({'python': '%d.%d' % sys.version_info[:2], 'versions': {name: version(name) for name in names}}))
";

#[derive(Debug, Args)]
pub(crate) struct FromEnvArguments {
    /// Packages whose versions are those of the environment.
    #[arg(long, value_name = "PACKAGE", num_args = 1..)]
    pinned: Vec<String>,
    /// A spec that these are added to; `-` for standard input.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The interpreter of the environment: a path, or a name on PATH.
    #[arg(long, value_name = "PYTHON", default_value = "python")]
    python: String,
}

#[derive(Debug, Deserialize)]
struct Answer {
    python: String,
    versions: BTreeMap<String, Option<String>>,
}

/// Prints a spec with the Python version and the packages of an environment, as flytekit's `from_env` makes one.
pub(crate) fn run(arguments: &FromEnvArguments) -> Result<u8, Failure> {
    let text = match &arguments.file {
        Some(file) => read(file)?,
        None => Text::new("imageSpec.yaml", ""),
    };
    let parsed = parse(&text);
    let own = parsed.spec.as_ref().and_then(|spec| spec.python_version.as_ref());
    if let Some(version) = own {
        let message = "`python_version` is that of the environment, and the spec has one";
        let problem = Diagnostic::error("python-version", message).at(version.span);
        let problem = problem.help("take it out, or add packages with `imagespec with`");
        return Err(Failure::from(problem).about(&text));
    }
    let answer = ask(arguments)?;
    let (mut pinned, mut missing) = (Vec::new(), Vec::new());
    for name in &arguments.pinned {
        match answer.versions.get(name).and_then(Option::as_ref) {
            Some(version) => pinned.push(format!("{name}=={version}")),
            None => missing.push(name.as_str()),
        }
    }
    if !missing.is_empty() {
        let message = format!("{} does not have {}", arguments.python, missing.join(", "));
        let problem = Diagnostic::error("not-installed", message).kind(ProblemKind::Missing);
        return Err(problem
            .help("install them there, or name another interpreter with --python")
            .into());
    }
    let additions = Additions {
        fields: vec![("python_version", answer.python.clone())],
        // Without any, flytekit has an empty list, which counts in its tag.
        entries: vec![("packages", pinned)],
        ..Additions::default()
    };
    let derived = derive(&text, &additions).map_err(|problem| Failure::from(problem).about(&text))?;
    out(&derived);
    Ok(DONE)
}

fn ask(arguments: &FromEnvArguments) -> Result<Answer, Diagnostic> {
    // Debian has no `python`.
    let programs = match arguments.python.as_str() {
        "python" => vec!["python", "python3"],
        other => vec![other],
    };
    let mut problem = Diagnostic::internal("no interpreter was asked");
    for program in programs {
        match stdout_of(Command::new(program).args(["-c", QUESTION]).args(&arguments.pinned)) {
            Ok(answer) => {
                return serde_json::from_str(answer.lines().last().unwrap_or_default()).map_err(|error| {
                    let message = format!("`{program}` does not answer as Python does");
                    Diagnostic::error("program", message)
                        .kind(ProblemKind::Other)
                        .because(error)
                });
            }
            Err(error) => problem = Diagnostic::from(error),
        }
    }
    Err(problem.help("name an interpreter with --python"))
}
