//! Which paths of a context Docker's client sends.

use crate::files::Patterns;

/// The paths that an ignore file leaves in.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    patterns: Patterns,
    /// For each exception the text before its first wildcard, and whether there is one.
    exceptions: Vec<(String, bool)>,
}

impl Kept {
    /// What patterns leave in; `lines` are the same patterns, as [`crate::files::docker_patterns`] cleaned them.
    pub(crate) fn new<'a>(patterns: Patterns, lines: impl IntoIterator<Item = &'a String>) -> Self {
        let exceptions = lines.into_iter().filter_map(|line| line.strip_prefix('!'));
        let exceptions = exceptions.map(|text| match text.find(['*', '?', '[', '\\']) {
            Some(at) => (text.get(..at).unwrap_or("").to_owned(), true),
            None => (text.to_owned(), false),
        });
        Self {
            patterns,
            exceptions: exceptions.collect(),
        }
    }

    /// Whether a path is taken.
    pub(super) fn has(&self, path: &str) -> bool {
        !self.patterns.matches(path)
    }

    /// Whether something in a directory that is not taken may be: then an exception names a path in it.
    pub(super) fn may_have_below(&self, directory: &str) -> bool {
        let below = format!("{directory}/");
        self.exceptions
            .iter()
            .any(|(text, is_wild)| text.starts_with(&below) || (*is_wild && below.starts_with(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_entered_where_an_exception_may_lead() {
        let check = |lines: &[&str], directory: &str, expect: bool| {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            let patterns = Patterns::docker(lines.iter().map(String::as_str)).unwrap();
            let kept = Kept::new(patterns, &lines);
            assert!(!kept.has(directory), "{lines:?} {directory}");
            assert_eq!(kept.may_have_below(directory), expect, "{lines:?} {directory}");
        };
        check(&["a"], "a", false);
        check(&["a", "!b/c"], "a", false);
        check(&["a", "!a/b/c"], "a", true);
        check(&["a", "!a/b/c"], "a/b", true);
        check(&["a", "!a/b/c"], "a/bc", false);
        check(&["a", "!ab"], "a", false);
        check(&["*", "!b/*.txt"], "a", false);
        check(&["*", "!b/*.txt"], "b", true);
        check(&["*", "!b/*/c/x"], "b/d", true);
        check(&["*", "!**/keep"], "a/b", true);
        check(&["*", "!a/b[12]/c"], "a/b1", true);
        // What is left out after the exception stays out.
        check(&["*", "!a", "a"], "a", false);
    }
}
