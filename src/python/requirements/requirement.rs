//! A requirement: a line of PEP 508, or a URL or path as pip takes them.

use std::fmt;

use pep508_rs::{MarkerEnvironment, VersionOrUrl};

use crate::python::requirements::other_files::is_of_windows;
use crate::python::requirements::pep508;

/// The name of a package as PEP 503 compares it: lower case, with single dashes.
#[must_use]
pub(crate) fn normalised(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

/// The place that a requirement is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A package index.
    Index,
    /// A repository, `git+https://…`.
    Repository(String),
    /// A file to download, by its URL.
    Archive(String),
    /// A file or directory, as written.
    Path(String),
}

/// One requirement, as a line of a requirements file has it (PEP 508, and pip's URLs and paths).
#[derive(Clone, PartialEq)]
pub struct Requirement {
    /// The line, without comments and options.
    pub text: String,
    /// The name as PEP 503 compares it; `None` for a URL or path without one.
    pub name: Option<String>,
    /// An index unless the line says otherwise.
    pub source: Source,
    parsed: Option<Box<pep508_rs::Requirement<pep508::Place>>>,
}

impl fmt::Debug for Requirement {
    /// A URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requirement")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A malformed requirement. The message does not repeat it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RequirementError(String);

impl Requirement {
    /// Reads a requirement.
    ///
    /// # Errors
    /// When the text is neither a PEP 508 requirement nor a URL or path.
    pub fn parse(text: &str) -> Result<Self, RequirementError> {
        let text = text.trim();
        let unnamed = |source| Self {
            text: text.to_owned(),
            name: None,
            source,
            parsed: None,
        };
        if let Some((name, place)) = direct(text) {
            let name = name.map(pep508::requirement).transpose().map_err(RequirementError)?;
            return Ok(Self {
                name: name.map(|named| normalised(named.name.as_ref())),
                ..unnamed(source_of(place))
            });
        }
        let parsed = pep508::requirement(text).map_err(RequirementError)?;
        Ok(Self {
            name: Some(normalised(parsed.name.as_ref())),
            parsed: Some(Box::new(parsed)),
            ..unnamed(Source::Index)
        })
    }

    /// Whether a URL or path in a lock is that of the requirement, revisions aside. Paths are relative to different
    /// files, so it is enough that the longer one ends with the other.
    #[must_use]
    pub(crate) fn is_from(&self, place: &str) -> bool {
        let (Source::Repository(own) | Source::Archive(own) | Source::Path(own)) = &self.source else {
            return false;
        };
        let (own, place) = (plain_place(own), plain_place(place));
        let ends = |long: &str, short: &str| long == short || long.ends_with(&format!("/{short}"));
        ends(&own, &place) || ends(&place, &own)
    }

    /// The same requirement of another path, in a line; a name, extras and a marker stay.
    #[must_use]
    pub(crate) fn at_path(&self, path: &str) -> String {
        let (place, marker) = match self.text.split_once(" ;") {
            Some((place, marker)) => (place, format!(" ;{marker}")),
            None => (self.text.as_str(), String::new()),
        };
        match place.split_once('@').filter(|_| self.name.is_some()) {
            Some((name, _)) => format!("{} @ file://{}{marker}", name.trim(), encoded(path)),
            None => {
                let extras = place.find('[').and_then(|at| place.get(at..)).unwrap_or_default();
                format!("{path}{extras}{marker}")
            }
        }
    }

    /// Its extras, as written; none for a URL or path.
    pub(crate) fn extras(&self) -> impl Iterator<Item = String> {
        let extras = self.parsed.iter().flat_map(|parsed| &parsed.extras);
        extras.map(ToString::to_string)
    }

    /// Whether its marker holds in an environment.
    #[must_use]
    pub(crate) fn applies(&self, environment: &MarkerEnvironment) -> bool {
        self.parsed
            .as_ref()
            .is_none_or(|parsed| parsed.evaluate_markers(environment, &[]))
    }

    /// Whether a version fits the specifiers. Where a URL or path decides, any does.
    #[must_use]
    pub(crate) fn allows(&self, version: &str) -> bool {
        match (
            self.parsed.as_ref().and_then(|parsed| parsed.version_or_url.as_ref()),
            pep508::version(version),
        ) {
            (Some(VersionOrUrl::VersionSpecifier(specifiers)), Some(version)) => specifiers.contains(&version),
            _ => true,
        }
    }
}

/// The name, if there is one, and the URL or path of a requirement that has one.
fn direct(text: &str) -> Option<(Option<&str>, &str)> {
    if let Some((name, place)) = text.split_once('@') {
        let name = name.trim();
        let is_name = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.[], ".contains(c))
            && !name.starts_with(['.', '/']);
        let place = place.trim();
        if is_name && looks_like_a_place(place) {
            return Some((Some(name), place));
        }
    }
    looks_like_a_place(text).then_some((None, text))
}

fn looks_like_a_place(text: &str) -> bool {
    let first = text.split(';').next().unwrap_or(text).trim();
    first.contains("://")
        || first.starts_with("file:")
        || first.starts_with(['.', '/'])
        || is_of_windows(first)
        || (first.contains('/') && !first.contains(['=', '<', '>', '~', '!']))
        || [".whl", ".tar.gz", ".zip"].iter().any(|end| first.ends_with(end))
}

fn source_of(place: &str) -> Source {
    let place = place.split(" ;").next().unwrap_or(place).trim();
    let scheme = place.split_once("://").map(|(scheme, _)| scheme);
    match scheme {
        Some(scheme) if scheme.contains('+') => Source::Repository(place.to_owned()),
        Some("file") => Source::Path(decoded(place.trim_start_matches("file://"))),
        Some(_) => Source::Archive(place.to_owned()),
        None => match place.strip_prefix("file:") {
            Some(place) => Source::Path(decoded(place)),
            None => Source::Path(place.to_owned()),
        },
    }
}

/// A path as part of a URL.
#[must_use]
pub(crate) fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/+!$&'()*,;=:@".contains(&byte);
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match plain(byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The path in a URL, without what stands for other characters.
#[must_use]
pub(crate) fn decoded(place: &str) -> String {
    let mut bytes = Vec::with_capacity(place.len());
    let mut rest = place.bytes();
    while let Some(byte) = rest.next() {
        let mut after = rest.clone();
        let digits: String = after.by_ref().take(2).map(char::from).collect();
        match u8::from_str_radix(&digits, 16) {
            Ok(decoded) if byte == b'%' && digits.len() == 2 && !digits.starts_with('+') => {
                bytes.push(decoded);
                rest = after;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| place.to_owned())
}

/// A URL or path without extras, revision, query and fragment.
fn plain_place(place: &str) -> String {
    let place = place.split(['#', '?', '[']).next().unwrap_or(place);
    let place = ["git+", "file://"]
        .iter()
        .find_map(|start| place.strip_prefix(start))
        .unwrap_or(place);
    let (head, last) = place.rsplit_once('/').unwrap_or(("", place));
    // A user stands before the last part, a revision in it.
    let last = last.split('@').next().unwrap_or(last);
    let last = last.strip_suffix(".git").unwrap_or(last);
    let parts = head.split('/').chain([last]);
    let parts: Vec<&str> = parts.filter(|part| !matches!(*part, "" | "." | "..")).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_told_apart() {
        let check = |text: &str, name: Option<&str>, source: Source| {
            let requirement = Requirement::parse(text).unwrap();
            assert_eq!(requirement.name.as_deref(), name, "{text}");
            assert_eq!(requirement.source, source, "{text}");
        };
        check("NumPy", Some("numpy"), Source::Index);
        check("a.b_c[x, y]>=1,<2 ; python_version < '4'", Some("a-b-c"), Source::Index);
        check("torch==2.4.0+cpu", Some("torch"), Source::Index);
        let repository = |url: &str| Source::Repository(url.into());
        check("x @ git+https://h/x@v3", Some("x"), repository("git+https://h/x@v3"));
        check("x[a]@git+ssh://git@h/x", Some("x"), repository("git+ssh://git@h/x"));
        check(
            "git+https://h/x@v3#subdirectory=p",
            None,
            repository("git+https://h/x@v3#subdirectory=p"),
        );
        check("https://h/x.whl", None, Source::Archive("https://h/x.whl".into()));
        check(
            "x @ https://h/x.tar.gz",
            Some("x"),
            Source::Archive("https://h/x.tar.gz".into()),
        );
        check("./libs/x", None, Source::Path("./libs/x".into()));
        check("x @ file:///libs/x", Some("x"), Source::Path("/libs/x".into()));
        check(
            "libs/x-1-py3-none-any.whl",
            None,
            Source::Path("libs/x-1-py3-none-any.whl".into()),
        );
        check("x @ file:///libs/a%20b", Some("x"), Source::Path("/libs/a b".into()));
        check("./x[fast]", None, Source::Path("./x[fast]".into()));
        assert!(Requirement::parse("a b").is_err());
        assert!(Requirement::parse("a==").is_err());
        assert!(Requirement::parse("").is_err());
        assert!(Requirement::parse("a b @ https://h/a.whl").is_err());
        assert!(Requirement::parse("scikit- learn @ https://h/a.whl").is_err());
        assert!(Requirement::parse("a[b-] @ git+https://h/a").is_err());
        assert!(Requirement::parse("a @ b").is_err());
    }

    #[test]
    fn a_requirement_can_be_of_another_path() {
        let check = |text: &str, expect: &str| assert_eq!(Requirement::parse(text).unwrap().at_path("/c/x"), expect);
        check("./libs/x", "/c/x");
        check("./x[fast] ; os_name == 'posix'", "/c/x[fast] ; os_name == 'posix'");
        check(
            "x[fast] @ file:./libs/x ; os_name == 'posix'",
            "x[fast] @ file:///c/x ; os_name == 'posix'",
        );
        assert_eq!(encoded("a b/ü"), "a%20b/%C3%BC");
    }

    #[test]
    fn versions_are_held_against_specifiers() {
        let allows = |text: &str, version: &str| Requirement::parse(text).unwrap().allows(version);
        assert!(allows("a>=1,<2", "1.5"));
        assert!(!allows("a>=1,<2", "2.0"));
        assert!(allows("a==1.*", "1.2.3"));
        assert!(allows("a==2.4", "2.4.0+cpu"));
        assert!(allows("a", "0.1.dev1"));
        assert!(allows("a @ https://h/a.whl", "3"));
    }

    #[test]
    fn places_are_those_of_a_lock() {
        let check = |text: &str, place: &str, expect: bool| {
            assert_eq!(
                Requirement::parse(text).unwrap().is_from(place),
                expect,
                "{text} {place}"
            );
        };
        check(
            "git+https://github.com/acme/features@v3",
            "https://github.com/acme/features.git",
            true,
        );
        check(
            "git+ssh://git@github.com/acme/features",
            "ssh://git@github.com/acme/features",
            true,
        );
        check(
            "git+https://github.com/acme/features",
            "https://github.com/other/features",
            false,
        );
        check("./libs/mine[fast]", "/any/where/libs/mine", true);
        check("../libs/mine", "libs/mine", true);
        check("./libs/mine", "libs/other", false);
        check("https://h/a-1.tar.gz#sha256=00", "https://h/a-1.tar.gz", true);
        check("numpy", "numpy", false);
    }
}
