use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest as _, Md5};

use crate::python::{Value, repr};
use crate::spec::ImageSpec;
use crate::spec::field::FLYTEKIT_FIELDS;

/// What flytekit calls the `id` of a spec: 22 characters that tell a task whether it runs in this image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(String);

impl Id {
    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fields that do not count.
const EXCLUDED: [&str; 3] = ["builder", "pip_secret_mounts", "runtime_packages"];

/// Computes the id of a spec as flytekit 1.16 does for the same file.
#[must_use]
pub fn id(spec: &ImageSpec) -> Id {
    Id(hash(&repr(&hashed_map(spec))))
}

/// MD5 in URL-safe base64 without padding.
fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Md5::digest(text.as_bytes()))
}

/// The map that flytekit hashes: its fields in its order, without those that are `None`.
fn hashed_map(spec: &ImageSpec) -> Value {
    let own = spec.own_values();
    let mut pairs = Vec::new();
    for field in FLYTEKIT_FIELDS
        .iter()
        .map(|field| field.name)
        .filter(|name| !EXCLUDED.contains(name))
    {
        let given = spec.python_value(field).filter(|value| *value != Value::None);
        let value = match field {
            "name" => Some(Value::Str(spec.name.clone())),
            "registry" => given.map(|value| match value {
                Value::Str(text) => Value::Str(text.to_lowercase()),
                other => other,
            }),
            "platform" => Some(given.unwrap_or_else(|| Value::Str("linux/amd64".into()))),
            "source_copy_mode" => {
                let falsy = matches!(&given, None | Some(Value::Bool(false)))
                    || given == Some(Value::Str(String::new()))
                    || given == Some(Value::Int("0".into()));
                let has_root = spec.python_value("source_root").is_some_and(|root| root != Value::None);
                if falsy && has_root {
                    Some(Value::CopyFileDetection("LOADED_MODULES", 1))
                } else {
                    given
                }
            }
            "builder_options" if !own.is_empty() => {
                let mut options = match given {
                    Some(Value::Map(pairs)) => pairs,
                    _ => Vec::new(),
                };
                options.extend(
                    own.iter()
                        .map(|(name, value)| (Value::Str((*name).to_owned()), value.clone())),
                );
                Some(Value::Map(options))
            }
            _ => given,
        };
        if let Some(value) = value {
            pairs.push((Value::Str(field.to_owned()), value));
        }
    }
    Value::Map(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Text, parse};

    #[test]
    fn the_id_is_flytekits() {
        let check = |yaml: &str, text: &str| {
            let parsed = parse(&Text::new("spec.yaml", yaml));
            let spec = parsed.spec.unwrap();
            assert_eq!(repr(&hashed_map(&spec)), text);
            assert_eq!(id(&spec).as_str().len(), 22);
        };
        check("name: flytekit", "{'name': 'flytekit', 'platform': 'linux/amd64'}");
        check(
            "packages: [x]\nname: A\npython_version: 3.10\nenv: {A: yes}",
            "{'name': 'a', 'python_version': 3.1, 'env': {'A': True}, 'packages': ['x'], 'platform': 'linux/amd64'}",
        );
        // Under `builder_options` they stand where they were written.
        check(
            "builder_options: {profile: plain, x: 1}",
            "{'name': 'flytekit', 'platform': 'linux/amd64', 'builder_options': {'profile': 'plain', 'x': 1}}",
        );
        check(
            "source_root: src\nprofile: plain\nbuilder_options: {x: 1}",
            "{'name': 'flytekit', 'source_root': 'src', 'platform': 'linux/amd64', 'source_copy_mode': <CopyFileDetection.LOADED_MODULES: 1>, 'builder_options': {'x': 1, 'profile': 'plain'}}",
        );
    }
}
