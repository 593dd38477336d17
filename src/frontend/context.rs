//! The spec file and the build context: where they come from and what they leave out.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::digest::docker_patterns;
use crate::frontend::client::{Client, Reference, is_missing};
use crate::frontend::{Failure, FrontendOptions};
use crate::llb::{Copy, Definition, FileActions, Git, Http, Local, Metadata, Output, SourceFile};
use crate::spec::credential::{has_credential, redact};
use crate::spec::yaml::MAX_BYTES;
use crate::spec::{BaseImage, Diagnostic, ImageSpec, Text, TextValue, context_path};

/// Names tried when the client names no file, or Docker's default, which is not there.
const DEFAULT_NAMES: [&str; 2] = ["imageSpec.yaml", "imagespec.yaml"];
/// Each warning carries the file; larger ones go without.
const MAX_WARNED_BYTES: usize = 64 * 1024;
/// Requirements files are refused beyond this size, in bytes.
const MAX_REQUIREMENTS: usize = 5 * 1024 * 1024;

/// The spec file as it was loaded.
pub(super) struct SpecFile {
    /// Its name and content.
    pub(super) text: Text,
    /// What steps and warnings point into; credentials in it are hidden.
    pub(super) source: Arc<SourceFile>,
    /// The digest of the vertex that loaded it, which warnings are tied to.
    pub(super) digest: String,
    /// What `<name>.dockerignore` beside it says, if it is there.
    ignore: Option<String>,
}

/// Where the build context comes from.
pub(super) enum Origin {
    /// A directory of the client.
    Local,
    /// A tree that BuildKit fetched.
    Tree(Output),
}

/// Finds out where files come from, and loads the spec.
pub(super) async fn load(client: &Client, options: &FrontendOptions) -> Result<(SpecFile, Origin), Failure> {
    let context = options.get("contextkey").unwrap_or("context");
    let remote = options.get(context);
    let local_file = options.get("dockerfilekey");
    if let Some(url) = remote.filter(|url| is_git(url)) {
        let tree = git(url).output(Metadata::named(format!("[internal] load git source {}", redact(url))));
        let file = match local_file {
            Some(name) => load_local(client, options, name).await?,
            None => load_from(client, options, &tree, names(options)).await?,
        };
        return Ok((file, Origin::Tree(in_subdirectory(tree, options))));
    }
    if let Some(url) = remote.filter(|url| url.starts_with("http://") || url.starts_with("https://")) {
        let download = Http {
            url: url.to_owned(),
            filename: "context".into(),
            ..Http::default()
        }
        .output(Metadata::named("[internal] load remote build context"));
        let solved = client.solve(Some(&download)).await?;
        let head = client.read_head(&solved, "context").await?;
        if !is_archive(&head) {
            let file = load_from(client, options, &download, vec!["context".into()]).await?;
            return Ok((file, Origin::Tree(download)));
        }
        let unpack = Copy {
            unpack: true,
            ..Copy::new(&download, "/context", "/")
        };
        let tree = FileActions::new()
            .copy(unpack)
            .apply(None, Metadata::named("[internal] unpack build context"));
        let file = match local_file {
            Some(name) => load_local(client, options, name).await?,
            None => load_from(client, options, &tree, names(options)).await?,
        };
        return Ok((file, Origin::Tree(in_subdirectory(tree, options))));
    }
    let file = load_local(client, options, local_file.unwrap_or("dockerfile")).await?;
    Ok((file, Origin::Local))
}

fn in_subdirectory(tree: Output, options: &FrontendOptions) -> Output {
    match options.get("contextsubdir") {
        None => tree,
        Some(subdirectory) => {
            let copy = Copy {
                contents: true,
                ..Copy::new(&tree, subdirectory, "/")
            };
            FileActions::new()
                .copy(copy)
                .apply(None, Metadata::named("[internal] take a directory of the context"))
        }
    }
}

/// The names that the spec file may have.
fn names(options: &FrontendOptions) -> Vec<String> {
    match options.get("filename") {
        Some("Dockerfile") => std::iter::once("Dockerfile")
            .chain(DEFAULT_NAMES)
            .map(str::to_owned)
            .collect(),
        Some(name) => vec![name.to_owned()],
        None => DEFAULT_NAMES.map(str::to_owned).to_vec(),
    }
}

async fn load_local(client: &Client, options: &FrontendOptions, local: &str) -> Result<SpecFile, Failure> {
    let names = names(options);
    let first = names.first().cloned().unwrap_or_default();
    let mut paths = Vec::new();
    for name in &names {
        paths.push(name.clone());
        paths.push(format!("{name}.dockerignore"));
    }
    let session = options
        .get(&format!("local-sessionid:{local}"))
        .unwrap_or(&options.session);
    // Equal to the op by which BuildKit itself looked for the syntax line, so nothing is sent twice.
    let tree = Local {
        name: local.to_owned(),
        session: session.to_owned(),
        shared_key_hint: local.to_owned(),
        follow_paths: paths,
        always_send: true,
        ..Local::default()
    }
    .output(Metadata::named(format!(
        "[internal] load build definition from {first}"
    )));
    load_from(client, options, &tree, names).await
}

async fn load_from(
    client: &Client,
    options: &FrontendOptions,
    tree: &Output,
    names: Vec<String>,
) -> Result<SpecFile, Failure> {
    let solved = client.solve(Some(tree)).await?;
    let mut missing = None;
    for name in &names {
        let content = match client.read(&solved, name, MAX_BYTES).await {
            Ok(content) => content,
            Err(failure) if is_missing(&failure) => {
                missing.get_or_insert(failure);
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let Some(content) = content else {
            return Err(Failure::user(format!(
                "{name} has more than {MAX_BYTES} bytes, which is the most that a spec may have\n    help: move long lists of packages into a requirements file"
            )));
        };
        let ignore = read_ignore(client, &solved, &format!("{name}.dockerignore")).await?;
        return spec_file(name, content, tree, ignore);
    }
    let asked = options.get("filename").unwrap_or(DEFAULT_NAMES[0]);
    let words = missing.map_or(String::new(), |failure| format!(": {}", failure.message));
    Err(Failure::user(format!(
        "there is no spec file {asked}{words}\n    help: name it with -f FILE"
    )))
}

fn spec_file(name: &str, content: Vec<u8>, tree: &Output, ignore: Option<String>) -> Result<SpecFile, Failure> {
    let content = String::from_utf8(content).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error
            .as_bytes()
            .iter()
            .take(valid)
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        Failure::user(format!(
            "{name}:{line}: the file is not UTF-8 text\n    help: save it as UTF-8"
        ))
    })?;
    let source = SourceFile {
        filename: name.to_owned(),
        data: redact(&content).into_bytes(),
        language: "YAML".into(),
        definition: Some(Definition::new(Some(tree))),
    };
    Ok(SpecFile {
        text: Text::new(name, content),
        source: Arc::new(source),
        digest: tree.vertex.digest().to_owned(),
        ignore,
    })
}

/// The build context of a spec: its tree, and the content of requirements files.
pub(super) struct Context {
    /// The tree; `None` when the spec takes no files.
    pub(super) tree: Option<Output>,
    /// The content of each requirements file by its path.
    pub(super) requirements: Vec<(String, String)>,
}

/// Asks for the files that a spec names, and checks that they are there.
pub(super) async fn gather(
    client: &Client,
    options: &FrontendOptions,
    file: &SpecFile,
    origin: &Origin,
    spec: &ImageSpec,
) -> Result<Context, Failure> {
    let mut wanted = Vec::new();
    paths_of(spec, &mut wanted);
    if wanted.is_empty() {
        return Ok(Context {
            tree: None,
            requirements: Vec::new(),
        });
    }
    let tree = match origin {
        Origin::Tree(tree) => tree.clone(),
        Origin::Local => {
            let paths: BTreeSet<String> = wanted
                .iter()
                .map(|(_, path)| literal_pattern(&context_path(&path.value)))
                .collect();
            let everything = paths.contains("");
            Local {
                name: "context".into(),
                session: options
                    .get("local-sessionid:context")
                    .unwrap_or(&options.session)
                    .to_owned(),
                shared_key_hint: "context".into(),
                follow_paths: if everything {
                    Vec::new()
                } else {
                    paths.into_iter().collect()
                },
                exclude_patterns: ignore_patterns(client, options, file).await?,
                ..Local::default()
            }
            .output(Metadata::named("[internal] load build context"))
        }
    };
    let solved = client.solve(Some(&tree)).await?;
    let mut problems = Vec::new();
    let mut requirements = Vec::new();
    for (field, path) in wanted {
        check_path(client, &solved, field, path, &mut problems, &mut requirements).await?;
    }
    if problems.is_empty() {
        Ok(Context {
            tree: Some(tree),
            requirements,
        })
    } else {
        Err(Failure::of_spec(&file.text, &problems))
    }
}

fn paths_of<'a>(spec: &'a ImageSpec, wanted: &mut Vec<(&'static str, &'a TextValue)>) {
    if let Some(BaseImage::Spec(nested)) = &spec.base_image {
        paths_of(&nested.value, wanted);
    }
    wanted.extend(spec.requirements.iter().map(|path| ("requirements", path)));
    wanted.extend(spec.copy.iter().flat_map(|list| &list.value).map(|path| ("copy", path)));
    wanted.extend(spec.copied_source().map(|path| ("source_root", path)));
}

/// A path as a pattern that matches it alone: clients match the paths they are asked for as patterns.
fn literal_pattern(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for (at, c) in path.char_indices() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^') || (at == 0 && c == '!') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

async fn check_path(
    client: &Client,
    tree: &Reference,
    field: &'static str,
    path: &TextValue,
    problems: &mut Vec<Diagnostic>,
    requirements: &mut Vec<(String, String)>,
) -> Result<(), Failure> {
    let name = context_path(&path.value);
    if name.is_empty() && field != "requirements" {
        return Ok(());
    }
    let mut problem = |rule, message: String, help: &str| {
        problems.push(Diagnostic::build_error(rule, message).at(path.span).help(help));
    };
    let stat = match client.stat(tree, &name).await {
        Ok(stat) => stat,
        Err(failure) => {
            let message = format!("`{field}: {}` cannot be read: {}", path.value, failure.message);
            problem("unreadable-file", message, "check the file and its permissions");
            return Ok(());
        }
    };
    let Some(stat) = stat else {
        let help = if name.contains(['*', '?']) {
            "patterns are not supported: name each file, or a directory"
        } else {
            "paths are relative to the build context, and what .dockerignore names is not in it"
        };
        problem(
            "missing-file",
            format!("`{field}: {}` is not in the build context", path.value),
            help,
        );
        return Ok(());
    };
    let is_directory = stat.mode & (1 << 31) != 0;
    if field == "source_root" && !is_directory {
        problem(
            "not-a-directory",
            format!("`source_root: {}` is a file", path.value),
            "name the directory",
        );
    }
    if field != "requirements" {
        return Ok(());
    }
    if is_directory {
        problem(
            "not-a-file",
            format!("`requirements: {}` is a directory", path.value),
            "name the file",
        );
        return Ok(());
    }
    let content = match client.read(tree, &name, MAX_REQUIREMENTS).await {
        Ok(Some(content)) => content,
        Ok(None) => {
            let message = format!("`requirements: {}` has more than {MAX_REQUIREMENTS} bytes", path.value);
            problem("file-too-large", message, "split it");
            return Ok(());
        }
        Err(failure) => {
            let message = format!("`requirements: {}` cannot be read: {}", path.value, failure.message);
            problem("unreadable-file", message, "check the file and its permissions");
            return Ok(());
        }
    };
    let Ok(text) = String::from_utf8(content) else {
        problem(
            "not-utf8",
            format!("`requirements: {}` is not UTF-8 text", path.value),
            "save it as UTF-8",
        );
        return Ok(());
    };
    if let Some(line) = text.lines().position(has_credential) {
        let message = format!(
            "line {} of `requirements: {}` has a credential in its URL",
            line + 1,
            path.value
        );
        problem(
            "credential-in-requirements",
            message,
            "take it out and pass a netrc file as a secret: `pip_secret_mounts: [[.netrc, /root/.netrc]]` and `--secret id=secret_0,src=.netrc`",
        );
    }
    requirements.push((path.value.clone(), text.trim_start_matches('\u{feff}').to_owned()));
    Ok(())
}

/// What the context leaves out: the file beside the spec decides alone, else the context's own.
async fn ignore_patterns(client: &Client, options: &FrontendOptions, file: &SpecFile) -> Result<Vec<String>, Failure> {
    if let Some(own) = &file.ignore {
        return Ok(docker_patterns(own));
    }
    let tree = Local {
        name: "context".into(),
        session: options
            .get("local-sessionid:context")
            .unwrap_or(&options.session)
            .to_owned(),
        shared_key_hint: "context-.dockerignore".into(),
        follow_paths: vec![".dockerignore".into()],
        always_send: true,
        ..Local::default()
    }
    .output(Metadata::named("[internal] load .dockerignore"));
    let solved = client.solve(Some(&tree)).await?;
    let content = read_ignore(client, &solved, ".dockerignore").await?;
    Ok(content.map(|content| docker_patterns(&content)).unwrap_or_default())
}

/// An ignore file, if it is there and says anything.
async fn read_ignore(client: &Client, tree: &Reference, name: &str) -> Result<Option<String>, Failure> {
    match client.read(tree, name, MAX_BYTES).await {
        Ok(Some(content)) if content.is_empty() => Ok(None),
        Ok(Some(content)) => Ok(Some(String::from_utf8_lossy(&content).into_owned())),
        // Going on without it would send what it keeps out.
        Ok(None) => Err(Failure::user(format!("{name} has more than {MAX_BYTES} bytes"))),
        Err(failure) if is_missing(&failure) => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn is_git(url: &str) -> bool {
    let path = url.split(['#', '?']).next().unwrap_or(url);
    if let Some((scheme, rest)) = path.split_once("://") {
        return match scheme {
            "git" | "ssh" => true,
            "http" | "https" => rest.trim_end_matches('/').ends_with(".git"),
            _ => false,
        };
    }
    // `user@host:path`, and the form that Docker has always known.
    let scp = path
        .split_once('@')
        .is_some_and(|(user, rest)| !user.contains('/') && rest.contains(':'));
    scp || path.starts_with("github.com/")
}

fn git(url: &str) -> Git {
    let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
    let url = if url.starts_with("github.com/") {
        format!("https://{url}")
    } else {
        url.to_owned()
    };
    let (reference, subdirectory) = fragment.split_once(':').unwrap_or((fragment, ""));
    Git {
        url,
        reference: reference.to_owned(),
        subdirectory: subdirectory.to_owned(),
        keep_git_directory: false,
    }
}

fn is_archive(head: &[u8]) -> bool {
    let magic: [&[u8]; 4] = [
        &[0x1f, 0x8b],
        b"BZh",
        &[0xfd, b'7', b'z', b'X', b'Z'],
        &[0x28, 0xb5, 0x2f, 0xfd],
    ];
    magic.iter().any(|magic| head.starts_with(magic)) || head.get(257..262) == Some(b"ustar")
}

/// Tells BuildKit's clients of a problem that stops nothing.
pub(super) async fn warn(client: &Client, file: &SpecFile, warning: &Diagnostic) -> Result<(), Failure> {
    if !client.gateway_can("gateway.warnings") {
        return Ok(());
    }
    let ranges = warning.span.map(|span| {
        let (first, last) = file.text.lines(span);
        let position = |line| crate::proto::pb::Position {
            line: i32::try_from(line).unwrap_or(i32::MAX),
            character: 0,
        };
        crate::proto::pb::Range {
            start: Some(position(first)),
            end: Some(position(last)),
        }
    });
    let place = warning.span.map_or(String::new(), |span| {
        format!(" (line {})", file.text.position(span.start).line)
    });
    client
        .gateway
        .warn(crate::proto::gateway::WarnRequest {
            digest: file.digest.clone(),
            level: 1,
            short: format!("{}: {}{place}", warning.rule, warning.message).into_bytes(),
            detail: warning.help.iter().map(|help| help.clone().into_bytes()).collect(),
            url: String::new(),
            info: Some(crate::proto::pb::SourceInfo {
                filename: file.source.filename.clone(),
                data: if file.source.data.len() > MAX_WARNED_BYTES {
                    Vec::new()
                } else {
                    file.source.data.clone()
                },
                language: file.source.language.clone(),
                definition: None,
            }),
            ranges: ranges.into_iter().collect(),
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_urls_are_told_from_files() {
        for url in [
            "https://h/a.git",
            "https://h/a.git#v1:sub",
            "git@h:a/b.git",
            "ssh://h/a",
            "git://h/a",
        ] {
            assert!(is_git(url), "{url}");
        }
        for url in ["https://h/a.tar.gz", "http://h/x", "context"] {
            assert!(!is_git(url), "{url}");
        }
    }
}
