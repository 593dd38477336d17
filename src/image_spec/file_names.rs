//! The names of the files that a build finds without being told.

/// The names of spec files, tried in order.
pub const DEFAULT_NAMES: [&str; 2] = ["imageSpec.yaml", "imagespec.yaml"];

/// The name of a lock in the directory of its spec.
pub const LOCK_NAME: &str = "pylock.toml";
