//! Dockerfiles for the engines that know nothing else.

use std::path::Path;

use crate::cli::build::request::Wanted;
use crate::cli::build::work::Work;
use crate::cli::directory::write_directory;
use crate::cli::dockerfile::{Wanted as WantedDockerfile, write};
use crate::cli::output::err;
use crate::cli::project::Project;
use crate::engine::{BuildError, BuildOption, Engine, Frontend, Health, Input, WrittenDockerfile, carried};
use crate::plan::{Attendance, NEEDS_BUILDS_STATUS};
use crate::text::{Diagnostic, Failure, ProblemKind};
use crate::write::{Dialect, Form};

/// Writes what the engine reads beside the spec: the frontend that this program carries, or a Dockerfile for each platform
/// with all that it takes.
pub(crate) fn prepare_input(
    engine: &dyn Engine,
    health: Option<&Health>,
    wanted: &mut Wanted,
    project: &Project,
    work: &Work,
    resolving_builds: bool,
) -> Result<(), Failure> {
    let request = &mut wanted.request;
    if engine.input() == Input::Spec {
        if wanted.is_carried {
            request.frontend = carried(&work.frontend, work.frontend_place())?;
        }
        return Ok(());
    }
    if wanted.names_frontend {
        let problem = Diagnostic::error("engine-option", format!("{} reads no frontend", engine.name()));
        return Err(problem.kind(ProblemKind::Usage).help("leave --frontend out").into());
    }
    let naming = project.naming(&wanted.naming)?;
    let contexts: Vec<String> = request.values(BuildOption::BuildContext).map(str::to_owned).collect();
    // The engines would look for variables in them.
    let labels: Vec<String> = request.values(BuildOption::Label).map(str::to_owned).collect();
    let how = WantedDockerfile {
        form: Form::Directory,
        dialect: health
            .and_then(|health| dialect_of(engine, health))
            .unwrap_or(Dialect::ANY),
        is_exact: true,
        labels: &labels,
        contexts: &contexts,
    };
    let mut all = Vec::with_capacity(wanted.platforms.len());
    for platform in &wanted.platforms {
        let outlook = project.planned(&naming, platform, Attendance::Waiter, resolving_builds)?;
        let written = write(project, outlook, &wanted.identified, &how)?;
        let directory = platform.to_string().replace('/', "-");
        if let Some(place) = work.dockerfiles() {
            write_directory(&place.join(&directory), &written.dockerfile, project)?;
        }
        if all.is_empty() && !resolving_builds {
            // They are the same for all platforms.
            for warning in &written.warnings {
                err(&format!("{}\n\n", warning.snippet(&project.text)));
            }
        }
        let shown: &Path = work.shown_dockerfiles();
        all.push(WrittenDockerfile {
            platform: platform.to_string(),
            directory: shown.join(directory),
        });
    }
    request.frontend = Frontend::Dockerfiles(all);
    Ok(())
}

/// What an engine of a version has words for.
fn dialect_of(engine: &dyn Engine, health: &Health) -> Option<Dialect> {
    let mut numbers = health.version.as_deref()?.split('.');
    let (major, minor) = (numbers.next()?, numbers.next()?);
    format!("{}-{major}.{minor}", engine.name()).parse().ok()
}

/// Whether a build failed because a package has to be built, which may read any variable: the step of wheels sees few of
/// them, so that most can change without installing anything again.
pub(crate) fn needs_builds(error: &BuildError) -> bool {
    match error {
        BuildError::Failed {
            message: Some(message), ..
        } => message.starts_with("[packages] ") && message.ends_with(&format!(": exit status {NEEDS_BUILDS_STATUS}")),
        _ => false,
    }
}
