//! `pylock.toml` (PEP 751): <https://packaging.python.org/en/latest/specifications/pylock-toml/>

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use crate::python::interpreter::{Interpreter, TagOrder, WheelName};
use crate::python::lock::entries::{self, Lock};
use crate::python::lock::hashes::Hashes;
use crate::python::lock::locked::{Artefact, LockError, Locked, file_name};
use crate::python::lock::selection::{Selection, marker_holds, unknown_parts};
use crate::python::requirements::{decoded, has_name, normalised, pep508, plain_text};

/// A `pylock.toml`, read but not yet narrowed to an interpreter.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pylock {
    lock_version: String,
    requires_python: Option<String>,
    #[serde(default)]
    environments: Vec<String>,
    #[serde(default)]
    extras: Vec<String>,
    #[serde(default)]
    dependency_groups: Vec<String>,
    #[serde(default)]
    default_groups: Vec<String>,
    #[serde(default)]
    packages: Vec<Package>,
    #[serde(default)]
    tool: Tool,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct Tool {
    imagespec: Option<Made>,
}

/// What our own locks record of how they were made, under `[tool.imagespec]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Made {
    requirements: Vec<String>,
    python: Option<String>,
    machine: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Package {
    pub(super) name: String,
    version: Option<String>,
    marker: Option<String>,
    requires_python: Option<String>,
    pub(super) index: Option<String>,
    pub(super) sdist: Option<LockedFile>,
    #[serde(default)]
    pub(super) wheels: Vec<LockedFile>,
    pub(super) archive: Option<LockedFile>,
    pub(super) vcs: Option<Repository>,
    pub(super) directory: Option<Directory>,
}

impl Package {
    pub(super) fn named(name: String, version: String) -> Self {
        Self {
            name,
            version: Some(version),
            ..Self::default()
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(super) struct LockedFile {
    pub(super) name: Option<String>,
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    pub(super) subdirectory: Option<String>,
    #[serde(default)]
    pub(super) hashes: Hashes,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Repository {
    pub(super) r#type: String,
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    pub(super) commit_id: String,
    pub(super) subdirectory: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Directory {
    pub(super) path: String,
    pub(super) subdirectory: Option<String>,
}

impl Lock for Pylock {
    type Entry = Package;
    const ENTRIES: &'static str = "packages";

    fn entries(&mut self) -> &mut Vec<Package> {
        &mut self.packages
    }
}

impl Pylock {
    /// The versions of Python that it is for.
    pub(crate) fn requires_python(&self) -> Option<&str> {
        self.requires_python.as_deref()
    }

    /// A lock of another format, translated.
    pub(super) fn from_packages(packages: Vec<Package>, requires_python: Option<String>) -> Self {
        Self {
            lock_version: "1.0".into(),
            requires_python,
            environments: Vec::new(),
            extras: Vec::new(),
            dependency_groups: Vec::new(),
            default_groups: Vec::new(),
            packages,
            tool: Tool::default(),
        }
    }

    /// Reads a lock.
    ///
    /// # Errors
    /// When the text is not a lock, or one of an unknown version.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let lock: Self = entries::read_in_words(&plain_text(text))?;
        if lock.lock_version != "1.0" && !lock.lock_version.starts_with("1.") {
            return Err(LockError::Version(lock.lock_version));
        }
        Ok(lock)
    }

    /// The requirements that a lock was made from, if this program made it.
    #[must_use]
    pub(crate) fn made_from(&self) -> Option<&[String]> {
        self.tool.imagespec.as_ref().map(|made| made.requirements.as_slice())
    }

    /// The Python version and the machine that a lock was made for, if this program made it; it fits no others.
    #[must_use]
    pub(crate) fn made_for(&self) -> Option<(&str, &str)> {
        let made = self.tool.imagespec.as_ref()?;
        Some((made.python.as_deref()?, made.machine.as_deref()?))
    }

    /// The extras that it lists or that its packages ask for.
    #[must_use]
    pub(crate) fn extras(&self) -> Vec<String> {
        self.parts("extras", &self.extras)
    }

    /// The dependency groups that it lists or that its packages ask for.
    #[must_use]
    pub(crate) fn groups(&self) -> Vec<String> {
        self.parts("dependency_groups", &self.dependency_groups)
    }

    fn parts(&self, set: &str, listed: &[String]) -> Vec<String> {
        let mut known = listed.to_vec();
        let markers = self.packages.iter().filter_map(|package| package.marker.as_ref());
        for test in markers.flat_map(|marker| SETS.as_ref().into_iter().flat_map(|sets| sets.captures_iter(marker))) {
            if &test[3] == set && !has_name(&known, &test[1]) {
                known.push(test[1].to_owned());
            }
        }
        known
    }

    /// The versions of a package, one for each entry: environments may differ. No entry means that the lock does
    /// not have it.
    pub(crate) fn versions_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Option<&'a str>> {
        let all = self.packages.iter();
        let found = all.filter(move |package| normalised(&package.name) == name);
        found.map(|package| package.version.as_deref())
    }

    /// The paths of files and directories near the lock that it names.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.packages.iter().flat_map(|package| {
            let files = package.wheels.iter().chain(&package.sdist).chain(&package.archive);
            let files = files
                .filter(|file| file.url.is_none())
                .filter_map(|file| file.path.as_deref());
            files.chain(package.directory.as_ref().map(|directory| directory.path.as_str()))
        })
    }

    /// The URLs and paths of packages that come from no index, as written.
    pub(crate) fn places(&self) -> impl Iterator<Item = &str> {
        let places = self.packages.iter().flat_map(|package| {
            let vcs = package.vcs.iter().flat_map(|vcs| vcs.url.iter().chain(&vcs.path));
            vcs.chain(package.archive.iter().flat_map(|file| &file.url))
                .map(String::as_str)
        });
        places.chain(self.paths())
    }

    /// The packages in a form that does not depend on how the file is written, one line each.
    #[must_use]
    pub(super) fn content(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .packages
            .iter()
            .map(|package| {
                let files = package.wheels.iter().chain(&package.sdist).chain(&package.archive);
                let mut hashes: Vec<&str> = files.flat_map(|file| file.hashes.all()).map(String::as_str).collect();
                hashes.sort();
                let place = package.vcs.iter().map(|vcs| vcs.commit_id.as_str());
                let place = place.chain(package.directory.iter().map(|directory| directory.path.as_str()));
                let place: Vec<&str> = place.collect();
                let vcs = package.vcs.iter().filter_map(|vcs| vcs.subdirectory.as_deref());
                let parts: Vec<&str> = vcs
                    .chain(package.archive.iter().filter_map(|file| file.subdirectory.as_deref()))
                    .collect();
                format!(
                    "{} {} {} {} {} {}",
                    normalised(&package.name),
                    package.version.as_deref().unwrap_or(""),
                    package.marker.as_deref().unwrap_or(""),
                    place.join(" "),
                    parts.join(" "),
                    hashes.join(" ")
                )
            })
            .collect();
        lines.sort();
        lines
    }

    /// The packages that an interpreter gets, by name, each with the one file that suits it best.
    ///
    /// # Errors
    /// Everything that keeps the lock from being installed.
    pub fn select(&self, interpreter: &Interpreter, selection: &Selection) -> Result<Vec<Locked>, Vec<LockError>> {
        let parts = &selection.parts;
        let mut errors = Vec::new();
        if let Err(error) = fits_python(self.requires_python.as_deref(), interpreter) {
            errors.push(error);
        }
        let chosen = Chosen {
            tags: TagOrder::of(interpreter),
            interpreter,
            selection,
            extras: parts.extras_of(&self.extras()),
            groups: parts.groups_of(&self.groups(), &self.default_groups),
        };
        // A lock that lists none does not say which there are.
        if !self.extras.is_empty() {
            errors.extend(unknown_parts("extra", parts.named_extras(), &self.extras));
        }
        if !self.dependency_groups.is_empty() {
            errors.extend(unknown_parts("group", parts.named_groups(), &self.dependency_groups));
        }
        if !self.environments.is_empty() {
            match self
                .environments
                .iter()
                .map(|marker| chosen.holds(marker))
                .collect::<Result<Vec<_>, _>>()
            {
                Ok(holds) if !holds.contains(&true) => errors.push(LockError::Environment(interpreter.shown())),
                Ok(_) => {}
                Err(error) => errors.push(error),
            }
        }
        let mut locked: BTreeMap<String, Locked> = BTreeMap::new();
        for package in &self.packages {
            let name = normalised(&package.name);
            match chosen.package(&name, package) {
                Ok(None) => {}
                Ok(Some(found)) => {
                    if locked.insert(name.clone(), found).is_some() {
                        errors.push(LockError::Twice(name));
                    }
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(locked.into_values().collect())
        } else {
            Err(errors)
        }
    }
}

fn fits_python(wanted: Option<&str>, interpreter: &Interpreter) -> Result<(), LockError> {
    let Some(wanted) = wanted else { return Ok(()) };
    let specifiers = pep508::specifiers(wanted).map_err(LockError::Form)?;
    let found = interpreter.markers.python_full_version();
    if specifiers.contains(&found.version) || pep508::version(&found.string).is_some_and(|v| specifiers.contains(&v)) {
        return Ok(());
    }
    Err(LockError::Python {
        wanted: wanted.to_owned(),
        found: found.string.clone(),
    })
}

/// A test of a set, which only PEP 751 has in markers.
static SETS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"['"]([^'"]*)['"]\s+(not\s+)?in\s+(extras|dependency_groups)"#).ok());

/// The interpreter and the selection, which decide what is taken of a lock.
struct Chosen<'a> {
    interpreter: &'a Interpreter,
    /// The interpreter's tags, the best first.
    tags: TagOrder,
    selection: &'a Selection,
    extras: Vec<String>,
    groups: Vec<String>,
}

impl Chosen<'_> {
    fn holds(&self, marker: &str) -> Result<bool, LockError> {
        // Tests of sets become something that is always or never true.
        let marker = match SETS.as_ref() {
            Some(sets) => sets.replace_all(marker, |found: &regex::Captures<'_>| {
                let set = if &found[3] == "extras" {
                    &self.extras
                } else {
                    &self.groups
                };
                let is_in = has_name(set, &found[1]);
                let holds = is_in == found.get(2).is_none();
                if holds { "os_name != ''" } else { "os_name == ''" }
            }),
            None => marker.into(),
        };
        marker_holds(&marker, self.interpreter, &[])
    }

    fn package(&self, name: &str, package: &Package) -> Result<Option<Locked>, LockError> {
        if let Some(marker) = &package.marker
            && !self.holds(marker)?
        {
            return Ok(None);
        }
        fits_python(package.requires_python.as_deref(), self.interpreter)?;
        let artefact = self.artefact(name, package)?;
        let locked = Locked {
            name: name.to_owned(),
            version: package.version.clone(),
            artefact,
            // A directory is named by the file in it.
            index: package.index.clone().filter(|index| !index.starts_with("file:")),
        };
        locked.check()?;
        Ok(Some(locked))
    }

    /// What a package is installed from: a place of its own, else a file of an index.
    fn artefact(&self, name: &str, package: &Package) -> Result<Artefact, LockError> {
        if let Some(vcs) = &package.vcs {
            let url = vcs.url.as_deref().or(vcs.path.as_deref()).unwrap_or_default();
            return Ok(Artefact::Repository {
                url: format!("{}+{url}", vcs.r#type),
                commit: vcs.commit_id.clone(),
                subdirectory: vcs.subdirectory.clone(),
            });
        }
        if let Some(directory) = &package.directory {
            return Ok(Artefact::Path {
                path: directory.path.clone(),
                hash: None,
                subdirectory: directory.subdirectory.clone(),
            });
        }
        if let Some(archive) = &package.archive {
            return archive_artefact(name, archive);
        }
        let (file, is_wheel) = self.file(name, package)?;
        let hash = hash(name, file)?;
        let listed = file.url.as_deref().and_then(|url| url.strip_prefix("file://"));
        if let Some(path) = listed {
            let path = decoded(path);
            return Ok(Artefact::Listed { path, hash });
        }
        Ok(match (&file.url, &file.path, is_wheel) {
            (None, Some(path), _) => Artefact::Path {
                path: path.clone(),
                hash: Some(hash),
                subdirectory: None,
            },
            (_, _, true) => Artefact::Wheel { hash },
            (_, _, false) => Artefact::Source { hash },
        })
    }

    /// The file that suits the interpreter best, and whether it is a wheel.
    fn file<'p>(&self, name: &str, package: &'p Package) -> Result<(&'p LockedFile, bool), LockError> {
        let selection = self.selection;
        let is_built = selection
            .no_binary
            .iter()
            .any(|other| other == ":all:" || normalised(other) == name);
        let allowed = selection.hashes.get(name);
        let is_allowed = |file: &&LockedFile| {
            allowed.is_none_or(|allowed| file.hashes.all().iter().any(|hash| allowed.contains(hash)))
        };
        let wheels = package
            .wheels
            .iter()
            .filter(|_| !is_built)
            .filter(is_allowed)
            .filter_map(|file| {
                let wheel = WheelName::parse(file.file_name())?;
                let preference = wheel.preference(&self.tags)?;
                let build = std::cmp::Reverse(wheel.build);
                Some(((preference, build, file.file_name()), file))
            });
        let best = wheels.min_by(|a, b| a.0.cmp(&b.0)).map(|(_, file)| file);
        if let Some(wheel) = best {
            return Ok((wheel, true));
        }
        if let Some(sdist) = package.sdist.as_ref().filter(is_allowed) {
            return Ok((sdist, false));
        }
        let has_files = package.wheels.iter().chain(&package.sdist).next().is_some();
        if allowed.is_some() && has_files {
            return Err(LockError::Mismatch(name.to_owned()));
        }
        let names: Vec<&str> = package.wheels.iter().map(LockedFile::file_name).take(3).collect();
        let others = match names.as_slice() {
            [] => String::new(),
            names => format!("; it has {}", names.join(", ")),
        };
        Err(LockError::NoFile {
            name: name.to_owned(),
            found: self.interpreter.shown(),
            others,
        })
    }
}

fn archive_artefact(name: &str, archive: &LockedFile) -> Result<Artefact, LockError> {
    let hash = hash(name, archive)?;
    let subdirectory = archive.subdirectory.clone();
    match (&archive.url, &archive.path) {
        (Some(url), _) => Ok(Artefact::Archive {
            url: url.clone(),
            hash,
            subdirectory,
        }),
        (None, Some(path)) => Ok(Artefact::Path {
            path: path.clone(),
            hash: Some(hash),
            subdirectory,
        }),
        (None, None) => Err(LockError::Form(format!("{name} has an archive without url and path"))),
    }
}

/// The best hash of a file, as `algorithm:digest`.
fn hash(name: &str, file: &LockedFile) -> Result<String, LockError> {
    file.hashes
        .best()
        .cloned()
        .ok_or_else(|| LockError::NoHash(name.to_owned()))
}

impl LockedFile {
    fn file_name(&self) -> &str {
        let place = self.name.as_deref().or(self.url.as_deref()).or(self.path.as_deref());
        file_name(place.unwrap_or_default())
    }
}
