//! The releases of flytekit that name images differently, and the fields that each one hashes.

use crate::flytekit::field::FLYTEKIT_FIELDS;

/// The releases of flytekit whose names we compute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Release {
    /// 1.13.6 and later.
    #[default]
    Current,
    /// 1.13.3 and 1.13.4.
    V113,
}

/// flytekit 1.13's fields in the order in which it hashes them.
const FIELDS_113: [&str; 21] = [
    "name",
    "python_version",
    "builder",
    "source_root",
    "env",
    "registry",
    "packages",
    "conda_packages",
    "conda_channels",
    "requirements",
    "apt_packages",
    "cuda",
    "cudnn",
    "base_image",
    "platform",
    "pip_index",
    "pip_extra_index_url",
    "registry_config",
    "entrypoint",
    "commands",
    "tag_format",
];

impl Release {
    /// The release's fields in the order in which it hashes them.
    pub(super) fn fields(self) -> Vec<&'static str> {
        match self {
            Self::Current => FLYTEKIT_FIELDS.iter().map(|field| field.name).collect(),
            Self::V113 => FIELDS_113.to_vec(),
        }
    }

    /// Whether a field counts in hashes. 1.13 hashes all, with `None` where there is no value.
    pub(super) fn hashes(self, field: &str) -> bool {
        self == Self::V113 || !matches!(field, "builder" | "pip_secret_mounts" | "runtime_packages")
    }
}
