//! The spec file and the build context: where they come from and what is left out.

use std::sync::Arc;

use crate::frontend::gateway::{Client, Solved};
use crate::frontend::options::FrontendOptions;
use crate::frontend::positions;
use crate::image_spec::{DEFAULT_NAMES, extended};
use crate::llb::{Copy, Definition, FileActions, Git, Http, Local, Metadata, Output, SourceFile};
use crate::text::yaml::MAX_BYTES;
use crate::text::{Diagnostic, Failure, ProblemKind, Text, redact};

/// Each warning carries the file, unless it is larger than this.
const MAX_WARNED_BYTES: usize = 64 * 1024;

/// The spec file as it was loaded.
pub(super) struct SpecFile {
    /// Its name and content.
    pub(super) text: Text,
    /// The files that steps and warnings point into, the parts of the text, with credentials hidden.
    pub(super) sources: Vec<Arc<SourceFile>>,
    /// The digest of the vertex that loaded it, which warnings are tied to.
    pub(super) digest: String,
    /// The content of `<name>.dockerignore` beside it, if there is one.
    pub(super) ignore: Option<String>,
    /// What it was loaded from.
    pub(super) origin: FileSource,
}

/// A directory of the client.
#[derive(Clone)]
pub(super) struct ClientDirectory {
    /// Its name at the client.
    name: String,
    /// The session of the client that has it.
    session: String,
}

impl ClientDirectory {
    fn new(options: &FrontendOptions, name: &str) -> Self {
        let session = options.get(&format!("local-sessionid:{name}"));
        Self {
            name: name.to_owned(),
            session: session.unwrap_or(&options.session).to_owned(),
        }
    }

    /// Some paths in it, or all for an empty list. BuildKit keeps the files of one request for each hint.
    pub(super) fn paths(&self, hint: &str, paths: Vec<String>) -> Local {
        Local {
            name: self.name.clone(),
            session: self.session.clone(),
            shared_key_hint: format!("{}{hint}", self.name),
            follow_paths: paths,
            ..Local::default()
        }
    }
}

/// Where files come from.
#[derive(Clone)]
pub(super) enum FileSource {
    /// A directory of the client.
    Client(ClientDirectory),
    /// A tree that BuildKit fetched.
    Fetched(Output),
}

pub(super) fn too_large(path: &str, limit: usize) -> Diagnostic {
    Diagnostic::error("file-too-large", format!("{path} has more than {limit} bytes"))
}

/// Finds out where files come from and loads the spec. Also returns where the build context comes from.
pub(super) async fn load(client: &Client, options: &FrontendOptions) -> Result<(SpecFile, FileSource), Failure> {
    let context = options.get("contextkey").unwrap_or("context");
    let remote = options.get(context);
    let local_file = options.get("dockerfilekey");
    if let Some(url) = remote.filter(|url| is_git(url)) {
        let keeps_git = options.argument("BUILDKIT_CONTEXT_KEEP_GIT_DIR").is_some_and(is_true);
        let source = Git { keeps_git, ..git(url) };
        let tree = source.output(Metadata::named(format!("[internal] load git source {}", redact(url))));
        let file = match local_file {
            Some(name) => load_local(client, options, name).await?,
            None => load_from_tree(client, options, &tree, spec_names(options)).await?,
        };
        return Ok((file, FileSource::Fetched(in_subdirectory(tree, options))));
    }
    if let Some(url) = remote.filter(|url| url.starts_with("http://") || url.starts_with("https://")) {
        let download = Http {
            url: url.to_owned(),
            filename: "context".into(),
        }
        .output(Metadata::named("[internal] load remote build context"));
        let solved = client.solve(Some(&download)).await?;
        let head = client.read_head(&solved, "context").await?;
        if !is_archive(&head) {
            let file = load_from_tree(client, options, &download, vec!["context".into()]).await?;
            return Ok((file, FileSource::Fetched(download)));
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
            None => load_from_tree(client, options, &tree, spec_names(options)).await?,
        };
        return Ok((file, FileSource::Fetched(in_subdirectory(tree, options))));
    }
    let file = load_local(client, options, local_file.unwrap_or("dockerfile")).await?;
    Ok((file, FileSource::Client(ClientDirectory::new(options, "context"))))
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
fn spec_names(options: &FrontendOptions) -> Vec<String> {
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
    let names = spec_names(options);
    let first = names.first().cloned().unwrap_or_default();
    let mut paths = Vec::new();
    for name in &names {
        paths.push(name.clone());
        paths.push(format!("{name}.dockerignore"));
    }
    let directory = ClientDirectory::new(options, local);
    // The same op as BuildKit's own, which looked for the syntax line, so that nothing is sent twice.
    let asked = Local {
        always_send: true,
        ..directory.paths("", paths)
    };
    let tree = asked.output(Metadata::named(format!(
        "[internal] load build definition from {first}"
    )));
    load_from(client, options, &tree, names, FileSource::Client(directory)).await
}

async fn load_from_tree(
    client: &Client,
    options: &FrontendOptions,
    tree: &Output,
    names: Vec<String>,
) -> Result<SpecFile, Failure> {
    load_from(client, options, tree, names, FileSource::Fetched(tree.clone())).await
}

async fn load_from(
    client: &Client,
    options: &FrontendOptions,
    tree: &Output,
    names: Vec<String>,
    origin: FileSource,
) -> Result<SpecFile, Failure> {
    let solved = client.solve(Some(tree)).await?;
    let mut missing = None;
    for name in &names {
        let content = match client.read(&solved, name, MAX_BYTES).await {
            Ok(content) => content,
            Err(error) if error.is_missing() => {
                missing.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let Some(content) = content else {
            let message = format!("{name} has more than {MAX_BYTES} bytes, the most that a spec may have");
            let help = "move long lists of packages into a requirements file";
            return Err(Diagnostic::error("file-too-large", message).help(help).into());
        };
        let ignore = read_ignore(client, &solved, &format!("{name}.dockerignore")).await?;
        let text = Text::from_utf8(name, content).map_err(Diagnostic::from)?;
        let mut file = spec_file(text, tree, ignore, origin);
        let added = add_extended(client, &mut file).await;
        return added.map(|()| file);
    }
    let asked = options.get("filename").unwrap_or(DEFAULT_NAMES[0]);
    let problem = Diagnostic::error("no-spec-file", format!("there is no spec file {asked}"))
        .kind(ProblemKind::Missing)
        .help("name it with -f FILE");
    Err(match missing {
        Some(error) => problem.because(error).into(),
        None => problem.into(),
    })
}

/// A file as the graph has it.
fn source_file(text: &Text, tree: &Output) -> Arc<SourceFile> {
    Arc::new(SourceFile {
        filename: text.name().to_owned(),
        data: redact(text.content()).into_bytes(),
        language: "YAML".into(),
        definition: Some(Definition::new(Some(tree))),
    })
}

fn spec_file(text: Text, tree: &Output, ignore: Option<String>, origin: FileSource) -> SpecFile {
    SpecFile {
        sources: vec![source_file(&text, tree)],
        text,
        digest: tree.vertex.digest().to_owned(),
        ignore,
        origin,
    }
}

/// Adds the files that a spec extends.
async fn add_extended(client: &Client, file: &mut SpecFile) -> Result<(), Failure> {
    loop {
        let wanted = extended(&file.text).map_err(|problem| Failure::from(problem).about(&file.text))?;
        let Some(wanted) = wanted else { return Ok(()) };
        let tree = match &file.origin {
            FileSource::Fetched(tree) => tree.clone(),
            FileSource::Client(directory) => directory
                .paths(&format!("-{}", wanted.path), vec![wanted.path.clone()])
                .output(Metadata::named(format!("[internal] load {}", wanted.path))),
        };
        let solved = client.solve(Some(&tree)).await?;
        let content = client.read(&solved, &wanted.path, MAX_BYTES).await;
        let text = match content {
            Ok(Some(content)) => Text::from_utf8(&wanted.path, content).map_err(Diagnostic::from)?,
            Ok(None) => return Err(too_large(&wanted.path, MAX_BYTES).into()),
            Err(error) if error.is_missing() => {
                return Err(Failure::from(wanted.missing().caused_by(error)).about(&file.text));
            }
            Err(error) => return Err(error.into()),
        };
        file.sources.push(source_file(&text, &tree));
        file.text.add(text);
    }
}

/// An ignore file, if it exists and is not empty.
pub(super) async fn read_ignore(client: &Client, tree: &Solved, name: &str) -> Result<Option<String>, Failure> {
    match client.read(tree, name, MAX_BYTES).await {
        Ok(Some(content)) if content.is_empty() => Ok(None),
        Ok(Some(content)) => Ok(Some(String::from_utf8_lossy(&content).into_owned())),
        // Going on without it would send the files that it excludes.
        Ok(None) => Err(too_large(name, MAX_BYTES).into()),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the build context is a commit, in which git tracks every file.
pub(super) fn is_commit(options: &FrontendOptions) -> bool {
    let context = options.get("contextkey").unwrap_or("context");
    options.get(context).is_some_and(is_git)
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
        keeps_git: false,
    }
}

/// Whether a build argument says yes, as Go reads it.
fn is_true(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")
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

/// Sends a warning to BuildKit's clients.
pub(super) async fn warn(client: &Client, file: &SpecFile, warning: &Diagnostic) -> Result<(), Failure> {
    if !client.gateway_can("gateway.warnings") {
        return Ok(());
    }
    let part = warning.span().map_or(0, |span| file.text.part(span.start).0);
    let Some(source) = file.sources.get(part) else {
        return Ok(());
    };
    let ranges = warning.span().map(|span| positions::range(&file.text, span));
    let place = warning.span().map_or(String::new(), |span| {
        let line = file.text.position(span.start).line;
        match part {
            0 => format!(" (line {line})"),
            _ => format!(" ({}, line {line})", source.filename),
        }
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
                filename: source.filename.clone(),
                data: if source.data.len() > MAX_WARNED_BYTES {
                    Vec::new()
                } else {
                    source.data.clone()
                },
                language: source.language.clone(),
                definition: None,
            }),
            ranges: ranges.into_iter().collect(),
        })
        .await?;
    Ok(())
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
