//! What an LLB graph is made with, in addition to the plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::llb::{Network, Output, SourceFile};
use crate::plan::{ImageRole, Part, Strategy, Target, TargetError};
use crate::text::Text;

/// The file trees that a plan takes files from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The base image; `None` is an empty one.
    pub base: Option<Output>,
    /// The variables in the base image's own settings, which a plan only edits.
    pub base_environment: Vec<(String, String)>,
    /// The images that programs are taken from, of each storey.
    pub images: Vec<BTreeMap<ImageRole, Output>>,
    /// The build context.
    pub context: Option<Output>,
    /// The directory of the spec.
    pub spec_directory: Option<Output>,
}

/// The spec file, and those that it extends, which steps point into.
#[derive(Debug, Clone)]
pub struct SpecSource {
    /// Its text, for lines.
    pub text: Arc<Text>,
    /// Its parts as they are in the graph.
    pub files: Vec<Arc<SourceFile>>,
}

/// What a user asks of a build, in addition to the plan.
#[derive(Debug, Clone)]
pub struct LlbOptions {
    /// How independent steps become one image.
    pub strategy: Strategy,
    /// What to run even when cached.
    pub no_cache: BTreeSet<Part>,
    /// What to build.
    pub target: Target,
    /// The network of steps.
    pub network: Network,
    /// Extra host names, with their addresses.
    pub extra_hosts: Vec<(String, String)>,
    /// The steps' host name; empty for the engine's default.
    pub hostname: String,
    /// Proxy settings, outside the cache key.
    pub proxy: Vec<(String, String)>,
    /// Prefix for cache ids.
    pub cache_namespace: String,
    /// Shown in the names of steps when several platforms are built.
    pub platform_label: Option<String>,
    /// The spec file.
    pub source: Option<SpecSource>,
    /// Whether copies can set modes.
    pub sets_modes: bool,
}

impl LlbOptions {
    /// Defaults.
    #[must_use]
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            no_cache: BTreeSet::new(),
            target: Target::Whole,
            network: Network::Sandbox,
            extra_hosts: Vec::new(),
            hostname: String::new(),
            proxy: Vec::new(),
            cache_namespace: String::new(),
            platform_label: None,
            source: None,
            sets_modes: true,
        }
    }
}

/// A plan that cannot become a graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A step takes files from a source that was not given.
    #[error("the step `{step}` needs the {name}, which was not given")]
    MissingSource {
        /// The step's title.
        step: String,
        /// What is missing.
        name: String,
    },
    /// A step's script is longer than what engines hand to a shell.
    #[error("the script of `{step}` is too long for a Dockerfile without files beside it")]
    TooLong {
        /// The step's title.
        step: String,
    },
    /// The engine knows no texts in a Dockerfile.
    #[error("that engine has no texts in a Dockerfile: buildah 1.33 and podman 4.8 are the first that have")]
    NoTexts,
    /// The engine cannot leave files out of a copy.
    #[error(
        "that engine copies all of `{directory}`, and some of it is left out: buildah 1.38 and podman 5.3 have `COPY --exclude`"
    )]
    NoExclusion {
        /// Which directory.
        directory: String,
    },
    /// Which packages are installed is not known.
    #[error("which packages a lock installs is not known: only the image's own Python says")]
    Incomplete,
    /// A value has no words in a Dockerfile.
    #[error("{0}")]
    Words(String),
    /// The target is not in the plan.
    #[error(transparent)]
    Target(#[from] TargetError),
}

impl WriteError {
    /// Whether a Dockerfile with files beside it can say what one alone cannot.
    #[must_use]
    pub fn has_room_in_a_directory(&self) -> bool {
        matches!(self, Self::TooLong { .. } | Self::NoTexts | Self::NoExclusion { .. })
    }

    pub(super) fn missing(step: &str, name: &str) -> Self {
        Self::MissingSource {
            step: step.to_owned(),
            name: name.to_owned(),
        }
    }
}
