//! `uv.lock`, as far as it has to be understood: which projects of the context it names, and their parts. uv exports the
//! rest. <https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile>

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::python::lock::entries::{self, Lock};
use crate::python::requirements::{has_name, normalised, plain_text};

/// A lock that uv wrote.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct UvLock {
    /// The version of the format.
    pub version: i64,
    /// The versions of Python that it is for.
    pub requires_python: Option<String>,
    options: OptionsOfLock,
    manifest: WorkspaceOfLock,
    package: Vec<UvPackage>,
}

/// With which it was made.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct OptionsOfLock {
    exclude_newer: Option<String>,
    exclude_newer_span: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct WorkspaceOfLock {
    members: Vec<String>,
    dependency_groups: BTreeMap<String, IgnoredAny>,
}

/// A package of the lock.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct UvPackage {
    /// The name as PEP 503 compares it.
    pub name: String,
    source: UvSource,
    metadata: UvMetadata,
    dependencies: Vec<IgnoredAny>,
    optional_dependencies: BTreeMap<String, IgnoredAny>,
    dev_dependencies: BTreeMap<String, IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UvSource {
    editable: Option<String>,
    directory: Option<String>,
    r#virtual: Option<String>,
    path: Option<String>,
    git: Option<String>,
    registry: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct UvMetadata {
    provides_extras: Vec<String>,
    requires_dev: BTreeMap<String, IgnoredAny>,
}

impl Lock for UvLock {
    type Entry = UvPackage;
    const ENTRIES: &'static str = "package";

    fn entries(&mut self) -> &mut Vec<UvPackage> {
        &mut self.package
    }
}

impl UvLock {
    /// Reads a lock.
    ///
    /// # Errors
    /// When it is not TOML, or not in the form of a lock.
    pub(crate) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        entries::read(&plain_text(text))
    }

    pub(crate) fn packages(&self) -> &[UvPackage] {
        &self.package
    }

    /// The time after which files did not count, as a time or a span, where one was given.
    pub(crate) fn exclude_newer(&self) -> Option<&str> {
        let OptionsOfLock {
            exclude_newer,
            exclude_newer_span,
        } = &self.options;
        exclude_newer_span.as_deref().or(exclude_newer.as_deref())
    }

    /// The project beside the lock, if it is one.
    pub(crate) fn root(&self) -> Option<&UvPackage> {
        self.package.iter().find(|package| package.is_root())
    }

    /// The members of the workspace, a project alone among them.
    pub(crate) fn members(&self) -> Vec<String> {
        match self.manifest.members.as_slice() {
            [] => self.root().map(|root| root.name.clone()).into_iter().collect(),
            members => members.to_vec(),
        }
    }

    /// The groups of a root that is no project.
    pub(crate) fn groups(&self) -> Vec<String> {
        self.manifest.dependency_groups.keys().cloned().collect()
    }

    /// The projects that some members, or all, stand for; the root where none is named.
    pub(crate) fn wanted(&self, members: &[String], all: bool) -> Vec<&UvPackage> {
        let is_all = all || (members.is_empty() && self.root().is_none());
        let is_wanted = |package: &&UvPackage| match members {
            _ if is_all => true,
            [] => package.is_root(),
            members => has_name(members, &package.name),
        };
        let own = self.package.iter().filter(|package| package.place().is_some());
        own.filter(is_wanted).collect()
    }
}

impl UvPackage {
    fn is_root(&self) -> bool {
        self.place() == Some(".")
    }

    /// Where it lies near the lock.
    pub(crate) fn place(&self) -> Option<&str> {
        let UvSource {
            editable,
            directory,
            r#virtual,
            path,
            ..
        } = &self.source;
        [editable, directory, r#virtual, path]
            .into_iter()
            .find_map(Option::as_deref)
    }

    /// Whether it is never built: it only asks for others.
    pub(crate) fn is_virtual(&self) -> bool {
        self.source.r#virtual.is_some()
    }

    /// Whether it needs nothing, whatever extras and groups are chosen.
    pub(crate) fn needs_nothing(&self) -> bool {
        self.dependencies.is_empty() && self.optional_dependencies.is_empty() && self.dev_dependencies.is_empty()
    }

    /// The URL of the repository that it comes from.
    pub(crate) fn repository(&self) -> Option<&str> {
        self.source.git.as_deref()
    }

    /// The directory of files that it comes from.
    pub(crate) fn flat_index(&self) -> Option<&str> {
        self.source.registry.as_deref().filter(|place| !place.contains("://"))
    }

    /// Its extras.
    pub(crate) fn extras(&self) -> Vec<String> {
        let optional = self.optional_dependencies.keys().cloned();
        self.metadata.provides_extras.iter().cloned().chain(optional).collect()
    }

    /// Its dependency groups.
    pub(crate) fn groups(&self) -> Vec<String> {
        let groups = self.metadata.requires_dev.keys().chain(self.dev_dependencies.keys());
        groups.cloned().collect()
    }
}

/// Those of some names that are not another's.
pub(crate) fn without(names: &[String], other: Option<&str>) -> Vec<String> {
    let others = names
        .iter()
        .filter(|name| Some(normalised(name)) != other.map(normalised));
    others.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_says_which_projects_lie_near_it() {
        let lock = UvLock::parse(
            r#"
            version = 1
            requires-python = ">=3.11"
            [manifest]
            members = ["shop", "shop-api"]
            [manifest.dependency-groups]
            lint = [{ name = "ruff" }]
            [[package]]
            name = "idna"
            version = "3.7"
            source = { registry = "https://pypi.org/simple" }
            wheels = [{ url = "https://f/idna.whl", hash = "sha256:aa", size = 1 }]
            [[package]]
            name = "tax"
            source = { registry = "vendor" }
            [[package]]
            name = "pay"
            source = { git = "https://h/pay?tag=v1#abc" }
            [[package]]
            name = "shop"
            source = { virtual = "." }
            [[package]]
            name = "shop-api"
            source = { editable = "api" }
            [package.optional-dependencies]
            color = [{ name = "colorama" }]
            [package.metadata]
            provides-extras = ["color", "none"]
            [package.metadata.requires-dev]
            train = [{ name = "six" }]
            "#,
        )
        .unwrap();
        assert_eq!((lock.version, lock.requires_python.as_deref()), (1, Some(">=3.11")));
        assert_eq!(lock.members(), ["shop", "shop-api"]);
        assert_eq!(lock.groups(), ["lint"]);
        let names = |members: &[&str], all| -> Vec<String> {
            let members: Vec<String> = members.iter().map(|name| (*name).to_owned()).collect();
            lock.wanted(&members, all)
                .iter()
                .map(|package| package.name.clone())
                .collect()
        };
        assert_eq!(names(&[], false), ["shop"]);
        assert_eq!(names(&["Shop_API"], false), ["shop-api"]);
        assert_eq!(names(&[], true), ["shop", "shop-api"]);
        let api = lock.packages().last().unwrap();
        assert_eq!((api.place(), api.is_virtual()), (Some("api"), false));
        assert_eq!(
            (api.extras(), api.groups()),
            (
                vec!["color".into(), "none".into(), "color".into()],
                vec!["train".into()]
            )
        );
        let of =
            |get: fn(&UvPackage) -> Option<&str>| -> Vec<&str> { lock.packages().iter().filter_map(get).collect() };
        assert_eq!(of(UvPackage::flat_index), ["vendor"]);
        assert_eq!(of(UvPackage::repository), ["https://h/pay?tag=v1#abc"]);
        assert_eq!(without(&lock.members(), Some("shop")), ["shop-api"]);
    }
}
