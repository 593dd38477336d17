//! Why an operation did not succeed.

use std::error::Error;
use std::fmt;

use crate::text::diagnostic::Diagnostic;
use crate::text::source::Text;

/// All problems that stopped an operation, and the file that their spans are in. What every operation that can fail
/// fails with; how it is shown is decided where it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The file that spans are in.
    pub file: Option<Text>,
    /// At least one problem.
    pub problems: Vec<Diagnostic>,
}

impl Failure {
    /// Problems of a file.
    #[must_use]
    pub fn of<'a>(file: &Text, problems: impl IntoIterator<Item = &'a Diagnostic>) -> Self {
        Self {
            file: Some(file.clone()),
            problems: problems.into_iter().cloned().collect(),
        }
    }

    /// Says which file spans are in, unless that has been said.
    #[must_use]
    pub fn about(mut self, file: &Text) -> Self {
        self.file.get_or_insert_with(|| file.clone());
        self
    }

    /// Changes each problem.
    #[must_use]
    pub fn map(self, change: impl FnMut(Diagnostic) -> Diagnostic) -> Self {
        Self {
            file: self.file,
            problems: self.problems.into_iter().map(change).collect(),
        }
    }

    /// The problems as lines; no more than `most` of them.
    #[must_use]
    pub fn lines(&self, most: usize) -> String {
        let about = self.file.as_ref();
        let mut lines = Vec::new();
        if self.problems.len() != 1 {
            let place = about.map_or(String::new(), |file| format!(" in {}", file.name()));
            lines.push(format!("{} problems{place}", self.problems.len()));
        }
        lines.extend(self.problems.iter().take(most).map(|problem| problem.line(about)));
        if let Some(more) = self.problems.len().checked_sub(most).filter(|more| *more > 0) {
            lines.push(format!("and {more} more"));
        }
        lines.join("\n")
    }
}

impl From<Diagnostic> for Failure {
    fn from(problem: Diagnostic) -> Self {
        Self {
            file: None,
            problems: vec![problem],
        }
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(problems: Vec<Diagnostic>) -> Self {
        Self { file: None, problems }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines(usize::MAX))
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problems.first().and_then(Error::source)
    }
}
