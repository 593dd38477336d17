//! A spec with its files, served by the gateway of a build or from a disk.

mod files;
mod lock;
mod look;
mod outlook;
mod requirements;

pub(crate) use files::{AtPath, ContextFiles, Wanted};
pub(crate) use lock::LockJudge;
pub(crate) use look::{check, wanted_paths};
#[cfg(feature = "cli")]
pub(crate) use outlook::Outlook;
pub(crate) use outlook::{Planned, several_platforms};
pub(crate) use requirements::{FoundRequirements, first_paths, read as read_requirements};
