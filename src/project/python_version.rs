//! Which Python a project asks for: `.python-version`, and `requires-python` of its manifest.

use crate::image_spec::TextValue;
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

    /// The version in the nearest `.python-version`, and its path.
    async fn pinned_python(&mut self, directory: &str, named: &TextValue) -> Result<Option<(String, String)>, Failure> {
        for place in directories_above(directory) {
            let path = below(&place, ".python-version");
            let Some(text) = self.text_if_there(&path, named.span).await? else {
                continue;
            };
            self.found.facts.read.insert(path.clone());
            match version_of(&text) {
                Some(version) => return Ok(Some((version, path))),
                None => {
                    let message = format!("{path} names no version of CPython");
                    self.problem("python-version", message, named.span, "set `python_version`");
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }
}

/// The version in a `.python-version`: `3.12`, `3.12.4`, `cpython-3.12`, `cpython@3.12`, `>=3.12`.
fn version_of(text: &str) -> Option<String> {
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let version = line
        .strip_prefix("cpython")
        .or_else(|| line.strip_prefix("python"))
        .unwrap_or(line)
        .trim_start_matches(['-', '@', '=', '>', '~', ' ']);
    let version = version.split(['-', '+']).next().unwrap_or(version);
    let is_version = version.split('.').count() >= 2
        && version
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()));
    is_version.then(|| version.to_owned())
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
        let check = |text: &str, expect: Option<&str>| assert_eq!(version_of(text).as_deref(), expect, "{text}");
        check("3.12\n", Some("3.12"));
        check("# ours\ncpython-3.11.4\n", Some("3.11.4"));
        check("cpython@3.13", Some("3.13"));
        check("3.12.4-linux", Some("3.12.4"));
        check("pypy3.10\n", None);
        check("3", None);
        check("", None);
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
