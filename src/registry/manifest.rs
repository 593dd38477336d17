//! Manifests and indexes, as far as one asks what an image is.

use serde_json::Value;

use crate::oci::{ImageConfig, Platform};

/// What is taken as an answer, in one list: OCI's and Docker's manifests and indexes.
pub(super) const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// What a name points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Manifest {
    /// Images for several platforms.
    Index(Vec<IndexEntry>),
    /// One image.
    Image { config: String, layers: Vec<Layer> },
}

/// An image of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IndexEntry {
    pub(super) digest: String,
    pub(super) platform: Platform,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The digest of what a registry has, `sha256:…`.
    pub digest: String,
    /// Its size there, in bytes.
    pub size: u64,
    /// Its media type, which says how it is compressed.
    pub media_type: String,
}

/// A step in the history of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// What made it.
    pub created_by: String,
    /// Whether it made no layer.
    pub is_empty: bool,
}

/// What a registry has of an image for one platform, without its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The digest of what the name points to, an index or a single image.
    pub digest: String,
    /// The digest of the image itself.
    pub image_digest: String,
    /// What it is for.
    pub platform: Platform,
    /// Its configuration: labels, environment and more.
    pub config: ImageConfig,
    /// Its steps, the oldest first.
    pub history: Vec<HistoryEntry>,
    /// Its layers, the lowest first.
    pub layers: Vec<Layer>,
    /// The host that has it: the registry's, or a mirror's.
    pub host: String,
}

impl Described {
    /// A label's text.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        let mut labels = self.config.labels.iter();
        labels.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The topmost layer that a step made whose words end in these. `None` if there is no such step, or if layers and steps
    /// do not correspond, so that nobody can tell which is which.
    #[must_use]
    pub fn layer_of(&self, words: &str) -> Option<&Layer> {
        let steps: Vec<&HistoryEntry> = self.history.iter().filter(|entry| !entry.is_empty).collect();
        if steps.len() != self.layers.len() {
            return None;
        }
        let position = steps.iter().rposition(|step| step.created_by.ends_with(words))?;
        self.layers.get(position)
    }
}

impl Manifest {
    /// Reads a manifest; the error says what is wrong with it.
    pub(super) fn parse(body: &[u8]) -> Result<Self, &'static str> {
        let value: Value = serde_json::from_slice(body).map_err(|_| "the manifest is not JSON")?;
        if let Some(entries) = value.get("manifests").and_then(Value::as_array) {
            return Ok(Self::Index(entries.iter().filter_map(index_entry).collect()));
        }
        let config = digest_of(value.get("config")).ok_or("the manifest is not that of an image")?;
        let layers = value.get("layers").and_then(Value::as_array).into_iter().flatten();
        let layers: Option<Vec<Layer>> = layers.map(layer).collect();
        Ok(Self::Image {
            config,
            layers: layers.ok_or("the manifest has a layer without a digest")?,
        })
    }
}

/// An entry for a platform. Attestations are for none, and written as `unknown`.
fn index_entry(value: &Value) -> Option<IndexEntry> {
    let platform = value.get("platform")?;
    let text = |name: &str| platform.get(name).and_then(Value::as_str).unwrap_or_default();
    let (os, architecture) = (text("os"), text("architecture"));
    let is_image = !matches!((os, architecture), ("unknown" | "", _) | (_, "unknown" | ""));
    Some(IndexEntry {
        digest: digest_of(Some(value))?,
        platform: is_image.then(|| Platform::normalised(os, architecture, text("variant")))?,
    })
}

fn layer(value: &Value) -> Option<Layer> {
    Some(Layer {
        digest: digest_of(Some(value))?,
        size: value.get("size").and_then(Value::as_u64).unwrap_or_default(),
        media_type: value
            .get("mediaType")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    })
}

/// The digest of a descriptor. It becomes part of an address, so nothing else passes.
fn digest_of(descriptor: Option<&Value>) -> Option<String> {
    let digest = descriptor?.get("digest")?.as_str()?;
    is_digest(digest).then(|| digest.to_owned())
}

/// Whether a text has the form of a digest that can be checked.
pub(super) fn is_digest(text: &str) -> bool {
    let (algorithm, hex) = text.split_once(':').unwrap_or(("", ""));
    let length = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == length && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}

/// The platform that a configuration says it is for.
pub(super) fn platform_of(config: &ImageConfig) -> Option<Platform> {
    let variant = config.variant.as_deref().unwrap_or_default();
    let (os, architecture) = (config.os.as_deref()?, config.architecture.as_deref()?);
    Some(Platform::normalised(os, architecture, variant))
}

/// The steps that a configuration tells of.
pub(super) fn history_of(config: &ImageConfig) -> Vec<HistoryEntry> {
    let json = config.json();
    let entries = json.get("history").and_then(Value::as_array).into_iter().flatten();
    let read = |entry: &Value| HistoryEntry {
        created_by: entry
            .get("created_by")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        is_empty: entry.get("empty_layer").and_then(Value::as_bool).unwrap_or_default(),
    };
    entries.map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn digest(of: char) -> String {
        format!("sha256:{}", of.to_string().repeat(64))
    }

    #[test]
    fn images_and_indexes_are_told_apart() {
        let parse = |value: Value| Manifest::parse(value.to_string().as_bytes());
        let entry = |os: &str, architecture: &str, variant: &str, of: char| json!({"digest": digest(of), "platform": {"os": os, "architecture": architecture, "variant": variant}});
        let index = json!({"manifests": [
            entry("linux", "arm64", "v8", 'a'), entry("unknown", "unknown", "", 'b'), json!({"digest": digest('c')}),
            {"digest": "sha256:../../x", "platform": {"os": "linux", "architecture": "amd64"}},
        ]});
        let expect = IndexEntry {
            digest: digest('a'),
            platform: "linux/arm64".parse().unwrap(),
        };
        assert_eq!(parse(index), Ok(Manifest::Index(vec![expect])));
        let image = json!({"config": {"digest": digest('a')}, "layers": [{"digest": digest('b'), "size": 3, "mediaType": "m"}]});
        let layer = Layer {
            digest: digest('b'),
            size: 3,
            media_type: "m".into(),
        };
        let expect = Manifest::Image {
            config: digest('a'),
            layers: vec![layer],
        };
        assert_eq!(parse(image), Ok(expect));
        for wrong in [json!({}), json!([]), json!({"config": {"digest": "sha256:1"}})] {
            assert!(parse(wrong.clone()).is_err(), "{wrong}");
        }
        assert!(Manifest::parse(b"<html>").is_err());
    }

    #[test]
    fn a_step_has_a_layer_if_all_steps_have() {
        let described = |history: &[(&str, bool)], layers: &[char]| {
            let entries: Vec<Value> = history
                .iter()
                .map(|(words, is_empty)| json!({"created_by": words, "empty_layer": is_empty}))
                .collect();
            let config = json!({"history": entries, "config": {"Labels": {"a": "b"}}}).to_string();
            let config = ImageConfig::parse(config.into_bytes()).unwrap();
            Described {
                digest: digest('0'),
                image_digest: digest('0'),
                platform: Platform::linux_amd64(),
                history: history_of(&config),
                config,
                layers: layers
                    .iter()
                    .map(|of| Layer {
                        digest: digest(*of),
                        size: 1,
                        media_type: String::new(),
                    })
                    .collect(),
                host: String::new(),
            }
        };
        let check = |history: &[(&str, bool)], layers: &[char], expect: Option<char>| {
            let described = described(history, layers);
            let found = described.layer_of("keep it").map(|layer| layer.digest.clone());
            assert_eq!(found, expect.map(digest), "{history:?}");
        };
        let steps = [
            ("base", false),
            ("ENV", true),
            ("[lock] keep it", false),
            ("top", false),
        ];
        check(&steps, &['a', 'b', 'c'], Some('b'));
        check(&steps, &['a', 'b', 'c', 'd'], None);
        check(&steps[..2], &['a'], None);
        check(&[("keep it", false), ("[lock] keep it", false)], &['a', 'b'], Some('b'));
        check(&[("keep it", true), ("x", false)], &['a'], None);
        assert_eq!(described(&[], &[]).label("a"), Some("b"));
    }
}
