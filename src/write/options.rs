use std::collections::BTreeSet;
use std::sync::Arc;

use crate::llb::{Network, Output, SourceFile};
use crate::plan::Part;

/// How steps that do not depend on each other become one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Each on its own, then merged: a change touches its own layer alone. Needs `MergeOp` and `DiffOp`.
    Merge,
    /// One after another, for engines that cannot merge.
    Chain,
}

/// The file trees that a plan takes files from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The base image; `None` is an empty one. Not used when the base is a plan.
    pub base: Option<Output>,
    /// The image with `uv`.
    pub uv: Option<Output>,
    /// The image with `micromamba`.
    pub micromamba: Option<Output>,
    /// The build context.
    pub context: Option<Output>,
    /// The directory of the spec.
    pub beside: Option<Output>,
    /// The sources of the plan that is the base.
    pub nested: Option<Box<Sources>>,
}

/// A part of an image that is built alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A part, with what it comes after. Of the lock's stage, the lock alone.
    Part(Part),
    /// What a step, by its position, made for others.
    Product(usize),
}

/// What a user asks of a build besides the plan.
#[derive(Debug, Clone)]
pub struct Options {
    /// How branches become one image.
    pub strategy: Strategy,
    /// What runs again even when cached.
    pub no_cache: BTreeSet<Part>,
    /// Build only this.
    pub target: Option<Target>,
    /// The network of steps.
    pub network: Network,
    /// Names resolved besides DNS.
    pub extra_hosts: Vec<(String, String)>,
    /// The steps' host name; empty for the engine's default.
    pub hostname: String,
    /// Proxy settings, outside the cache key.
    pub proxy: Vec<(String, String)>,
    /// Put before the ids of cache mounts.
    pub cache_namespace: String,
    /// Shown in the names of steps when several platforms are built.
    pub platform_label: Option<String>,
    /// The spec file, which steps point into.
    pub file: Option<Arc<SourceFile>>,
}

impl Options {
    /// Nothing asked for.
    #[must_use]
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            no_cache: BTreeSet::new(),
            target: None,
            network: Network::Sandbox,
            extra_hosts: Vec::new(),
            hostname: String::new(),
            proxy: Vec::new(),
            cache_namespace: String::new(),
            platform_label: None,
            file: None,
        }
    }
}

/// A plan that cannot become a graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StrategyError {
    /// A step takes files from something that was not handed in.
    #[error("the step `{step}` needs the {source_name}, which is not there")]
    MissingSource {
        /// The step's title.
        step: String,
        /// What is missing.
        source_name: &'static str,
    },
    /// The target is a stage that this image does not have.
    #[error("this image has no stage `{target}`; it has {known}")]
    NoSuchTarget {
        /// The stage asked for.
        target: &'static str,
        /// Those that there are.
        known: String,
    },
    /// The target is a package that this image does not have.
    #[error("this image does not install {package}; it installs {known}")]
    NoSuchPackage {
        /// The package asked for.
        package: String,
        /// Those that there are.
        known: String,
    },
}
