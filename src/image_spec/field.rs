//! The fields that a spec may have besides flytekit's.

use crate::flytekit::{FLYTEKIT_FIELDS, Field, Kind};

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

/// Our own fields, in the order in which they are hashed. Each may also stand under `builder_options`.
pub(crate) const OWN_FIELDS: [Field; 21] = [
    field("profile", Kind::Text),
    field("labels", Kind::TextMap),
    field("user", Kind::Text),
    field("workdir", Kind::Text),
    field("copy_to", Kind::Text),
    field("build_env", Kind::TextMap),
    field("setup_commands", Kind::TextList),
    field("pins", Kind::TextMap),
    field("layering", Kind::Text),
    field("heavy", Kind::TextList),
    field("extras", Kind::TextList),
    field("groups", Kind::TextList),
    field("members", Kind::TextList),
    field("install_project", Kind::Flag),
    field("mode", Kind::Text),
    field("expose", Kind::Ports),
    // What entries of `copy` say besides their paths is hashed here.
    field("secrets", Kind::Secrets),
    field("describe", Kind::Flag),
    field("debconf", Kind::TextList),
    field("apt_sources", Kind::AptSources),
    // Never hashed: it decides how to hash.
    field("tag_algorithm", Kind::Text),
];

/// The keys of `builder_config` that this builder uses.
pub(super) const BUILDER_CONFIG_KEYS: [&str; 2] = ["uv_image", "micromamba_image"];

/// The field with a name, flytekit's or ours.
#[must_use]
pub(super) fn find(name: &str) -> Option<Field> {
    FLYTEKIT_FIELDS
        .iter()
        .chain(&OWN_FIELDS)
        .find(|field| field.name == name)
        .copied()
}
