//! Builds with docker.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::engine::{ProgramError, run};

/// How to make the lock of a spec.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockRequest<'a> {
    /// The spec; `-` for standard input.
    pub(crate) file: &'a Path,
    /// The build context.
    pub(crate) context: &'a Path,
    /// The frontend instead of the one that the spec's first line names.
    pub(crate) frontend: Option<&'a str>,
    /// Whether to look up versions again that an earlier build found.
    pub(crate) upgrade: bool,
    /// Where the lock goes, a directory.
    pub(crate) output: &'a Path,
    /// More arguments of `docker buildx build`.
    pub(crate) arguments: &'a [String],
}

/// Lets BuildKit resolve the packages of a spec and write the lock. Progress goes to standard error.
///
/// # Errors
/// When docker cannot be started, or the build fails; docker's own output says why.
pub(crate) fn lock(request: &LockRequest<'_>) -> Result<(), ProgramError> {
    let mut command = Command::new("docker");
    command.args(["buildx", "build", "--target", "lock"]);
    if request.upgrade {
        command.args(["--no-cache-filter", "lock"]);
    }
    if let Some(frontend) = request.frontend {
        command.arg("--build-arg").arg(format!("BUILDKIT_SYNTAX={frontend}"));
    }
    command.arg("--output").arg(format!(
        "type=local,\"dest={}\"",
        request.output.display().to_string().replace('"', "\"\"")
    ));
    command
        .arg("--file")
        .arg(request.file)
        .args(request.arguments)
        .arg(request.context);
    command.stdout(Stdio::null());
    let status = command.status().map_err(|error| ProgramError::Start {
        program: "docker".into(),
        error,
    })?;
    if status.success() {
        return Ok(());
    }
    // Without buildx, docker complains about the first option.
    let version = run(Command::new("docker").args(["buildx", "version"]));
    let message = match version {
        Ok(output) if output.status.success() => "see docker's output above",
        _ => "docker has no buildx: install docker-buildx-plugin, https://docs.docker.com/go/buildx/",
    };
    Err(ProgramError::Failed {
        command: "docker buildx build --target lock".into(),
        message: message.into(),
    })
}
