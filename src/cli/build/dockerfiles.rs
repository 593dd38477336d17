//! Dockerfiles for the engines that know nothing else.

use std::path::Path;

use crate::cli::build::request::Wanted;
use crate::cli::build::work::Work;
use crate::cli::directory::write_directory;
use crate::cli::dockerfile::{Wanted as WantedDockerfile, write};
use crate::cli::output::err;
use crate::cli::project::Project;
use crate::engine::{BuildOption, Engine, Frontend, Input, WrittenDockerfile};
use crate::text::Failure;
use crate::write::{Dialect, Form};

/// Writes a Dockerfile for each platform, with all that it takes, if that is what the engine reads.
pub(crate) fn write_dockerfiles(
    engine: &dyn Engine,
    wanted: &mut Wanted,
    project: &Project,
    work: &Work,
) -> Result<(), Failure> {
    if engine.input() != Input::Dockerfile {
        return Ok(());
    }
    let request = &mut wanted.request;
    let naming = project.naming(&wanted.naming)?;
    let contexts: Vec<String> = request.values(BuildOption::BuildContext).map(str::to_owned).collect();
    let how = WantedDockerfile {
        form: Form::Directory,
        // In this form they are all alike.
        dialect: Dialect::BUILDKIT,
        contexts: &contexts,
    };
    let mut all = Vec::with_capacity(wanted.platforms.len());
    for platform in &wanted.platforms {
        let written = write(project, &naming, platform, &how)?;
        let directory = platform.to_string().replace('/', "-");
        if let Some(place) = work.dockerfiles() {
            write_directory(&place.join(&directory), &written.dockerfile, &project.context()?)?;
        }
        if all.is_empty() {
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
