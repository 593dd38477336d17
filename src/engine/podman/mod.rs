//! podman and buildah, which know Dockerfiles alone: the spec is written as one for them.

mod health;
mod lines;
mod values;

use std::path::Path;

use serde_json::{Value, json};

use crate::engine::command_line::CommandLine;
use crate::engine::health::Health;
use crate::engine::interface::{BuildError, Built, Engine, Input};
use crate::engine::metadata::write_said;
use crate::engine::option::{BuildOption, Form};
use crate::engine::podman::health::{OF_BUILDAH, OF_PODMAN, Versions, health_of_buildah, health_of_podman};
use crate::engine::podman::lines::{Lines, is_list};
use crate::engine::request::BuildRequest;
use crate::engine::run::{Output, Stdout, build, say};
use crate::program::run;
use crate::text::{Diagnostic, ProblemKind};

/// One of the two: podman has buildah inside.
pub(super) struct Podman {
    name: &'static str,
    priority: i32,
}

impl Podman {
    pub(super) const PODMAN: Self = Self {
        name: "podman",
        priority: 6,
    };
    pub(super) const BUILDAH: Self = Self {
        name: "buildah",
        priority: 4,
    };

    fn versions(&self) -> &'static Versions {
        match self.is_buildah() {
            true => &OF_BUILDAH,
            false => &OF_PODMAN,
        }
    }

    fn lines(&self, health: Option<&Health>) -> Lines {
        Lines::new(self.name, health, self.versions())
    }

    fn is_buildah(&self) -> bool {
        self.name == "buildah"
    }
}

impl Engine for Podman {
    fn name(&self) -> &str {
        self.name
    }

    fn priority(&self) -> Option<i32> {
        Some(self.priority)
    }

    fn input(&self) -> Input {
        Input::Dockerfile
    }

    fn health(&self) -> Health {
        match self.is_buildah() {
            true => health_of_buildah(),
            false => health_of_podman(),
        }
    }

    fn can(&self, option: BuildOption) -> bool {
        option.form(self.name) != Form::Cannot
    }

    fn commands(&self, request: &BuildRequest, health: Option<&Health>) -> Result<Vec<CommandLine>, Diagnostic> {
        self.lines(health).all(request)
    }

    fn build(&self, request: &BuildRequest, health: &Health) -> Result<Built, BuildError> {
        let lines = self.lines(Some(health));
        if lines.is_blind {
            let found = health.version.as_deref().unwrap_or_default();
            let name = self.name;
            say(&format!(
                "imagespec: {name} {found} does not see that a mounted file has changed: building without its cache\n"
            ));
        }
        let made = self.run_all(request, &lines);
        if let Some(mut end) = lines.end(request) {
            end.unset = misleading_variable();
            drop(run(&mut end.command()));
        }
        made?;
        Ok(Built::default())
    }
}

impl Podman {
    /// A failure in the words of the spec: the engine names the instruction, which ends with the title of the step.
    fn told(&self, error: BuildError, line: &CommandLine) -> BuildError {
        let BuildError::Failed {
            message: Some(words),
            may_pass,
            stage,
        } = error
        else {
            return error;
        };
        if words.starts_with("building at STEP ") {
            let message = Some(title_of_step(&words).unwrap_or(words));
            return BuildError::Failed {
                message,
                may_pass,
                stage,
            };
        }
        let pushed = line.arguments.last().and_then(|word| word.strip_prefix("docker://"));
        let words = match pushed {
            Some(name) => format!("{name} was not pushed: {words}"),
            None => words,
        };
        let is_refused = ["authentication required", "unauthorized", "access denied"];
        if !is_refused.iter().any(|known| words.contains(known)) {
            let message = Some(words);
            return BuildError::Failed {
                message,
                may_pass,
                stage,
            };
        }
        // What docker keeps with a helper for all registries, these engines do not find.
        let help = format!(
            "log in with `{} login HOST`: `credsStore` of docker's settings is not read",
            self.name
        );
        let problem = Diagnostic::error("registry-credentials", words).kind(ProblemKind::Step);
        problem.help(help).into()
    }

    /// Runs the builds and what follows them.
    fn run_all(&self, request: &BuildRequest, lines: &Lines) -> Result<(), BuildError> {
        let output = Output {
            draws: false,
            stdout: Stdout::Progress,
        };
        let temporary =
            || tempfile::NamedTempFile::new().map_err(|error| Diagnostic::internal("no temporary file").because(error));
        let (own, digests) = (temporary()?, temporary()?);
        let mut request = request.clone();
        if !request.has(BuildOption::IidFile) {
            request.ask(BuildOption::IidFile, own.path().display().to_string());
        }
        let mut digest = None;
        for mut line in lines.all(&request)? {
            line.unset = misleading_variable();
            let is_push = line.arguments.iter().any(|word| word.starts_with("docker://"));
            if is_push {
                let at = line.arguments.len() - 2;
                line.arguments
                    .insert(at, format!("--digestfile={}", digests.path().display()));
            }
            build(&line, output, || None).map_err(|error| self.told(error, &line))?;
            if is_push {
                digest = std::fs::read_to_string(digests.path()).ok();
            }
        }
        let id_file = request.values(BuildOption::IidFile).last().unwrap_or_default();
        let id = std::fs::read_to_string(id_file).unwrap_or_default();
        Ok(write_metadata(&request, id.trim(), digest.as_deref().map(str::trim))?)
    }
}

/// What buildx would say of the image, as far as it is known: what is in a registry has a digest, what is not has an id.
fn write_metadata(request: &BuildRequest, id: &str, digest: Option<&str>) -> Result<(), Diagnostic> {
    let mut said = json!({"image.name": request.names.join(",")});
    if let Some(digest) = digest {
        said["containerimage.digest"] = Value::from(digest);
    }
    if !is_list(request) && !id.is_empty() {
        said["containerimage.config.digest"] = Value::from(id);
    }
    write_said(request, &said)
}

fn title_of_step(words: &str) -> Option<String> {
    let (step, why) = words
        .strip_prefix("building at STEP \"")?
        .rsplit_once("\": while running runtime: ")?;
    let (_, arguments) = step.rsplit_once("/imagespec/step.sh ")?;
    let title = shlex::split(arguments)?.into_iter().next()?;
    Some(format!("{title}: {why}"))
}

/// A variable that docker takes for no settings, and buildah for an error: a directory without a file of settings.
fn misleading_variable() -> Option<&'static str> {
    const VARIABLE: &str = "DOCKER_CONFIG";
    let directory = std::env::var_os(VARIABLE)?;
    (!Path::new(&directory).join("config.json").exists()).then_some(VARIABLE)
}
