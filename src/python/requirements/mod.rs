//! Requirements: single ones, the files that list them, and the options that come with them.

mod arguments;
mod content;
mod git_versions;
mod kind;
mod lines;
mod manifest;
mod options;
mod other_files;
mod other_tools;
mod parts;
pub(crate) mod pep508;
mod poetry;
mod requirement;
mod translated;

pub(crate) use arguments::{PipArguments, add_names};
pub(crate) use content::{content_of_lines, content_of_toml};
pub(crate) use kind::RequirementsFile;
pub use lines::IndexOption;
pub(crate) use lines::{
    Entry, FileOption, ListedRequirement, RequirementsLines, logical_lines, plain_text, read_lines,
};
pub(crate) use manifest::{LocalSource, Manifest, UvSettings, Workspace};
pub(crate) use other_files::{is_of_windows, other_content, other_file};
pub(crate) use other_tools::{OtherIndex, OtherTools};
pub use parts::Parts;
pub(crate) use parts::has_name;
pub(crate) use pep508::version_fits;
pub use requirement::{Requirement, RequirementError, Source};
pub(crate) use requirement::{decoded, encoded, normalised};
