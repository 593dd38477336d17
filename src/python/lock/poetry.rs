//! `poetry.lock`, from format 2.1 on: the first that says which groups want a package.

use std::collections::BTreeMap;

use pep440_rs::Version;
use pep508_rs::ExtraName;
use serde::Deserialize;

use crate::python::interpreter::Interpreter;
use crate::python::lock::entries::{self, Lock};
use crate::python::lock::hashes::Hashes;
use crate::python::lock::locked::{LockError, Locked};
use crate::python::lock::pylock::{Directory, LockedFile, Package, Pylock, Repository};
use crate::python::lock::selection::{Selection, marker_holds, unknown_parts};
use crate::python::requirements::{Parts, has_name, normalised, pep508, plain_text};

/// The group of a project's own dependencies.
const MAIN: &str = "main";

/// A lock that Poetry wrote, read but not yet narrowed to an interpreter.
#[derive(Deserialize)]
pub(crate) struct PoetryLock {
    metadata: PoetryMetadata,
    #[serde(default)]
    package: Vec<PoetryPackage>,
    #[serde(default)]
    extras: BTreeMap<String, Vec<String>>,
    /// The version of Poetry that the first line names.
    #[serde(skip)]
    made_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PoetryMetadata {
    lock_version: String,
    python_versions: Option<String>,
    content_hash: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PoetryPackage {
    name: String,
    version: String,
    groups: Option<Vec<String>>,
    markers: Option<Markers>,
    #[serde(default)]
    files: Vec<PoetryArtefact>,
    source: Option<PoetrySource>,
    #[serde(default)]
    optional: bool,
}

/// One marker for all groups, or one for each.
#[derive(Deserialize)]
#[serde(untagged)]
enum Markers {
    One(String),
    ByGroup(BTreeMap<String, String>),
}

#[derive(Deserialize)]
struct PoetryArtefact {
    file: String,
    hash: String,
}

#[derive(Deserialize)]
struct PoetrySource {
    r#type: String,
    url: String,
    resolved_reference: Option<String>,
    subdirectory: Option<String>,
}

/// The packages that an interpreter gets from a lock that Poetry wrote.
///
/// # Errors
/// Everything that keeps the lock from being installed.
pub fn select_poetry(
    text: &str,
    interpreter: &Interpreter,
    selection: &Selection,
) -> Result<Vec<Locked>, Vec<LockError>> {
    let lock = PoetryLock::parse(text).map_err(|error| vec![error])?;
    let mut errors = lock.unsupported();
    let known = lock.extras();
    errors.extend(unknown_parts("extra", selection.parts.named_extras(), &known));
    if !errors.is_empty() {
        return Err(errors);
    }
    let extras = selection.parts.extras_of(&known);
    let extras: Vec<ExtraName> = extras.iter().filter_map(|extra| extra.parse().ok()).collect();
    let mut groups = selection.parts.groups_of(&lock.groups(), &[]);
    if selection.parts.has_main() {
        groups.push(MAIN.into());
    }
    let mut packages = Vec::new();
    for entry in lock.package {
        let mut wanted = false;
        for group in entry.groups().filter(|group| has_name(&groups, group)) {
            let marker = match &entry.markers {
                Some(Markers::One(marker)) => Some(marker),
                Some(Markers::ByGroup(markers)) => markers.get(group),
                None => None,
            };
            match marker.map_or(Ok(!entry.optional), |marker| marker_holds(marker, interpreter, &extras)) {
                Ok(holds) => wanted |= holds,
                Err(error) => errors.push(error),
            }
        }
        if wanted {
            match package(entry) {
                Ok(package) => packages.push(package),
                Err(error) => errors.push(error),
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    // Poetry's own notation of bounds (`^3.11`) is not Python's.
    let requires_python = lock
        .metadata
        .python_versions
        .filter(|versions| pep508::specifiers(versions).is_ok());
    Pylock::from_packages(packages, requires_python).select(interpreter, selection)
}

impl Lock for PoetryLock {
    type Entry = PoetryPackage;
    const ENTRIES: &'static str = "package";

    fn entries(&mut self) -> &mut Vec<PoetryPackage> {
        &mut self.package
    }
}

impl PoetryLock {
    /// Reads a lock.
    ///
    /// # Errors
    /// When the text is not a lock of Poetry's.
    pub(crate) fn parse(text: &str) -> Result<Self, LockError> {
        let text = plain_text(text);
        let mut lock: Self = entries::read_in_words(&text)?;
        let head = text.lines().next().and_then(|line| line.split_once("Poetry "));
        lock.made_by = head.and_then(|(_, rest)| rest.split_whitespace().next().map(str::to_owned));
        Ok(lock)
    }

    /// What keeps the lock from being used, whichever interpreter it is for.
    pub(crate) fn unsupported(&self) -> Vec<LockError> {
        let mut version = self.metadata.lock_version.split('.').map(str::parse::<u32>);
        let (major, minor) = (version.next(), version.next());
        if !matches!((major, minor), (Some(Ok(2)), Some(Ok(minor))) if minor >= 1) {
            return vec![LockError::Unsupported(format!(
                "its format is {}, which does not say which packages belong together; Poetry 2 writes 2.1",
                self.metadata.lock_version
            ))];
        }
        Vec::new()
    }

    /// The packages of some parts that lie near the lock, and where.
    pub(crate) fn places(&self, parts: &Parts) -> Vec<(String, String)> {
        let mut groups = parts.groups_of(&self.groups(), &[]);
        groups.extend(parts.has_main().then(|| MAIN.to_owned()));
        let is_wanted = |package: &&PoetryPackage| package.groups().any(|group| has_name(&groups, group));
        let near = self.package.iter().filter(is_wanted).filter_map(|package| {
            let source = package.source.as_ref()?;
            matches!(source.r#type.as_str(), "directory" | "file").then(|| (package.name.clone(), source.url.clone()))
        });
        near.collect()
    }

    /// The repositories that packages come from.
    pub(crate) fn repositories(&self) -> Vec<String> {
        let sources = self.package.iter().filter_map(|package| package.source.as_ref());
        let of_git = sources.filter(|source| source.r#type == "git");
        of_git.map(|source| with_scheme(source.url.clone())).collect()
    }

    /// The hash of what the lock was made from.
    #[must_use]
    pub(crate) fn content_hash(&self) -> Option<&str> {
        self.metadata.content_hash.as_deref()
    }

    /// Whether a Poetry made it that did not count dependency groups as part of the content.
    #[must_use]
    pub(crate) fn counts_no_groups(&self) -> bool {
        let version = self.made_by.as_deref().and_then(pep508::version);
        version.is_some_and(|version| version < Version::new([2, 3, 0]))
    }

    /// The project's extras.
    #[must_use]
    pub(crate) fn extras(&self) -> Vec<String> {
        self.extras.keys().cloned().collect()
    }

    /// The groups that want a package.
    #[must_use]
    pub(crate) fn groups(&self) -> Vec<String> {
        let mut groups: Vec<String> = Vec::new();
        for group in self.package.iter().flat_map(PoetryPackage::groups) {
            if !has_name(&groups, group) {
                groups.push(group.to_owned());
            }
        }
        groups
    }
}

impl PoetryPackage {
    /// The groups that want it.
    fn groups(&self) -> impl Iterator<Item = &str> {
        let named = self.groups.iter().flatten().map(String::as_str);
        named.chain(self.groups.is_none().then_some(MAIN))
    }
}

fn package(entry: PoetryPackage) -> Result<Package, LockError> {
    let mut package = Package::named(normalised(&entry.name), entry.version);
    if let Some(source) = entry.source {
        match source.r#type.as_str() {
            "legacy" => package.index = Some(source.url),
            "git" => {
                package.vcs = Some(Repository {
                    r#type: "git".into(),
                    url: Some(with_scheme(source.url)),
                    path: None,
                    commit_id: source.resolved_reference.unwrap_or_default(),
                    subdirectory: source.subdirectory,
                });
                return Ok(package);
            }
            "url" => {
                let hash = entry.files.first().map(|file| Hashes::of(&file.hash));
                package.archive = Some(LockedFile {
                    url: Some(source.url),
                    subdirectory: source.subdirectory,
                    hashes: hash.unwrap_or_default(),
                    ..LockedFile::default()
                });
                return Ok(package);
            }
            "directory" => {
                package.directory = Some(Directory {
                    path: source.url,
                    subdirectory: source.subdirectory,
                });
                return Ok(package);
            }
            "file" => {
                let name = crate::text::file_name(&source.url).to_owned();
                let mut own = entry.files.iter().filter(|file| file.file == name);
                let hash = own.next().or(entry.files.first()).map(|file| Hashes::of(&file.hash));
                package.archive = Some(LockedFile {
                    path: Some(source.url),
                    subdirectory: source.subdirectory,
                    hashes: hash.unwrap_or_default(),
                    ..LockedFile::default()
                });
                return Ok(package);
            }
            other => {
                return Err(LockError::Unsupported(format!(
                    "{} comes from a {other}, which is not supported in poetry.lock",
                    package.name
                )));
            }
        }
    }
    for artefact in entry.files {
        let file = LockedFile {
            name: Some(artefact.file.clone()),
            url: None,
            hashes: Hashes::of(&artefact.hash),
            ..LockedFile::default()
        };
        if artefact.file.ends_with(".whl") {
            package.wheels.push(file);
        } else {
            package.sdist = Some(file);
        }
    }
    Ok(package)
}

/// `git@host:path` as a URL.
fn with_scheme(url: String) -> String {
    match url.split_once(':') {
        Some((host, path)) if !url.contains("://") && host.contains('@') => format!("ssh://{host}/{path}"),
        _ => url,
    }
}
