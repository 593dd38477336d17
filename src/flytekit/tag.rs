//! flytekit's `tag` and `image_name`: the hash of a spec whose files are replaced by their digests.

use std::fmt;

use crate::files::{Job, Task};
use crate::flytekit::fields::Fields;
use crate::flytekit::release::Release;
use crate::python::{CopyFileDetection, FormatError, Value, format};

/// Why a constructed spec has no tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// A copy mode without the directory to copy.
    #[error("`source_copy_mode` needs `source_root`, the directory to copy")]
    NoSourceRoot,
    /// The field should name files, and holds something else.
    #[error("`{0}` does not name a file or directory")]
    NoPath(&'static str),
    /// `tag_format` cannot be applied.
    #[error("tag_format: {0}")]
    Format(#[from] FormatError),
    /// A digest is missing: a bug of the caller, not a mistake in the spec.
    #[error("the digest of `{0}` is missing")]
    NoDigest(&'static str),
}

impl TagError {
    /// The field to point at.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::NoSourceRoot => "source_copy_mode",
            Self::NoPath(field) | Self::NoDigest(field) => field,
            Self::Format(_) => "tag_format",
        }
    }
}

/// A tag and what it was made from.
#[derive(Clone, PartialEq)]
pub struct Tag {
    /// The hash, or the result of `tag_format`.
    pub tag: String,
    /// The hash as the tag has it, with `_` for `-`.
    pub hash: String,
    /// `[registry/]name:tag`.
    pub image_name: String,
    /// The text that was hashed.
    pub text: String,
    /// The fields that were hashed and the text of each.
    pub inputs: Vec<(String, String)>,
}

impl fmt::Debug for Tag {
    /// What was hashed may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tag").field("tag", &self.tag).finish_non_exhaustive()
    }
}

/// Applies a `tag_format`.
///
/// # Errors
/// What Python refuses.
pub(crate) fn tag_format(template: &str, hash: &str) -> Result<String, FormatError> {
    format(template, "spec_hash", hash)
}

/// The files whose digests the tag of a spec needs.
///
/// # Errors
/// When a field that should name files does not.
pub fn tasks(fields: &Fields, loaded_modules: &[String]) -> Result<Vec<Task>, TagError> {
    let mut tasks = Vec::new();
    of_fields(fields, loaded_modules, 0, &mut tasks)?;
    Ok(tasks)
}

fn of_fields(fields: &Fields, modules: &[String], depth: usize, tasks: &mut Vec<Task>) -> Result<(), TagError> {
    if let Some(base) = fields.base() {
        of_fields(&base, modules, depth + 1, tasks)?;
    } else if let Value::Map(base) = fields.get("base_image") {
        of_map(base, fields.host().release, modules, depth + 1, tasks)?;
    }
    let get = |field: &str| Some(fields.get(field));
    of_values(get, fields.host().release, modules, depth, tasks)
}

/// A nested spec that flytekit sees as a plain mapping.
fn of_map(
    map: &[(Value, Value)],
    release: Release,
    modules: &[String],
    depth: usize,
    tasks: &mut Vec<Task>,
) -> Result<(), TagError> {
    if let Some(Value::Map(base)) = in_map(map, "base_image") {
        of_map(base, release, modules, depth + 1, tasks)?;
    }
    of_values(|field| in_map(map, field), release, modules, depth, tasks)
}

fn in_map<'a>(map: &'a [(Value, Value)], field: &str) -> Option<&'a Value> {
    map.iter()
        .find(|(key, _)| key.as_text() == Some(field))
        .map(|(_, value)| value)
}

fn of_values<'a>(
    get: impl Fn(&str) -> Option<&'a Value>,
    release: Release,
    modules: &[String],
    depth: usize,
    tasks: &mut Vec<Task>,
) -> Result<(), TagError> {
    let get = |field: &str| get(field).unwrap_or(&Value::None);
    let mut push = |field, job| tasks.push(Task { depth, field, job });
    let root = get("source_root");
    let text = |field, value: &Value| value.as_text().map(str::to_owned).ok_or(TagError::NoPath(field));
    match (release, get("source_copy_mode")) {
        (Release::V113, _) => {
            if root.is_truthy() {
                let root = text("source_root", root)?;
                push("source_root", Job::Filtered { root });
            }
        }
        (_, Value::None | Value::CopyFileDetection(CopyFileDetection::NoCopy)) => {}
        (_, _) if !root.is_truthy() => return Err(TagError::NoSourceRoot),
        (_, Value::CopyFileDetection(CopyFileDetection::LoadedModules)) => {
            let root = text("source_root", root)?;
            let files = modules.to_vec();
            push("source_root", Job::Modules { root, files });
        }
        (_, _) => {
            let root = text("source_root", root)?;
            push("source_root", Job::Source { root });
        }
    }
    match (release, get("copy")) {
        (Release::V113, _) => {}
        (_, copy) if !copy.is_truthy() => {}
        (_, Value::List(entries)) => {
            let paths: Result<Vec<String>, TagError> = entries.iter().map(|entry| text("copy", entry)).collect();
            push("copy", Job::Copy { paths: paths? });
        }
        // A string instead of a list is a directory to walk.
        (_, copy) => {
            let root = text("copy", copy)?;
            push("copy", Job::Directory { root });
        }
    }
    let requirements = get("requirements");
    if requirements.is_truthy() {
        let path = text("requirements", requirements)?;
        let strip = release == Release::Current;
        push("requirements", Job::Requirements { path, strip });
    }
    Ok(())
}

/// The tag of a spec, with the digests of [`tasks`] in their order.
///
/// # Errors
/// When the spec has no tag although it could be constructed.
pub fn tag(fields: &Fields, digests: &[(Task, String)]) -> Result<Tag, TagError> {
    at_depth(fields, digests, 0)
}

fn at_depth(fields: &Fields, digests: &[(Task, String)], depth: usize) -> Result<Tag, TagError> {
    let mut counted = fields.clone();
    if let Some(base) = fields.base() {
        let name = at_depth(&base, digests, depth + 1)?.image_name;
        counted.set("base_image", Value::Str(name));
    } else if let Value::Map(base) = fields.get("base_image") {
        counted.set("base_image", Value::Map(with_digests(base, digests, depth + 1)));
    }
    for (task, digest) in digests.iter().filter(|(task, _)| task.depth == depth) {
        counted.set(task.field, Value::text(digest));
    }
    // The nested specs have checked theirs by now.
    for needed in tasks(fields, &[])?.iter().filter(|task| task.depth == 0) {
        let is_there = |(task, _): &(Task, String)| task.depth == depth && task.field == needed.field;
        if !digests.iter().any(is_there) {
            return Err(TagError::NoDigest(needed.field));
        }
    }
    counted.set("registry_config", Value::None);
    let hash = counted.hash().replace('-', "_");
    let tag = match fields.get("tag_format") {
        format if !format.is_truthy() => hash.clone(),
        format => {
            let template = format.as_text().ok_or(TagError::NoPath("tag_format"))?;
            tag_format(template, &hash)?
        }
    };
    Ok(Tag {
        image_name: fields.image_name(&tag),
        text: counted.text(),
        inputs: counted.inputs(),
        tag,
        hash,
    })
}

fn with_digests(map: &[(Value, Value)], digests: &[(Task, String)], depth: usize) -> Vec<(Value, Value)> {
    let replaced = map.iter().map(|(key, value)| {
        let field = key.as_text().unwrap_or_default();
        let digest = digests
            .iter()
            .find(|(task, _)| task.depth == depth && task.field == field);
        let value = match (digest, value) {
            (Some((_, digest)), _) => Value::text(digest),
            (None, Value::Map(base)) if field == "base_image" => Value::Map(with_digests(base, digests, depth + 1)),
            (None, value) => value.clone(),
        };
        (key.clone(), value)
    });
    replaced.collect()
}
