//! podman and buildah, which know Dockerfiles alone: the spec is written as one for them.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::engine::command_line::{CommandLine, chosen_flags};
use crate::engine::health::{Health, version};
use crate::engine::interface::{BuildError, Built, Engine, Input};
use crate::engine::metadata::write_said;
use crate::engine::option::{BuildOption, Form};
use crate::engine::request::{BuildRequest, Frontend};
use crate::engine::run::{Output, Stdout, build, say};
use crate::program::run;
use crate::text::{Diagnostic, ProblemKind};

/// The first versions that can do something.
struct Versions {
    /// Build what is written.
    least: (u32, u32),
    /// See in the cache that a mounted file has changed (containers/buildah#5400).
    sees_mounts: (u32, u32),
    /// Take `--source-date-epoch`.
    has_epoch: (u32, u32),
}

const OF_BUILDAH: Versions = Versions {
    least: (1, 33),
    sees_mounts: (1, 39),
    has_epoch: (1, 41),
};
/// Those that have these versions of buildah inside.
const OF_PODMAN: Versions = Versions {
    least: (4, 9),
    sees_mounts: (5, 4),
    has_epoch: (5, 6),
};

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
        let work = Work::of(request, health, self.versions())?;
        self.lines(request, &work)
    }

    fn build(&self, request: &BuildRequest, health: &Health) -> Result<Built, BuildError> {
        let work = Work::of(request, Some(health), self.versions())?;
        if work.is_blind {
            let found = health.version.as_deref().unwrap_or_default();
            let name = self.name;
            say(&format!(
                "imagespec: {name} {found} does not see that a mounted file has changed: building without its cache\n"
            ));
        }
        let made = self.run_all(request, &work);
        if work.is_list() {
            // The list has the image's names now, or is of no use.
            drop(run(Command::new(self.name).args(["manifest", "rm", &work.list])));
        }
        made?;
        Ok(Built::default())
    }
}

/// What a request is to an engine of this kind.
struct Work<'a> {
    /// The directories with Dockerfiles, by their platforms.
    directories: Vec<(&'a str, &'a Path)>,
    /// The list that images for several platforms are put into.
    list: String,
    /// Where the id of the image is written; the same for all platforms.
    id_file: Option<&'a str>,
    /// Whether the engine's cache cannot be trusted.
    is_blind: bool,
    has_epoch: bool,
}

impl<'a> Work<'a> {
    fn of(request: &'a BuildRequest, health: Option<&Health>, first: &Versions) -> Result<Self, Diagnostic> {
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

    fn is_list(&self) -> bool {
        self.directories.len() > 1
    }
}

impl Podman {
    /// All that is run for a request.
    fn lines(&self, request: &BuildRequest, work: &Work<'_>) -> Result<Vec<CommandLine>, Diagnostic> {
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
        let message = format!("{} writes files or makes an image, not both at once", self.name);
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
        let mut line = CommandLine::new(&[self.name, "build"]);
        if self.is_buildah() {
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
            let problem = Diagnostic::error("engine-option", format!("{}: {message}", self.name));
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
                    let (_, epoch) = value.split_once('=').unwrap_or_default();
                    line.flag("--source-date-epoch", epoch);
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
            _ => match option.form(self.name) {
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
                let mut line = CommandLine::new(&[self.name, "tag", &work.list, name]);
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
                let problem =
                    Diagnostic::error("engine-option", format!("{} puts one platform into a file", self.name));
                return Err(problem
                    .kind(ProblemKind::Usage)
                    .help("name one: --platform linux/amd64"));
            }
            if let Some(name) = request.names.first() {
                lines.push(CommandLine::new(&[
                    self.name,
                    "push",
                    name,
                    &format!("{transport}:{path}:{name}"),
                ]));
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
            true => CommandLine::new(&[self.name, "manifest", "push", "--all"]),
            false => CommandLine::new(&[self.name, "push"]),
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

    /// A failure in the words of the spec: the engine names the instruction, which ends with the title of the step.
    fn told(&self, error: BuildError, line: &CommandLine) -> BuildError {
        let BuildError::Failed {
            message: Some(words),
            may_pass,
        } = error
        else {
            return error;
        };
        if words.starts_with("building at STEP ") {
            let message = Some(title_of_step(&words).unwrap_or(words));
            return BuildError::Failed { message, may_pass };
        }
        let pushed = line.arguments.last().and_then(|word| word.strip_prefix("docker://"));
        let words = match pushed {
            Some(name) => format!("{name} was not pushed: {words}"),
            None => words,
        };
        let is_refused = ["authentication required", "unauthorized", "access denied"];
        if !is_refused.iter().any(|known| words.contains(known)) {
            let message = Some(words);
            return BuildError::Failed { message, may_pass };
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
    fn run_all(&self, request: &BuildRequest, work: &Work<'_>) -> Result<(), BuildError> {
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
        let work = Work {
            directories: work.directories.clone(),
            list: work.list.clone(),
            id_file: request.values(BuildOption::IidFile).last(),
            ..*work
        };
        let mut digest = None;
        for mut line in self.lines(&request, &work)? {
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

/// Flags of a build that a push has to know, too.
const OF_REGISTRIES: [&str; 2] = ["--authfile", "--cert-dir"];

/// Flags that choose the store: all commands have to look into the same one.
fn of_store(flags: &[String]) -> Vec<String> {
    const KNOWN: [&str; 7] = [
        "--root",
        "--runroot",
        "--storage-driver",
        "--storage-opt",
        "--connection",
        "--url",
        "--identity",
    ];
    chosen_flags(flags, &KNOWN, &["--remote"])
}

/// Build arguments of the frontend that are in what is written.
const IN_DOCKERFILE: [&str; 5] = [
    "IMAGESPEC_NAME",
    "IMAGESPEC_ID",
    "IMAGESPEC_TAG_ALGORITHM",
    "IMAGESPEC_HOST_ARCH",
    "IMAGESPEC_PYTHON_UNICODE",
];

/// A place for the result, other than the engine's store.
enum OutputForm<'a> {
    /// Files: a directory, or a tar of them.
    Files,
    /// An image in a file.
    Archive { transport: &'static str, path: &'a str },
}

impl<'a> OutputForm<'a> {
    fn of(value: &'a str) -> Option<Self> {
        let field = |name: &str| {
            value
                .split(',')
                .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        };
        let is_known = |field: &str| field.starts_with("type=") || field.starts_with("dest=");
        if value.contains('=') && !value.split(',').all(is_known) {
            return None;
        }
        let path = field("dest").filter(|path| *path != "-");
        match field("type") {
            None => (value != "-").then_some(Self::Files),
            Some("local" | "tar") => path.map(|_| Self::Files),
            // A colon ends the path there.
            Some("oci" | "docker") if path.is_some_and(|path| path.contains(':')) => None,
            Some("oci") => path.map(|path| Self::Archive {
                transport: "oci-archive",
                path,
            }),
            Some("docker") => path.map(|path| Self::Archive {
                transport: "docker-archive",
                path,
            }),
            Some(_) => None,
        }
    }
}

/// The repository of a cache: these engines know no other place for one.
fn repository(cache: &str) -> Option<&str> {
    let fields: Vec<&str> = cache.split(',').collect();
    if !cache.contains('=') {
        return Some(cache);
    }
    let is_registry = fields.contains(&"type=registry");
    let reference = fields.iter().find_map(|field| field.strip_prefix("ref="))?;
    let last = reference.rsplit('/').next().unwrap_or_default();
    (is_registry && !last.contains([':', '@'])).then_some(reference)
}

/// The variable of a secret that has no value.
fn unset_variable(secret: &str) -> Option<&str> {
    let variable = secret.split(',').find_map(|field| field.strip_prefix("env="))?;
    std::env::var_os(variable).is_none().then_some(variable)
}

/// Whether the registry of a name is on this machine.
fn is_loopback(name: &str) -> bool {
    let host = name.split('/').next().unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    name == "localhost" || name.starts_with("127.") || host.starts_with("[::1]")
}

/// What buildx would say of the image, as far as it is known: what is in a registry has a digest, what is not has an id.
fn write_metadata(request: &BuildRequest, id: &str, digest: Option<&str>) -> Result<(), Diagnostic> {
    let mut said = json!({"image.name": request.names.join(",")});
    if let Some(digest) = digest {
        said["containerimage.digest"] = Value::from(digest);
    }
    let is_list = matches!(&request.frontend, Frontend::Dockerfiles(all) if all.len() > 1);
    if !is_list && !id.is_empty() {
        said["containerimage.config.digest"] = Value::from(id);
    }
    write_said(request, &said)
}

/// The time, for names that no other build has.
fn nanoseconds() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos())
}

fn title_of_step(words: &str) -> Option<String> {
    let (step, why) = words
        .strip_prefix("building at STEP \"")?
        .rsplit_once("\": while running runtime: ")?;
    let (_, arguments) = step.rsplit_once("/imagespec/step.sh ")?;
    let title = shlex::split(arguments)?.into_iter().next()?;
    Some(format!("{title}: {why}"))
}

/// `podman version` answers without a look at its storage; on other systems than Linux it asks the machine that builds.
fn health_of_podman() -> Health {
    let mut health = Health::default();
    let said = match run(Command::new("podman").args(["version", "--format", "{{.Client.Version}}"])) {
        Ok(said) => said,
        Err(_) => {
            return health.with_trouble(
                "there is no program `podman`",
                "install it: https://podman.io/docs/installation",
            );
        }
    };
    health.found = true;
    if !said.status.success() {
        return health.with_trouble(complaint(&said.stderr), "`podman version` says the same");
    }
    health.version = Some(String::from_utf8_lossy(&said.stdout).trim().to_owned());
    judged(health, "podman", OF_PODMAN.least)
}

fn health_of_buildah() -> Health {
    let mut health = Health::default();
    let said = match run(Command::new("buildah").arg("--version")) {
        Ok(said) => String::from_utf8_lossy(&said.stdout).into_owned(),
        Err(_) => {
            return health.with_trouble(
                "there is no program `buildah`",
                "install it: https://github.com/containers/buildah/blob/main/install.md",
            );
        }
    };
    health.found = true;
    health.version = said.split_whitespace().nth(2).map(str::to_owned);
    judged(health, "buildah", OF_BUILDAH.least)
}

/// Refuses what is too old, and says what it lacks.
fn judged(mut health: Health, name: &str, least: (u32, u32)) -> Health {
    let found = health.version.clone().unwrap_or_default();
    match version(&found) {
        Some(version) if version < least => {
            let reason = format!(
                "{name} {found} has no texts in Dockerfiles and runs steps from old files: {}.{} is the first that can",
                least.0, least.1
            );
            health.with_trouble(reason, "update it, or build with docker")
        }
        _ => {
            health.features = vec!["registry-cache"];
            health
        }
    }
}

/// A variable that docker takes for no settings, and buildah for an error: a directory without a file of settings.
fn misleading_variable() -> Option<&'static str> {
    const VARIABLE: &str = "DOCKER_CONFIG";
    let directory = std::env::var_os(VARIABLE)?;
    (!Path::new(&directory).join("config.json").exists()).then_some(VARIABLE)
}

/// What a program says at its end, in a line.
fn complaint(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("it does not answer")
        .trim_start_matches("Error: ")
        .to_owned()
}
