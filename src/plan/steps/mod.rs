//! The steps, a file for each kind: each adds to a builder what its part of a spec asks for.

mod activation;
mod apt;
mod apt_access;
mod apt_sources;
mod build;
mod commands;
mod conda;
mod copies;
mod fetch;
mod index;
mod install;
mod lock;
mod requirement;
mod shared;
mod user;
mod venv;

pub(crate) use activation::activation;
pub(crate) use apt::{SYSTEM_DIRECTORIES, apt, may_be_of_apt};
pub(crate) use apt_sources::has_sources;
pub(crate) use build::{BUILD_REASON, build};
pub(crate) use commands::{commands, own_workdir};
pub(crate) use conda::conda;
pub(crate) use copies::{NOT_SEEN, NOT_SOURCE, copies, copies_anything, owned_paths};
pub(crate) use fetch::fetch;
pub(crate) use install::{INSTALL_REASON, install};
pub(crate) use lock::{install_resolved, keep_lock, lock};
pub use requirement::required;
pub(crate) use requirement::{asked, digested_file};
pub(crate) use shared::{find_shared, keep_shared, settle_shared};
pub(crate) use user::{login_path, user};
pub(crate) use venv::venv;
