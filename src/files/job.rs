//! What is asked of whoever sees the files, and what comes back. Both cross a process boundary as JSON, between
//! two processes of one build of this program.

use serde::{Deserialize, Serialize};

/// A digest that a spec needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// How many `base_image`s down the spec stands.
    pub depth: usize,
    /// The field that names the files.
    pub field: &'static str,
    /// What to compute.
    pub job: Job,
}

/// A digest over files. Paths are as the spec has them, relative to the build context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Job {
    /// flytekit's `compute_digest` of a list: files by their base names, directories without theirs.
    Copy {
        /// Files and directories; what is not there does not count.
        paths: Vec<String>,
    },
    /// flytekit's `compute_digest` of one directory.
    Directory {
        /// The directory; a file, or nothing at all, gives the digest of nothing.
        root: String,
    },
    /// flytekit's `ls_files`, with its three ignore rules.
    Source {
        /// The directory.
        root: String,
    },
    /// flytekit 1.13's digest of `source_root`, with the same rules.
    Filtered {
        /// The directory.
        root: String,
    },
    /// flytekit's `ls_files` of the modules that a Python process has loaded.
    Modules {
        /// The directory.
        root: String,
        /// Absolute paths.
        files: Vec<String>,
    },
    /// SHA-1 of one file.
    Requirements {
        /// The file.
        path: String,
        /// Whether white space around the content does not count.
        strip: bool,
    },
    /// Our own digest of a requirements file that says what exactly is installed: of what it says, not of how.
    Lock {
        /// The file.
        path: String,
        /// A package that it has to name.
        must_have: Option<String>,
    },
    /// Our own digest of a file or directory: contents, names, modes, targets of links.
    Content {
        /// The file or directory.
        path: String,
        /// Patterns of what is left out, as in a copy.
        exclude: Vec<String>,
        /// Whether a directory itself comes into the image, not only what is in it.
        keeps_root: bool,
    },
}

impl Job {
    /// The paths that it looks at.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        let (one, many) = match self {
            Self::Copy { paths } => (None, paths.as_slice()),
            Self::Modules { files, .. } => (None, files.as_slice()),
            Self::Directory { root: path }
            | Self::Source { root: path }
            | Self::Filtered { root: path }
            | Self::Requirements { path, .. }
            | Self::Lock { path, .. }
            | Self::Content { path, .. } => (Some(path.as_str()), &[][..]),
        };
        one.into_iter().chain(many.iter().map(String::as_str))
    }

    /// Whether ignore files in the directory and above it have a say.
    #[must_use]
    pub(crate) fn obeys_ignore_files(&self) -> bool {
        matches!(self, Self::Source { .. } | Self::Filtered { .. })
    }
}

/// Digests to compute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What to compute.
    pub jobs: Vec<Job>,
}

/// What came of each job, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// One for each job.
    pub outcomes: Vec<Outcome>,
    /// Paths below the context that links point to and that are not there. Whoever knows more files may
    /// have them.
    pub missing: Vec<String>,
}

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The digest in hexadecimal digits, or why there is none.
    pub digest: Result<String, Problem>,
    /// Where flytekit's digest may be another.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub doubts: Vec<Doubt>,
}

/// Why there is no digest. Paths are relative to the context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Problem {
    /// Nothing is there.
    #[error("`{path}` is not there")]
    Missing {
        /// Where.
        path: String,
    },
    /// It was there when the directory was listed.
    #[error("`{path}` went away while it was read")]
    Vanished {
        /// Where.
        path: String,
    },
    /// A directory is needed.
    #[error("`{path}` is not a directory")]
    NotADirectory {
        /// Where.
        path: String,
    },
    /// A file is needed.
    #[error("`{path}` is a directory")]
    NotAFile {
        /// Where.
        path: String,
    },
    /// flytekit cannot hash such names either.
    #[error("the file name `{path}` is not UTF-8")]
    NotUtf8 {
        /// Where, with U+FFFD for what is no text.
        path: String,
    },
    /// Reading it might never end.
    #[error("`{path}` is {what}, which has no content to hash")]
    Special {
        /// Where.
        path: String,
        /// What it is.
        what: String,
    },
    /// A requirements file does not say what exactly is installed.
    #[error("`{path}` is no lock: {reason}")]
    NotLocked {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The system refuses.
    #[error("`{path}` cannot be read: {reason}")]
    Unreadable {
        /// Where.
        path: String,
        /// The system's words.
        reason: String,
    },
}

/// Why flytekit's digest may be another, in the order in which users are told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Doubt {
    /// flytekit takes directories in the order in which the file system lists them.
    #[error(
        "`{path}` has several subdirectories: flytekit's tag depends on the order in which its machine lists them; this one takes them by name"
    )]
    Order {
        /// The first such directory.
        path: String,
    },
    /// git's index is not known.
    #[error(
        "`.gitignore` leaves out {count} files, `{path}` for one: flytekit's tag counts those that git tracks, and all where there is no repository"
    )]
    GitIgnore {
        /// One file.
        path: String,
        /// How many.
        count: usize,
    },
    /// Files are copied that the tag does not count.
    #[error(
        "{count} files, `{path}` for one, do not count in the tag, since git or `.dockerignore` in the source leaves them out, but they are copied: name them in the context's .dockerignore"
    )]
    Uncounted {
        /// One file.
        path: String,
        /// How many.
        count: usize,
    },
    /// The context's ignore file leaves files out before they are counted.
    #[error("the context's ignore file leaves out `{path}`: flytekit's tag counts it")]
    Excluded {
        /// One file.
        path: String,
    },
    /// A link points out of the context.
    #[error("the link `{path}` leads out of the build context: flytekit's tag counts the file it points to")]
    Link {
        /// The link.
        path: String,
    },
    /// BuildKit's clients send sockets as empty files.
    #[error("the socket `{path}` does not count, as with flytekit; in a build it is an empty file, which does")]
    Socket {
        /// The socket.
        path: String,
    },
}
