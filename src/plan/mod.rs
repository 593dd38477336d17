//! A spec to a build plan: what is installed, in which step, on top of what. Plain data, no I/O.
//!
//! A plan is a list of [`Step`]s in layer order. Each names the steps whose files it must see; steps
//! that do not depend on each other may run at once and become independent layers. Running the layers one after
//! another in the order of the list gives the same image. A [`Schedule`] says which of the two is done.

mod action;
mod builder;
mod chain;
mod diagnosis;
mod environment;
mod explain;
mod facts;
mod home;
mod inputs;
mod layers;
mod model;
mod needs;
mod paths;
mod python_place;
mod recipe;
mod report;
mod schedule;
mod script;
mod steps;
mod variables;
mod writes;

pub use action::{Action, CopyFiles, CopyLink, CopySource, ImageRole, Modes, Run, StepId, StepMount};
pub use environment::{Change, Edit, edited};
pub use explain::{ExplainedStep, explain};
pub use facts::{
    Attendance, BaseFacts, CopiesFacts, CopyFacts, Facts, LockedPackages, ProjectFiles, Repositories, Requirements,
    SharedFile, StoreyFacts,
};
pub use inputs::{CA_SECRET, FIXED_TIME};
pub use model::{Base, BuildPlan, Cache, CacheSharing, Part, Product, Settings, Stage, Step, Storey};
pub use needs::{DEFAULT_BASE, DEFAULT_MICROMAMBA, DEFAULT_UV, Needs, StoreyNeeds, needs};
pub use python_place::{DEFAULT_PYTHON, PythonPlace};
pub use recipe::plan;
pub use report::PlanReport;
pub use schedule::{Schedule, Scheduled, StepRun, Strategy, Target, TargetError, Tree, schedule};
pub use script::{MISSING_GIT_STATUS, MISSING_SECRET_STATUS, NEEDS_BUILDS_STATUS, Script};
pub use steps::required;
pub(crate) use steps::{asked, digested_file};
pub use writes::Writes;

pub(crate) use diagnosis::names_of_apt;
pub(crate) use home::{PASSWD, likely_home};
pub(crate) use inputs::TASK_USER;
#[cfg(feature = "cli")]
pub(crate) use paths::KEEPS_LOCK;
pub(crate) use paths::{CONTEXT, CONTEXT_ROOT, FAILED, KEPT, PRODUCT, SCRATCH, SCRATCH_OF_COMMANDS, SCRIPTS, WORK};
pub(crate) use python_place::conda_version;
pub(crate) use script::{LOOKS_AGAIN, quote, script_file};
pub(crate) use steps::{NOT_SEEN, NOT_SOURCE, owned_paths};
pub(crate) use variables::is_proxy;
