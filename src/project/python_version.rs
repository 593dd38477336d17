//! Which Python a project asks for: `.python-version`, and `requires-python` of its manifest.

use crate::image_spec::{CondaPython, TextValue};
use crate::plan::DEFAULT_PYTHON;
use crate::project::files::ContextFiles;
use crate::project::follow::manifest_in;
use crate::project::reader::RequirementsReader;
use crate::python::{RequirementsFile, version_fits};
use crate::text::{Failure, below, directories_above};

/// The versions that are tried where the usual one does not suit a project, the newest first.
const KNOWN: [&str; 8] = ["3.14", "3.13", "3.12", "3.11", "3.10", "3.9", "3.8", "3.7"];

impl<F: ContextFiles> RequirementsReader<'_, F> {
    /// Decides the version of the interpreter where the spec does not, or says where it clashes.
    pub(super) async fn read_python_version(
        &mut self,
        directory: &str,
        kind: RequirementsFile,
        named: &TextValue,
    ) -> Result<(), Failure> {
        let spec = self.spec;
        let requires = self.requires_python(directory, kind, named).await?;
        self.found.requires_python.clone_from(&requires);
        let fits = |version: &str| requires.as_ref().is_none_or(|(wanted, _)| fits_any(wanted, version));
        if let Some(chosen) = spec.all().find_map(|spec| spec.python_version.as_ref()) {
            // With an interpreter of the image, the version says nothing.
            if let Some((wanted, path)) = requires
                .as_ref()
                .filter(|_| !fits(&chosen.value) && spec.python_exec.is_none())
            {
                let message = format!("`python_version: {}`, and {path} is for Python {wanted}", chosen.value);
                let help = "choose a version that it allows, or leave `python_version` out";
                self.problem("python-version", message, chosen.span, help);
            }
            return Ok(());
        }
        if spec.all().any(|spec| spec.python_exec.is_some()) {
            return Ok(());
        }
        if let Some(python) = spec.all().find_map(CondaPython::of) {
            let is_right = |version: &str| fits(version) && python.allows(version);
            if let Some((wanted, path)) = requires
                .as_ref()
                .filter(|_| !KNOWN.iter().any(|version| is_right(version)))
            {
                let asked = &python.entry.value;
                let message = format!("`conda_packages` has `{asked}`, and {path} is for Python {wanted}");
                let help = "choose a version that it allows, or leave the entry out";
                self.problem("python-version", message, python.entry.span, help);
            }
            return Ok(());
        }
        let pinned = self.pinned_python(directory, named).await?;
        if let Some((version, path)) = &pinned {
            if let Some((wanted, manifest)) = requires.as_ref().filter(|_| !fits(version)) {
                let message = format!("{path} says Python {version}, and {manifest} is for Python {wanted}");
                self.problem("python-version", message, named.span, "set `python_version`");
            }
            self.found.facts.python = Some(version.clone());
            return Ok(());
        }
        let Some((wanted, path)) = requires.as_ref().filter(|_| !fits(DEFAULT_PYTHON)) else {
            return Ok(());
        };
        match KNOWN.iter().find(|version| fits(version)) {
            Some(version) => self.found.facts.python = Some((*version).to_owned()),
            None => {
                let message = format!("{path} is for Python {wanted}, which is no version that is known");
                self.problem("python-version", message, named.span, "set `python_version`");
            }
        }
        Ok(())
    }

    /// The versions that the manifest is for, else those of the lock, and the path of the one that says so.
    async fn requires_python(
        &mut self,
        directory: &str,
        kind: RequirementsFile,
        named: &TextValue,
    ) -> Result<Option<(String, String)>, Failure> {
        // A lock of a workspace is for what all members are for.
        if kind.has_project() && kind != RequirementsFile::UvLock {
            let members = &self.found.chosen_members;
            let directories = if members.is_empty() {
                vec![directory.to_owned()]
            } else {
                members.clone()
            };
            let mut all: Vec<String> = Vec::new();
            for directory in &directories {
                let manifest = self.manifest(directory, named.span).await?;
                all.extend(manifest.and_then(|manifest| manifest.requires_python()));
            }
            if all.is_empty()
                && let Some(found) = self.of_setup_cfg(directory, named).await?
            {
                return Ok(Some(found));
            }
            all.dedup();
            let path = directories
                .first()
                .map(|directory| manifest_in(directory))
                .unwrap_or_default();
            return Ok((!all.is_empty()).then(|| (all.join(","), path)));
        }
        let of_lock = self.found.lock_requires_python.clone();
        Ok(of_lock.map(|requires| (requires, named.value.clone())))
    }

    /// What a setup.cfg requires, and its path.
    async fn of_setup_cfg(&mut self, directory: &str, named: &TextValue) -> Result<Option<(String, String)>, Failure> {
        let path = below(directory, "setup.cfg");
        let text = self.text_if_there(&path, named.span).await?.unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once('='));
        let mut found = lines.filter(|(key, _)| matches!(key.trim(), "python_requires" | "python-requires"));
        Ok(found.next().map(|(_, value)| (value.trim().to_owned(), path)))
    }

    /// The version in the nearest `.python-version`, and its path.
    async fn pinned_python(&mut self, directory: &str, named: &TextValue) -> Result<Option<(String, String)>, Failure> {
        for place in directories_above(directory) {
            let path = below(&place, ".python-version");
            let Some(text) = self.text_if_there(&path, named.span).await? else {
                continue;
            };
            self.found.facts.read.insert(path.clone());
            match Pinned::read(&text) {
                Pinned::Nothing => continue,
                Pinned::Version(version) => return Ok(Some((version, path))),
                Pinned::Bounds(bounds) => {
                    let fitting = std::iter::once(DEFAULT_PYTHON)
                        .chain(KNOWN)
                        .find(|version| fits_any(&bounds, version));
                    return Ok(fitting.map(|version| (version.to_owned(), path)));
                }
                Pinned::Other(said) => {
                    let message = format!("{path} says `{said}`, which is no version of Python that an image can have");
                    let help = "write a version of CPython such as 3.12, or set `python_version`";
                    self.problem("python-version", message, named.span, help);
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }
}

/// What a `.python-version` says.
#[derive(Debug, PartialEq)]
enum Pinned {
    /// Nothing but comments.
    Nothing,
    /// `3.12`, `3.12.4`, `cpython-3.12`, `cpython@3.12`.
    Version(String),
    /// `3`, `>=3.11,<3.13`.
    Bounds(String),
    /// Another implementation, or a build that conda has under other names.
    Other(String),
}

impl Pinned {
    fn read(text: &str) -> Self {
        let line = text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'));
        let Some(line) = line else { return Self::Nothing };
        if line.starts_with(['<', '>', '=', '~', '!']) {
            return Self::Bounds(line.to_owned());
        }
        let version = ["cpython", "python"]
            .iter()
            .find_map(|name| line.strip_prefix(name))
            .unwrap_or(line);
        let version = version.trim_start_matches(['-', '@']);
        // Behind a dash stands a platform, behind a plus a way of building.
        let plain = version.split('-').next().unwrap_or(version);
        let parts: Vec<&str> = plain.split('.').collect();
        let is_number = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
        match parts.as_slice() {
            parts if !parts.iter().all(is_number) => Self::Other(line.to_owned()),
            [major] => Self::Bounds(format!("=={major}.*")),
            _ => Self::Version(plain.to_owned()),
        }
    }
}

/// Whether some release of a version is allowed: 3.12 stands for all of 3.12.
pub(super) fn fits_any(wanted: &str, version: &str) -> bool {
    let releases = match version.split('.').count() {
        0..=2 => vec![format!("{version}.0"), format!("{version}.99")],
        _ => vec![version.to_owned()],
    };
    let is_exact = |spec: &&str| spec.starts_with("==") && !spec.contains('*');
    // `==3.12.4` allows a release of 3.12.
    wanted
        .split(',')
        .map(str::trim)
        .any(|spec| is_exact(&spec) && spec.trim_start_matches(['=', ' ']).starts_with(&format!("{version}.")))
        || releases.iter().any(|release| version_fits(wanted, release))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_uv_and_pyenv_do() {
        let check = |text: &str, expect: Pinned| assert_eq!(Pinned::read(text), expect, "{text}");
        let version = |version: &str| Pinned::Version(version.to_owned());
        check("3.12\n", version("3.12"));
        check("# ours\ncpython-3.11.4\n", version("3.11.4"));
        check("cpython@3.13", version("3.13"));
        check("3.12.4-linux", version("3.12.4"));
        check("3", Pinned::Bounds("==3.*".into()));
        check(">=3.11,<3.13", Pinned::Bounds(">=3.11,<3.13".into()));
        for other in ["pypy3.10", "3.13t", "3.11+freethreaded"] {
            check(other, Pinned::Other(other.to_owned()));
        }
        check("\n# none\n", Pinned::Nothing);
    }

    #[test]
    fn a_version_stands_for_its_releases() {
        let check = |wanted: &str, version: &str, expect: bool| {
            assert_eq!(fits_any(wanted, version), expect, "{wanted} {version}")
        };
        check(">=3.12", "3.12", true);
        check(">=3.12.4", "3.12", true);
        check(">=3.11,<3.12", "3.12", false);
        check("==3.12.4", "3.12", true);
        check("==3.12.*", "3.12", true);
        check("<3.12", "3.12", false);
        check("~=3.11", "3.13", true);
    }
}
