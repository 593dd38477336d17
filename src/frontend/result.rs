//! The result of a build, as BuildKit takes it: an image and its configuration for each platform.

use std::collections::BTreeMap;

use serde_json::json;

use crate::frontend::gateway::Solved;
use crate::oci::{ImageConfig, Platform};
use crate::proto::gateway as wire;

/// A result under construction: an image and its configuration for each platform.
pub(super) struct ImageResult {
    is_index: bool,
    result: wire::Result,
    references: BTreeMap<String, wire::Ref>,
    described: Vec<serde_json::Value>,
}

impl ImageResult {
    /// Begins a result; an index may have just one image.
    pub(super) fn new(is_index: bool) -> Self {
        Self {
            is_index,
            result: wire::Result::default(),
            references: BTreeMap::new(),
            described: Vec::new(),
        }
    }

    /// Adds the image of a platform, and the configuration of its base image, if there is one.
    pub(super) fn add(&mut self, platform: &Platform, tree: Solved, config: Vec<u8>, base: Option<&ImageConfig>) {
        let suffix = if self.is_index {
            format!("/{platform}")
        } else {
            String::new()
        };
        let metadata = &mut self.result.metadata;
        metadata.insert(format!("containerimage.config{suffix}"), config);
        if let Some(base) = base {
            metadata.insert(format!("containerimage.base.config{suffix}"), base.raw.clone());
        }
        self.described.push(json!({
            "ID": platform.to_string(),
            "Platform": platform_json(platform),
        }));
        let reference = wire::Ref { id: tree.0, def: None };
        self.references.insert(platform.to_string(), reference);
    }

    /// The result as BuildKit takes it.
    pub(super) fn finish(self) -> wire::Result {
        let mut result = self.result;
        let platforms = json!({"Platforms": self.described}).to_string();
        result.metadata.insert("refs.platforms".into(), platforms.into_bytes());
        result.result = if self.is_index {
            let refs = self.references;
            Some(wire::result::Result::Refs(wire::RefMap { refs }))
        } else {
            self.references.into_values().next().map(wire::result::Result::Ref)
        };
        result
    }
}

fn platform_json(platform: &Platform) -> serde_json::Value {
    let mut value = json!({"architecture": platform.architecture, "os": platform.os});
    if !platform.variant.is_empty() {
        value["variant"] = json!(platform.variant);
    }
    value
}
