//! Definitions: graphs as they cross the wire.

use std::collections::{BTreeMap, BTreeSet};

use crate::llb::encode::digest_of;
use crate::proto::pb;

/// The key of the name, which clients show, in the description of a vertex.
pub(super) const CUSTOM_NAME: &str = "llb.customname";

/// A graph in the form that a server takes: encoded ops, their metadata, and their places in source files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Definition(pub pb::Definition);

impl Definition {
    /// The names of all vertices by their digests, without the terminal op.
    #[must_use]
    pub(crate) fn names(&self) -> BTreeMap<String, String> {
        let vertices = self.0.def.split_last().map_or(&[][..], |(_, vertices)| vertices);
        let name = |digest: &str| self.0.metadata.get(digest)?.description.get(CUSTOM_NAME).cloned();
        vertices
            .iter()
            .map(|bytes| digest_of(bytes))
            .map(|digest| (digest.clone(), name(&digest).unwrap_or_default()))
            .collect()
    }

    /// The identifiers of all capabilities that the graph needs.
    #[must_use]
    pub(crate) fn capabilities(&self) -> BTreeSet<&str> {
        self.0
            .metadata
            .values()
            .flat_map(|metadata| metadata.caps.keys().map(String::as_str))
            .collect()
    }
}
