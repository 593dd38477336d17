//! docker, by `docker buildx build` and by `docker build`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::engine::carried::{LABELS, PROGRAM};
use crate::engine::command_line::CommandLine;
use crate::engine::health::{Health, version};
use crate::engine::interface::{BuildError, Built, Engine};
use crate::engine::log::{Step, steps};
use crate::engine::option::{BuildOption, Form};
use crate::engine::request::{BuildRequest, Frontend};
use crate::engine::run::{Output, Stdout, build, once};
use crate::program::run;
use crate::text::{Diagnostic, ProblemKind};

const PLUGIN: &str = "install docker-buildx-plugin: https://docs.docker.com/go/buildx/";
/// What has frontends in layouts and named contexts for them.
const MIN_BUILDKIT: (u32, u32) = (0, 11);
const MIN_DOCKER: (u32, u32) = (23, 0);
/// One of docker's two ways.
pub(super) struct Docker {
    name: &'static str,
    words: &'static [&'static str],
    priority: i32,
    builder: Builder,
}

/// The builder that health is asked of.
enum Builder {
    /// The one in use, or one by name.
    Chosen(Option<String>),
    /// That of the engine in use, which is called as docker's context.
    Own,
}

impl Docker {
    /// `docker buildx build`.
    pub(super) fn buildx(builder: Option<String>) -> Self {
        Self {
            name: "buildx",
            words: &["docker", "buildx", "build"],
            priority: 30,
            builder: Builder::Chosen(builder),
        }
    }

    /// `docker build`, which is buildx with the engine's own builder.
    pub(super) fn build() -> Self {
        Self {
            name: "docker",
            words: &["docker", "build"],
            priority: 20,
            builder: Builder::Own,
        }
    }

    fn is_imported(request: &BuildRequest, health: Option<&Health>) -> bool {
        let takes_layouts = health.is_none_or(|health| health.features.contains(&"oci-layout"));
        matches!(request.frontend, Frontend::Layout { .. }) && !takes_layouts
    }
}

impl Engine for Docker {
    fn name(&self) -> &str {
        self.name
    }

    fn priority(&self) -> Option<i32> {
        Some(self.priority)
    }

    fn health(&self) -> Health {
        let own;
        let builder = match &self.builder {
            Builder::Chosen(name) => name.as_deref(),
            Builder::Own => {
                own = own_builder();
                Some(own.as_str())
            }
        };
        health(builder)
    }

    fn can(&self, option: BuildOption) -> bool {
        option.form(self.name) != Form::Cannot
    }

    fn commands(&self, request: &BuildRequest, health: Option<&Health>) -> Result<Vec<CommandLine>, Diagnostic> {
        let mut lines = Vec::new();
        let is_imported = Self::is_imported(request, health);
        if let (true, Frontend::Layout { name, layer, .. }) = (is_imported, &request.frontend) {
            lines.push(import(name, layer));
        }
        lines.push(build_line(self.name, self.words, request, !is_imported));
        Ok(lines)
    }

    fn build(&self, request: &BuildRequest, health: &Health) -> Result<Built, BuildError> {
        let mut lines = self.commands(request, Some(health))?;
        let Some(mut line) = lines.pop() else {
            return Err(Diagnostic::internal("a build without a command").into());
        };
        if let (Some(import), Frontend::Layout { name, .. }) = (lines.pop(), &request.frontend)
            && !has_image(name)
        {
            once(
                &import,
                Output {
                    draws: false,
                    stdout: Stdout::Nothing,
                },
            )?;
        }
        let progress = request.values(BuildOption::Progress).last();
        let output = Output::of(progress, request.goes_to_stdout());
        if !output.draws && progress.is_none_or(|mode| mode == "auto") {
            // Behind the words of the engine, where options begin.
            line.arguments.insert(self.words.len() - 1, "--progress=plain".into());
        }
        let ran = build(&line, output, || history_logs(&[]))?;
        Ok(Built {
            steps: ran.steps.or_else(|| remembered(request)),
            ..Built::default()
        })
    }
}

/// The line that builds, as docker and whatever looks like it take it. A frontend in a layout is handed over, or is in
/// the engine's store under its name.
pub(super) fn build_line(engine: &str, words: &[&str], request: &BuildRequest, takes_layouts: bool) -> CommandLine {
    let mut line = CommandLine::new(words);
    line.flag("--file", request.file.display().to_string());
    for name in &request.names {
        line.flag("--tag", name);
    }
    if let (true, Frontend::Layout { name, directory, .. }) = (takes_layouts, &request.frontend) {
        line.flag(
            "--build-context",
            format!("{name}=oci-layout://{}", directory.display()),
        );
    }
    if let Frontend::Image(name) | Frontend::Layout { name, .. } = &request.frontend {
        line.flag("--build-arg", format!("BUILDKIT_SYNTAX={name}"));
    }
    for (option, value) in &request.options {
        line.ask(option.form(engine), value);
    }
    line.arguments.extend(request.flags.iter().cloned());
    line.word(request.context.display().to_string());
    line
}

/// The steps of the build that just ended, by what the engine remembers of it: its progress was drawn.
fn remembered(request: &BuildRequest) -> Option<Vec<Step>> {
    let said = std::fs::read(request.values(BuildOption::MetadataFile).last()?).ok()?;
    let said: Value = serde_json::from_slice(&said).ok()?;
    let (builder, id) = said["buildx.build.ref"].as_str()?.rsplit_once('/')?;
    let builder = builder.split('/').next()?;
    Some(steps(&history_logs(&["--builder", builder, id])?))
}

/// The log of a build in the engine's history, the last by default.
fn history_logs(more: &[&str]) -> Option<String> {
    let mut command = Command::new("docker");
    command
        .args(["buildx", "history", "logs", "--progress=plain"])
        .args(more);
    let logs = run(&mut command).ok().filter(|said| said.status.success())?;
    Some(String::from_utf8_lossy(&[logs.stdout, logs.stderr].concat()).into_owned())
}

/// Makes an image of the frontend, for stores that take no layout.
fn import(name: &str, layer: &Path) -> CommandLine {
    let mut line = CommandLine::new(&["docker", "import"]);
    line.flag("--change", format!("ENTRYPOINT [\"{PROGRAM}\"]"));
    for (name, value) in LABELS {
        line.flag("--change", format!("LABEL {name}={value}"));
    }
    line.word(layer.display().to_string());
    line.word(name);
    line
}

fn has_image(name: &str) -> bool {
    let found = run(Command::new("docker").args(["image", "inspect", "--format", "{{.Id}}", "--", name]));
    found.is_ok_and(|output| output.status.success())
}

fn own_builder() -> String {
    let said = run(Command::new("docker").args(["context", "show"])).ok();
    let name = said
        .filter(|said| said.status.success())
        .map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "default".into())
}

fn health(builder: Option<&str>) -> Health {
    let mut health = Health::default();
    let said = match run(Command::new("docker").args(["version", "--format", "{{json .}}"])) {
        Ok(said) => said,
        Err(_) => {
            return health.with_trouble(
                "there is no program `docker`",
                "install Docker: https://docs.docker.com/engine/install/",
            );
        }
    };
    health.found = true;
    let versions: Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
    let text = |path: &str| versions.pointer(path).and_then(Value::as_str).map(str::to_owned);
    health.version = text("/Client/Version");
    let plugin = run(Command::new("docker").args(["buildx", "version"]));
    let Some(plugin) = plugin.ok().filter(|said| said.status.success()) else {
        return health.with_trouble("docker has no buildx", PLUGIN);
    };
    let plugin = String::from_utf8_lossy(&plugin.stdout).into_owned();
    let plugin = plugin
        .split_whitespace()
        .nth(1)
        .unwrap_or_default()
        .trim_start_matches('v');
    health.version = Some(format!("{}, buildx {plugin}", health.version.unwrap_or_default()));
    inspect(
        health,
        builder,
        text("/Server/Version").as_deref(),
        &String::from_utf8_lossy(&said.stderr),
    )
}

/// Looks at the builder, and at the store behind it.
fn inspect(mut health: Health, builder: Option<&str>, server: Option<&str>, complaint: &str) -> Health {
    let mut command = Command::new("docker");
    command.args(["buildx", "inspect"]).args(builder);
    let said = match run(&mut command) {
        Ok(said) => said,
        Err(error) => return health.with_trouble(error.to_string(), PLUGIN),
    };
    let described = String::from_utf8_lossy(&said.stdout);
    let field = |name: &str| {
        let value = described
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value
            .map(str::trim)
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
    };
    let driver = field("Driver").unwrap_or_default();
    let is_own = driver.is_empty() || driver == "docker";
    let name = field("Name").or(builder.map(str::to_owned)).unwrap_or_default();
    health.builder = Some(format!(
        "{name} ({})",
        if driver.is_empty() { "docker" } else { &driver }
    ));
    health.buildkit = field("BuildKit version").filter(|found| version(found).is_some_and(|found| found > (0, 0)));
    let complaint = if is_own { complaint.to_owned() } else { String::new() };
    let problem = field("Error").unwrap_or_default();
    let problem = match said.status.success() {
        true => [problem, complaint].join("\n"),
        false => [String::from_utf8_lossy(&said.stderr).into_owned(), complaint].join("\n"),
    };
    if let Some(trouble) = trouble(&problem) {
        health.trouble = Some(trouble);
        return health;
    }
    let too_old = |what: &str, found: &str, least: (u32, u32)| {
        let is_old = version(found).is_some_and(|found| (0, 0) < found && found < least);
        is_old.then(|| {
            format!(
                "{what} {found} is too old: {}.{} is the first that can",
                least.0, least.1
            )
        })
    };
    let old = match (is_own, server, health.buildkit.as_deref()) {
        (true, Some(server), _) => too_old("Docker", server, MIN_DOCKER),
        (_, _, Some(buildkit)) => too_old("BuildKit", buildkit, MIN_BUILDKIT),
        _ => None,
    };
    if let Some(old) = old {
        return health.with_trouble(old, "update it, or make a new builder: `docker buildx create --use`");
    }
    let store = is_own.then(store);
    health.store = store;
    if store != Some("classic") {
        health.features = vec!["merge", "oci-layout", "registry-cache"];
    }
    health
}

/// The image store of Docker itself.
fn store() -> &'static str {
    let said = run(Command::new("docker").args(["info", "--format", "{{json .DriverStatus}}"]));
    let status = said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned());
    match status.is_ok_and(|status| status.contains("io.containerd.snapshotter")) {
        true => "containerd",
        false => "classic",
    }
}

/// What docker's complaints mean, and what to do.
fn trouble(complaint: &str) -> Option<crate::engine::health::Trouble> {
    let line = |words: &str| {
        complaint
            .lines()
            .find(|line| line.contains(words))
            .map(|line| line.trim().to_owned())
    };
    let told = |reason: String, help: &str| Some(crate::engine::health::Trouble::new(reason, help));
    if let Some(line) = line("permission denied") {
        let socket = line
            .split("unix://")
            .nth(1)
            .and_then(|rest| rest.split([':', ' ']).next());
        let socket = socket.unwrap_or("its socket");
        return told(
            format!("you may not use the Docker daemon at {socket}"),
            "join its group (`sudo usermod -aG docker $USER`, then log in again), or use rootless Docker",
        );
    }
    if let Some(line) = line("Cannot connect to the Docker daemon") {
        let at = line
            .split(" at ")
            .nth(1)
            .and_then(|rest| rest.split(". ").next())
            .unwrap_or("its address");
        return told(
            format!("no Docker daemon answers at {at}"),
            "start Docker (`sudo systemctl start docker`, or Docker Desktop), or name another daemon: `docker context use`, DOCKER_HOST",
        );
    }
    let line = complaint.lines().map(str::trim).find(|line| !line.is_empty())?;
    told(
        line.trim_start_matches("ERROR: ").to_owned(),
        "`docker buildx ls` lists the builders; `docker buildx create --use` makes one",
    )
}

/// A failure of an engine that is not there.
pub(crate) fn unhealthy(name: &str, health: &Health) -> Option<Diagnostic> {
    let trouble = health.trouble.as_ref()?;
    let problem = Diagnostic::error("engine", format!("{name} cannot build: {}", trouble.reason));
    Some(problem.kind(ProblemKind::Engine).help(trouble.help.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_one_sentence() {
        let check = |complaint: &str, expect: &str| {
            assert_eq!(
                trouble(complaint).map(|trouble| trouble.reason).as_deref(),
                Some(expect),
                "{complaint}"
            );
        };
        check(
            "\nCannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
            "no Docker daemon answers at unix:///var/run/docker.sock",
        );
        check(
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get \"http://%2Fvar%2Frun%2Fdocker.sock/v1.51/version\": dial unix /var/run/docker.sock: connect: permission denied",
            "you may not use the Docker daemon at /var/run/docker.sock",
        );
        check("ERROR: no builder \"nope\" found\n", "no builder \"nope\" found");
        assert!(trouble("\n").is_none());
    }
}
