//! The values that a tag was computed from, cut down for a label of the image, and compared between two.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::image_spec::OWN_FIELDS;
use crate::name::identity::Identity;
use crate::text::redact;

/// The longest value that a label keeps, in characters; longer ones are kept as digests.
const MAX_VALUE: usize = 120;
/// The largest label, in bytes: labels travel with every image.
const MAX_LABEL: usize = 32 * 1024;

/// A value that differs between two sets of inputs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The input's name.
    pub input: String,
    /// The value on the left side; `None` if it has none.
    pub left: Option<String>,
    /// The value on the right side; `None` if it has none.
    pub right: Option<String>,
}

/// The label for the inputs: short values as they are, long ones and those that only steps of the build see as
/// digests. `None` if it would be too large.
#[must_use]
pub fn inputs_label(identity: &Identity) -> Option<String> {
    let object: Map<String, Json> = kept(identity)
        .into_iter()
        .map(|(name, value)| (name, json!(value)))
        .collect();
    let label = Json::Object(object).to_string();
    (label.len() <= MAX_LABEL).then_some(label)
}

/// The inputs as labels keep them.
#[must_use]
pub fn kept(identity: &Identity) -> Vec<(String, String)> {
    let keep = |name: &String, value: &String| {
        let is_long = value.chars().count() > MAX_VALUE;
        let value = if is_long { digest(value) } else { value.clone() };
        (name.clone(), value)
    };
    shown(identity).iter().map(|(name, value)| keep(name, value)).collect()
}

/// The inputs as people may see them: values for steps of the build or for other builders as digests.
#[must_use]
pub fn shown(identity: &Identity) -> Vec<(String, String)> {
    let is_others = |name: &str| {
        let option = name.strip_prefix("builder_options.");
        name == "builder_config" || option.is_some_and(|option| OWN_FIELDS.iter().all(|field| field.name != option))
    };
    identity
        .inputs
        .iter()
        .map(|(name, value)| {
            let is_hidden = name.ends_with("build_env") || value.contains("build_env") || is_others(name);
            let value = if is_hidden { digest(value) } else { redact(value) };
            (redact(name), value)
        })
        .collect()
}

fn digest(value: &str) -> String {
    let mut hex = base16ct::lower::encode_string(&Sha256::digest(value));
    hex.truncate(32);
    format!("sha256:{hex}")
}

/// The inputs in a label, redacted: whoever wrote it may have left credentials in it.
#[must_use]
pub fn from_label(label: &str) -> Option<Vec<(String, String)>> {
    let object: Map<String, Json> = serde_json::from_str(label).ok()?;
    object
        .into_iter()
        .map(|(name, value)| Some((redact(&name), redact(value.as_str()?))))
        .collect()
}

/// The differences, in the order of the left side, then those that only the right side has.
#[must_use]
pub fn differences(left: &[(String, String)], right: &[(String, String)]) -> Vec<Difference> {
    let (by_left, by_right): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (left.iter().cloned().collect(), right.iter().cloned().collect());
    let only_right = right.iter().filter(|(name, _)| !by_left.contains_key(name));
    left.iter()
        .chain(only_right)
        .map(|(name, _)| Difference {
            input: name.clone(),
            left: by_left.get(name).cloned(),
            right: by_right.get(name).cloned(),
        })
        .filter(|difference| difference.left != difference.right)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_spec::Algorithm;
    use crate::name::Given;

    #[test]
    fn labels_can_be_compared_with_specs() {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let long = "x".repeat(200);
        let identity = |inputs| Identity {
            algorithm: Algorithm::Flytekit,
            id: String::new(),
            tag: String::new(),
            image_name: String::new(),
            given: Given::default(),
            inputs,
            inputs_digest: None,
        };
        let one = identity(pairs(&[
            ("name", "'a'"),
            ("packages", &long),
            ("build_env", "{\"TOKEN\":\"t\"}"),
        ]));
        let label = inputs_label(&one).unwrap();
        assert!(!label.contains("TOKEN") && label.len() < 200, "{label}");
        assert_eq!(differences(&kept(&one), &from_label(&label).unwrap()), []);
        let other = identity(pairs(&[("name", "'b'"), ("packages", &long), ("env", "{}")]));
        let differing = differences(&kept(&other), &from_label(&label).unwrap());
        let names: Vec<&str> = differing.iter().map(|difference| difference.input.as_str()).collect();
        assert_eq!(names, ["name", "env", "build_env"]);
    }
}
