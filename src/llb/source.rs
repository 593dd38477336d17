//! Sources, where graphs begin: images, directories of the client, git trees, downloads.

use std::collections::BTreeMap;

use crate::llb::capability::Capability;
use crate::llb::metadata::Metadata;
use crate::llb::vertex::{Inputs, Output, Vertex};
use crate::oci::Platform;
use crate::proto::pb;

/// A source. Attributes with an empty value are left out, since Go and prost encode them differently.
fn source(
    identifier: String,
    attrs: BTreeMap<String, String>,
    platform: Option<&Platform>,
    metadata: Metadata,
    capabilities: Vec<Capability>,
) -> Output {
    let attrs = attrs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    Vertex::new(
        pb::op::Op::Source(pb::SourceOp { identifier, attrs }),
        platform.map(Into::into),
        Inputs::default(),
        metadata,
        capabilities,
    )
    .output(0)
}

/// How an image reference is looked up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResolveMode {
    /// As the engine is configured.
    #[default]
    Default,
    /// Always ask the registry.
    Pull,
    /// Prefer what the engine has.
    Local,
}

impl ResolveMode {
    /// The word that BuildKit's API uses.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Pull => "pull",
            Self::Local => "local",
        }
    }
}

/// An image from a registry or the engine's own store.
#[derive(Debug, Clone)]
pub struct Image {
    /// The full reference, with its digest when known.
    pub reference: String,
    /// The platform to choose from an index.
    pub platform: Platform,
    /// Whether the engine's own copy will do.
    pub resolve_mode: ResolveMode,
}

impl Image {
    /// The file tree of this source.
    #[must_use]
    pub fn output(&self, metadata: Metadata) -> Output {
        let mut attrs = BTreeMap::new();
        let mut capabilities = vec!["source.image"];
        match self.resolve_mode {
            ResolveMode::Default => {}
            ResolveMode::Pull => {
                attrs.insert("image.resolvemode".into(), "pull".into());
                capabilities.push("source.image.resolvemode");
            }
            ResolveMode::Local => {
                attrs.insert("image.resolvemode".into(), "local".into());
            }
        }
        source(
            format!("docker-image://{}", self.reference),
            attrs,
            Some(&self.platform),
            metadata,
            capabilities,
        )
    }
}

/// An image in an OCI layout directory of the client.
#[derive(Debug, Clone)]
pub struct OciLayout {
    /// A name and the digest: `name@sha256:…`.
    pub reference: String,
    /// The session of the client that has the directory.
    pub session: String,
    /// The client's name for the directory.
    pub store: String,
    /// The platform to choose from an index.
    pub platform: Platform,
}

impl OciLayout {
    /// The attributes, also needed to resolve the image's config.
    #[must_use]
    pub(crate) fn attrs(&self) -> BTreeMap<String, String> {
        [("oci.session", &self.session), ("oci.store", &self.store)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect()
    }

    /// The file tree of this source.
    #[must_use]
    pub fn output(&self, metadata: Metadata) -> Output {
        source(
            format!("oci-layout://{}", self.reference),
            self.attrs(),
            Some(&self.platform),
            metadata,
            vec!["source.ocilayout"],
        )
    }
}

/// A directory of the client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Local {
    /// The client's name for the directory.
    pub name: String,
    /// The session of the client.
    pub session: String,
    /// Tells uses of one directory with different filters apart, which would otherwise undo each other.
    pub shared_key_hint: String,
    /// The paths to send, links followed; empty for all.
    pub follow_paths: Vec<String>,
    /// Docker's patterns of what is not sent.
    pub exclude_patterns: Vec<String>,
    /// Send the files again instead of comparing times and sizes; for single small files.
    pub always_send: bool,
}

impl Local {
    /// The file tree of this source.
    #[must_use]
    pub fn output(&self, metadata: Metadata) -> Output {
        let mut attrs = BTreeMap::new();
        let mut capabilities = vec!["source.local"];
        let mut list = |key: &str, capability, values: &[String]| {
            if !values.is_empty() {
                attrs.insert(key.to_owned(), go_json(values));
                capabilities.push(capability);
            }
        };
        list("local.followpaths", "source.local.followpaths", &self.follow_paths);
        list(
            "local.excludepatterns",
            "source.local.excludepatterns",
            &self.exclude_patterns,
        );
        if !self.session.is_empty() {
            attrs.insert("local.session".into(), self.session.clone());
            capabilities.push("source.local.sessionid");
        }
        if !self.shared_key_hint.is_empty() {
            attrs.insert("local.sharedkeyhint".into(), self.shared_key_hint.clone());
            capabilities.push("source.local.sharedkeyhint");
        }
        if self.always_send {
            // Not required: a server without it compares, which only notices changes later.
            attrs.insert("local.differ".into(), "none".into());
        }
        source(format!("local://{}", self.name), attrs, None, metadata, capabilities)
    }
}

/// A JSON array as Go writes it, `<`, `>` and `&` escaped, so that our ops equal those of other frontends.
fn go_json(values: &[String]) -> String {
    serde_json::Value::from(values.to_vec())
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

/// A git tree.
#[derive(Debug, Clone, Default)]
pub struct Git {
    /// The URL to clone, of any scheme that git knows.
    pub url: String,
    /// Branch, tag or commit; empty for the default branch.
    pub reference: String,
    /// A directory of the tree that becomes the root; empty for all.
    pub subdirectory: String,
    /// Whether git's own directory is part of the tree.
    pub keeps_git: bool,
}

impl Git {
    /// The file tree of this source.
    #[must_use]
    pub fn output(&self, metadata: Metadata) -> Output {
        let (over_ssh, remote) = remote_of(&self.url);
        let mut identifier = format!("git://{remote}");
        if !self.reference.is_empty() || !self.subdirectory.is_empty() {
            identifier.push('#');
            identifier.push_str(&self.reference);
            if !self.subdirectory.is_empty() {
                identifier.push(':');
                identifier.push_str(&self.subdirectory);
            }
        }
        let mut attrs = BTreeMap::from([("git.fullurl".to_owned(), self.url.clone())]);
        let mut capabilities = vec!["source.git", "source.git.fullurl"];
        if !self.subdirectory.is_empty() {
            capabilities.push("source.git.subdir");
        }
        if self.keeps_git {
            attrs.insert("git.keepgitdir".to_owned(), "true".to_owned());
            capabilities.push("source.git.keepgitdir");
        }
        if over_ssh {
            attrs.insert("git.mountsshsock".into(), "default".into());
            capabilities.push("source.git.mountsshsock");
        } else {
            attrs.insert("git.authtokensecret".into(), "GIT_AUTH_TOKEN".into());
            attrs.insert("git.authheadersecret".into(), "GIT_AUTH_HEADER".into());
            capabilities.push("source.git.httpauth");
        }
        source(identifier, attrs, None, metadata, capabilities)
    }
}

/// Whether a git URL goes over SSH, and its host and path as identifiers have them.
fn remote_of(url: &str) -> (bool, String) {
    if let Some((scheme, rest)) = url.split_once("://") {
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        return (scheme == "ssh", rest.to_owned());
    }
    let rest = url.split_once('@').map_or(url, |(_, host)| host);
    (true, rest.replacen(':', "/", 1))
}

/// A file over HTTP.
#[derive(Debug, Clone, Default)]
pub struct Http {
    /// The URL, `http://` or `https://`.
    pub url: String,
    /// The name of the file in the result; empty for the URL's own.
    pub filename: String,
}

impl Http {
    /// The file tree of this source.
    #[must_use]
    pub fn output(&self, metadata: Metadata) -> Output {
        let attrs = BTreeMap::from([("http.filename".to_owned(), self.filename.clone())]);
        source(self.url.clone(), attrs, None, metadata, vec!["source.http"])
    }
}
