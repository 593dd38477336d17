//! What a build tells at its end.

use std::time::Duration;

use serde_json::{Value, json};

use crate::engine::{Built, Step};

/// The layers of an image, and which of them a build did not have to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layers {
    pub(crate) total: usize,
    pub(crate) reused: usize,
    /// For each layer of its own, the lowest first, whether this build made it.
    pub(crate) made: Vec<bool>,
}

/// An image at the end of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Summary {
    pub(crate) is_built: bool,
    pub(crate) names: Vec<String>,
    pub(crate) digest: Option<String>,
    pub(crate) engine: Option<String>,
    /// In bytes: compressed in a registry, unpacked in an engine's store.
    pub(crate) size: Option<u64>,
    pub(crate) duration: Duration,
    pub(crate) layers: Option<Layers>,
    /// What went to the registry, in bytes, as far as it can be told.
    pub(crate) pushed: Option<u64>,
    pub(crate) warnings: Vec<String>,
}

impl Summary {
    pub(crate) fn line(&self) -> String {
        let mut words = vec![
            self.names
                .first()
                .cloned()
                .unwrap_or_else(|| "a part of the image".into()),
        ];
        words.extend(self.digest.clone());
        if !self.is_built && self.digest.is_none() {
            return words.join(" ");
        }
        if !self.is_built {
            return format!("{}: nothing was built", words.join(" "));
        }
        words.extend(self.size.map(bytes));
        let mut line = format!("{} in {:.1} s", words.join(" "), self.duration.as_secs_f64());
        let layers = self.layers.as_ref();
        let layers = layers.map(|layers| format!("{} of {} layers reused", layers.reused, layers.total));
        let pushed = self.pushed.map(|pushed| format!("{} pushed", bytes(pushed)));
        let more: Vec<String> = layers.into_iter().chain(pushed).collect();
        if !more.is_empty() {
            line.push_str(&format!(": {}", more.join(", ")));
        }
        line
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "version": 1,
            "built": self.is_built,
            "name": self.names.first(),
            "names": self.names,
            "digest": self.digest,
            "engine": self.engine,
            "size": self.size,
            "seconds": (self.duration.as_secs_f64() * 1000.0).round() / 1000.0,
            "layers": self.layers.as_ref().map(|layers| json!({"total": layers.total, "reused": layers.reused})),
            "pushed": self.pushed,
            "warnings": self.warnings,
        })
    }
}

/// The layers of an image, by what the frontend and the progress say.
pub(crate) fn layers(built: &Built) -> Option<Layers> {
    let steps = built.steps.as_deref()?;
    let described: Value = serde_json::from_str(built.metadata.get("frontend.imagespec.layers")?.as_str()?).ok()?;
    let base = usize::try_from(described["base"].as_u64()?).ok()?;
    let own = described["own"].as_array()?;
    let is_made = |name: &str| steps.iter().any(|step: &Step| step.name == name && !step.is_cached);
    let made: Vec<bool> = own.iter().filter_map(Value::as_str).map(is_made).collect();
    let total = base + made.len();
    Some(Layers {
        total,
        reused: total - made.iter().filter(|made| **made).count(),
        made,
    })
}

/// A number of bytes, as people read it.
pub(crate) fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let megabytes = count as f64 / 1e6;
    match count {
        ..1_000 => format!("{count} B"),
        1_000..100_000 => format!("{:.1} kB", megabytes * 1e3),
        _ => format!("{megabytes:.1} MB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_one_line() {
        let mut summary = Summary {
            is_built: true,
            names: vec!["r.example/a:1".into()],
            digest: Some("sha256:aa".into()),
            size: Some(412_345_678),
            duration: Duration::from_millis(12_340),
            layers: Some(Layers {
                total: 41,
                reused: 37,
                made: Vec::new(),
            }),
            pushed: Some(2_100_000),
            ..Summary::default()
        };
        assert_eq!(
            summary.line(),
            "r.example/a:1 sha256:aa 412.3 MB in 12.3 s: 37 of 41 layers reused, 2.1 MB pushed"
        );
        summary = Summary {
            size: None,
            layers: None,
            pushed: None,
            ..summary
        };
        assert_eq!(summary.line(), "r.example/a:1 sha256:aa in 12.3 s");
        summary.is_built = false;
        assert_eq!(summary.line(), "r.example/a:1 sha256:aa: nothing was built");
    }

    #[test]
    fn layers_are_counted_by_their_steps() {
        let step = |name: &str, is_cached| Step {
            name: name.into(),
            is_cached,
        };
        let described = r#"{"base": 2, "own": ["[apt] a", "[setup] b", "[source] c"]}"#;
        let built = Built {
            metadata: json!({"frontend.imagespec.layers": described}),
            steps: Some(vec![
                step("[apt] a", true),
                step("[source] c", false),
                step("[lock] x", false),
            ]),
            ..Built::default()
        };
        let found = layers(&built).unwrap();
        assert_eq!(
            (found.total, found.reused, found.made),
            (5, 4, vec![false, false, true])
        );
        assert_eq!(layers(&Built::default()), None);
    }
}
