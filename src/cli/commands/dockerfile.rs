//! `imagespec dockerfile`.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::directory::write_directory;
use crate::cli::names::{ImageArguments, show};
use crate::cli::output::DONE;
use crate::name::name_in_image;
use crate::text::{Diagnostic, Failure, Operation};
use crate::write::{DockerfileOptions, Form, write_dockerfile};

#[derive(Debug, Args)]
pub(crate) struct DockerfileArguments {
    #[command(flatten)]
    image: ImageArguments,
    /// Write a directory that builds by itself: the Dockerfile, the files that it copies, scripts and the lock. Without
    /// this, one file is printed, for a BuildKit that knows `COPY --exclude`.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

impl DockerfileArguments {
    pub(crate) fn json(&self) -> bool {
        self.image.naming.json
    }
}

/// Prints the Dockerfile of an image, or writes it with what it needs.
pub(crate) fn run(arguments: &DockerfileArguments) -> Result<u8, Failure> {
    let project = arguments.image.project(Operation::Building)?;
    let naming = project.naming(&arguments.image.naming.options())?;
    let outlook = project.unattended(&naming)?;
    let (identity, warnings, chosen) = project.identify(&naming, Some(&outlook.read))?;
    let mut outlook = outlook.with_copies(&project.spec, &chosen).with_home(&project.spec);
    name_in_image(&identity, &project.spec, &mut outlook.plan.settings);
    let form = match arguments.output {
        Some(_) => Form::Directory,
        None => Form::Single,
    };
    let options = DockerfileOptions {
        form,
        spec: &project.text,
        sibling_lock: project.sibling_lock(),
    };
    let written = write_dockerfile(&outlook.plan, options)
        .map_err(|error| Diagnostic::build_error("dockerfile", error.to_string()).help("write a directory: -o DIR"))?;
    let of_spec = project.warnings.iter().cloned();
    let warnings: Vec<Diagnostic> = of_spec.chain(outlook.warnings).chain(warnings).collect();
    let line = match &arguments.output {
        Some(directory) => {
            write_directory(directory, &written, &project.context()?)?;
            format!("wrote {}", directory.join("Dockerfile").display())
        }
        None => written.text.trim_end().to_owned(),
    };
    let found = serde_json::json!({
        "version": 1,
        "name": identity.image_name,
        "dockerfile": written.text,
        "directory": arguments.output.as_deref().map(Path::to_string_lossy),
    });
    show(&project.text, &warnings, arguments.json(), found, &line);
    Ok(DONE)
}
