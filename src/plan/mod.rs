//! A spec to a build plan: what is installed, in which step, on top of what. Plain data, no I/O.
//!
//! A plan is a list of [`Step`]s in layer order. Each names the steps whose files it must see; what
//! does not depend on each other may run at once and become layers that do not know each other. Running
//! the steps one after another in the order of the list gives the same image.

mod build;
mod draft;
mod environment;
mod heavy;
mod install;
mod lock;
mod script;
mod types;
mod wheels;

pub(crate) use build::NOT_SOURCE;
pub(crate) use environment::is_proxy;

pub use build::{BaseFacts, Facts, Requirements, plan};
pub use lock::{KEPT, STEP_DIRECTORIES, required};
pub use types::{
    Action, Base, BuildPlan, CopyFiles, Mount, Origin, Part, Product, Role, Run, Settings, Sharing, Stage, Step, Tools,
};
pub use wheels::{BUILD_REASON, INSTALL_REASON, Lock, SharedFile};

/// The image that a build starts from where the spec names none.
pub const DEFAULT_BASE: &str = "debian:bookworm-slim";
/// The image that has the `uv` program where the spec names none. A constant of a release.
pub const DEFAULT_UV: &str = "ghcr.io/astral-sh/uv:0.13.8";
/// The image that has the `micromamba` program where the spec names none. A constant of a release.
pub const DEFAULT_MICROMAMBA: &str = "mambaorg/micromamba:2.0.3-debian12-slim";
/// The Python version where the spec names none.
pub const DEFAULT_PYTHON: &str = "3.12";
/// The id of the optional secret with the certificates that install steps trust.
pub const CA_SECRET: &str = "ca-certificates";
/// The time of every installed and copied file: 2000-01-01T00:00:00Z, in Unix seconds.
pub const FIXED_TIME: i64 = 946_684_800;
