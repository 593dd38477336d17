//! Which engine builds, and what its failures are to users.

use crate::cli::output::err;
use crate::cli::settings::AUTO;
use crate::engine::{BuildError, BuildRequest, Engine, Engines, Health, unhealthy};
use crate::text::{Diagnostic, Failure, ProblemKind};

/// The engine with a name, or the first that can build; says which and why.
pub(crate) fn choose<'e>(
    engines: &'e Engines,
    name: &str,
    request: &BuildRequest,
) -> Result<(&'e dyn Engine, Health), Failure> {
    if name != AUTO {
        let engine = engines.get(name)?;
        let health = engine.health();
        return match unhealthy(name, &health) {
            Some(problem) => Err(problem.into()),
            None => Ok((engine, health)),
        };
    }
    let (engine, health, passed) = engines.first_healthy(request)?;
    let why = match passed.is_empty() {
        true => "the first that can build".to_owned(),
        false => passed.join("; "),
    };
    let builder = health.builder.as_deref().map(|builder| format!(", builder {builder}"));
    err(&format!(
        "imagespec: engine {}{}: {why}\n",
        engine.name(),
        builder.unwrap_or_default()
    ));
    Ok((engine, health))
}

/// The failure of an engine.
pub(crate) fn failed(engine: &str, error: BuildError) -> Failure {
    match error {
        BuildError::Problem(problem) => (*problem).into(),
        BuildError::Interrupted => Diagnostic::error("interrupted", "interrupted")
            .kind(ProblemKind::Interrupted)
            .into(),
        BuildError::Failed {
            may_pass: None,
            message,
            ..
        } => {
            let message = match message {
                Some(words) => format!("the build failed: {words}"),
                None => format!("the build failed; what {engine} says of it is above"),
            };
            Diagnostic::error("build", message).kind(ProblemKind::Step).into()
        }
        BuildError::Failed {
            may_pass: Some(reason), ..
        } => {
            let problem = Diagnostic::error("build", format!("the build failed twice: {reason}"));
            problem.kind(ProblemKind::Transient).help("try again later").into()
        }
    }
}
