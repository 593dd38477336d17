//! Which kind of file `requirements` names: its base name decides, as it does for uv.

use crate::text::file_name;

/// The kind of a requirements file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequirementsFile {
    /// Lines of requirements.
    Lines,
    /// A `pyproject.toml`, whose dependencies are resolved.
    Project,
    UvLock,
    PoetryLock,
    /// A lock in the format of PEP 751.
    Pylock,
}

impl RequirementsFile {
    /// The kind of the file at a path.
    #[must_use]
    pub(crate) fn of(path: &str) -> Self {
        match file_name(path) {
            "pyproject.toml" => Self::Project,
            "uv.lock" => Self::UvLock,
            "poetry.lock" => Self::PoetryLock,
            "pylock.toml" => Self::Pylock,
            name if name.starts_with("pylock.") && name.ends_with(".toml") => Self::Pylock,
            _ => Self::Lines,
        }
    }

    /// Whether it belongs to a project, which has extras and groups and can itself be installed.
    #[must_use]
    pub(crate) fn has_project(self) -> bool {
        matches!(self, Self::Project | Self::UvLock | Self::PoetryLock)
    }

    /// Whether it fixes the versions of packages.
    #[must_use]
    pub(crate) fn is_lock(self) -> bool {
        matches!(self, Self::UvLock | Self::PoetryLock | Self::Pylock)
    }
}
