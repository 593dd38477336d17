//! What a plan is told about the world outside the spec.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::action::CopyLink;
use crate::python::Locked;

/// What a plan needs to know in addition to the spec. What is left out is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The image that everything starts from.
    pub base: BaseFacts,
    /// The spec's id, which a task finds in its environment.
    pub id: String,
    /// The facts of each spec, the lowest first.
    pub storeys: Vec<StoreyFacts>,
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

/// What the requirements files of a spec say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    /// The requirements in them, as their lines have them.
    pub lines: Vec<String>,
    /// Whatever else decides versions, in the form our locks record it: `-c numpy<2` for example.
    pub settings: Vec<String>,
    /// uv's options for the indexes that the files name.
    pub indexes: Vec<String>,
    /// All files that are read, by their paths in the context.
    pub files: Vec<String>,
    /// What the lock step reads instead of some of the files, by their paths: nothing else of these counts for it.
    pub contents: BTreeMap<String, String>,
    /// Files and directories of the context that packages are built or installed from.
    pub projects: Vec<String>,
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
