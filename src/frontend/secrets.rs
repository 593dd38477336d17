//! Tells the user how to give a missing secret. Steps report only the secret's id, since their scripts are the same for
//! everyone who builds the spec.

use crate::frontend::gateway::CallError;
use crate::image_spec::{ImageSpec, NamedSecret};
use crate::plan::MISSING_SECRET_STATUS;
use crate::text::{Diagnostic, Failure, Span};

/// Explains the failures of steps that lack a secret, and leaves other failures as they are.
pub(super) fn explain(spec: &ImageSpec, failure: Failure) -> Failure {
    failure.map(|problem| missing(spec, problem))
}

/// Explains which secrets a failed step may lack and how to give them. Only the step's log says which one it is.
fn missing(spec: &ImageSpec, problem: Diagnostic) -> Diagnostic {
    let call: Option<&CallError> = problem.find_cause();
    if call.and_then(CallError::exit_status) != Some(MISSING_SECRET_STATUS) {
        return problem;
    }
    // A user's own command may also exit with this status; it has no secrets.
    let of_step = call.and_then(CallError::secrets);
    let is_of_step = |secret: &NamedSecret<'_>| {
        let mut ids = of_step.iter().flatten();
        secret.is_required && (of_step.is_none() || ids.any(|id| id == secret.id))
    };
    let mut mounts: Vec<NamedSecret<'_>> = Vec::new();
    for mount in spec.all().flat_map(ImageSpec::named_secrets).filter(is_of_step) {
        // Stacked specs may share one.
        if !mounts.iter().any(|known| known.id == mount.id) {
            mounts.push(mount);
        }
    }
    let (Some(first), Some(last)) = (mounts.first(), mounts.last()) else {
        return problem;
    };
    let ids = mounts.iter().map(|mount| format!("`{}`", mount.id)).collect::<Vec<_>>();
    let message = match ids.as_slice() {
        [id] => format!("the secret {id} is missing"),
        _ => format!("a secret is missing, one of {}", ids.join(", ")),
    };
    let arguments = mounts.iter().map(|mount| {
        let source = mount.source.unwrap_or("FILE");
        format!("--secret id={},src={source}", mount.id)
    });
    let help = format!("add {} to the build command", arguments.collect::<Vec<_>>().join(" "));
    // Point to the whole list if one spec has them all.
    let is_one_list = spec.all().any(|spec| {
        mounts
            .iter()
            .all(|mount| spec.named_secrets().any(|known| known == *mount))
    });
    let span = Span {
        end: if is_one_list { last.span.end } else { first.span.end },
        ..first.span
    };
    let missing = Diagnostic::build_error("missing-secret", message).at(span).help(help);
    Diagnostic {
        cause: problem.cause,
        ..missing.kind(problem.kind)
    }
}
