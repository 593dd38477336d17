//! `imagespec lock`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::arguments::SpecArguments;
use crate::cli::build::engine::{choose, failed};
use crate::cli::build::request::{Places, frontend};
use crate::cli::disk::{cannot, private_directory};
use crate::cli::output::{DONE, out};
use crate::cli::project::{read_spec, spec_file};
use crate::cli::settings::Settings;
use crate::engine::{BuildOption, BuildRequest, Engines, carried};
use crate::image_spec::{self, DEFAULT_NAMES, LOCK_NAME};
use crate::python::RequirementsFile;
use crate::text::{Diagnostic, Failure, Text};

#[derive(Debug, Args)]
pub(crate) struct LockArguments {
    #[command(flatten)]
    spec: SpecArguments,
    /// Where to write the lock; `pylock.toml` beside the spec by default.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Look versions up again, instead of using those that an earlier build found.
    #[arg(short = 'U', long)]
    upgrade: bool,
    /// The frontend's image, instead of the one in the first line of the spec.
    #[arg(long, value_name = "IMAGE")]
    frontend: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The engine: auto, buildx, docker or buildctl [default: auto].
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// More arguments of the engine's own program, such as `--secret id=secret_0,src=.netrc`.
    #[arg(last = true, value_name = "ARGUMENTS")]
    docker: Vec<String>,
}

impl LockArguments {
    pub(crate) fn json(&self) -> bool {
        self.json
    }
}

/// Writes the sibling lock, or the file that the user names.
pub(crate) fn run(arguments: &LockArguments) -> Result<u8, Failure> {
    let file = spec_file(arguments.spec.file.as_deref(), &arguments.spec.context)?;
    let is_piped = file == Path::new("-");
    let text = read_spec(&file)?;
    refuse_named_lock(&text)?;
    let target = match &arguments.output {
        Some(output) => output.clone(),
        None if is_piped => {
            let problem = Diagnostic::error("no-output", "a spec from standard input has no directory");
            return Err(problem.help("name the lock's file with -o FILE").into());
        }
        None => sibling_lock_path(&file),
    };
    // Not in the context: a build must not see it as a file of a project.
    let directory = private_directory()?;
    let asked = Asked {
        context: &arguments.spec.context,
        upgrade: arguments.upgrade,
        frontend: arguments.frontend.as_deref(),
        engine: arguments.engine.as_deref(),
        platform: None,
        flags: &arguments.docker,
    };
    let lock = resolve(&asked, &file, &text, directory.path())?;
    write_lock(&lock, &target)?;
    let packages = lock.lines().filter(|line| line.trim() == "[[packages]]").count();
    if arguments.json {
        let path = target.display().to_string();
        out(&format!(
            "{}\n",
            json!({"version": 1, "lock": path, "packages": packages})
        ));
    } else {
        let noun = if packages == 1 { "package" } else { "packages" };
        out(&format!("{packages} {noun} locked in {}\n", target.display()));
    }
    Ok(DONE)
}

/// Refuses a spec that names a lock already. The build finds all other problems.
pub(crate) fn refuse_named_lock(text: &Text) -> Result<(), Failure> {
    let Some(spec) = image_spec::parse(text).spec else {
        return Ok(());
    };
    let has_lock = spec.requirements_file().is_some_and(RequirementsFile::is_lock);
    let Some(lock) = spec.requirements.filter(|_| has_lock) else {
        return Ok(());
    };
    let message = format!(
        "the spec takes its packages from `{}`, which is a lock already",
        lock.value
    );
    let help = "lock with the tool that made it, such as `uv lock`; or name what it is made from, such as `requirements: pyproject.toml`";
    let problem = Diagnostic::build_error("locked-already", message)
        .at(lock.span)
        .help(help);
    Err(Failure::from(problem).about(text))
}

/// How packages are to be resolved.
pub(crate) struct Asked<'a> {
    /// The build context.
    pub(crate) context: &'a Path,
    /// Whether versions that an earlier build found are looked up again.
    pub(crate) upgrade: bool,
    pub(crate) frontend: Option<&'a str>,
    pub(crate) engine: Option<&'a str>,
    /// The platform that packages are for, if it is not that of the spec.
    pub(crate) platform: Option<&'a str>,
    /// More arguments of the engine's own program.
    pub(crate) flags: &'a [String],
}

/// Lets an engine resolve the packages of a spec, and returns the lock. `directory` is for files of the meantime.
pub(crate) fn resolve(asked: &Asked<'_>, file: &Path, text: &Text, directory: &Path) -> Result<String, Failure> {
    let output = directory.join("output");
    let mut places = Places {
        file: file.to_owned(),
        directory: file.parent().unwrap_or(Path::new("")),
    };
    if file == Path::new("-") {
        places.file = directory.join(DEFAULT_NAMES[0]);
        std::fs::write(&places.file, text.content()).map_err(|error| cannot("write", &places.file, error))?;
    }
    let settings = Settings::told(places.directory)?;
    let mut request = BuildRequest {
        frontend: match frontend(asked.frontend, &settings, text.content()) {
            Some(frontend) => frontend,
            None => carried(&directory.join("frontend"), None)?,
        },
        file: places.file,
        context: asked.context.to_owned(),
        flags: asked.flags.to_vec(),
        ..BuildRequest::default()
    };
    request.ask(BuildOption::Target, "lock");
    let quoted = output.display().to_string().replace('"', "\"\"");
    request.ask(BuildOption::Output, format!("type=local,\"dest={quoted}\""));
    if let Some(platform) = asked.platform {
        request.ask(BuildOption::Platform, platform);
    }
    if asked.upgrade {
        request.ask(BuildOption::NoCacheFilter, "lock");
    }
    let engines = Engines::default();
    let name = settings.engine(asked.engine);
    let (engine, health) = choose(&engines, &name, &request)?;
    engines.check(engine, &request)?;
    engine
        .build(&request, &health)
        .map_err(|error| failed(engine.name(), error))?;
    let directory = output.as_path();
    let made = directory.join(LOCK_NAME);
    std::fs::read_to_string(&made).map_err(|error| no_single_lock(directory).caused_by(error).into())
}

fn write_lock(text: &str, target: &Path) -> Result<(), Diagnostic> {
    let unwritten = |error| cannot("write", target, error);
    // The old lock stays until the new one is complete.
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    let new = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(parent.unwrap_or_else(|| Path::new(".")))
        .map_err(unwritten)?;
    std::fs::write(new.path(), text).map_err(unwritten)?;
    new.persist(target).map_err(|error| unwritten(error.error))?;
    Ok(())
}

/// Why a build did not write one lock: with several platforms, each has a directory.
fn no_single_lock(directory: &Path) -> Diagnostic {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut platforms: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    platforms.sort();
    if platforms.is_empty() {
        let message = "the spec installs no Python packages: there is nothing to lock";
        return Diagnostic::error("nothing-to-lock", message);
    }
    let message = format!(
        "a lock is for one platform, and the spec is built for {}",
        platforms.join(", ")
    );
    let first = platforms
        .first()
        .map_or_else(String::new, |platform| platform.replace('_', "/"));
    Diagnostic::error("several-platforms", message).help(format!("name one: `imagespec lock -- --platform {first}`"))
}

fn sibling_lock_path(file: &Path) -> PathBuf {
    file.parent().unwrap_or_else(|| Path::new("")).join(LOCK_NAME)
}
