//! Builds on a real Docker Engine, and looks at what came of it.
//!
//! The test bed (`tests/bed`) is used when it is up and brought up when it is not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may stop at the first surprise, their helpers too"
)]

mod apt;
mod bed;
mod build_command;
mod builds;
mod caches;
mod caching;
mod commands;
mod copies;
mod dockerfiles;
mod environment;
mod errors;
mod examples;
mod existing;
mod git_versions;
mod interpreters;
#[path = "../common/layout.rs"]
mod layout;
mod layouts;
mod lock_options;
mod locks;
mod modes;
mod naming;
mod oracle;
mod packages;
mod podman;
mod poetry;
mod progress;
mod projects;
mod registry;
mod repositories;
mod secrets;
mod tree;
mod users;
mod vectors;
