//! A spec with its files, served by the gateway of a build or from a disk.

mod alike;
mod copies;
mod files;
mod lock;
mod look;
mod outlook;
mod requirements;

pub(crate) use alike::patterns_like;
pub(crate) use copies::{copies_anything, copying, facts as copies_facts, warnings as copies_warnings};
pub(crate) use files::{AtPath, ContextFiles, Wanted};
pub(crate) use lock::LockJudge;
pub(crate) use look::{check, wanted_paths};
#[cfg(feature = "cli")]
pub(crate) use outlook::Outlook;
pub(crate) use outlook::{Planned, several_platforms};
pub(crate) use requirements::{FoundRequirements, first_paths, read as read_requirements};
