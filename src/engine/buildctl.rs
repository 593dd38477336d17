//! buildctl, the client of BuildKit's own daemon.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::engine::command_line::CommandLine;
use crate::engine::health::{Health, version};
use crate::engine::interface::{BuildError, Built, Engine};
use crate::engine::metadata::write_id;
use crate::engine::option::{BuildOption, Form};
use crate::engine::request::{BuildRequest, Frontend};
use crate::engine::run::{Output, build};
use crate::program::run;
use crate::text::{Diagnostic, ProblemKind};

const NAME: &str = "buildctl";
/// What has frontends in layouts and named contexts for them.
const MIN_BUILDKIT: (u32, u32) = (0, 11);

/// The client of BuildKit's own daemon.
pub(super) struct Buildctl;

impl Engine for Buildctl {
    fn name(&self) -> &str {
        NAME
    }

    fn priority(&self) -> Option<i32> {
        Some(10)
    }

    fn health(&self) -> Health {
        health()
    }

    fn can(&self, option: BuildOption) -> bool {
        option.form(NAME) != Form::Cannot
    }

    fn commands(&self, request: &BuildRequest, _: Option<&Health>) -> Result<Vec<CommandLine>, Diagnostic> {
        let mut line = CommandLine::new(&[NAME, "build", "--frontend", "gateway.v0"]);
        frontend(&mut line, &request.frontend);
        let file = request.file.file_name().unwrap_or(request.file.as_os_str());
        let directory = request.file.parent().filter(|parent| !parent.as_os_str().is_empty());
        line.flag("--opt", format!("filename={}", file.to_string_lossy()));
        line.flag("--local", format!("context={}", request.context.display()));
        line.flag(
            "--local",
            format!("dockerfile={}", directory.unwrap_or(Path::new(".")).display()),
        );
        let is_moot = |option| option == BuildOption::NoCacheFilter && request.has(BuildOption::NoCache);
        for (option, value) in request.options.iter().filter(|(option, _)| !is_moot(*option)) {
            ask(&mut line, *option, value)?;
        }
        if let Some(hosts) = hosts(request)? {
            line.flag("--opt", hosts);
        }
        let is_lost = |output: &str| output.split(',').any(|part| part == "type=docker") && !output.contains("dest=");
        if request.values(BuildOption::Output).any(is_lost) {
            let message = "buildctl writes `type=docker` to standard output";
            let problem = Diagnostic::error("engine-option", message).kind(ProblemKind::Usage);
            return Err(problem.help("say so: type=docker,dest=- (for `docker load`), or name a file"));
        }
        for output in outputs(request) {
            line.flag("--output", output);
        }
        line.arguments.extend(request.flags.iter().cloned());
        Ok(vec![line])
    }

    fn build(&self, request: &BuildRequest, _: &Health) -> Result<Built, BuildError> {
        let Some(mut line) = self.commands(request, None)?.pop() else {
            return Err(Diagnostic::internal("a build without a command").into());
        };
        let progress = request.values(BuildOption::Progress).last();
        let output = Output::of(progress, request.goes_to_stdout());
        if !output.draws && progress.is_none_or(|mode| mode == "auto") {
            line.arguments.insert(1, "--progress=plain".into());
        }
        let ran = build(&line, output, || None)?;
        write_ids(request)?;
        Ok(Built {
            steps: ran.steps,
            ..Built::default()
        })
    }
}

/// Writes the files with the image's id, as docker's clients do.
fn write_ids(request: &BuildRequest) -> Result<(), Diagnostic> {
    let said = request.values(BuildOption::MetadataFile).last().map(std::fs::read);
    let said: Value = serde_json::from_slice(&said.and_then(Result::ok).unwrap_or_default()).unwrap_or_default();
    let id = ["containerimage.config.digest", "containerimage.digest"].map(|name| said[name].as_str());
    write_id(request, id.into_iter().flatten().next().unwrap_or_default())
}

fn frontend(line: &mut CommandLine, frontend: &Frontend) {
    match frontend {
        Frontend::OfSpec(name) | Frontend::Image(name) => line.flag("--opt", format!("source={name}")),
        Frontend::Layout {
            name,
            directory,
            digest,
            ..
        } => {
            line.flag("--opt", format!("source={name}"));
            line.flag("--oci-layout", format!("imagespec-frontend={}", directory.display()));
            line.flag(
                "--opt",
                format!("context:{name}=oci-layout://imagespec-frontend@{digest}"),
            );
        }
        Frontend::Dockerfiles(_) => {}
    }
}

/// Translates an option. Those that are one flag for several of them are left to others.
fn ask(line: &mut CommandLine, option: BuildOption, value: &str) -> Result<(), Diagnostic> {
    match (option, option.form(NAME)) {
        (BuildOption::Output, _) => {}
        (BuildOption::CacheFrom | BuildOption::CacheTo, Form::Flag(flag)) => line.flag(flag, cache(value)),
        (_, Form::Flag(flag)) => line.flag(flag, value),
        (_, Form::Switch(flag)) => line.word(flag),
        (_, Form::Frontend(name)) => line.flag("--opt", format!("{name}={value}")),
        (_, Form::Entry(prefix)) => line.flag("--opt", format!("{prefix}:{}", entry(value))),
        (BuildOption::BuildContext, _) => context(line, value)?,
        (BuildOption::NoCache, _) => line.flag("--opt", "no-cache="),
        (BuildOption::Pull, _) => line.flag("--opt", "image-resolve-mode=pull"),
        (BuildOption::Network, _) => {
            line.flag("--opt", format!("force-network-mode={value}"));
            if value == "host" {
                line.flag("--allow", "network.host");
            }
        }
        (BuildOption::Sbom, _) => attestation(line, "sbom", value),
        (BuildOption::Provenance, _) => attestation(line, "provenance", value),
        // With names and hosts of their own, or after the build.
        (_, Form::Translated(_) | Form::Cannot) => {}
    }
    Ok(())
}

/// `NAME` alone stands for the variable of that name, as with docker.
fn entry(value: &str) -> String {
    match value.contains('=') {
        true => value.to_owned(),
        false => format!("{value}={}", std::env::var(value).unwrap_or_default()),
    }
}

/// An image alone stands for a cache in a registry, as with docker.
fn cache(value: &str) -> String {
    match value.contains('=') {
        true => value.to_owned(),
        false => format!("type=registry,ref={value}"),
    }
}

fn attestation(line: &mut CommandLine, kind: &str, value: &str) {
    match value {
        "false" => {}
        "" | "true" => line.flag("--opt", format!("attest:{kind}=")),
        value => line.flag("--opt", format!("attest:{kind}={value}")),
    }
}

fn context(line: &mut CommandLine, value: &str) -> Result<(), Diagnostic> {
    let wrong = |reason: String| Diagnostic::error("build-context", reason).kind(ProblemKind::Usage);
    let Some((name, what)) = value.split_once('=') else {
        return Err(wrong(format!("--build-context {value}: it is not NAME=WHAT")));
    };
    let id: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    if let Some(layout) = what.strip_prefix("oci-layout://") {
        let (directory, digest) =
            layout_image(layout).map_err(|reason| wrong(format!("--build-context {value}: {reason}")))?;
        line.flag("--oci-layout", format!("{id}={directory}"));
        line.flag("--opt", format!("context:{name}=oci-layout://{id}@{digest}"));
    } else if what.contains("://") || what.starts_with("git@") || what.starts_with("target:") {
        line.flag("--opt", format!("context:{name}={what}"));
    } else {
        line.flag("--local", format!("{id}={what}"));
        line.flag("--opt", format!("context:{name}=local:{id}"));
    }
    Ok(())
}

/// The directory and the digest of an image in a layout: `DIRECTORY`, with `:TAG` or `@DIGEST` behind it.
fn layout_image(text: &str) -> Result<(String, String), String> {
    if let Some((directory, digest)) = text.split_once('@') {
        let (directory, _) = without_tag(directory);
        return Ok((directory.to_owned(), digest.to_owned()));
    }
    let (directory, tag) = without_tag(text);
    let index = std::fs::read(Path::new(directory).join("index.json"))
        .map_err(|error| format!("{directory} has no index.json: {error}"))?;
    let index: Value = serde_json::from_slice(&index).map_err(|error| format!("index.json of {directory}: {error}"))?;
    let manifests = index["manifests"].as_array().cloned().unwrap_or_default();
    let tag_of = |manifest: &Value| {
        manifest["annotations"]["org.opencontainers.image.ref.name"]
            .as_str()
            .map(str::to_owned)
    };
    let wanted = tag.unwrap_or("latest");
    let found = manifests
        .iter()
        .find(|manifest| tag_of(manifest).is_some_and(|name| name == wanted));
    let found = found.or(manifests.first().filter(|_| tag.is_none() && manifests.len() == 1));
    let digest = found
        .and_then(|manifest| manifest["digest"].as_str())
        .map(str::to_owned);
    Ok((
        directory.to_owned(),
        digest.ok_or_else(|| format!("{directory} has no image {wanted}"))?,
    ))
}

fn without_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((directory, tag)) if !tag.contains('/') => (directory, Some(tag)),
        _ => (text, None),
    }
}

/// All extra hosts as one option.
fn hosts(request: &BuildRequest) -> Result<Option<String>, Diagnostic> {
    let mut hosts = Vec::new();
    for value in request.values(BuildOption::AddHost) {
        let (name, address) = value.split_once(['=', ':']).ok_or_else(|| {
            let message = format!("--add-host {value}: it is not HOST:ADDRESS");
            Diagnostic::error("add-host", message).kind(ProblemKind::Usage)
        })?;
        hosts.push(format!("{name}={address}"));
    }
    Ok((!hosts.is_empty()).then(|| format!("add-hosts={}", hosts.join(","))))
}

/// Where the result goes. Without a word about it, it stays with BuildKit under its name.
fn outputs(request: &BuildRequest) -> Vec<String> {
    // Names of their own stay; those of the request are for all others.
    let names = quoted_field(&format!("name={}", request.names.join(",")));
    let mut outputs: Vec<String> = Vec::new();
    for value in request.values(BuildOption::Output) {
        let value = match value {
            "-" => "type=tar,dest=-".to_owned(),
            directory if !directory.contains('=') => {
                format!("type=local,{}", quoted_field(&format!("dest={directory}")))
            }
            value => value.replacen("type=registry", "type=image,push=true", 1),
        };
        let kind = value.split(',').find_map(|part| part.strip_prefix("type="));
        let takes_name = matches!(kind, Some("image" | "docker" | "oci"));
        let has_name = value
            .split(',')
            .any(|part| part.trim_start_matches('"').starts_with("name="));
        outputs.push(match takes_name && !has_name && !request.names.is_empty() {
            true => format!("{value},{names}"),
            false => value,
        });
    }
    if request.has(BuildOption::Push) {
        outputs.push(format!("type=image,{names},push=true"));
    } else if outputs.is_empty() && !request.has(BuildOption::Target) && !request.names.is_empty() {
        outputs.push(format!("type=image,{names}"));
    }
    outputs
}

/// A field of a line of comma separated values.
fn quoted_field(text: &str) -> String {
    match text.contains([',', '"', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

fn health() -> Health {
    let mut health = Health::default();
    let said = match run(Command::new(NAME).arg("--version")) {
        Ok(said) => String::from_utf8_lossy(&said.stdout).into_owned(),
        Err(_) => {
            return health.with_trouble(
                "there is no program `buildctl`",
                "install BuildKit: https://github.com/moby/buildkit/releases",
            );
        }
    };
    health.found = true;
    health.version = said
        .split_whitespace()
        .nth(2)
        .map(|version| version.trim_start_matches('v').to_owned());
    let address = std::env::var("BUILDKIT_HOST").unwrap_or_else(|_| "unix:///run/buildkit/buildkitd.sock".into());
    health.builder = Some(address.clone());
    let help = "start buildkitd, or name its address in BUILDKIT_HOST";
    let workers = match run(Command::new(NAME).args(["debug", "workers", "--format", "{{json .}}"])) {
        Ok(workers) if workers.status.success() => workers,
        _ => return health.with_trouble(format!("no buildkitd answers at {address}"), help),
    };
    let workers: Value = serde_json::from_slice(&workers.stdout).unwrap_or_default();
    let version_of = workers.pointer("/0/buildkitVersion/version").and_then(Value::as_str);
    let version_of = version_of.filter(|version| !version.is_empty());
    health.buildkit = version_of.map(|version| version.trim_start_matches('v').to_owned());
    if let Some(found) = &health.buildkit
        && version(found).is_some_and(|found| (0, 0) < found && found < MIN_BUILDKIT)
    {
        let reason = format!(
            "BuildKit {found} is too old: {}.{} is the first that can",
            MIN_BUILDKIT.0, MIN_BUILDKIT.1
        );
        return health.with_trouble(reason, "update buildkitd");
    }
    health.features = vec!["merge", "oci-layout", "registry-cache"];
    health
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_carry_names() {
        let check = |options: &[(BuildOption, &str)], expect: &[&str]| {
            let request = BuildRequest {
                names: vec!["r/a:1".into(), "r/b:2".into()],
                options: options
                    .iter()
                    .map(|(option, value)| (*option, (*value).to_owned()))
                    .collect(),
                ..BuildRequest::default()
            };
            assert_eq!(outputs(&request), expect, "{options:?}");
        };
        let output = BuildOption::Output;
        check(&[], &["type=image,\"name=r/a:1,r/b:2\""]);
        check(
            &[(BuildOption::Push, "")],
            &["type=image,\"name=r/a:1,r/b:2\",push=true"],
        );
        check(&[(BuildOption::Target, "lock")], &[]);
        check(&[(output, "out")], &["type=local,dest=out"]);
        check(&[(output, "-")], &["type=tar,dest=-"]);
        check(
            &[(output, "type=oci,dest=x.tar")],
            &["type=oci,dest=x.tar,\"name=r/a:1,r/b:2\""],
        );
        check(&[(output, "type=image,name=z")], &["type=image,name=z"]);
        check(
            &[(output, "type=registry")],
            &["type=image,push=true,\"name=r/a:1,r/b:2\""],
        );
    }

    #[test]
    fn contexts_are_translated() {
        let layout = tempfile::tempdir().unwrap();
        let index =
            r#"{"manifests": [{"digest": "sha256:aa", "annotations": {"org.opencontainers.image.ref.name": "1"}}]}"#;
        std::fs::write(layout.path().join("index.json"), index).unwrap();
        let directory = layout.path().display();
        let check = |value: &str, expect: &[&str]| {
            let mut line = CommandLine::new(&["x"]);
            context(&mut line, value).unwrap();
            assert_eq!(line.arguments, expect, "{value}");
        };
        check(
            "base=docker-image://r/a:1",
            &["--opt", "context:base=docker-image://r/a:1"],
        );
        check(
            "a/b:1=../dir",
            &["--local", "a-b-1=../dir", "--opt", "context:a/b:1=local:a-b-1"],
        );
        for suffix in ["", ":1", "@sha256:aa"] {
            check(
                &format!("uv=oci-layout://{directory}{suffix}"),
                &[
                    "--oci-layout",
                    &format!("uv={directory}"),
                    "--opt",
                    "context:uv=oci-layout://uv@sha256:aa",
                ],
            );
        }
        assert!(context(&mut CommandLine::new(&["x"]), &format!("uv=oci-layout://{directory}:2")).is_err());
        assert!(context(&mut CommandLine::new(&["x"]), "uv").is_err());
    }
}
