//! What a plan is told of the world.

use serde::{Deserialize, Serialize};

use crate::python::Locked;

/// What a plan needs to know besides the spec. What is left out is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The image that everything starts from.
    pub base: BaseFacts,
    /// The spec's id, which a task finds in its environment.
    pub id: String,
    /// Of each spec, the lowest first.
    pub storeys: Vec<StoreyFacts>,
}

/// What is known of the image that a plan starts from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseFacts {
    /// A short name of it that stays the same when the image changes; its reference where nothing is said.
    pub name: Option<String>,
    /// How many layers it has.
    pub layers: Option<usize>,
}

/// What is known of one spec's packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreyFacts {
    /// What the requirements files say.
    pub requirements: Requirements,
    /// The path of a lock beside the spec, in the tree that the spec is in.
    pub sibling_lock: Option<String>,
    /// The packages that are installed. Without it a plan ends where they are looked up.
    pub lock: Option<LockedPackages>,
}

/// What the requirements files of a spec say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    /// The requirements in them, as their lines have them.
    pub lines: Vec<String>,
    /// What else decides which versions are chosen, as a lock of ours notes it: `-c numpy<2` for example.
    pub settings: Vec<String>,
    /// uv's options for the indexes that they name.
    pub indexes: Vec<String>,
    /// All files that are read, by their paths in the context.
    pub files: Vec<String>,
    /// Files and directories of the context that packages are built or installed from.
    pub projects: Vec<String>,
}

/// The packages that are installed, as a lock has them for one interpreter.
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
    /// The file.
    pub path: String,
    /// The packages, by name.
    pub packages: Vec<String>,
}
