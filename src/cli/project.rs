//! A spec and its files on the user's disk.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::engine;
use crate::files::{Context, MAX_REQUIREMENTS, Patterns, compute, docker_patterns};
use crate::image_spec::{self, DEFAULT_NAMES, ImageSpec, LOCK_NAME};
use crate::name::{Identity, Naming, NamingOptions, request};
use crate::text::yaml::MAX_BYTES;
use crate::text::{Diagnostic, Failure, Operation, ProblemKind, Severity, Text};

/// A spec that has been read, and where its files are.
pub(super) struct Project {
    pub(super) text: Text,
    pub(super) spec: ImageSpec,
    /// What does not stop names from being computed.
    pub(super) warnings: Vec<Diagnostic>,
    context: PathBuf,
    /// The ignore file beside the spec.
    own_ignore: PathBuf,
    /// The text of the lock beside the spec, where the spec has none of its own.
    lock: Option<String>,
}

impl Project {
    /// Reads the spec of a file, or the one that a context has.
    pub(super) fn read(file: Option<&Path>, context: &Path) -> Result<Self, Failure> {
        let directory = context
            .canonicalize()
            .ok()
            .filter(|directory| directory.is_dir())
            .ok_or_else(|| {
                let message = format!("the context {} is not a directory", context.display());
                Diagnostic::error("context", message).kind(ProblemKind::Missing)
            })?;
        let path = spec_file(file, context)?;
        let text = read(&path)?;
        let parsed = image_spec::parse(&text);
        let errors = Failure::of(&text, parsed.errors(Operation::Naming));
        let spec = match parsed.spec {
            Some(spec) if errors.problems.is_empty() => spec,
            _ => return Err(errors),
        };
        // What keeps an image from being made keeps no name from being computed.
        let warnings = parsed
            .diagnostics
            .into_iter()
            .map(|diagnostic| Diagnostic {
                severity: Severity::Warning,
                ..diagnostic
            })
            .collect();
        let lock = lock_beside(&path, &spec)?;
        let mut own_ignore = path.into_os_string();
        own_ignore.push(".dockerignore");
        Ok(Self {
            text,
            spec,
            warnings,
            context: directory,
            own_ignore: own_ignore.into(),
            lock,
        })
    }

    /// How the spec's names are computed.
    pub(super) fn naming(&self, options: &NamingOptions) -> Result<Naming<'_>, Failure> {
        let options = NamingOptions {
            beside: self.lock.clone(),
            ..options.clone()
        };
        Naming::new(&self.spec, &options).map_err(|problems| self.failure(problems))
    }

    /// The names, with the digests of the spec's files, and more warnings.
    pub(super) fn identify(&self, options: &NamingOptions) -> Result<(Identity, Vec<Diagnostic>), Failure> {
        let naming = self.naming(options)?;
        let tasks = naming.tasks().map_err(|problem| self.failure(problem))?;
        let context = Context::new(&self.context, self.ignored()?);
        let answer = compute(&request(&tasks), &context, &|directory| {
            Some(engine::ignored_files(directory))
        });
        let identity = naming
            .identify(&tasks, &answer)
            .map_err(|problems| self.failure(problems))?;
        let warnings = naming.warnings(&tasks, &answer, &identity);
        Ok((identity, warnings))
    }

    /// What the context leaves out: the file beside the spec decides alone, else the context's own.
    fn ignored(&self) -> Result<Patterns, Diagnostic> {
        for path in [self.own_ignore.clone(), self.context.join(".dockerignore")] {
            let content = match read_file(&path, MAX_BYTES) {
                Ok(content) if content.is_empty() => continue,
                Ok(content) if content.len() > MAX_BYTES => {
                    let message = format!("{} has more than {MAX_BYTES} bytes", path.display());
                    return Err(Diagnostic::error("file-too-large", message));
                }
                Ok(content) => String::from_utf8_lossy(&content).into_owned(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(cannot("read", &path, error)),
            };
            let lines = docker_patterns(&content);
            return Patterns::docker(lines.iter().map(String::as_str))
                .map_err(|error| Diagnostic::error("ignore-file", path.display().to_string()).because(error));
        }
        Ok(Patterns::default())
    }

    fn failure(&self, problems: impl Into<Failure>) -> Failure {
        problems.into().about(&self.text)
    }
}

fn lock_beside(spec_file: &Path, spec: &ImageSpec) -> Result<Option<String>, Diagnostic> {
    if !spec.takes_lock_beside() {
        return Ok(None);
    }
    let path = spec_file.parent().unwrap_or_else(|| Path::new("")).join(LOCK_NAME);
    match read_file(&path, MAX_REQUIREMENTS) {
        Ok(content) if content.len() > MAX_REQUIREMENTS => {
            let message = format!(
                "cannot read {}: it has more than {MAX_REQUIREMENTS} bytes",
                path.display()
            );
            Err(Diagnostic::error("file-too-large", message))
        }
        Ok(content) => String::from_utf8(content).map(Some).map_err(|error| {
            let message = format!("cannot read {}: it is not UTF-8 text", path.display());
            Diagnostic::error("not-utf8", message).caused_by(error)
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", &path, error)),
    }
}

/// A file that the machine does not read or write.
pub(super) fn cannot(what: &str, path: &Path, error: std::io::Error) -> Diagnostic {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ProblemKind::Missing,
        std::io::ErrorKind::PermissionDenied => ProblemKind::Denied,
        _ => ProblemKind::Other,
    };
    Diagnostic::error("file-access", format!("cannot {what} {}", path.display()))
        .kind(kind)
        .because(error)
}

/// Reads a regular file; opening a named pipe would wait for a writer. Reads one byte more than `limit`, so that the
/// caller sees that a file is too large.
fn read_file(path: &Path, limit: usize) -> std::io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    let mut content = Vec::new();
    let limit = limit as u64 + 1;
    fs::File::open(path)?.take(limit).read_to_end(&mut content)?;
    Ok(content)
}

/// The spec's file: the one that is named, or that a context has.
pub(super) fn spec_file(file: Option<&Path>, context: &Path) -> Result<PathBuf, Diagnostic> {
    match file {
        Some(file) => Ok(file.to_owned()),
        None => default_file(context),
    }
}

fn default_file(context: &Path) -> Result<PathBuf, Diagnostic> {
    // `./` before the name would only be in the way of readers.
    let below = |name: &&str| {
        if context == Path::new(".") {
            PathBuf::from(name)
        } else {
            context.join(name)
        }
    };
    let mut candidates = DEFAULT_NAMES.iter().map(below);
    candidates.find(|path| path.is_file()).ok_or_else(|| {
        let message = format!("there is no {} in {}", DEFAULT_NAMES[0], context.display());
        Diagnostic::error("no-spec-file", message)
            .kind(ProblemKind::Missing)
            .help("name the spec with -f FILE")
    })
}

/// The text of a spec's file.
pub(super) fn read(path: &Path) -> Result<Text, Diagnostic> {
    let content = if path == Path::new("-") {
        let mut content = Vec::new();
        let limit = MAX_BYTES as u64 + 1;
        let read = std::io::stdin().take(limit).read_to_end(&mut content);
        read.map(|_| content)
    } else {
        read_file(path, MAX_BYTES)
    };
    let content = content.map_err(|error| cannot("read", path, error))?;
    Ok(Text::from_utf8(&path.display().to_string(), content)?)
}
