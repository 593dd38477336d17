//! nerdctl, the client of containerd: BuildKit builds for it, so it takes the frontend as buildx does.

use std::process::Command;

use serde_json::{Value, json};

use crate::engine::command_line::{CommandLine, chosen_flags};
use crate::engine::docker::build_line;
use crate::engine::health::{Health, version};
use crate::engine::interface::{BuildError, Built, Engine};
use crate::engine::metadata::write_said;
use crate::engine::option::{BuildOption, Form};
use crate::engine::request::{BuildRequest, Frontend};
use crate::engine::run::{Output, Stdout, build, once};
use crate::program::run;
use crate::text::{Diagnostic, ProblemKind};

const NAME: &str = "nerdctl";
/// The first that takes images in layouts.
const TAKES_LAYOUTS: (u32, u32) = (2, 1);

/// The client of containerd.
pub(super) struct Nerdctl;

impl Engine for Nerdctl {
    fn name(&self) -> &str {
        NAME
    }

    fn priority(&self) -> Option<i32> {
        Some(8)
    }

    fn health(&self) -> Health {
        health()
    }

    fn can(&self, option: BuildOption) -> bool {
        option.form(NAME) != Form::Cannot
    }

    fn commands(&self, request: &BuildRequest, health: Option<&Health>) -> Result<Vec<CommandLine>, Diagnostic> {
        let takes_layouts = health.is_none_or(|health| health.features.contains(&"oci-layout"));
        if !takes_layouts && matches!(request.frontend, Frontend::Layout { .. }) {
            let message = "nerdctl takes no image from a directory: 2.1 is the first that can";
            let problem = Diagnostic::error("engine-option", message).kind(ProblemKind::Engine);
            return Err(problem.help("update it, or name the frontend's image: --frontend IMAGE"));
        }
        let mut lines = vec![build_line(NAME, &[NAME, "build"], request, takes_layouts)];
        if request.has(BuildOption::Push) {
            let all: &[&str] = match request.values(BuildOption::Platform).any(|list| list.contains(',')) {
                true => &["--all-platforms"],
                false => &[],
            };
            let push = |name: &String| beside(request, &[&["push"], all, &[name.as_str()]].concat());
            lines.extend(request.names.iter().map(push));
        }
        Ok(lines)
    }

    fn build(&self, request: &BuildRequest, health: &Health) -> Result<Built, BuildError> {
        let mut lines = self.commands(request, Some(health))?.into_iter();
        let Some(mut line) = lines.next() else {
            return Err(Diagnostic::internal("a build without a command").into());
        };
        let output = Output::of(request.values(BuildOption::Progress).last(), request.goes_to_stdout());
        if !output.draws && !request.has(BuildOption::Progress) {
            line.arguments.insert(1, "--progress=plain".into());
        }
        let ran = build(&line, output, || None)?;
        for line in lines {
            let output = Output {
                draws: false,
                stdout: Stdout::Progress,
            };
            once(&line, output)?;
        }
        write_metadata(request)?;
        Ok(Built {
            steps: ran.steps,
            ..Built::default()
        })
    }
}

fn beside(request: &BuildRequest, words: &[&str]) -> CommandLine {
    // Those that choose where images are.
    const KNOWN: [&str; 10] = [
        "--address",
        "-a",
        "--host",
        "-H",
        "--namespace",
        "-n",
        "--snapshotter",
        "--storage-driver",
        "--data-root",
        "--hosts-dir",
    ];
    let store = chosen_flags(&request.flags, &KNOWN, &["--insecure-registry"]);
    CommandLine::beside(NAME, store, words)
}

/// What buildx would say of the image, as far as nerdctl tells.
fn write_metadata(request: &BuildRequest) -> Result<(), Diagnostic> {
    let mut said = json!({"image.name": request.names.join(",")});
    if let Some(name) = request.names.first() {
        let format = "--format={{.Image.Target.Digest}}";
        let inspect = beside(request, &["image", "inspect", "--mode=native", format, "--", name]);
        let digest = run(&mut inspect.command())
            .ok()
            .filter(|digest| digest.status.success());
        let digest = digest.map(|digest| String::from_utf8_lossy(&digest.stdout).trim().to_owned());
        if let Some(digest) = digest.filter(|digest| digest.starts_with("sha256:")) {
            said["containerimage.digest"] = Value::from(digest);
        }
    }
    write_said(request, &said)
}

fn health() -> Health {
    let mut health = Health::default();
    let said = match run(Command::new(NAME).args(["version", "--format", "{{json .}}"])) {
        Ok(said) => said,
        Err(_) => {
            return health.with_trouble(
                "there is no program `nerdctl`",
                "install it: https://github.com/containerd/nerdctl/releases",
            );
        }
    };
    health.found = true;
    let versions: Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
    let found = versions.pointer("/Client/Version").and_then(Value::as_str);
    health.version = found.map(|version| version.trim_start_matches('v').to_owned());
    if !said.status.success() {
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        let line = said.lines().rev().find(|line| !line.trim().is_empty());
        return health.with_trouble(line.unwrap_or("it does not answer"), "`nerdctl version` says the same");
    }
    let has_buildctl = run(Command::new("buildctl").arg("--version")).is_ok();
    if !has_buildctl {
        // nerdctl starts it to build.
        return health.with_trouble(
            "nerdctl builds by `buildctl`, and there is none",
            "install BuildKit: https://github.com/moby/buildkit/releases",
        );
    }
    health.features = vec!["merge", "registry-cache"];
    if health
        .version
        .as_deref()
        .and_then(version)
        .is_some_and(|found| found >= TAKES_LAYOUTS)
    {
        health.features.push("oci-layout");
    }
    health
}
