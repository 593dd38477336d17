//! Tells the user what a step needs that takes packages from repositories.

use crate::frontend::gateway::CallError;
use crate::image_spec::ImageSpec;
use crate::plan::MISSING_GIT_STATUS;
use crate::text::{Diagnostic, Failure, Span};

/// Explains the failures of steps that lack git or ssh, and leaves other failures as they are.
pub(super) fn explain(spec: &ImageSpec, failure: Failure) -> Failure {
    failure.map(|problem| {
        let call: Option<&CallError> = problem.find_cause();
        if call.and_then(CallError::exit_status) != Some(MISSING_GIT_STATUS) {
            return problem;
        }
        let message =
            "a package, or its version, comes from a repository, and the image has no git, or no ssh to reach it";
        let help = "add it: `apt_packages: [git]`, for repositories by ssh [git, openssh-client], with `--ssh default`";
        let explained = Diagnostic::build_error("missing-git", message)
            .at_known(place(spec))
            .help(help);
        Diagnostic {
            cause: problem.cause,
            ..explained.kind(problem.kind)
        }
    })
}

/// The first entry that names a repository, else the file that may.
fn place(spec: &ImageSpec) -> Option<Span> {
    let listed = spec
        .all()
        .find_map(|spec| spec.listed().find(|(_, entry)| entry.is_repository()));
    let named = spec.all().find_map(|spec| spec.requirements.as_ref());
    listed.map(|(span, _)| span).or(named.map(|file| file.span))
}
