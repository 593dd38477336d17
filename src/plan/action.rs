//! What a step does: runs a script, copies files, makes a directory; and what it sees while it does.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::image_spec::FileMode;
use crate::plan::environment::Edit;
use crate::plan::script::Script;

/// The name of a step in its storey: what it is for, such as `apt-2` or `wheel-numpy`. It does not
/// depend on the steps of other fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct StepId(pub(crate) String);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an image is used for in a build; users may replace it under this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageRole {
    /// The base image.
    Base,
    /// The image with `uv`.
    Uv,
    /// The image with `micromamba`.
    Micromamba,
}

impl ImageRole {
    /// The name by which users replace the image.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Uv => "uv",
            Self::Micromamba => "micromamba",
        }
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Runs a script as root.
    Run(Run),
    /// Copies files, one after another.
    Copy(Vec<CopyFiles>),
    /// Makes a directory, or changes the owner and mode of one that exists.
    MakeDirectory {
        /// Absolute, not the root; its parents are made too.
        path: String,
        /// Its owner, `user` or `user:group` in names or numbers; without it an existing one keeps its own.
        #[serde(skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// Its mode, in octal digits.
        #[serde(serialize_with = "as_octal")]
        mode: u32,
    },
}

/// A script to run in a shell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// What to run.
    pub script: Script,
    /// What it changes in the environment of the storey below.
    pub environment: Vec<Edit>,
    /// What it sees in addition to its root.
    pub mounts: Vec<StepMount>,
    /// A directory outside all mounts; its content is what the step makes for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<&'static str>,
}

/// Something that a step sees in addition to its root.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepMount {
    /// An empty directory that is removed after the step.
    Scratch {
        /// Where it appears.
        target: &'static str,
    },
    /// A cache of the plan.
    Cache {
        /// Where it appears.
        target: &'static str,
        /// Its name in the plan.
        cache: &'static str,
    },
    /// A file of an image.
    Image {
        /// Where it appears.
        target: &'static str,
        /// What the image is for: the plan declares which one it is.
        image: ImageRole,
        /// The path there.
        path: &'static str,
    },
    /// A file or directory of the build context.
    Context {
        /// Where it appears.
        target: String,
        /// The path there; empty for all of it.
        path: String,
        /// Patterns of what is left out of a directory, as in `.dockerignore`, where the builder can.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        exclude: Vec<String>,
    },
    /// What another step made for others.
    Product {
        /// Where it appears.
        target: String,
        /// The other step.
        step: StepId,
    },
    /// All files after another step.
    Files {
        /// Where they appear.
        target: String,
        /// The other step.
        step: StepId,
    },
    /// A secret as a file, if given; scripts check for some that they need.
    Secret {
        /// Where it appears.
        target: String,
        /// What the engine knows it by.
        id: String,
        /// Whether the step fails without it.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        required: bool,
    },
    /// The socket of the client's ssh agent, if one is forwarded.
    SshAgent {
        /// Where it appears.
        target: &'static str,
    },
    /// A secret as a variable, if given.
    SecretVariable {
        /// The variable's name.
        variable: String,
        /// What the engine knows it by.
        id: String,
        /// Whether the step fails without it.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        required: bool,
    },
}

impl StepMount {
    /// The path at which it appears; `None` for a variable.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        match self {
            Self::Scratch { target }
            | Self::Cache { target, .. }
            | Self::Image { target, .. }
            | Self::SshAgent { target } => Some(target),
            Self::Context { target, .. }
            | Self::Product { target, .. }
            | Self::Files { target, .. }
            | Self::Secret { target, .. } => Some(target),
            Self::SecretVariable { .. } => None,
        }
    }
}

/// Where copied files are taken from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CopySource {
    /// The build context.
    #[default]
    Context,
    /// The directory that the spec is in.
    SpecDirectory,
    /// What a step made for others.
    Product(StepId),
}

/// A copy of files. Its files get a fixed time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CopyFiles {
    /// Where they are taken from.
    pub from: CopySource,
    /// The file or directory there; `.` for all of it.
    pub source: String,
    /// The path it gets; a directory's contents go into it.
    pub target: String,
    /// The owner, a name.
    pub owner: String,
    /// Patterns of what is not copied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// The modes that files of a checkout get.
    #[serde(skip_serializing_if = "Modes::are_usual")]
    pub modes: Modes,
    /// What else is copied, in the places of links.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<CopyLink>,
}

/// The modes that files of a checkout get.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Modes {
    /// What git keeps: 755 for directories and for what is executable, 644 for the rest.
    #[default]
    Git,
    /// Those that they have.
    Keep,
    /// These permissions; directories are open to those who may read.
    Exact(#[serde(serialize_with = "as_octal")] u32),
}

impl Modes {
    fn are_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The mode of a file or directory that had another one.
    #[must_use]
    pub fn of(self, mode: u32, is_directory: bool) -> u32 {
        match self {
            Self::Git if is_directory || mode & 0o111 != 0 => 0o755,
            Self::Git => 0o644,
            Self::Keep => mode & 0o7777,
            // Who may read a directory may search it.
            Self::Exact(exact) if is_directory => exact | (exact & 0o444) >> 2,
            Self::Exact(exact) => exact,
        }
    }
}

impl From<FileMode> for Modes {
    fn from(mode: FileMode) -> Self {
        match mode {
            FileMode::Git => Self::Git,
            FileMode::Keep => Self::Keep,
            FileMode::Exact(mode) => Self::Exact(mode),
        }
    }
}

/// A file or directory that is copied in the place of a link to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CopyLink {
    /// The path of the link in what is copied.
    pub path: String,
    /// The file or directory, in the tree that the link is in; `.` for all of it.
    pub source: String,
    /// Patterns of what is not copied of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

fn as_octal<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{mode:04o}"))
}
