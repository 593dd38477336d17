//! `poetry.lock`, from format 2.1 on: the first that says which groups want a package.

use std::collections::{BTreeMap, BTreeSet};

use pep508_rs::ExtraName;
use serde::Deserialize;

use crate::python::interpreter::Interpreter;
use crate::python::lock::locked::{LockError, Locked};
use crate::python::lock::pylock::{LockedFile, Package, Pylock, Repository};
use crate::python::lock::selection::{Selection, marker_holds, unknown_parts};
use crate::python::requirements::{normalised, pep508, plain_text};

#[derive(Deserialize)]
struct PoetryFile {
    metadata: PoetryMetadata,
    #[serde(default)]
    package: Vec<PoetryPackage>,
    #[serde(default)]
    extras: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PoetryMetadata {
    lock_version: String,
    python_versions: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PoetryPackage {
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
    let lock: PoetryFile =
        toml::from_str(&plain_text(text)).map_err(|error| vec![LockError::Form(error.message().to_owned())])?;
    let mut version = lock.metadata.lock_version.split('.').map(str::parse::<u32>);
    let (major, minor) = (version.next(), version.next());
    let is_known = matches!((major, minor), (Some(Ok(2)), Some(Ok(minor))) if minor >= 1);
    if !is_known {
        return Err(vec![LockError::Unsupported(format!(
            "its format is {}, which does not say which packages belong together; Poetry 2 writes 2.1",
            lock.metadata.lock_version
        ))]);
    }
    let extras: Vec<ExtraName> = selection.extras.iter().filter_map(|extra| extra.parse().ok()).collect();
    let mut groups: Vec<String> = selection.groups.iter().map(|group| normalised(group)).collect();
    groups.push("main".into());
    let mut packages = Vec::new();
    let mut errors = Vec::new();
    let known_extras: Vec<String> = lock.extras.keys().cloned().collect();
    let groups_of = lock.package.iter().flat_map(|package| package.groups.iter().flatten());
    let known_groups: BTreeSet<String> = groups_of.cloned().collect();
    let known_groups: Vec<String> = known_groups.into_iter().collect();
    errors.extend(unknown_parts("extra", &selection.extras, &known_extras));
    errors.extend(unknown_parts("group", &selection.groups, &known_groups));
    for entry in lock.package {
        let of = entry.groups.clone().unwrap_or_else(|| vec!["main".into()]);
        let mut wanted = false;
        for group in of.iter().filter(|group| groups.contains(&normalised(group))) {
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
                let hashes = entry
                    .files
                    .first()
                    .map(|file| hash_of(&file.hash))
                    .into_iter()
                    .collect();
                package.archive = Some(LockedFile {
                    url: Some(source.url),
                    subdirectory: source.subdirectory,
                    hashes,
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
            hashes: BTreeMap::from([hash_of(&artefact.hash)]),
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

fn hash_of(text: &str) -> (String, String) {
    let (algorithm, digest) = text.split_once(':').unwrap_or(("sha256", text));
    (algorithm.to_owned(), digest.to_owned())
}
