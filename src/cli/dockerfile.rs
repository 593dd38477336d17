//! The Dockerfile of a project, for the command that writes it and for engines that build it.

use crate::cli::project::{Identified, Project};
use crate::name::name_in_image;
use crate::oci::Reference;
use crate::plan::BuildPlan;
use crate::project::Outlook;
use crate::text::{Diagnostic, Failure, ProblemKind};
use crate::write::{Dialect, Dockerfile, DockerfileOptions, Form, write_dockerfile};

/// What is written, and what the user should know.
pub(super) struct Written {
    pub(super) dockerfile: Dockerfile,
    pub(super) warnings: Vec<Diagnostic>,
}

/// How it is written.
pub(super) struct Wanted<'a> {
    pub(super) form: Form,
    pub(super) dialect: Dialect,
    /// Whether the files beside it get the modes and times of the image.
    pub(super) is_exact: bool,
    /// Labels of the command line, `NAME=VALUE`.
    pub(super) labels: &'a [String],
    /// What stands in for images: `NAME=docker-image://…`.
    pub(super) contexts: &'a [String],
}

/// Writes the Dockerfile of a project for the platform of a plan.
pub(super) fn write(
    project: &Project,
    outlook: Outlook,
    identified: &Identified,
    wanted: &Wanted<'_>,
) -> Result<Written, Failure> {
    let outlook = outlook.with_copies(&project.spec, &identified.chosen);
    let mut outlook = outlook.with_home(&project.spec);
    name_in_image(&identified.identity, &project.spec, &mut outlook.plan.settings);
    for label in wanted.labels {
        let (name, value) = label.split_once('=').unwrap_or((label, ""));
        let labels = &mut outlook.plan.settings.labels;
        labels.retain(|(known, _)| known != name);
        labels.push((name.to_owned(), value.to_owned()));
    }
    for context in wanted.contexts {
        replace_image(&mut outlook.plan, context)?;
    }
    let options = DockerfileOptions {
        form: wanted.form,
        dialect: wanted.dialect,
        is_exact: wanted.is_exact,
        spec: &project.text,
        sibling_lock: project.sibling_lock(),
    };
    let dockerfile = write_dockerfile(&outlook.plan, options).map_err(|error| {
        let problem = Diagnostic::build_error("dockerfile", error.to_string());
        match error.has_room_in_a_directory() {
            true => problem.help("write a directory: -o DIR"),
            false => problem,
        }
    })?;
    let of_spec = project.warnings.iter().cloned();
    Ok(Written {
        dockerfile,
        warnings: of_spec
            .chain(outlook.warnings)
            .chain(identified.warnings.iter().cloned())
            .collect(),
    })
}

/// Takes another image for one that the plan names, by its role or by its name. What the plan does not name needs no other.
fn replace_image(plan: &mut BuildPlan, context: &str) -> Result<(), Diagnostic> {
    let wrong = |message: String, help: &str| {
        let problem = Diagnostic::error("build-context", message).kind(ProblemKind::Usage);
        Err(problem.help(help))
    };
    let Some((name, what)) = context.split_once('=') else {
        let message = format!("--build-context {context}: it is not NAME=WHAT");
        return wrong(message, "write base=docker-image://IMAGE");
    };
    let familiar = |text: &str| Reference::parse(text).map(|reference| reference.familiar()).ok();
    let is_meant = |role: &str, reference: &str| {
        name == role || familiar(name).is_some_and(|name| Some(name) == familiar(reference))
    };
    let bases = [("base", &mut plan.base.image)].into_iter();
    let programs = plan.storeys.iter_mut().flat_map(|storey| &mut storey.images);
    let images = bases.chain(programs.map(|(role, reference)| (role.name(), reference)));
    for (role, reference) in images.filter(|(role, reference)| is_meant(role, reference)) {
        let Some(image) = what.strip_prefix("docker-image://") else {
            let message = format!("--build-context {context}: a Dockerfile takes the image `{role}` by a name alone");
            return wrong(message, "load it into the engine, and write docker-image://NAME");
        };
        image.clone_into(reference);
    }
    Ok(())
}
