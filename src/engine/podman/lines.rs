//! The commands for a build.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::engine::command_line::{CommandLine, chosen_flags};
use crate::engine::health::{Health, version};
use crate::engine::option::{BuildOption, Form};
use crate::engine::podman::health::Versions;
use crate::engine::podman::values::{
    IN_DOCKERFILE, OF_REGISTRIES, OutputForm, is_loopback, of_store, repository, unset_variable,
};
use crate::engine::request::{BuildRequest, Frontend};
use crate::text::{Diagnostic, ProblemKind};

/// What a request is to an engine of this kind.
pub(super) struct Work<'a> {
    /// The directories with Dockerfiles, by their platforms.
    pub(super) directories: Vec<(&'a str, &'a Path)>,
    /// The list that images for several platforms are put into.
    pub(super) list: String,
    /// Where the id of the image is written; the same for all platforms.
    pub(super) id_file: Option<&'a str>,
    /// Whether the engine's cache cannot be trusted.
    pub(super) is_blind: bool,
    pub(super) has_epoch: bool,
}

impl<'a> Work<'a> {
    pub(super) fn of(request: &'a BuildRequest, health: Option<&Health>, first: &Versions) -> Result<Self, Diagnostic> {
        let Frontend::Dockerfiles(written) = &request.frontend else {
            return Err(Diagnostic::internal("no Dockerfile was written"));
        };
        let directories = written
            .iter()
            .map(|one| (one.platform.as_str(), one.directory.as_path()));
        let version = health.and_then(|health| version(health.version.as_deref()?));
        Ok(Self {
            directories: directories.collect(),
            // No earlier build left one of this name.
            list: format!("localhost/imagespec-{}-{}:list", std::process::id(), nanoseconds()),
            id_file: request.values(BuildOption::IidFile).last(),
            is_blind: version.is_some_and(|version| version < first.sees_mounts),
            has_epoch: version.is_none_or(|version| version >= first.has_epoch),
        })
    }

    pub(super) fn is_list(&self) -> bool {
        self.directories.len() > 1
    }
}

/// The time, for names that no other build has.
fn nanoseconds() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos())
}

/// What a program is asked.
pub(super) struct Lines {
    /// `podman` or `buildah`.
    pub(super) program: &'static str,
}

impl Lines {
    /// All that is run for a request.
    pub(super) fn all(&self, request: &BuildRequest, work: &Work<'_>) -> Result<Vec<CommandLine>, Diagnostic> {
        self.refuse_two_results(request)?;
        let mut lines: Vec<CommandLine> = Vec::new();
        for &(platform, directory) in &work.directories {
            lines.push(self.build_line(request, work, platform, directory)?);
        }
        lines.extend(self.lines_after(request, work)?);
        Ok(lines)
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
    fn build_line(
        &self,
        request: &BuildRequest,
        work: &Work<'_>,
        platform: &str,
        directory: &Path,
    ) -> Result<CommandLine, Diagnostic> {
        let mut line = CommandLine::new(&[self.program, "build"]);
        if self.program == "buildah" {
            // podman's default.
            line.word("--layers");
        }
        // Images are what the spec says, whoever builds them.
        line.word("--identity-label=false");
        line.flag("--file", directory.join("Dockerfile").display().to_string());
        if !platform.is_empty() {
            line.flag("--platform", platform);
        }
        if work.is_list() {
            line.flag("--manifest", &work.list);
        } else if !request
            .values(BuildOption::Output)
            .any(|value| matches!(OutputForm::of(value), Some(OutputForm::Files)))
        {
            for name in &request.names {
                line.flag("--tag", name);
            }
        }
        if let Some(file) = work.id_file {
            line.flag("--iidfile", file);
        }
        if work.is_blind && !request.has(BuildOption::NoCache) {
            line.word("--no-cache");
        }
        for (option, value) in &request.options {
            self.ask(&mut line, *option, value, work)?;
        }
        line.arguments.extend(request.flags.iter().cloned());
        line.word(directory.display().to_string());
        Ok(line)
    }

    /// Translates an option. Those that this program does itself, before or after the build, are left out.
    fn ask(&self, line: &mut CommandLine, option: BuildOption, value: &str, work: &Work<'_>) -> Result<(), Diagnostic> {
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
                "SOURCE_DATE_EPOCH" if !work.has_epoch => {
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
            _ => match option.form(self.program) {
                Form::Flag(flag) => line.flag(flag, value),
                Form::Switch(flag) => line.word(flag),
                Form::Frontend(_) | Form::Entry(_) | Form::Translated(_) | Form::Cannot => {}
            },
        }
        Ok(())
    }

    /// What is run after the build: the names of a list, pushes, archives.
    fn lines_after(&self, request: &BuildRequest, work: &Work<'_>) -> Result<Vec<CommandLine>, Diagnostic> {
        let mut lines = Vec::new();
        if work.is_list() {
            for name in &request.names {
                let mut line = CommandLine::new(&[self.program, "tag", &work.list, name]);
                line.arguments.splice(0..0, of_store(&request.flags));
                lines.push(line);
            }
        }
        let archives = request.values(BuildOption::Output).filter_map(OutputForm::of);
        for archive in archives {
            let OutputForm::Archive { transport, path } = archive else {
                continue;
            };
            if work.is_list() {
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
                let mut line = CommandLine::new(&[self.program, "push"]);
                line.arguments.extend(of_store(&request.flags));
                line.flag(name, place);
                lines.push(line);
            }
        }
        if request.has(BuildOption::Push) {
            for name in &request.names {
                lines.push(self.push_line(name, work, &request.flags));
            }
        }
        Ok(lines)
    }

    fn push_line(&self, name: &str, work: &Work<'_>, flags: &[String]) -> CommandLine {
        let mut line = match work.is_list() {
            true => CommandLine::new(&[self.program, "manifest", "push", "--all"]),
            false => CommandLine::new(&[self.program, "push"]),
        };
        line.arguments.extend(of_store(flags));
        let of_registries = chosen_flags(flags, &OF_REGISTRIES, &["--tls-verify"]);
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
