//! Requirements: single ones, the files that list them, and the options that come with them.

mod arguments;
mod content;
mod kind;
mod lines;
mod project;
mod requirement;

pub(crate) use arguments::{PipArguments, add_names};
pub(crate) use content::{content_of_lines, content_of_toml};
pub(crate) use kind::RequirementsFile;
pub(crate) use lines::{Entry, logical_lines, parse_requirements, plain_text};
pub(crate) use project::{has_dynamic_requirements, project_requirements, source_paths};
pub(crate) use requirement::normalised;
pub use requirement::{Requirement, RequirementError, Source};
