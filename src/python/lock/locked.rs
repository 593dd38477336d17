//! The packages that a lock has for one interpreter, whichever kind of lock it is.

use crate::python::requirements::pep508;

/// A package to install, and what from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The name as PEP 503 compares it.
    pub name: String,
    /// The version, if the lock has it.
    pub version: Option<String>,
    /// The file, repository or directory to install from.
    pub artefact: Artefact,
    /// The URL of the index that has it, if the lock names one.
    pub index: Option<String>,
}

/// What a package is installed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Artefact {
    /// A wheel of an index.
    Wheel {
        /// `algorithm:digest`.
        hash: String,
    },
    /// A source archive of an index, which has to be built.
    Source {
        /// `algorithm:digest`.
        hash: String,
    },
    /// A file to download.
    Archive {
        /// The URL of the file.
        url: String,
        /// `algorithm:digest`.
        hash: String,
        /// The directory of the package inside of it, if not the root.
        subdirectory: Option<String>,
    },
    /// A commit of a repository.
    Repository {
        /// The URL with pip's prefix: `git+https://…`.
        url: String,
        /// The commit in hexadecimal digits.
        commit: String,
        /// The directory of the package inside of it, if not the root.
        subdirectory: Option<String>,
    },
    /// A file of a directory of the context that serves as an index.
    Listed {
        /// The path, relative to the lock.
        path: String,
        /// `algorithm:digest`.
        hash: String,
    },
    /// A file or directory near the lock.
    Path {
        /// The path, relative to the lock.
        path: String,
        /// `algorithm:digest`; directories have none.
        hash: Option<String>,
        /// The directory of the package inside of it, if not the root.
        subdirectory: Option<String>,
    },
}

impl Artefact {
    /// Whether it has to be built before it can be installed.
    #[must_use]
    pub(crate) fn is_built(&self) -> bool {
        match self {
            Self::Wheel { .. } => false,
            Self::Archive { url, .. } => !file_name(url).ends_with(".whl"),
            Self::Path { path, .. } | Self::Listed { path, .. } => !path.ends_with(".whl"),
            Self::Source { .. } | Self::Repository { .. } => true,
        }
    }
}

impl Locked {
    /// Refuses values that would mean something else in a line of a requirements file, or in a path.
    pub(super) fn check(&self) -> Result<(), LockError> {
        let error = |value: &str, what| LockError::Value {
            package: self.name.clone(),
            value: value.chars().take(100).collect(),
            what,
        };
        let is_name = |name: &str| {
            let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
            ends(name.chars().next())
                && ends(name.chars().next_back())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        if !is_name(&self.name) {
            return Err(error(&self.name, "the name of a package"));
        }
        if let Some(version) = self
            .version
            .as_ref()
            .filter(|version| pep508::version(version).is_none())
        {
            return Err(error(version, "a version"));
        }
        let is_hash = |hash: &str| {
            let (algorithm, digest) = hash.split_once(':').unwrap_or_default();
            !digest.is_empty()
                && algorithm.chars().all(|c| c.is_ascii_alphanumeric())
                && digest.chars().all(|c| c.is_ascii_hexdigit())
        };
        let is_place = |text: &str| !text.chars().any(|c| c.is_whitespace() || c.is_control());
        let (places, hash, commit): (Vec<&String>, _, _) = match &self.artefact {
            Artefact::Wheel { hash } | Artefact::Source { hash } => (Vec::new(), Some(hash), None),
            Artefact::Archive {
                url,
                hash,
                subdirectory,
            } => (std::iter::once(url).chain(subdirectory).collect(), Some(hash), None),
            Artefact::Repository {
                url,
                commit,
                subdirectory,
            } => (std::iter::once(url).chain(subdirectory).collect(), None, Some(commit)),
            Artefact::Listed { path, hash } => (vec![path], Some(hash), None),
            Artefact::Path {
                path,
                hash,
                subdirectory,
            } => (std::iter::once(path).chain(subdirectory).collect(), hash.as_ref(), None),
        };
        if let Some(place) = places.into_iter().chain(&self.index).find(|place| !is_place(place)) {
            return Err(error(place, "a URL or path without white space"));
        }
        if let Some(hash) = hash.filter(|hash| !is_hash(hash)) {
            return Err(error(hash, "a hash"));
        }
        if let Some(commit) =
            commit.filter(|commit| commit.is_empty() || !commit.chars().all(|c| c.is_ascii_hexdigit()))
        {
            return Err(error(commit, "a commit"));
        }
        let needs_version = matches!(
            self.artefact,
            Artefact::Wheel { .. } | Artefact::Source { .. } | Artefact::Listed { .. }
        );
        if needs_version && self.version.is_none() {
            return Err(error("", "a version"));
        }
        Ok(())
    }
}

/// Why a lock cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Not TOML, or not in the format's form.
    #[error("{0}")]
    Form(String),
    /// An unknown version of the format.
    #[error("lock-version {0} is not known, only 1.0 is")]
    Version(String),
    /// Made for another Python.
    #[error("it is for Python {wanted}, the image has {found}")]
    Python {
        /// The versions that the lock is for.
        wanted: String,
        /// The version of the image's interpreter.
        found: String,
    },
    /// Made for other platforms.
    #[error("none of its environments fits {0}")]
    Environment(String),
    /// A package without a file for this interpreter.
    #[error("{name} has no file for {found}{others}")]
    NoFile {
        /// The package's name.
        name: String,
        /// The interpreter, in words.
        found: String,
        /// Up to three of its files, in words; empty if there are none.
        others: String,
    },
    /// A package whose files all have other hashes than those required.
    #[error("no file of {0} that suits this image has one of the hashes that the requirements give")]
    Mismatch(String),
    /// A file without a hash that can be checked.
    #[error("{0} has a file without hash")]
    NoHash(String),
    /// Two entries of one package that both apply.
    #[error("{0} is listed twice")]
    Twice(String),
    /// A malformed value, which would be read as something else further on.
    #[error("{package}: `{value}` is not {what}")]
    Value {
        /// The package's name.
        package: String,
        /// The value, cut to 100 characters.
        value: String,
        /// What it should be.
        what: &'static str,
    },
    /// A feature of locks that this program does not support.
    #[error("{0}")]
    Unsupported(String),
}

/// The last part of a URL's or file's path.
pub(super) fn file_name(place: &str) -> &str {
    let place = place.split_once('#').map_or(place, |(place, _)| place);
    let place = place.split_once('?').map_or(place, |(place, _)| place);
    place.rsplit('/').next().unwrap_or(place)
}
