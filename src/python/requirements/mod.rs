//! Requirements: their strings, the files that list them, and the options that come with them.

mod arguments;
mod kind;
mod lines;
mod project;
mod requirement;

pub use arguments::{Arguments, add_names};
pub use kind::RequirementsFile;
pub use lines::{Entry, RequirementsError, logical_lines, parse_requirements, plain_text};
pub use project::{has_dynamic_requirements, project_requirements, source_paths};
pub use requirement::{Requirement, RequirementError, Source, normalised};
