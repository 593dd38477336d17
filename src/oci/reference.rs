//! Image references: parsed into one normal form.

use std::fmt;

/// A normalised image reference: registry, repository, and a tag, a digest or both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The registry's host and port, `docker.io` by default.
    pub registry: String,
    /// The repository, with `library/` for Docker's official images.
    pub repository: String,
    /// The tag, `latest` by default unless there is a digest.
    pub tag: Option<String>,
    /// The digest, `sha256:…`.
    pub digest: Option<String>,
}

/// Why a text is not an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image reference: {reason}")]
pub struct ReferenceError {
    text: String,
    reason: &'static str,
}

impl ReferenceError {
    /// Which rule is broken.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl Reference {
    /// Reads a reference as Docker does.
    ///
    /// # Errors
    /// When a part breaks a rule; the error names both.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let fail = |reason| ReferenceError {
            text: text.to_owned(),
            reason,
        };
        if text.contains("://") {
            return Err(fail("it has a URL scheme; write registry/name:tag"));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        if let Some(digest) = digest {
            let (algorithm, hex) = digest.split_once(':').unwrap_or((digest, ""));
            let length = if algorithm == "sha512" { 128 } else { 64 };
            let known = matches!(algorithm, "sha256" | "sha512");
            if !known || hex.len() != length || !hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')) {
                return Err(fail("a digest is sha256: and 64 hexadecimal digits"));
            }
        }
        let name_start = rest.rfind('/').map_or(0, |at| at + 1);
        let (path, tag) = match rest.get(name_start..).and_then(|name| name.find(':')) {
            Some(at) => (
                rest.get(..name_start + at).unwrap_or(""),
                rest.get(name_start + at + 1..),
            ),
            None => (rest, None),
        };
        if let Some(tag) = tag {
            let first_ok = tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            if !first_ok || tag.len() > 128 || !tag.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) {
                return Err(fail("a tag has up to 128 letters, digits, `_`, `.` and `-`"));
            }
        }
        let (registry, repository) = match path.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest.to_owned()),
            _ => ("docker.io", path.to_owned()),
        };
        let registry = if registry == "index.docker.io" {
            "docker.io"
        } else {
            registry
        };
        let host_ok = registry.split_once(':').map_or(registry, |(host, _)| host);
        let port_ok = registry
            .split_once(':')
            .is_none_or(|(_, port)| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()));
        if host_ok.split('.').any(str::is_empty)
            || !port_ok
            || !host_ok.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
        {
            return Err(fail("the registry is a host name, optionally with `:` and a port"));
        }
        if repository.is_empty() {
            return Err(fail("it has no image name"));
        }
        if repository.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(fail("image names are lower-case"));
        }
        if !repository.split('/').all(component_is_valid) {
            return Err(fail(
                "a name's parts have lower-case letters and digits, joined by `.`, `_`, `__` or `-`",
            ));
        }
        let repository = if registry == "docker.io" && !repository.contains('/') {
            format!("library/{repository}")
        } else {
            repository
        };
        let tag = match (tag, digest) {
            (None, None) => Some("latest".to_owned()),
            (tag, _) => tag.map(str::to_owned),
        };
        Ok(Self {
            registry: registry.to_owned(),
            repository,
            tag,
            digest: digest.map(str::to_owned),
        })
    }

    /// The reference as people write it: without `docker.io/library/` and without `:latest`.
    #[must_use]
    pub fn familiar(&self) -> String {
        let name = match (self.registry.as_str(), self.repository.strip_prefix("library/")) {
            ("docker.io", Some(official)) => official.to_owned(),
            ("docker.io", None) => self.repository.clone(),
            (registry, _) => format!("{registry}/{}", self.repository),
        };
        self.with_version(name, true)
    }

    fn with_version(&self, mut name: String, hide_latest: bool) -> String {
        if let Some(tag) = self.tag.as_deref().filter(|tag| !(hide_latest && *tag == "latest")) {
            name.push(':');
            name.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            name.push('@');
            name.push_str(digest);
        }
        name
    }

    /// The same image, fixed to a digest.
    #[must_use]
    pub fn pinned(&self, digest: &str) -> Self {
        Self {
            digest: (!digest.is_empty())
                .then(|| digest.to_owned())
                .or_else(|| self.digest.clone()),
            ..self.clone()
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{}/{}", self.registry, self.repository);
        f.write_str(&self.with_version(name, false))
    }
}

fn component_is_valid(part: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !part.starts_with(alphanumeric) || !part.ends_with(alphanumeric) {
        return false;
    }
    part.split(alphanumeric)
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.chars().all(|c| c == '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_normalised() {
        let check = |input: &str, full: &str, familiar: &str| {
            let reference = Reference::parse(input).unwrap();
            assert_eq!(reference.to_string(), full);
            assert_eq!(reference.familiar(), familiar);
        };
        check(
            "debian:bookworm-slim",
            "docker.io/library/debian:bookworm-slim",
            "debian:bookworm-slim",
        );
        check("alpine", "docker.io/library/alpine:latest", "alpine");
        check("acme/x", "docker.io/acme/x:latest", "acme/x");
        check("localhost:5000/a/b:1", "localhost:5000/a/b:1", "localhost:5000/a/b:1");
        check(
            "ghcr.io/astral-sh/uv:0.13.8",
            "ghcr.io/astral-sh/uv:0.13.8",
            "ghcr.io/astral-sh/uv:0.13.8",
        );
        let digest = format!("sha256:{}", "a".repeat(64));
        check(
            &format!("a@{digest}"),
            &format!("docker.io/library/a@{digest}"),
            &format!("a@{digest}"),
        );
    }

    #[test]
    fn a_malformed_reference_says_why() {
        let check = |input: &str, expect: &str| {
            let error = Reference::parse(input).unwrap_err().to_string();
            assert!(error.contains(expect) && error.contains(input), "{error}");
        };
        check("", "no image name");
        check("Debian", "lower-case");
        check("https://x/y", "URL scheme");
        check("a:b:c", "tag");
        check("a@sha256:12", "digest");
        check("-a", "parts");
        check("a..b", "parts");
        check("x y", "parts");
        check("ghcr.io:x/y", "registry");
        check("./x", "registry");
        check("../x", "registry");
    }
}
