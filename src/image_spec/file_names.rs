//! The names of files that a build looks for by itself.

/// The names of spec files, tried in order where none is given.
pub const DEFAULT_NAMES: [&str; 2] = ["imageSpec.yaml", "imagespec.yaml"];

/// The name of a lock beside a spec.
pub const LOCK_NAME: &str = "pylock.toml";
