//! Patterns of `.dockerignore` in two dialects: docker-py's, which flytekit uses, and Docker's.

use regex::{Regex, RegexBuilder};

use crate::files::paths::{docker_parts, pathlib_parts};
use crate::python::is_space;

/// A list of patterns; the last that matches decides.
#[derive(Debug, Clone, Default)]
pub struct Patterns(Vec<Pattern>);

#[derive(Debug, Clone)]
struct Pattern {
    exception: bool,
    /// The number of its components.
    depth: usize,
    regex: Regex,
    dialect: Dialect,
}

/// A malformed pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a pattern")]
pub struct PatternError(String);

impl Patterns {
    /// Reads the lines of a `.dockerignore` as flytekit and docker-py do. `.dockerignore` itself is never
    /// ignored.
    ///
    /// # Errors
    /// For a malformed pattern, which Python refuses too.
    pub fn docker_py(content: &str) -> Result<Self, PatternError> {
        let content = content.replace("\r\n", "\n").replace('\r', "\n");
        let mut patterns = Vec::new();
        for line in content.split('\n').filter(|line| !line.starts_with('#')) {
            patterns.extend(Pattern::docker_py(line.trim_matches(is_space))?);
        }
        patterns.extend(Pattern::docker_py("!.dockerignore")?);
        Ok(Self(patterns))
    }

    /// Takes patterns that [`docker_patterns`] cleaned, and matches them as Docker's client does.
    ///
    /// # Errors
    /// For a malformed pattern, which Docker refuses too.
    pub fn docker<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, PatternError> {
        patterns
            .into_iter()
            .map(Pattern::docker)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The position of the last pattern that matches a path, if that path is left out.
    #[must_use]
    pub fn decisive(&self, path: &str) -> Option<usize> {
        let last = self.0.iter().rposition(|pattern| pattern.matches(path))?;
        self.0
            .get(last)
            .is_some_and(|pattern| !pattern.exception)
            .then_some(last)
    }

    /// Whether there is no pattern.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a path, with `/` between its components, is left out.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let mut matched = false;
        for pattern in &self.0 {
            // Skip a pattern that would change nothing.
            if pattern.exception == matched && pattern.matches(path) {
                matched = !pattern.exception;
            }
        }
        matched
    }
}

impl Pattern {
    fn docker_py(line: &str) -> Result<Option<Self>, PatternError> {
        let (exception, text) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim_matches(is_space)),
            None => (false, line),
        };
        let parts = docker_parts(text);
        if parts.is_empty() {
            return Ok(None);
        }
        let cleaned = parts.join("/").to_lowercase();
        Ok(Some(Self {
            exception,
            depth: parts.len(),
            regex: regex(&expression(&cleaned, Dialect::Python), line)?,
            dialect: Dialect::Python,
        }))
    }

    fn docker(line: &str) -> Result<Self, PatternError> {
        let (exception, text) = match line.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        Ok(Self {
            exception,
            depth: text.split('/').count(),
            regex: regex(&expression(text, Dialect::Docker), line)?,
            dialect: Dialect::Docker,
        })
    }

    fn matches(&self, path: &str) -> bool {
        if self.dialect == Dialect::Docker {
            // Everything in an ignored directory is ignored.
            let parents = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
            return self.regex.is_match(path) || parents.into_iter().any(|parent| self.regex.is_match(parent));
        }
        if self.regex.is_match(&path.to_lowercase()) {
            return true;
        }
        let Some((parent, _)) = path.rsplit_once('/') else {
            return false;
        };
        let parts = pathlib_parts(parent);
        let first = parts.get(..self.depth).map(|parts| parts.join("/").to_lowercase());
        first.is_some_and(|first| self.regex.is_match(&first))
    }
}

fn regex(expression: &str, pattern: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(expression)
        .size_limit(1 << 20)
        .build()
        .map_err(|_| PatternError(pattern.to_owned()))
}

/// Whose rules a pattern follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// docker-py's: a backslash is an ordinary character, `**` stops at a line feed, and only one parent of a path is
    /// tried, that of the pattern's own depth.
    Python,
    /// Docker's, which is Go's `filepath.Match` with `**`.
    Docker,
}

/// A pattern as a regular expression.
fn expression(pattern: &str, dialect: Dialect) -> String {
    let is_python = dialect == Dialect::Python;
    let mut out = String::from("^");
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or("");
        match c {
            '*' if rest.starts_with('*') => {
                rest = rest.get(1..).unwrap_or("");
                rest = rest.strip_prefix('/').unwrap_or(rest);
                out.push_str(match (rest.is_empty(), dialect) {
                    (true, Dialect::Python) => ".*",
                    (false, Dialect::Python) => "(.*/)?",
                    (true, Dialect::Docker) => "(?s:.*)",
                    (false, Dialect::Docker) => "(?s:.*/)?",
                });
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '\\' if !is_python => {
                let literal = rest.chars().next().unwrap_or('\\');
                rest = rest.get(literal.len_utf8()..).unwrap_or("");
                out.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
            }
            '[' => match class(rest, dialect) {
                Some((class, after)) => {
                    out.push_str(&class);
                    rest = after;
                }
                None if is_python => out.push_str("\\["),
                // An error for Docker, and so it is here.
                None => out.push('['),
            },
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    // Python's `$` also matches before a final line feed.
    out.push_str(if is_python { "\\n?$" } else { "$" });
    out
}

/// A class after its opening bracket, and what follows it.
fn class(text: &str, dialect: Dialect) -> Option<(String, &str)> {
    let (negation, has_escapes) = match dialect {
        Dialect::Python => ('!', false),
        Dialect::Docker => ('^', true),
    };
    let negated = text.strip_prefix(negation);
    let body = negated.unwrap_or(text);
    // A bracket that comes first is a member.
    let from = usize::from(body.starts_with(']'));
    let mut is_escaped = false;
    let end = body.get(from..)?.find(|c| {
        let is_end = c == ']' && !is_escaped;
        is_escaped = has_escapes && c == '\\' && !is_escaped;
        is_end
    })?;
    let end = from + end;
    let mut class = String::from(if negated.is_some() { "[^" } else { "[" });
    // Written as numbers, no character has a special meaning.
    let mut push = |range: (char, char)| {
        let (first, last) = (u32::from(range.0), u32::from(range.1));
        class.push_str(&format!("\\x{{{first:x}}}-\\x{{{last:x}}}"));
    };
    let mut members = body.get(..end)?.chars();
    while let Some(first) = members.next() {
        let first = if has_escapes && first == '\\' {
            members.next()?
        } else {
            first
        };
        let mut ahead = members.clone();
        match (ahead.next(), ahead.next()) {
            // A dash makes a range, unless it comes last.
            (Some('-'), Some(last)) => {
                push((first, last));
                members = ahead;
            }
            _ => push((first, first)),
        }
    }
    class.push(']');
    Some((class, body.get(end + 1..)?))
}

/// A pattern that matches this path alone.
#[must_use]
pub fn literal_pattern(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for (at, c) in path.char_indices() {
        let is_end = at == 0 || at + c.len_utf8() == path.len();
        match c {
            '*' | '?' | '[' | ']' | '\\' | '^' => pattern.extend(['\\', c]),
            '!' if at == 0 => pattern.push_str("\\!"),
            // Patterns are trimmed.
            c if is_end && c.is_whitespace() => pattern.extend(['[', c, ']']),
            c => pattern.push(c),
        }
    }
    pattern
}

/// The patterns of an ignore file, cleaned as Docker does.
#[must_use]
pub fn docker_patterns(content: &str) -> Vec<String> {
    content
        .trim_start_matches('\u{feff}')
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let line = line.trim();
            let (negated, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            if pattern.is_empty() {
                return None;
            }
            let parts = docker_parts(pattern);
            let cleaned = if parts.is_empty() {
                ".".to_owned()
            } else {
                parts.join("/")
            };
            Some(if negated { format!("!{cleaned}") } else { cleaned })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignore_files_read_as_in_docker() {
        let content = "\u{feff}# comment\n /a/b/ \n!c\n\n  # pattern\n./d/../e\n! /f\n";
        assert_eq!(docker_patterns(content), ["a/b", "!c", "# pattern", "e", "!f"]);
    }

    #[test]
    fn docker_pys_dialect() {
        let check = |lines: &str, path: &str, expect: bool| {
            let patterns = Patterns::docker_py(lines).unwrap();
            assert_eq!(patterns.matches(path), expect, "{lines:?} {path}");
        };
        check("*.log", "b.log", true);
        check("*.log", "d/b.log", false);
        check("**/*.log", "d/b.log", true);
        check("**/*.log", "b.log", true);
        check("d", "d/e/f", true);
        check("d/e", "d/e/f/g", true);
        check("D", "d/x", true);
        check("a.TXT", "A.txt", true);
        check("*\n!d/e/g.txt", "d/e/g.txt", false);
        check("*\n!d/e/g.txt", "d/e/f.txt", true);
        check("# c\n  # x", "# x", true);
        check("*", ".dockerignore", false);
        check("/d/", "d/x", true);
        check("x/../d", "d/x", true);
        check("[!a].txt", "b.txt", true);
        check("[!a].txt", "a.txt", false);
        check("[]a].txt", "].txt", true);
        check("[a", "[a", true);
        check("[a-c]", "b", true);
        check("[--a]", "B", false);
        check("[--a]", "=", true);
        check("[a&&b]", "&", true);
        check("[\\w]", "w", true);
        check("[\\w]", "x", false);
        check("\u{1c}a", "a", true);
        check("a?c", "a/c", false);
        check("**", "a\nb", false);
        check("! d\r\nd", "d", true);
        check("*.txt", "./a.txt", false);
        check("d", "./d/x", true);
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for pattern in ["[z-a]", "x[b--]"] {
            assert!(Patterns::docker_py(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn dockers_dialect() {
        let check = |lines: &[&str], path: &str, expect: bool| {
            let patterns = Patterns::docker(lines.iter().copied()).unwrap();
            assert_eq!(patterns.matches(path), expect, "{lines:?} {path}");
        };
        check(&["*.log"], "b.log", true);
        check(&["*.log"], "d/b.log", false);
        check(&["**/*.log"], "d/b.log", true);
        check(&["d"], "d/e/f", true);
        check(&["D"], "d/x", false);
        check(&["*", "!d/e"], "d/e/f", false);
        check(&["*", "!d/e"], "d/g", true);
        check(&["**/__pycache__"], "a/__pycache__/x", true);
        check(&["a\\*"], "a*", true);
        check(&["a\\*"], "ab", false);
        check(&["[a-c]x"], "bx", true);
        check(&["[^a]x"], "bx", true);
        check(&["[a&&b]x"], "&x", true);
        check(&["[a[b]"], "[", true);
        check(&["[a\\]b]"], "]", true);
        check(&["**"], "a/b", true);
        check(&["a/**/z"], "a/z", true);
    }
}
