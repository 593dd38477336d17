//! What a requirements file is, by its name.

use crate::text::file_name;

/// What a requirements file is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequirementsFile {
    /// Lines of requirements.
    Lines,
    /// A project, whose dependencies are resolved.
    Project,
    /// uv's lock of a project.
    UvLock,
    /// Poetry's lock of a project.
    PoetryLock,
    /// A lock of PEP 751.
    Pylock,
}

impl RequirementsFile {
    /// The kind of a file.
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

    /// Whether it stands for a project, which has extras and groups and can be installed itself.
    #[must_use]
    pub(crate) fn has_project(self) -> bool {
        matches!(self, Self::Project | Self::UvLock | Self::PoetryLock)
    }

    /// Whether it says which versions are installed.
    #[must_use]
    pub(crate) fn is_lock(self) -> bool {
        matches!(self, Self::UvLock | Self::PoetryLock | Self::Pylock)
    }
}
