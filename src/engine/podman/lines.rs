//! The commands for a build.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::engine::command_line::{CommandLine, chosen_flags};
use crate::engine::health::{Health, version};
use crate::engine::option::BuildOption;
use crate::engine::podman::health::Versions;
use crate::engine::podman::values::{
    IN_DOCKERFILE, OF_REGISTRIES, OutputForm, is_loopback, of_store, repository, unset_variable,
};
use crate::engine::request::{BuildRequest, WrittenDockerfile};
use crate::text::{Diagnostic, ProblemKind};

/// Whether there are images for several platforms.
pub(super) fn is_list(request: &BuildRequest) -> bool {
    request.dockerfiles().len() > 1
}

/// The time, for names that no other build has.
fn nanoseconds() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos())
}

/// What a program is asked, for all platforms of a build.
pub(super) struct Lines {
    /// `podman` or `buildah`.
    program: &'static str,
    /// The list that images for several platforms are put into.
    list: String,
    /// Whether the engine's cache cannot be trusted.
    pub(super) is_blind: bool,
    has_epoch: bool,
}

impl Lines {
    pub(super) fn new(program: &'static str, health: Option<&Health>, first: &Versions) -> Self {
        let version = health.and_then(|health| version(health.version.as_deref()?));
        Self {
            program,
            // No earlier build left one of this name.
            list: format!("localhost/imagespec-{}-{}:list", std::process::id(), nanoseconds()),
            is_blind: version.is_some_and(|version| version < first.sees_mounts),
            has_epoch: version.is_none_or(|version| version >= first.has_epoch),
        }
    }

    /// All that is run for a request.
    pub(super) fn all(&self, request: &BuildRequest) -> Result<Vec<CommandLine>, Diagnostic> {
        if request.dockerfiles().is_empty() {
            return Err(Diagnostic::internal("no Dockerfile was written"));
        }
        self.refuse_two_results(request)?;
        let mut lines: Vec<CommandLine> = Vec::new();
        for written in request.dockerfiles() {
            lines.push(self.build_line(request, written)?);
        }
        lines.extend(self.lines_after(request)?);
        Ok(lines)
    }

    /// What forgets the list: it has the image's names after the build, or is of no use.
    pub(super) fn end(&self, request: &BuildRequest) -> Option<CommandLine> {
        is_list(request).then(|| self.beside(request, &["manifest", "rm", &self.list]))
    }

    fn beside(&self, request: &BuildRequest, words: &[&str]) -> CommandLine {
        CommandLine::beside(self.program, of_store(&request.flags), words)
    }

    /// Refuses files beside another result: these engines keep no image of a build that writes files.
    fn refuse_two_results(&self, request: &BuildRequest) -> Result<(), Diagnostic> {
        let outputs: Vec<&str> = request.values(BuildOption::Output).collect();
        let has_files = outputs
            .iter()
            .any(|value| matches!(OutputForm::of(value), Some(OutputForm::Files)));
        if !has_files || (outputs.len() == 1 && !request.has(BuildOption::Push)) {
            return Ok(());
        }
        let message = format!("{} writes files or makes an image, not both at once", self.program);
        let problem = Diagnostic::error("engine-option", message).kind(ProblemKind::Usage);
        Err(problem.help("build twice: the second build finds all in the cache"))
    }

    /// The build for one platform.
    fn build_line(&self, request: &BuildRequest, written: &WrittenDockerfile) -> Result<CommandLine, Diagnostic> {
        let directory = &written.directory;
        let mut line = CommandLine::new(&[self.program, "build"]);
        if self.program == "buildah" {
            // podman's defaults: a build that fails leaves no container.
            line.word("--layers");
            line.word("--force-rm");
        }
        // Images are what the spec says, whoever builds them.
        line.word("--identity-label=false");
        line.flag("--file", directory.join("Dockerfile").display().to_string());
        if !written.platform.is_empty() {
            line.flag("--platform", &written.platform);
        }
        if is_list(request) {
            line.flag("--manifest", &self.list);
        } else if !request
            .values(BuildOption::Output)
            .any(|value| matches!(OutputForm::of(value), Some(OutputForm::Files)))
        {
            for name in &request.names {
                line.flag("--tag", name);
            }
        }
        if let Some(file) = request.values(BuildOption::IidFile).last() {
            line.flag("--iidfile", file);
        }
        if self.is_blind && !request.has(BuildOption::NoCache) {
            line.word("--no-cache");
        }
        for (option, value) in &request.options {
            self.ask(&mut line, *option, value)?;
        }
        line.arguments.extend(request.flags.iter().cloned());
        line.word(directory.display().to_string());
        Ok(line)
    }

    /// Translates an option. Those that this program does itself, before or after the build, are left out.
    fn ask(&self, line: &mut CommandLine, option: BuildOption, value: &str) -> Result<(), Diagnostic> {
        let wrong = |message: String, help: &str| {
            let problem = Diagnostic::error("engine-option", format!("{}: {message}", self.program));
            Err(problem.kind(ProblemKind::Usage).help(help))
        };
        match option {
            BuildOption::Output => match OutputForm::of(value) {
                Some(OutputForm::Files) => line.flag("--output", value),
                Some(OutputForm::Archive { .. }) => {}
                None => {
                    let message = format!("--output {value} has no form there");
                    return wrong(
                        message,
                        "write type=local, tar, oci or docker with dest=PATH, or --push",
                    );
                }
            },
            BuildOption::CacheFrom | BuildOption::CacheTo => match repository(value) {
                Some(repository) => line.flag(option.name(), repository),
                None => {
                    let message = format!("{} {value}: caches are in repositories alone", option.name());
                    return wrong(message, "name a repository without a tag: HOST/NAME");
                }
            },
            BuildOption::Progress => match value {
                "quiet" | "none" => line.word("--quiet"),
                "rawjson" => return wrong("--progress rawjson has no form there".into(), "write plain"),
                _ => {}
            },
            BuildOption::BuildArgument => match value.split('=').next().unwrap_or_default() {
                "SOURCE_DATE_EPOCH" if !self.has_epoch => {
                    let message = "SOURCE_DATE_EPOCH needs buildah 1.41, which podman has since 5.6".into();
                    return wrong(message, "leave it out, or update the engine");
                }
                "SOURCE_DATE_EPOCH" => {
                    let given = value.split_once('=').map(|(_, epoch)| epoch.to_owned());
                    let epoch = given.or_else(|| std::env::var("SOURCE_DATE_EPOCH").ok());
                    if let Some(epoch) = epoch {
                        line.flag("--source-date-epoch", epoch);
                    }
                }
                name if name.to_lowercase().ends_with("_proxy") => line.flag("--build-arg", value),
                // They are in the Dockerfile.
                name if IN_DOCKERFILE.contains(&name) => {}
                name => {
                    return wrong(format!("the build argument {name} means nothing to it"), "leave it out");
                }
            },
            BuildOption::Secret => {
                if let Some(variable) = unset_variable(value) {
                    let message = format!("--secret {value}: the variable {variable} is not set");
                    return wrong(message, "set it; the engine would take an empty secret");
                }
                if value.contains('"') {
                    let message = format!("--secret {value}: a path with a comma or a quote has no form there");
                    return wrong(message, "give the file another name");
                }
                line.flag("--secret", value);
            }
            _ => line.ask(option.form(self.program), value),
        }
        Ok(())
    }

    /// What is run after the build: the names of a list, pushes, archives.
    fn lines_after(&self, request: &BuildRequest) -> Result<Vec<CommandLine>, Diagnostic> {
        let mut lines = Vec::new();
        if is_list(request) {
            for name in &request.names {
                lines.push(self.beside(request, &["tag", &self.list, name]));
            }
        }
        let archives = request.values(BuildOption::Output).filter_map(OutputForm::of);
        for archive in archives {
            let OutputForm::Archive { transport, path } = archive else {
                continue;
            };
            if is_list(request) {
                let problem = Diagnostic::error(
                    "engine-option",
                    format!("{} puts one platform into a file", self.program),
                );
                return Err(problem
                    .kind(ProblemKind::Usage)
                    .help("name one: --platform linux/amd64"));
            }
            if let Some(name) = request.names.first() {
                let place = format!("{transport}:{path}:{name}");
                lines.push(self.beside(request, &["push", name, &place]));
            }
        }
        if request.has(BuildOption::Push) {
            for name in &request.names {
                lines.push(self.push_line(name, request));
            }
        }
        Ok(lines)
    }

    fn push_line(&self, name: &str, request: &BuildRequest) -> CommandLine {
        let mut line = match is_list(request) {
            true => self.beside(request, &["manifest", "push", "--all"]),
            false => self.beside(request, &["push"]),
        };
        let of_registries = chosen_flags(&request.flags, &OF_REGISTRIES, &["--tls-verify"]);
        if is_loopback(name) && !of_registries.iter().any(|flag| flag.starts_with("--tls-verify")) {
            // As docker does: registries of this machine have no certificates.
            line.word("--tls-verify=false");
        }
        line.arguments.extend(of_registries);
        line.word(name);
        line.word(format!("docker://{name}"));
        line
    }
}
