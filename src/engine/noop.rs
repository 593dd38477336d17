//! The engine that builds nothing: the image is the one in `base_image`.

use crate::engine::command_line::CommandLine;
use crate::engine::health::Health;
use crate::engine::interface::{BuildError, Built, Engine};
use crate::engine::option::BuildOption;
use crate::engine::request::BuildRequest;
use crate::text::Diagnostic;

/// flytekit's `noop`.
pub(super) struct Noop;

impl Engine for Noop {
    fn name(&self) -> &str {
        "noop"
    }

    fn priority(&self) -> Option<i32> {
        None
    }

    fn health(&self) -> Health {
        Health {
            found: true,
            ..Health::default()
        }
    }

    /// Whatever is asked, nothing is done.
    fn can(&self, _: BuildOption) -> bool {
        true
    }

    fn commands(&self, _: &BuildRequest, _: Option<&Health>) -> Result<Vec<CommandLine>, Diagnostic> {
        Ok(Vec::new())
    }

    fn build(&self, request: &BuildRequest, _: &Health) -> Result<Built, BuildError> {
        let Some(name) = request.base_image.clone() else {
            let message = "noop takes the image in `base_image`, and the spec names none there";
            let problem = Diagnostic::build_error("noop", message);
            return Err(problem
                .help("name an image in `base_image`, or build with another engine")
                .into());
        };
        Ok(Built {
            name: Some(name),
            ..Built::default()
        })
    }
}
