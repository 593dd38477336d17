//! Reading and checking in one go: the door to this folder.

use crate::image_spec::model::ImageSpec;
use crate::image_spec::{check, extends, read};
use crate::text::{Diagnostic, Operation, Severity, Text};

/// The result of reading a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The spec; `None` if the file is not a YAML mapping.
    pub spec: Option<ImageSpec>,
    /// All problems, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// The errors that stop an operation.
    pub fn errors(&self, operation: Operation) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(move |d| d.severity == Severity::Error && d.stops <= operation)
    }
}

/// Reads and checks a spec. Problems do not stop it, so one run finds all of them.
#[must_use]
pub fn parse(text: &Text) -> Parsed {
    let root = match extends::read(text) {
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
    diagnostics.sort_by_key(|d| d.span().map_or(0, |span| span.start));
    Parsed { spec, diagnostics }
}
