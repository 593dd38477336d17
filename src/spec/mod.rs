//! A YAML text to a typed spec with every problem found on the way, each with its place.
//!
//! There are two levels. What stops [`Stage::Construct`] is what flytekit itself would refuse; without
//! such errors a spec has a name. What stops [`Stage::Build`] keeps an image from being made.

mod algorithm;
mod check;
mod check_packages;
mod choice;
pub mod credential;
mod diagnostic;
pub mod field;
mod model;
mod read;
mod reference;
mod secret;
mod surrogate;
/// Texts, spans and positions.
pub mod text;
/// YAML to nodes that keep their text and place.
pub mod yaml;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use diagnostic::{Diagnostic, Severity, Stage, shown_text};
pub use model::{
    BaseImage, ImageSpec, Layering, Profile, RequirementsFile, SecretMount, SourceCopyMode, TextList, TextMap,
    TextValue, context_path, directory_of, file_name,
};
pub use reference::{Reference, ReferenceError};
pub use text::{Position, Span, Spanned, Text};

/// The names of spec files, tried in order where none is given.
pub const DEFAULT_NAMES: [&str; 2] = ["imageSpec.yaml", "imagespec.yaml"];

/// The name of a lock beside a spec.
pub const LOCK_NAME: &str = "pylock.toml";

/// What came of reading a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The spec, unless the file is no YAML mapping at all.
    pub spec: Option<ImageSpec>,
    /// Everything found, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// The errors that stop an operation.
    pub fn errors(&self, stage: Stage) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(move |d| d.severity == Severity::Error && d.stage <= stage)
    }
}

/// Reads and checks a spec.
#[must_use]
pub fn parse(text: &Text) -> Parsed {
    let root = match yaml::parse(text) {
        Ok(root) => root,
        Err(diagnostic) => {
            return Parsed {
                spec: None,
                diagnostics: vec![diagnostic],
            };
        }
    };
    let mut diagnostics = Vec::new();
    let spec = read::read(&root, &mut diagnostics);
    if let Some(spec) = &spec {
        check::check(spec, &mut diagnostics);
    }
    diagnostics.sort_by_key(|d| d.span.map_or(0, |span| span.start));
    Parsed { spec, diagnostics }
}
