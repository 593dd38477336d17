//! What a plan is told about the world outside the spec.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::plan::action::CopyLink;
use crate::python::{IndexOption, Locked};

/// What a plan needs to know in addition to the spec. What is left out is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The image that everything starts from.
    pub base: BaseFacts,
    /// The spec's id, which a task finds in its environment.
    pub id: String,
    /// The facts of each spec, the lowest first.
    pub storeys: Vec<StoreyFacts>,
    /// Who looks on while the image is built.
    pub attendance: Attendance,
}

/// Who looks on while an image is built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Attendance {
    /// Somebody who reads what steps make, and plans anew.
    #[default]
    Reader,
    /// Somebody who only sees how a step ends. Steps decide by themselves; where a package turns out to be built and the
    /// plan does not provide for it, one ends with [`NEEDS_BUILDS_STATUS`](crate::plan::NEEDS_BUILDS_STATUS), to be built
    /// once more with `resolving_builds`.
    Waiter,
    /// Nobody: steps decide by themselves.
    Nobody,
}

/// What is known about the image that a plan starts from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseFacts {
    /// A short name that stays the same when the image changes; defaults to its reference.
    pub name: Option<String>,
    /// How many layers it has.
    pub layers: Option<usize>,
}

/// What is known about one spec's packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreyFacts {
    /// What the requirements files say.
    pub requirements: Requirements,
    /// Whether a package has to be built to know what it needs. Builds see all of the environment, so resolving does.
    pub resolving_builds: bool,
    /// What activating its conda environment sets, by name.
    pub activation: BTreeMap<String, String>,
    /// The path of the sibling lock, in the tree that the spec is in.
    pub sibling_lock: Option<String>,
    /// What its copies do not take as it is; unknown where nobody could look.
    pub copies: Option<CopiesFacts>,
    /// The packages to install. Without them a plan ends where they are looked up.
    pub lock: Option<LockedPackages>,
}

/// What is known about the files that a spec copies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopiesFacts {
    /// Its source.
    pub source: CopyFacts,
    /// Each path that `copy` names.
    pub copy: Vec<CopyFacts>,
}

/// What of a file or directory does not go into the image as it is. Paths and patterns are relative to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyFacts {
    /// Patterns of what is left out, as in `.dockerignore`; links that are replaced among it.
    pub without: Vec<String>,
    /// Links that are replaced by what they lead to.
    pub links: Vec<CopyLink>,
}

/// What the requirements of a spec say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    /// The requirements in its files, as their lines have them.
    pub lines: Vec<String>,
    /// The requirements that limit versions, as their lines have them.
    pub constraints: Vec<String>,
    /// URLs that files include, as the options that do so: uv reads them when it resolves.
    pub included: Vec<String>,
    /// Files that decide versions by what they say, each with its SHA-256 or that of what counts of it.
    pub digests: BTreeMap<String, String>,
    /// Lines for the lock step: the requirements of files of lines, with hashes. `CONTEXT_ROOT` stands before paths.
    pub resolved: Vec<String>,
    /// The same of what limits versions.
    pub bounds: Vec<String>,
    /// uv's words for the projects whose manifests the lock step reads, relative to the requirements file.
    pub project_arguments: Vec<String>,
    /// uv's words for what options in files say.
    pub options: Vec<String>,
    /// Where files say that packages are looked for; directories are relative to the context.
    pub indexes: Vec<IndexOption>,
    /// Where uv's own settings say so: uv finds these itself where it resolves.
    pub setting_indexes: Vec<IndexOption>,
    /// What uv's settings say of how packages are built, as lines of a `uv.toml`.
    pub build_settings: String,
    /// Whether uv's settings are beside or above the requirements file.
    pub has_settings: bool,
    /// What the lock step reads as text, by paths in the context: nothing else of these files counts for it.
    pub texts: BTreeMap<String, String>,
    /// The files and directories that it sees as they are.
    pub mounts: BTreeSet<String>,
    /// Whether it may build some of them.
    pub builds: bool,
    /// The directories that packages are built from.
    pub projects: BTreeMap<String, ProjectFiles>,
    /// The repositories that packages come from.
    pub repositories: Repositories,
    /// The version of the interpreter, where files decide it.
    pub python: Option<String>,
    /// All files and directories that decide what is installed.
    pub read: BTreeSet<String>,
}

/// What the build of a project reads beyond its directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectFiles {
    /// Files and directories of the context.
    pub beside: BTreeSet<String>,
    /// The directory of the context that is the checkout which the version comes from.
    pub checkout: Option<String>,
    /// What it reads of other manifests, by path.
    pub texts: BTreeMap<String, String>,
}

/// Which repositories packages come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repositories {
    /// Whether there is any.
    pub any: bool,
    /// Whether one is reached by ssh.
    pub by_ssh: bool,
}

impl Repositories {
    /// Notes the URL of one.
    pub fn add(&mut self, url: &str) {
        self.any = true;
        self.by_ssh |= url.contains("ssh://");
    }
}

/// The packages that a lock installs for one interpreter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockedPackages {
    /// The packages, by name. Paths are relative to the build context.
    pub packages: Vec<Locked>,
    /// Files that several of them have; known once they are installed.
    pub shared: Vec<SharedFile>,
}

/// A file that several packages of a lock have: the last of them, by name, keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct SharedFile {
    /// Absolute, in the image.
    pub path: String,
    /// The packages, by name.
    pub packages: Vec<String>,
}
