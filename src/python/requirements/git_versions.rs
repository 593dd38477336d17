//! Projects whose builds take the version from git.

use toml::Value;

use crate::python::requirements::manifest::Manifest;
use crate::python::requirements::parts::has_name;
use crate::python::requirements::requirement::Requirement;

/// Back ends, and what is added to others, that ask git.
const ASK_GIT: [&str; 9] = [
    "setuptools-scm",
    "hatch-vcs",
    "versioningit",
    "dunamai",
    "poetry-dynamic-versioning",
    "setuptools-git-versioning",
    "uv-dynamic-versioning",
    "flit-scm",
    "vcs-versioning",
];

impl Manifest {
    /// Whether its build takes the version from git.
    pub(crate) fn takes_version_from_git(&self) -> bool {
        let requires = self.build_requires();
        let names: Vec<String> = requires
            .iter()
            .filter_map(|line| Requirement::parse(line).ok()?.name)
            .collect();
        let is_source = |path: &str, source: &str| self.at(path).and_then(Value::as_str) == Some(source);
        ASK_GIT.iter().any(|name| has_name(&names, name))
            || self.at("tool.setuptools_scm").is_some()
            || is_source("tool.pdm.version.source", "scm")
            || is_source("tool.hatch.version.source", "vcs")
    }
}
