//! What an engine is, and what comes of a build.

use serde_json::Value;

use crate::engine::command_line::CommandLine;
use crate::engine::health::Health;
use crate::engine::log::Step;
use crate::engine::option::BuildOption;
use crate::engine::request::BuildRequest;
use crate::text::Diagnostic;

/// What an engine reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The spec, by the frontend.
    Spec,
    /// A Dockerfile in a directory with all that it takes.
    Dockerfile,
}

/// Something that builds images.
pub trait Engine: Send + Sync {
    /// Its name, as `--engine` takes it.
    fn name(&self) -> &str;

    /// Its place among those that `auto` chooses from, the highest first; `None` if it is only taken by name.
    fn priority(&self) -> Option<i32>;

    /// What it reads.
    fn input(&self) -> Input {
        Input::Spec
    }

    /// Whether it can build now. May start programs.
    fn health(&self) -> Health;

    /// Whether it can do what an option asks.
    fn can(&self, option: BuildOption) -> bool;

    /// What it would run, the build last. `health` is `None` if nobody asked the engine.
    ///
    /// # Errors
    /// When a value of an option cannot be translated.
    fn commands(&self, request: &BuildRequest, health: Option<&Health>) -> Result<Vec<CommandLine>, Diagnostic>;

    /// Builds. Progress goes to standard error.
    ///
    /// # Errors
    /// When the image is not built.
    fn build(&self, request: &BuildRequest, health: &Health) -> Result<Built, BuildError>;
}

/// An image that was built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Built {
    /// Its name, where it is another one than was asked for.
    pub name: Option<String>,
    /// What the engine says of it, as in the file of `--metadata-file`.
    pub metadata: Value,
    /// The steps that were seen in the progress, if that could be read.
    pub steps: Option<Vec<Step>>,
}

/// Why an image was not built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Something is wrong before or besides the build.
    #[error("{}", .0.line(None))]
    Problem(Box<Diagnostic>),
    /// The build failed; the progress says why.
    #[error("the build failed")]
    Failed {
        /// What the engine said last, in a line.
        message: Option<String>,
        /// Why it may go well another time, if it may.
        may_pass: Option<&'static str>,
        /// The stage of the step that failed, in BuildKit's words.
        stage: Option<String>,
    },
    /// The user ended it.
    #[error("interrupted")]
    Interrupted,
}

impl From<Diagnostic> for BuildError {
    fn from(problem: Diagnostic) -> Self {
        Self::Problem(Box::new(problem))
    }
}
