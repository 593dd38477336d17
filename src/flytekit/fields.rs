//! flytekit's `ImageSpec` object: what its constructor checks and fills in, and what its hash is made of.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest as _, Md5};

use crate::flytekit::field::CHECKED_LISTS;
use crate::flytekit::release::Release;
use crate::python::{CopyFileDetection, Unicode, Value, repr};

/// The environment that flytekit would run in; ids and tags depend on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// The release of flytekit.
    pub release: Release,
    /// The Unicode tables of its Python.
    pub unicode: Unicode,
    /// The machine's architecture as Python's `platform.machine()` says it.
    pub machine: String,
}

/// Why flytekit's constructor refuses arguments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct ConstructError {
    /// The keyword argument, with the path to it where specs are nested: `base_image.name`.
    pub field: String,
    /// The complaint, a sentence without the argument's name.
    pub message: String,
}

/// The fields of a constructed `ImageSpec`, in the order in which they are hashed.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields {
    host: Host,
    values: Vec<(String, Value)>,
}

impl Fields {
    /// Constructs an `ImageSpec` from keyword arguments.
    ///
    /// # Errors
    /// All of flytekit's own checks that fail.
    pub fn construct(arguments: &[(String, Value)], host: &Host) -> Result<Self, Vec<ConstructError>> {
        let mut problems = Vec::new();
        let mut error = |field: &str, message: String| {
            problems.push(ConstructError {
                field: field.to_owned(),
                message,
            });
        };
        let known = host.release.fields();
        for (name, _) in arguments {
            if !known.contains(&name.as_str()) {
                error(name, "there is no such field".into());
            }
        }
        let given = |field: &str| arguments.iter().rev().find(|(name, _)| name == field).map(|(_, v)| v);
        let mut values = Vec::with_capacity(known.len());
        for field in known {
            let value = given(field).cloned();
            let value = match (field, value) {
                ("name", None) => Value::text("flytekit"),
                ("name", Some(Value::Str(name))) => Value::Str(host.unicode.lower(&name)),
                ("name", Some(Value::CodePoints(name))) => Value::CodePoints(host.unicode.lower_points(&name)),
                ("name", Some(other)) => {
                    error(field, "the name has to be a string".into());
                    other
                }
                ("registry", Some(registry)) if registry.is_truthy() => {
                    let lower = registry.as_text().map(|text| host.unicode.lower(text));
                    match lower {
                        // 1.13 does not check it.
                        Some(text) if host.release == Release::V113 || registry_is_valid(&text, host.unicode) => {
                            Value::Str(text)
                        }
                        Some(_) => {
                            error(field, "this is not the name of a registry".into());
                            registry
                        }
                        None => {
                            error(field, "the registry has to be a string".into());
                            registry
                        }
                    }
                }
                ("platform", None | Some(Value::None)) => Value::text(default_platform(given("registry"), host)),
                ("source_copy_mode", mode) => {
                    let has_root = given("source_root").is_some_and(|root| *root != Value::None);
                    match mode {
                        Some(mode) if mode.is_truthy() || !has_root => mode,
                        _ if has_root => Value::CopyFileDetection(CopyFileDetection::LoadedModules),
                        _ => Value::None,
                    }
                }
                (_, Some(Value::ImageSpec(arguments))) => nested(&arguments, host, field, &mut error),
                (_, value) => value.map_or(Value::None, |value| constructed(value, host, field, &mut error)),
            };
            values.push((field.to_owned(), value));
        }
        for field in CHECKED_LISTS {
            match given(field) {
                None | Some(Value::None) => {}
                Some(Value::List(items)) if items.iter().all(Value::is_text) => {}
                Some(_) => error(field, "this must be a list of strings or None".into()),
            }
        }
        if given("pip_secret_mounts").is_some_and(|mounts| !is_list_of_pairs(mounts)) {
            error(
                "pip_secret_mounts",
                "this must be a list of tuples of two strings or None".into(),
            );
        }
        if !matches!(given("builder_options"), None | Some(Value::None | Value::Map(_))) {
            error("builder_options", "this must be a dictionary or None".into());
        }
        if problems.is_empty() {
            let host = host.clone();
            Ok(Self { host, values })
        } else {
            Err(problems)
        }
    }

    /// The value of a field, Python's `None` for a field that is not set.
    pub(crate) fn get(&self, field: &str) -> &Value {
        let found = self.values.iter().find(|(name, _)| name == field);
        found.map_or(&Value::None, |(_, value)| value)
    }

    /// Replaces the value of a field.
    pub(super) fn set(&mut self, field: &str, value: Value) {
        if let Some((_, old)) = self.values.iter_mut().find(|(name, _)| name == field) {
            *old = value;
        }
    }

    /// The environment that the fields were constructed in.
    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// The `ImageSpec` in `base_image`, when that is one.
    pub(super) fn base(&self) -> Option<Self> {
        match self.get("base_image") {
            Value::ImageSpec(values) => Some(Self {
                host: self.host.clone(),
                values: values.clone(),
            }),
            _ => None,
        }
    }

    /// The text that is hashed.
    #[must_use]
    pub fn text(&self) -> String {
        repr(&hashed(&self.values, self.host.release), self.host.unicode)
    }

    /// The hash of [`Self::text`]: MD5 in URL-safe base64 without padding.
    #[must_use]
    pub fn hash(&self) -> String {
        URL_SAFE_NO_PAD.encode(Md5::digest(self.text().as_bytes()))
    }

    /// `[registry/]name:tag`.
    pub(crate) fn image_name(&self, tag: &str) -> String {
        let name = self.get("name").as_text().unwrap_or_default();
        match self.get("registry").as_text() {
            Some(registry) if !registry.is_empty() => format!("{registry}/{name}:{tag}"),
            _ => format!("{name}:{tag}"),
        }
    }

    /// The fields that are hashed and the text of each.
    pub(super) fn inputs(&self) -> Vec<(String, String)> {
        let Value::Map(pairs) = hashed(&self.values, self.host.release) else {
            return Vec::new();
        };
        let text = |value: &Value| repr(value, self.host.unicode);
        let mut inputs = Vec::new();
        for (name, value) in &pairs {
            let name = name.as_text().unwrap_or_default();
            match value {
                // To people who write specs, each option is a field.
                Value::Map(options) if name == "builder_options" && !options.is_empty() => {
                    let named = options.iter().map(|(key, value)| match key.as_text() {
                        Some(key) => (format!("{name}.{key}"), text(value)),
                        None => (format!("{name}.{}", text(key)), text(value)),
                    });
                    inputs.extend(named);
                }
                value => inputs.push((name.to_owned(), text(value))),
            }
        }
        inputs
    }
}

/// Constructs the `ImageSpec`s inside a value.
fn constructed(value: Value, host: &Host, field: &str, error: &mut impl FnMut(&str, String)) -> Value {
    match value {
        Value::ImageSpec(arguments) => nested(&arguments, host, field, error),
        Value::List(items) => Value::List(items.into_iter().map(|v| constructed(v, host, field, error)).collect()),
        Value::Tuple(items) => Value::Tuple(items.into_iter().map(|v| constructed(v, host, field, error)).collect()),
        Value::Map(pairs) => {
            let pairs = pairs.into_iter();
            Value::Map(pairs.map(|(k, v)| (k, constructed(v, host, field, error))).collect())
        }
        other => other,
    }
}

fn nested(arguments: &[(String, Value)], host: &Host, field: &str, error: &mut impl FnMut(&str, String)) -> Value {
    match Fields::construct(arguments, host) {
        Ok(fields) => Value::ImageSpec(fields.values),
        Err(problems) => {
            for problem in problems {
                error(&format!("{field}.{}", problem.field), problem.message);
            }
            Value::None
        }
    }
}

/// The ordered map that flytekit hashes.
fn hashed(values: &[(String, Value)], release: Release) -> Value {
    let counted = values
        .iter()
        .filter(|(name, value)| release == Release::V113 || (release.hashes(name) && *value != Value::None));
    Value::Map(
        counted
            .map(|(name, value)| (Value::text(name), plain(value, release)))
            .collect(),
    )
}

/// `ImageSpec`s at any depth become maps by the same rule.
fn plain(value: &Value, release: Release) -> Value {
    let all = |items: &[Value]| items.iter().map(|item| plain(item, release)).collect();
    match value {
        Value::ImageSpec(values) => hashed(values, release),
        Value::List(items) => Value::List(all(items)),
        Value::Tuple(items) => Value::Tuple(all(items)),
        Value::Map(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| (key.clone(), plain(value, release)));
            Value::Map(pairs.collect())
        }
        other => other.clone(),
    }
}

fn is_list_of_pairs(mounts: &Value) -> bool {
    let is_pair =
        |item: &Value| matches!(item, Value::Tuple(pair) if pair.len() == 2 && pair.iter().all(Value::is_text));
    match mounts {
        Value::None => true,
        Value::List(items) => items.iter().all(is_pair),
        _ => false,
    }
}

/// The platform of a spec that names none: an ARM machine builds for itself when the registry is on localhost.
fn default_platform(registry: Option<&Value>, host: &Host) -> &'static str {
    let is_local = registry
        .and_then(Value::as_text)
        .is_some_and(|registry| host.unicode.lower(registry).starts_with("localhost:"));
    let is_arm = matches!(host.machine.to_lowercase().as_str(), "arm64" | "aarch64");
    if host.release == Release::Current && is_local && is_arm {
        "linux/arm64"
    } else {
        "linux/amd64"
    }
}

/// flytekit's pattern: a host with an optional port, then path parts.
pub(crate) fn registry_is_valid(registry: &str, unicode: Unicode) -> bool {
    // Python's `$` also matches before a final line feed.
    let registry = registry.strip_suffix('\n').unwrap_or(registry);
    let mut parts = registry.split('/');
    let host = parts.next().unwrap_or_default();
    let (host, port) = match host.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (host, None),
    };
    let host_ok = !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_lowercase() || matches!(c, '.' | '_' | '-') || unicode.is_decimal(c));
    let port_ok =
        port.is_none_or(|port| (1..=5).contains(&port.chars().count()) && port.chars().all(|c| unicode.is_decimal(c)));
    let part_ok = |part: &str| !part.is_empty() && part.chars().all(|c| matches!(c, '.' | '-') || unicode.is_word(c));
    host_ok && port_ok && parts.all(part_ok)
}
