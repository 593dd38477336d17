//! The commands, a file each: what it takes and what it does.

pub(super) mod build;
pub(super) mod check;
pub(super) mod completions;
pub(super) mod config;
pub(super) mod context;
pub(super) mod diff;
pub(super) mod dockerfile;
pub(super) mod engines;
pub(super) mod exists;
pub(super) mod from_env;
pub(super) mod id;
pub(super) mod inspect;
pub(super) mod lock;
pub(super) mod man;
pub(super) mod name;
pub(super) mod plan;
pub(super) mod run;
pub(super) mod tag;
pub(super) mod with;
