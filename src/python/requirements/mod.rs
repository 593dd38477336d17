//! Requirements: single ones, the files that list them, and the options that come with them.

mod arguments;
mod content;
mod kind;
mod lines;
mod options;
mod other_tools;
mod parts;
pub(crate) mod pep508;
mod project;
mod requirement;

pub(crate) use arguments::{PipArguments, add_names};
pub(crate) use content::{content_of_lines, content_of_toml};
pub(crate) use kind::RequirementsFile;
pub(crate) use lines::{Entry, logical_lines, parse_requirements, plain_text};
pub(crate) use other_tools::{OtherIndex, OtherTools};
pub use parts::Parts;
pub(crate) use parts::has_name;
pub(crate) use project::{has_dynamic_requirements, project_requirements, source_paths};
pub(crate) use requirement::normalised;
pub use requirement::{Requirement, RequirementError, Source};
