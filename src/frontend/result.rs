//! The result of a build, as BuildKit takes it: images and their configurations, one a platform.

use std::collections::BTreeMap;

use serde_json::json;

use crate::frontend::gateway::Solved;
use crate::oci::{ImageConfig, Platform};
use crate::proto::gateway as wire;

/// A result under construction: images and their configurations, one a platform.
pub(super) struct ImageResult {
    is_index: bool,
    result: wire::Result,
    references: BTreeMap<String, wire::Ref>,
    described: Vec<serde_json::Value>,
}

impl ImageResult {
    /// Begins one; an index has several images, or one all the same.
    pub(super) fn new(is_index: bool) -> Self {
        Self {
            is_index,
            result: wire::Result::default(),
            references: BTreeMap::new(),
            described: Vec::new(),
        }
    }

    /// Adds the image of a platform, with the configuration of the image below it where there is one.
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
