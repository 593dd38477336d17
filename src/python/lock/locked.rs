//! What is installed of a lock, whichever kind of lock it is.

use std::str::FromStr as _;

use pep440_rs::Version;

/// One package of a lock that is installed here, and from what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The name as PEP 503 compares it.
    pub name: String,
    /// Its version, where the lock says.
    pub version: Option<String>,
    /// What it is installed from.
    pub artefact: Artefact,
    /// The index that has it, where the lock says.
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
        /// Its address.
        url: String,
        /// `algorithm:digest`.
        hash: String,
        /// The directory in it.
        subdirectory: Option<String>,
    },
    /// A commit of a repository.
    Repository {
        /// Its address with scheme, `git+https://…`.
        url: String,
        /// The commit.
        commit: String,
        /// The directory in it.
        subdirectory: Option<String>,
    },
    /// A file or directory near the lock.
    Path {
        /// Its path, relative to the lock.
        path: String,
        /// `algorithm:digest` of a file.
        hash: Option<String>,
        /// The directory in it.
        subdirectory: Option<String>,
    },
}

impl Artefact {
    /// Whether installing it means to build it.
    #[must_use]
    pub(crate) fn is_built(&self) -> bool {
        match self {
            Self::Wheel { .. } => false,
            Self::Archive { url, .. } => !file_name(url).ends_with(".whl"),
            Self::Path { path, .. } => !path.ends_with(".whl"),
            Self::Source { .. } | Self::Repository { .. } => true,
        }
    }
}

impl Locked {
    /// Everything in it becomes a line of a requirements file, and its name part of a path.
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
            .filter(|version| Version::from_str(version).is_err())
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
        let needs_version = matches!(self.artefact, Artefact::Wheel { .. } | Artefact::Source { .. });
        if needs_version && self.version.is_none() {
            return Err(error("", "a version"));
        }
        Ok(())
    }
}

/// Why a lock cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// It is not TOML, or not of PEP 751's form.
    #[error("{0}")]
    Form(String),
    /// A version of the format that is not known.
    #[error("lock-version {0} is not known; 1.0 is")]
    Version(String),
    /// It was made for another Python.
    #[error("it is for Python {wanted}, the image has {found}")]
    Python {
        /// What the lock asks for.
        wanted: String,
        /// What there is.
        found: String,
    },
    /// It was made for another platform.
    #[error("none of its environments is that of {0}")]
    Environment(String),
    /// A package has nothing that can be installed here.
    #[error("{name} has no file for {found}{others}")]
    NoFile {
        /// The package.
        name: String,
        /// What there is.
        found: String,
        /// What the lock has.
        others: String,
    },
    /// No file has a digest that is allowed.
    #[error("no file of {0} that suits this image has one of the hashes that the requirements give")]
    Mismatch(String),
    /// A file without digest.
    #[error("{0} has a file without hash")]
    NoHash(String),
    /// Two entries of one package that both apply.
    #[error("{0} is there twice")]
    Twice(String),
    /// A value that is not of its form: it would be read as something else further on.
    #[error("{package}: `{value}` is not {what}")]
    Value {
        /// The package.
        package: String,
        /// The value.
        value: String,
        /// What it should be.
        what: &'static str,
    },
    /// Something that is not supported.
    #[error("{0}")]
    Unsupported(String),
}

/// The last part of a URL's or file's path.
pub(super) fn file_name(place: &str) -> &str {
    let place = place.split(['?', '#']).next().unwrap_or(place);
    place.rsplit('/').next().unwrap_or(place)
}
