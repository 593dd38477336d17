//! A spec with its files, served by the gateway of a build or from a disk.

mod alike;
mod copies;
mod files;
mod findings;
mod follow;
mod given_locks;
mod lines;
mod lock;
mod lock_options;
mod look;
mod lookups;
mod manifests;
mod needs;
mod outlook;
mod python_version;
mod reader;
mod reason;
mod requirements;
mod resolve;
mod settings;
mod workspace;

#[cfg(test)]
mod tests;

pub(crate) use alike::patterns_like;
pub(crate) use copies::{copies_anything, copying, facts as copies_facts, warnings as copies_warnings};
pub(crate) use files::{AtPath, ContextFiles, DirectoryEntry, Wanted};
pub(crate) use findings::{Findings, unchecked};
pub(crate) use lock_options::check_lock_options;
pub(crate) use look::{check, wanted_paths};
pub(crate) use outlook::Outlook;
pub(crate) use outlook::{Planned, several_platforms};
pub(crate) use reader::FoundRequirements;
pub(crate) use reason::reason;
pub(crate) use requirements::{first_paths, read as read_requirements};
pub(crate) use resolve::{Extent, MAX_LOCK, ProductFile, Resolution, Resolving, Solver};
