//! The configuration of an existing image, as far as a build needs it.

use serde_json::Value;

/// An image's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageConfig {
    /// The configuration, unchanged.
    pub raw: Vec<u8>,
    /// Environment variables, in their order.
    pub environment: Vec<(String, String)>,
    /// Labels, in their order.
    pub labels: Vec<(String, String)>,
    /// Build triggers, which are for Dockerfiles.
    pub triggers: Vec<String>,
    /// The operating system, if given.
    pub os: Option<String>,
    /// The architecture, if given.
    pub architecture: Option<String>,
    /// The variant of the architecture, if given.
    pub variant: Option<String>,
    /// The number of layers.
    pub layers: usize,
}

impl ImageConfig {
    /// Reads a configuration. Malformed parts count as absent.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn parse(raw: Vec<u8>) -> serde_json::Result<Self> {
        let config: Value = serde_json::from_slice(&raw)?;
        let text = |name: &str| config.get(name).and_then(Value::as_str).map(str::to_owned);
        let list = |path: &str| {
            config
                .pointer(path)
                .and_then(Value::as_array)
                .map_or(&[][..], Vec::as_slice)
        };
        let texts = |path: &str| list(path).iter().filter_map(Value::as_str);
        let environment = texts("/config/Env").map(|variable| {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            (name.to_owned(), value.to_owned())
        });
        let labels = config.pointer("/config/Labels").and_then(Value::as_object);
        let labels = labels.into_iter().flatten();
        let labels = labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        Ok(Self {
            labels: labels.collect(),
            environment: environment.collect(),
            triggers: texts("/config/OnBuild").map(str::to_owned).collect(),
            os: text("os"),
            architecture: text("architecture"),
            variant: text("variant"),
            layers: list("/rootfs/diff_ids").len(),
            raw,
        })
    }

    /// The whole configuration.
    #[must_use]
    pub fn json(&self) -> Value {
        // It was parsed before.
        serde_json::from_slice(&self.raw).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_asks_for_is_found() {
        let raw = br#"{"architecture": "arm64", "os": "linux", "variant": "v8", "rootfs": {"diff_ids": ["a", "b"]},
            "config": {"Env": ["A=b=c", "D"], "OnBuild": ["RUN x"]}, "other": 1}"#;
        let config = ImageConfig::parse(raw.to_vec()).unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(config.environment, [pair("A", "b=c"), pair("D", "")]);
        assert_eq!((config.triggers.len(), config.layers), (1, 2));
        assert_eq!(config.variant.as_deref(), Some("v8"));
        assert_eq!(config.json()["other"], 1);
        let empty = ImageConfig::parse(br#"{"config": null, "rootfs": {"diff_ids": 3}}"#.to_vec()).unwrap();
        assert_eq!((empty.layers, empty.os), (0, None));
        assert!(ImageConfig::parse(b"no".to_vec()).is_err());
    }
}
