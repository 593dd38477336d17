//! `imagespec dockerfile`.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::commands::lock::{Asked, refuse_named_lock, resolve};
use crate::cli::directory::replace_directory;
use crate::cli::disk::private_directory;
use crate::cli::dockerfile::{Wanted, write};
use crate::cli::names::{ImageArguments, show};
use crate::cli::output::DONE;
use crate::cli::project::spec_file;
use crate::plan::Attendance;
use crate::text::{Failure, Operation, Text};
use crate::write::{Dialect, Form};

#[derive(Debug, Args)]
pub(crate) struct DockerfileArguments {
    #[command(flatten)]
    image: ImageArguments,
    /// Write a directory that builds by itself: the Dockerfile, the files that it copies, scripts and the lock. Without
    /// this, one file is printed.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// What the file is for: buildkit, or podman or buildah with a version, such as podman-5.4 or buildah-1.39 [default:
    /// buildkit; with -o, all of them].
    #[arg(long = "for", value_name = "ENGINE")]
    dialect: Option<Dialect>,
    /// Let an engine resolve the packages first, as `imagespec lock` does, and install what it found: auto, buildx, docker,
    /// buildctl or nerdctl.
    #[arg(long, value_name = "ENGINE")]
    lock_with: Option<String>,
    /// More arguments of that engine's own program, such as `--secret id=secret_0,src=.netrc`.
    #[arg(last = true, value_name = "ARGUMENTS", requires = "lock_with")]
    engine_flags: Vec<String>,
}

impl DockerfileArguments {
    pub(crate) fn json(&self) -> bool {
        self.image.naming.json
    }
}

/// Prints the Dockerfile of an image, or writes it with what it needs.
pub(crate) fn run(arguments: &DockerfileArguments) -> Result<u8, Failure> {
    let mut project = arguments.image.project(Operation::Building)?;
    if let Some(engine) = &arguments.lock_with {
        let lock = locked(arguments, engine, &project.text)?;
        project = project.with_lock(lock);
    }
    let naming = project.naming(&arguments.image.naming.options())?;
    let platform = project.platform(&naming, "Dockerfile")?;
    let (form, dialect) = match arguments.output {
        Some(_) => (Form::Directory, Dialect::ANY),
        None => (Form::Single, Dialect::BUILDKIT),
    };
    let wanted = Wanted {
        form,
        dialect: arguments.dialect.unwrap_or(dialect),
        // A directory that is kept may come out of a repository, which knows neither.
        is_exact: false,
        labels: &[],
        contexts: &[],
    };
    let outlook = project.planned(&naming, &platform, Attendance::Nobody, false)?;
    let identified = project.identify(&naming, Some(&outlook.read))?;
    let mut written = write(&project, outlook, &identified, &wanted)?;
    let line = match &arguments.output {
        Some(directory) => {
            let warnings = replace_directory(directory, &written.dockerfile, &project)?;
            written.warnings.extend(warnings);
            format!("wrote {}", directory.join("Dockerfile").display())
        }
        None => written.dockerfile.text.trim_end().to_owned(),
    };
    let found = serde_json::json!({
        "version": 1,
        "name": identified.identity.image_name,
        "dockerfile": written.dockerfile.text,
        "directory": arguments.output.as_deref().map(Path::to_string_lossy),
    });
    show(&project.text, &written.warnings, arguments.json(), found, &line);
    Ok(DONE)
}

/// The lock that an engine makes for the spec.
fn locked(arguments: &DockerfileArguments, engine: &str, text: &Text) -> Result<String, Failure> {
    refuse_named_lock(text)?;
    let spec = &arguments.image.spec;
    let file = spec_file(spec.file.as_deref(), &spec.context)?;
    let directory = private_directory()?;
    let asked = Asked {
        context: &spec.context,
        upgrade: false,
        frontend: None,
        engine: Some(engine),
        platform: arguments.image.naming.platform(),
        flags: &arguments.engine_flags,
    };
    resolve(&asked, &file, text, directory.path())
}
