//! Where an image is asked for: the registry's host or a mirror's, by which scheme, under which repository.

use std::net::Ipv4Addr;

use ureq::http::Uri;

use crate::oci::Reference;
use crate::text::Diagnostic;

/// Docker Hub: the name in references, the host that answers for it, and the names that credentials have.
const DOCKER_HUB: &str = "docker.io";
const DOCKER_HUB_HOST: &str = "registry-1.docker.io";

/// A host and a repository on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Host and port, as requests go to it.
    pub(super) host: String,
    /// The name that its credentials are kept under.
    pub(super) registry: String,
    /// The repository, on a mirror behind its prefix.
    pub(super) repository: String,
}

impl Place {
    /// The registry itself.
    pub(super) fn of(reference: &Reference) -> Self {
        let registry = reference.registry.clone();
        let host = if registry == DOCKER_HUB {
            DOCKER_HUB_HOST.to_owned()
        } else {
            registry.clone()
        };
        Self {
            host,
            registry,
            repository: reference.repository.clone(),
        }
    }

    /// An address below the repository, such as `manifests/latest`.
    pub(super) fn address(&self, path: &str) -> String {
        let scheme = if is_loopback(&self.host) { "http" } else { "https" };
        format!("{scheme}://{}/v2/{}/{path}", self.host, self.repository)
    }
}

/// A mirror of a registry: `[http[s]://]HOST[:PORT][/PREFIX]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mirror {
    host: String,
    prefix: String,
}

impl Mirror {
    pub(super) fn parse(text: &str) -> Result<Self, Diagnostic> {
        let fail = |why: &str| {
            let message = format!("the mirror `{text}` {why}");
            Diagnostic::error("mirror", message).help("write HOST[:PORT][/PREFIX], such as mirror.example/docker")
        };
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        if !matches!(scheme, "http" | "https") {
            return Err(fail("has another scheme than https"));
        }
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        // What is right in the name of an image is right here.
        let prefix = prefix.trim_end_matches('/');
        let example = [host, prefix, "x"].into_iter().filter(|part| !part.is_empty());
        let example = example.collect::<Vec<_>>().join("/");
        match Reference::parse(&example) {
            Ok(reference) if reference.registry == host => {}
            _ => return Err(fail("is not a host with an optional path")),
        }
        if scheme == "http" && !is_loopback(host) {
            return Err(fail("speaks HTTP without TLS, which only this machine may"));
        }
        Ok(Self {
            host: host.to_owned(),
            prefix: prefix.to_owned(),
        })
    }

    /// Where it has an image.
    pub(super) fn place(&self, reference: &Reference) -> Place {
        let repository = match self.prefix.as_str() {
            "" => reference.repository.clone(),
            prefix => format!("{prefix}/{}", reference.repository),
        };
        Place {
            host: self.host.clone(),
            registry: self.host.clone(),
            repository,
        }
    }
}

/// Whether a host, with or without a port, is this machine: nobody else hears what is said to it.
pub(super) fn is_loopback(host: &str) -> bool {
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Host and port of an address.
pub(super) fn host_of(uri: &Uri) -> &str {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    // Without what may stand before the host.
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// Whether it is right to send a request there: by TLS, or to this machine.
pub(super) fn is_safe(uri: &Uri) -> bool {
    match uri.scheme_str() {
        Some("https") => !host_of(uri).is_empty(),
        Some("http") => is_loopback(host_of(uri)),
        _ => false,
    }
}

/// Where a redirect from an address leads: an address, or a path on the same host.
pub(super) fn redirected(from: &Uri, location: &str) -> Option<Uri> {
    if location.contains("://") {
        return location.parse().ok();
    }
    if !location.starts_with('/') || location.starts_with("//") {
        return None;
    }
    let mut parts = from.clone().into_parts();
    parts.path_and_query = Some(location.parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_an_address() {
        let check = |reference: &str, expect: &str| {
            let place = Place::of(&Reference::parse(reference).unwrap());
            assert_eq!(place.address("manifests/1"), expect);
        };
        check("debian", "https://registry-1.docker.io/v2/library/debian/manifests/1");
        check("ghcr.io/a/b", "https://ghcr.io/v2/a/b/manifests/1");
        check("localhost:5000/a", "http://localhost:5000/v2/a/manifests/1");
        check("127.3.2.1/a", "http://127.3.2.1/v2/a/manifests/1");
        check("127.0.0.1.example/a", "https://127.0.0.1.example/v2/a/manifests/1");
        check("10.0.0.1:5000/a", "https://10.0.0.1:5000/v2/a/manifests/1");
    }

    #[test]
    fn mirrors_are_hosts_with_prefixes() {
        let reference = Reference::parse("acme/x").unwrap();
        let check = |mirror: &str, expect: &str| {
            let mirror = Mirror::parse(mirror).unwrap();
            assert_eq!(mirror.place(&reference).address("m"), expect);
        };
        check("m.example", "https://m.example/v2/acme/x/m");
        check("https://m.example:8443/hub/", "https://m.example:8443/v2/hub/acme/x/m");
        check("http://localhost:5000", "http://localhost:5000/v2/acme/x/m");
        for wrong in [
            "",
            "http://m.example",
            "ftp://m.example",
            "m",
            "https://u:hunter22@m.example",
            "m.example/A",
        ] {
            let problem = Mirror::parse(wrong).unwrap_err();
            assert!(!problem.to_string().contains("hunter22"), "{problem}");
        }
    }

    #[test]
    fn redirects_lead_where_they_say() {
        let from: Uri = "https://a.example:1/v2/x?y=1".parse().unwrap();
        let check = |location: &str, expect: Option<&str>| {
            let found = redirected(&from, location).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), expect, "{location}");
        };
        check("/v2/z?q=%20", Some("https://a.example:1/v2/z?q=%20"));
        check("https://b.example/z", Some("https://b.example/z"));
        check("//b.example/z", None);
        check("z", None);
        let safe = |uri: &str| is_safe(&uri.parse().unwrap());
        assert!(safe("https://b.example/z") && safe("http://127.0.0.1:3/z"));
        assert!(!safe("http://b.example/z") && !safe("http://localhost@b.example/") && !safe("/z"));
    }
}
