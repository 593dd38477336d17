//! A spec and its files on the user's disk.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::cli::Failure;
use crate::engine;
use crate::files::{Context, MAX_REQUIREMENTS, Patterns, compute, docker_patterns};
use crate::image_spec::{self, DEFAULT_NAMES, ImageSpec, LOCK_NAME};
use crate::name::{Identity, Naming, NamingOptions, request};
use crate::text::yaml::MAX_BYTES;
use crate::text::{Diagnostic, Operation, Severity, Text};

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
            .ok_or_else(|| Failure::Other(format!("the context {} is not a directory", context.display())))?;
        let path = spec_file(file, context)?;
        let text = read(&path)?;
        let parsed = image_spec::parse(&text);
        let errors: Vec<Diagnostic> = parsed.errors(Operation::Naming).cloned().collect();
        let spec = match parsed.spec {
            Some(spec) if errors.is_empty() => spec,
            _ => return Err(Failure::Spec(text, errors)),
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
        let tasks = naming.tasks().map_err(|problem| self.failure(vec![problem]))?;
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
    fn ignored(&self) -> Result<Patterns, Failure> {
        for path in [self.own_ignore.clone(), self.context.join(".dockerignore")] {
            let content = match read_file(&path, MAX_BYTES) {
                Ok(content) if content.is_empty() => continue,
                Ok(content) if content.len() > MAX_BYTES => {
                    let message = format!("{} has more than {MAX_BYTES} bytes", path.display());
                    return Err(Failure::Other(message));
                }
                Ok(content) => String::from_utf8_lossy(&content).into_owned(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Failure::Other(format!("cannot read {}: {error}", path.display()))),
            };
            let lines = docker_patterns(&content);
            return Patterns::docker(lines.iter().map(String::as_str))
                .map_err(|error| Failure::Other(format!("{}: {error}", path.display())));
        }
        Ok(Patterns::default())
    }

    fn failure(&self, problems: Vec<Diagnostic>) -> Failure {
        Failure::Spec(self.text.clone(), problems)
    }
}

fn lock_beside(spec_file: &Path, spec: &ImageSpec) -> Result<Option<String>, Failure> {
    if !spec.takes_lock_beside() {
        return Ok(None);
    }
    let path = spec_file.parent().unwrap_or_else(|| Path::new("")).join(LOCK_NAME);
    let failure = |reason: String| Failure::Other(format!("cannot read {}: {reason}", path.display()));
    match read_file(&path, MAX_REQUIREMENTS) {
        Ok(content) if content.len() > MAX_REQUIREMENTS => {
            Err(failure(format!("it has more than {MAX_REQUIREMENTS} bytes")))
        }
        Ok(content) => String::from_utf8(content)
            .map(Some)
            .map_err(|_| failure("it is not UTF-8 text".into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure(error.to_string())),
    }
}

/// A file that is one: a named pipe would keep us waiting. One byte more than is allowed tells that there are more.
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
pub(super) fn spec_file(file: Option<&Path>, context: &Path) -> Result<PathBuf, Failure> {
    match file {
        Some(file) => Ok(file.to_owned()),
        None => default_file(context),
    }
}

fn default_file(context: &Path) -> Result<PathBuf, Failure> {
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
        Failure::Other(format!(
            "there is no {} in {}\n    help: name the spec with -f FILE",
            DEFAULT_NAMES[0],
            context.display()
        ))
    })
}

pub(super) fn read(path: &Path) -> Result<Text, Failure> {
    let content = if path == Path::new("-") {
        let mut content = Vec::new();
        let limit = MAX_BYTES as u64 + 1;
        let read = std::io::stdin().take(limit).read_to_end(&mut content);
        read.map(|_| content)
    } else {
        read_file(path, MAX_BYTES)
    };
    let content = content.map_err(|error| Failure::Other(format!("cannot read {}: {error}", path.display())))?;
    Text::from_utf8(&path.display().to_string(), content).map_err(|error| Failure::Other(error.to_string()))
}
