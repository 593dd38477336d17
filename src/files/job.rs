//! Requests for digests, and for what of copied files an image takes, and their answers. Only some processes see the files, so both cross process boundaries as
//! JSON; the processes are of the same version of this program.

use serde::{Deserialize, Serialize};

/// A digest that a spec needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The place of its spec among the stacked ones, the outermost first.
    pub depth: usize,
    /// The spec's field that names the files.
    pub field: &'static str,
    /// The digest to compute.
    pub job: Job,
}

/// A digest over files. Paths are as the spec has them, relative to the build context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// flytekit's `compute_digest` of a list: files by their base names, directories without theirs.
    Copy {
        /// Files and directories; missing ones do not count.
        paths: Vec<String>,
    },
    /// flytekit's `compute_digest` of one directory.
    Directory {
        /// The directory; the digest of nothing if it is a file or missing.
        root: String,
    },
    /// flytekit's `ls_files`, with its three rules: git's, `.dockerignore`'s and a standard list.
    Source {
        /// `source_root`, as written.
        root: String,
    },
    /// flytekit 1.13's digest of `source_root`, with the same rules.
    Filtered {
        /// `source_root`, as written.
        root: String,
    },
    /// flytekit's `ls_files` of the modules that a Python process has loaded.
    Modules {
        /// `source_root`, as written; only files below it count.
        root: String,
        /// Absolute paths of the modules' files.
        files: Vec<String>,
    },
    /// SHA-1 of one file.
    Requirements {
        /// The requirements file.
        path: String,
        /// Whether white space around the content does not count.
        strip: bool,
    },
    /// Our own digest of a lock: of the packages in it, however they are written.
    Lock {
        /// A requirements file with exact versions, or a lock file.
        path: String,
        /// A package that it has to name, normalised.
        must_have: Option<String>,
    },
    /// Our own digest of a file or directory: contents, names, which files are executable, targets of links.
    Content {
        /// The file or directory; empty for the whole context.
        path: String,
        /// Docker's patterns of what is left out, relative to the path.
        exclude: Vec<String>,
        /// Whether a directory itself is copied, not only its contents.
        keeps_root: bool,
        /// Whether all of a mode counts.
        keeps_modes: bool,
        /// What becomes of it.
        of: ContentOf,
    },
}

/// What becomes of files whose content is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentOf {
    /// A package is built from them as they are.
    Project,
    /// They are copied, and links that lead out of them as what they lead to.
    Copy,
    /// The same, without what git and ignore files leave out of a source tree.
    Source {
        /// Whether rules see paths with the directory's path in front, as those of flytekit do.
        is_prefixed: bool,
    },
}

impl Job {
    /// The paths that are hashed, as the spec has them.
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

    /// Whether ignore files in the directory and above it count.
    #[must_use]
    pub(crate) fn obeys_ignore_files(&self) -> bool {
        matches!(
            self,
            Self::Source { .. }
                | Self::Filtered { .. }
                | Self::Content {
                    of: ContentOf::Source { .. },
                    ..
                }
        )
    }
}

/// What a spec copies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copying {
    /// `source_root`, as written.
    pub source: Option<String>,
    /// Whether rules see paths with a relative `source_root` in front, as those of flytekit do.
    pub is_prefixed: bool,
    /// Where the source goes, relative to the root.
    pub target: String,
    /// What `copy` names.
    pub copy: Vec<CopiedPath>,
    /// What nothing that is copied may replace, relative to the root.
    pub owned: Vec<String>,
}

/// A path that `copy` names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedPath {
    /// The file or directory, a path of the context.
    pub path: String,
    /// Where it goes, relative to the root.
    pub target: String,
    /// Whether a file goes into the target, under its own name.
    pub is_into: bool,
    /// Docker's patterns of what is left out.
    pub exclude: Vec<String>,
}

/// What of a file or directory that is copied does not go into the image as it is. Paths are relative to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What is left out, besides what is never copied; sorted.
    pub without: Vec<String>,
    /// Links that lead out of what is copied.
    pub links: Vec<String>,
    /// The paths of the context that take the places of these links.
    pub targets: Vec<String>,
    /// Those of the links that lead to directories.
    pub directories: Vec<String>,
    /// Links that lead out of what is copied, to nothing that could be copied; paths in the context.
    pub broken: Vec<String>,
    /// What is left out since it would replace what something else owns; empty for all.
    pub kept_out: Vec<String>,
}

impl Choice {
    /// Leaves a path out, with all that is below it.
    pub(super) fn leave_out(&mut self, path: &str) {
        if let Err(place) = self.place(path) {
            self.without.insert(place, path.to_owned());
        }
    }

    /// Whether a path, or one above it, is left out.
    pub(super) fn leaves_out(&self, path: &str) -> bool {
        let mut above = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        self.place(path).is_ok() || above.any(|above| self.place(above).is_ok())
    }

    fn place(&self, path: &str) -> Result<usize, usize> {
        self.without.binary_search_by(|known| known.as_str().cmp(path))
    }
}

/// The choices for what a spec copies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// For its source.
    pub source: Choice,
    /// For each path that `copy` names.
    pub copy: Vec<Choice>,
}

impl Chosen {
    /// Whether directories are copied in the places of links: flytekit's tag does not count what is in them.
    pub(crate) fn has_directories_of_links(&self) -> bool {
        let mut all = std::iter::once(&self.source).chain(&self.copy);
        all.any(|choice| !choice.directories.is_empty())
    }
}

/// Digests to compute, and copies to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The digests to compute; their order is that of the outcomes.
    pub jobs: Vec<Job>,
    /// The copies of each spec; their order is that of the choices.
    pub copies: Vec<Copying>,
}

/// The outcomes of a request's jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// One for each job, in their order.
    pub outcomes: Vec<Outcome>,
    /// One for each spec that copies, in their order.
    pub chosen: Vec<Result<Chosen, Problem>>,
    /// Paths in the context that links point to and that are missing. The files at hand may be a selection, so the
    /// caller may be able to add them.
    pub missing: Vec<String>,
}

/// The outcome of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The digest in hexadecimal digits, or why there is none.
    pub digest: Result<String, Problem>,
    /// Reasons why flytekit's digest may differ.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub doubts: Vec<Doubt>,
}

/// Why there is no digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("`{path}` {fault}")]
pub struct Problem {
    /// Relative to the context, with U+FFFD for what is not text.
    pub path: String,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a file or directory that has no digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// There is nothing at the path.
    #[error("is not there")]
    Missing,
    /// It existed when the directory was listed.
    #[error("went away while it was read")]
    Vanished,
    /// Something else where a directory is needed.
    #[error("is not a directory")]
    NotADirectory,
    /// A directory where a file is needed.
    #[error("is a directory")]
    NotAFile,
    /// A name that is not text; flytekit cannot hash it either.
    #[error("has a name that is not UTF-8")]
    NotUtf8,
    /// A pipe or device, which might never end: its kind, in words.
    #[error("is {0}, which has no content to hash")]
    Special(String),
    /// A requirements file that does not fix what is installed, and what it leaves open.
    #[error("is not a lock: {0}")]
    NotLocked(String),
    /// The operating system refuses to read it, in its words.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

impl Fault {
    /// The problem that a path has it.
    pub(crate) fn at(self, path: impl Into<String>) -> Problem {
        let path = path.into();
        Problem { path, fault: self }
    }
}

/// Why flytekit's digest may differ, in the order in which users are told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// flytekit takes directories in the order in which the file system lists them.
    #[error(
        "`{path}` has several subdirectories: flytekit's tag depends on the order in which its machine lists them; this one takes them by name"
    )]
    Order {
        /// The first such directory.
        path: String,
    },
    /// There is no index of git's to say what it tracks.
    #[error(
        "`.gitignore` would leave out {count} files, `{path}` for one, but no git repository is in the build context: they are copied and count; flytekit's tag leaves out those that git does not track"
    )]
    GitIgnore {
        /// One of the files.
        path: String,
        /// The number of files.
        count: usize,
    },
    /// The context's ignore file leaves files out before they are counted.
    #[error("the context's ignore file leaves out `{path}`: flytekit's tag counts it")]
    Excluded {
        /// One of the files.
        path: String,
    },
    /// A link points out of the context.
    #[error("the link `{path}` leads out of the build context: flytekit's tag counts the file it points to")]
    Link {
        /// The path of the link.
        path: String,
    },
    /// BuildKit's clients send sockets as empty files.
    #[error("the socket `{path}` does not count, as with flytekit; in a build it is an empty file, which does")]
    Socket {
        /// The path of the socket.
        path: String,
    },
}

impl Doubt {
    /// The file or directory that it is about.
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Order { path }
            | Self::GitIgnore { path, .. }
            | Self::Excluded { path }
            | Self::Link { path }
            | Self::Socket { path } => path,
        }
    }
}
