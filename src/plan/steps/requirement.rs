//! Requirements as text: what a spec asks for, and lines that name exactly one file of a lock.

use crate::image_spec::{ImageSpec, Profile};
use crate::plan::facts::Requirements;
use crate::plan::paths::CONTEXT_ROOT;
use crate::python::{Artefact, Locked, Requirement, RequirementsFile, Source, encoded};
use crate::text::context_path;

/// What stands between a file and its digest, where a lock of ours records what it was made from.
const DIGEST: &str = " sha256:";

/// The requirements of a spec itself, with what its profile adds.
pub(crate) fn packages(spec: &ImageSpec, requirements: &Requirements) -> Vec<String> {
    let listed = spec.listed().filter_map(|(_, entry)| entry.requirement());
    let listed = listed.map(|requirement| requirement.text.clone());
    listed.chain(added_by_profile(spec, requirements)).collect()
}

/// What the profile installs that nobody else asks for.
fn added_by_profile(spec: &ImageSpec, requirements: &Requirements) -> Option<String> {
    let is_locked = spec.requirements_file().is_some_and(RequirementsFile::is_lock);
    if spec.profile != Profile::Flyte || is_locked {
        return None;
    }
    let mut listed = spec.listed().filter_map(|(_, entry)| entry.requirement());
    let is_known = listed.any(|requirement| is_flytekit(&requirement.text))
        || requirements.lines.iter().any(|line| is_flytekit(line));
    (!is_known).then(|| "flytekit".to_owned())
}

/// Everything the lock depends on, sorted: the requirements of a spec and of its files, and the settings.
#[must_use]
pub fn required(spec: &ImageSpec, requirements: &Requirements) -> Vec<String> {
    let mut all = asked(spec, requirements);
    all.extend(requirements.constraints.iter().map(|line| format!("-c {line}")));
    all.extend(requirements.included.iter().cloned());
    all.extend(
        requirements
            .digests
            .iter()
            .map(|(file, digest)| format!("{file}{DIGEST}{digest}")),
    );
    all.extend(spec.extra_arguments("").choices);
    all.sort();
    all.dedup();
    all
}

/// The file that a line of a lock of ours has the digest of, if it is such a line.
pub(crate) fn digested_file(line: &str) -> Option<&str> {
    line.split_once(DIGEST).map(|(file, _)| file)
}

/// The requirements of a spec and of its files.
pub(crate) fn asked(spec: &ImageSpec, requirements: &Requirements) -> Vec<String> {
    let mut all = packages(spec, requirements);
    all.extend(requirements.lines.iter().cloned());
    all
}

/// Whether the lock step resolves anything.
pub(crate) fn asks_for_packages(spec: &ImageSpec, requirements: &Requirements) -> bool {
    !packages(spec, requirements).is_empty() || !requirements.resolved.is_empty()
}

/// What the lock step resolves, a line each: paths are those below `root`.
pub(crate) fn lines_to_resolve(spec: &ImageSpec, requirements: &Requirements, root: &str) -> Vec<String> {
    let placed = |requirement: &Requirement| match &requirement.source {
        Source::Path(path) => {
            let path = context_path(path.split(['[', '#']).next().unwrap_or(path));
            requirement.at_path(&format!("{root}/{path}"))
        }
        _ => requirement.text.clone(),
    };
    let listed = spec.listed().filter_map(|(_, entry)| entry.requirement().map(placed));
    let mut lines: Vec<String> = listed.collect();
    lines.extend(added_by_profile(spec, requirements));
    lines.extend(
        requirements
            .resolved
            .iter()
            .map(|line| line.replace(CONTEXT_ROOT, root)),
    );
    lines
}

/// flytekit's own test of a requirement, its leading run of word characters and dashes; or a repository that is called so.
fn is_flytekit(requirement: &str) -> bool {
    let requirement = requirement.trim();
    if requirement.contains("://")
        && let Ok(Requirement {
            name: None,
            source: Source::Repository(url),
            ..
        }) = Requirement::parse(requirement)
    {
        let path = url.split(['#', '?']).next().unwrap_or(&url);
        let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
        let name = name.split('@').next().unwrap_or(name);
        return name.trim_end_matches(".git") == "flytekit";
    }
    let end = requirement
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
        .unwrap_or(requirement.len());
    requirement.get(..end) == Some("flytekit")
}

/// `name==version`, for people.
pub(crate) fn label(package: &Locked) -> String {
    match (&package.version, &package.artefact) {
        (Some(version), _) => format!("{}=={version}", package.name),
        (None, Artefact::Repository { commit, .. }) => {
            format!("{}@{}", package.name, commit.get(..12).unwrap_or(commit))
        }
        (None, _) => package.name.clone(),
    }
}

/// A line of a requirements file that names exactly one file. Not by URL if it comes from an index: uv
/// would record the URL in the package.
pub(crate) fn exact_line(package: &Locked, context: &str) -> String {
    let name = &package.name;
    let version = package.version.as_deref().unwrap_or_default();
    let fragment = |subdirectory: &Option<String>| {
        let part = subdirectory.as_ref().filter(|part| !part.is_empty());
        part.map_or(String::new(), |part| format!("#subdirectory={part}"))
    };
    match &package.artefact {
        Artefact::Wheel { hash } | Artefact::Source { hash } | Artefact::Listed { hash, .. } => {
            format!("{name}=={version} --hash={hash}")
        }
        Artefact::Archive {
            url,
            hash,
            subdirectory,
        } => format!("{name} @ {url}{} --hash={hash}", fragment(subdirectory)),
        Artefact::Repository {
            url,
            commit,
            subdirectory,
        } => format!("{name} @ {url}@{commit}{}", fragment(subdirectory)),
        Artefact::Path {
            path,
            hash,
            subdirectory,
        } => {
            let hash = hash.as_ref().map_or(String::new(), |hash| format!(" --hash={hash}"));
            format!(
                "{name} @ file://{context}/{}{}{hash}",
                encoded(path),
                fragment(subdirectory)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flytekit_is_known_by_its_name_and_its_repository() {
        let check = |requirement: &str, expect: bool| assert_eq!(is_flytekit(requirement), expect, "{requirement}");
        check("flytekit", true);
        check("flytekit==1.16.0", true);
        check("flytekit @ git+https://h/fork.git", true);
        check("git+https://github.com/flyteorg/flytekit", true);
        check("git+https://github.com/flyteorg/flytekit.git@master#egg=flytekit", true);
        check("git+ssh://git@github.com/flyteorg/flytekit@0f1e2d", true);
        check(
            "git+https://github.com/flyteorg/flytekit#subdirectory=plugins/flytekit-papermill",
            true,
        );
        check("git+https://github.com/flyteorg/flytekit-extras", false);
        check("flytekitplugins-spark", false);
    }
}
