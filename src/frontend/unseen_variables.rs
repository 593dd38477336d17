//! Says which variables of `env` a failed step did not see: it may have needed one.

use crate::frontend::gateway::CallError;
use crate::image_spec::ImageSpec;
use crate::text::{Diagnostic, Failure, ProblemKind};

/// Adds the names to the failures of steps, unless there is better help.
pub(super) fn explain(spec: &ImageSpec, failure: Failure) -> Failure {
    failure.map(|problem| match (problem.kind, &problem.help) {
        (ProblemKind::Step, None) => match help(spec, &problem) {
            Some(help) => problem.help(help),
            None => problem,
        },
        _ => problem,
    })
}

fn help(spec: &ImageSpec, problem: &Diagnostic) -> Option<String> {
    let call: &CallError = problem.find_cause()?;
    let seen = call.variables()?;
    let mut unseen: Vec<&String> = Vec::new();
    for (name, _) in spec.all().flat_map(|spec| &spec.env).flat_map(|map| &map.value) {
        if !seen.contains(&name.value) && !unseen.contains(&&name.value) {
            unseen.push(&name.value);
        }
    }
    (!unseen.is_empty()).then(|| {
        let unseen: Vec<String> = unseen.into_iter().map(|name| format!("`{name}`")).collect();
        let unseen = unseen.join(", ");
        format!("of `env`, the step that failed did not see {unseen}: what it needs goes into `build_env`")
    })
}
