//! Locks that `requirements` names: what can be said of them before any step.

use std::sync::Arc;

use toml::{Table, Value};

use crate::image_spec::TextValue;
use crate::plan::DEFAULT_UV;
use crate::project::files::ContextFiles;
use crate::project::follow::NO_PACKAGE_HELP;
use crate::project::lock::empty_workspace;
use crate::project::reader::{ALL_PROJECTS, RequirementsReader};
use crate::python::{LockError, Manifest, PoetryLock, Pylock, UvLock, UvPackage, content_hash, plain_text, without};
use crate::text::{Diagnostic, Failure, Span, below, directory_of, join};

/// The version of uv.lock that this release's uv reads.
const UV_LOCK_VERSION: i64 = 1;

impl<F: ContextFiles> RequirementsReader<'_, F> {
    /// Reads a `pylock.toml` for the places that it names.
    pub(super) async fn read_pylock(&mut self, path: &str, text: &str, file: &TextValue) -> Result<(), Failure> {
        // What is wrong with it is said when it is held against the interpreter.
        let lock = Arc::new(Pylock::parse(text));
        self.found.lock = Some(Arc::clone(&lock));
        let Ok(lock) = &*lock else { return Ok(()) };
        self.found.lock_requires_python = lock.requires_python().map(str::to_owned);
        let parts = self.spec.parts();
        self.unknown_parts(path, "extra", parts.named_extras(), &lock.extras());
        self.unknown_parts(path, "group", parts.named_groups(), &lock.groups());
        let places: Vec<String> = lock.paths().map(str::to_owned).collect();
        for place in places {
            // A place outside is told when it is known whether this interpreter gets the package.
            if let Some(inner) = join(directory_of(path), &place) {
                self.follow(&inner, path, file.span).await?;
            }
        }
        Ok(())
    }

    /// Holds a poetry.lock against its project, as `poetry install` does.
    pub(super) async fn read_poetry_lock(&mut self, path: &str, text: &str, file: &TextValue) -> Result<(), Failure> {
        let unusable = |error: LockError| {
            let problem = Diagnostic::build_error("lock", format!("{path} cannot be installed")).at(file.span);
            problem.help("lock again with Poetry 2: `poetry lock`").because(error)
        };
        let lock = match PoetryLock::parse(text) {
            Ok(lock) => lock,
            Err(error) => {
                self.problems.push(unusable(error));
                return Ok(());
            }
        };
        self.problems.extend(lock.unsupported().into_iter().map(unusable));
        let manifest = join(directory_of(path), "pyproject.toml").unwrap_or_default();
        let Some(project) = self.own_table(path, &manifest, file.span).await? else {
            return Ok(());
        };
        let mut parts = self.spec.parts();
        let mut groups = lock.groups();
        let of_poetry = project.get("tool").and_then(|tool| tool.get("poetry")?.get("group"));
        let tables = [project.get("dependency-groups"), of_poetry];
        let named = tables.into_iter().flatten().filter_map(Value::as_table);
        groups.extend(named.flat_map(Table::keys).cloned());
        groups.push("main".into());
        groups.sort();
        groups.dedup();
        self.unknown_parts(path, "extra", parts.named_extras(), &lock.extras());
        self.unknown_parts(path, "group", parts.named_groups(), &groups);
        if parts.as_poetry && parts.only_groups.is_empty() {
            let is_optional = |group: &String| of_poetry.and_then(|table| table.get(group)?.get("optional")?.as_bool());
            groups.retain(|group| is_optional(group) != Some(true));
            parts.groups.extend(groups.clone());
            self.found.default_groups = groups;
        }
        for (name, place) in lock.places(&parts) {
            let at = format!("{path}: {name}");
            if let Some(inner) = self.path_in_context(directory_of(path), &place, &at, file.span) {
                self.follow(&inner, path, file.span).await?;
            }
        }
        for url in lock.repositories() {
            self.note_repository(&format!("git+{url}"));
        }
        let fits = |counts_groups| lock.content_hash() == Some(content_hash(&project, counts_groups).as_str());
        let is_fresh = fits(true) || (lock.counts_no_groups() && fits(false));
        if !is_fresh && !self.spec.extra_arguments("").is_frozen {
            let message = format!("{path} does not fit {manifest}, which has changed since it was made");
            self.problem("stale-lock", message, file.span, "run `poetry lock`");
        }
        Ok(())
    }

    /// Reads a uv.lock for the other projects that it names.
    pub(super) async fn read_uv_lock(&mut self, path: &str, text: &str, file: &TextValue) -> Result<(), Failure> {
        let lock = match UvLock::parse(text) {
            Ok(lock) => lock,
            Err(error) => {
                self.not_toml(path, &error, file.span, "run `uv lock`");
                return Ok(());
            }
        };
        let version = lock.version;
        if version > UV_LOCK_VERSION && self.spec.uv_image.is_none() {
            let message = format!("{path} has the version {version}, and {DEFAULT_UV} reads {UV_LOCK_VERSION}");
            let help = "set `builder_config: {uv_image: ghcr.io/astral-sh/uv:VERSION}` to the uv that made it (`uv --version` says which)";
            self.problem("uv-lock-version", message, file.span, help);
            return Ok(());
        }
        self.found.lock_requires_python.clone_from(&lock.requires_python);
        self.check_times(path, &lock, file.span);
        let directory = directory_of(path).to_owned();
        let manifest_path = join(&directory, "pyproject.toml").unwrap_or_default();
        if self.text_named(path, &manifest_path, file.span).await?.is_none() {
            return Ok(());
        }
        let Some(manifest) = self.manifest(&directory, file.span).await? else {
            return Ok(());
        };
        let is_built = manifest.has_project() && manifest.leaves_needs_to_build();
        if is_built {
            self.mount(&directory);
            self.check_dynamic_files(&directory, &manifest, file.span).await?;
        }
        self.add_manifest(&directory, &manifest, is_built);
        self.parts_of_uv_lock(path, &lock, &manifest);
        let mut flat_indexes: Vec<&str> = Vec::new();
        for package in lock.packages() {
            if let Some(other) = package.place().filter(|other| *other != ".") {
                let at = format!("{path}: {}", package.name);
                let Some(inner) = self.path_in_context(&directory, other, &at, file.span) else {
                    continue;
                };
                match package.is_virtual() {
                    // Not built, only asked what it needs.
                    true => self.read_virtual(&inner, file.span).await?,
                    false => self.follow(&inner, path, file.span).await?,
                }
            }
            if let Some(url) = package.repository() {
                self.note_repository(&format!("git+{url}"));
            }
            if let Some(place) = package.flat_index().filter(|place| !flat_indexes.contains(place)) {
                flat_indexes.push(place);
                self.read_flat_index(path, place, file.span).await?;
            }
        }
        Ok(())
    }

    /// Checks that something says up to when files count, if the lock was made so: else uv takes it for an old one.
    fn check_times(&mut self, path: &str, lock: &UvLock, span: Span) {
        let Some(time) = lock.exclude_newer() else { return };
        let of_spec = [&self.spec.env, &self.spec.build_env];
        let is_of_spec = of_spec
            .into_iter()
            .flatten()
            .any(|map| map.value.iter().any(|(name, _)| name.value == "UV_EXCLUDE_NEWER"));
        let mut options = self.spec.extra_arguments("").export.into_iter();
        let is_given = options.any(|word| word == "--exclude-newer") || is_of_spec || self.found.excludes_newer;
        if !is_given && !self.spec.extra_arguments("").is_frozen {
            let message = format!(
                "{path} was made with `exclude-newer = \"{time}\"`, and nothing here says so: uv would not take it as it is"
            );
            let help = format!(
                "write `exclude-newer = \"{time}\"` below [tool.uv] in pyproject.toml, or `pip_extra_args: --exclude-newer {time}`"
            );
            self.problem("stale-lock", message, span, &help);
        }
    }

    /// Gives the lock step the manifest of a member that is no package.
    async fn read_virtual(&mut self, directory: &str, span: Span) -> Result<(), Failure> {
        self.files.also_serve(&below(directory, "pyproject.toml"));
        match self.manifest(directory, span).await? {
            Some(manifest) => self.add_manifest(directory, &manifest, false),
            None => {
                let message = format!(
                    "{}, which the lock names, is not in the build context",
                    below(directory, "pyproject.toml")
                );
                self.problem("missing-file", message, span, ALL_PROJECTS);
            }
        }
        Ok(())
    }

    /// Records a directory of wheels that a lock takes packages from.
    async fn read_flat_index(&mut self, path: &str, place: &str, span: Span) -> Result<(), Failure> {
        let Some(inner) = self.path_in_context(directory_of(path), place, path, span) else {
            return Ok(());
        };
        if !self.found.facts.mounts.contains(&inner) && !self.add_flat_index(&inner).await? {
            let message = format!("`{inner}`, which {path} takes packages from, is not in the build context");
            self.problem(
                "missing-file",
                message,
                span,
                "what .dockerignore names is not in the context",
            );
        }
        Ok(())
    }

    /// The manifest that a lock belongs to, as it is written.
    async fn own_table(&mut self, lock: &str, path: &str, span: Span) -> Result<Option<Table>, Failure> {
        let Some(text) = self.text_named(lock, path, span).await? else {
            return Ok(None);
        };
        match toml::from_str(&plain_text(&text)) {
            Ok(table) => Ok(Some(table)),
            Err(error) => {
                self.not_toml(path, &error, span, "correct the file");
                Ok(None)
            }
        }
    }

    /// Checks that the lock has the members, extras and groups that the spec asks for.
    fn parts_of_uv_lock(&mut self, path: &str, lock: &UvLock, manifest: &Manifest) {
        let parts = self.spec.parts();
        let members = lock.members();
        self.unknown_parts(path, "member", parts.members.iter(), &members);
        let wanted = lock.wanted(&parts.members, parts.all_members);
        let mut extras: Vec<String> = wanted.iter().flat_map(|package| package.extras()).collect();
        let mut groups: Vec<String> = wanted.iter().flat_map(|package| package.groups()).collect();
        let is_root = parts.members.is_empty() || wanted.iter().any(|package| package.place() == Some("."));
        if is_root || parts.all_members {
            // uv asks no other project than those that are chosen.
            groups.extend(manifest.groups());
            groups.extend(lock.groups());
        }
        if parts.members.is_empty() && !parts.all_members {
            extras.extend(manifest.extras());
        }
        self.unknown_parts(path, "extra", parts.named_extras(), &extras);
        self.unknown_parts(path, "group", parts.named_groups(), &groups);
        self.found.members = without(&members, lock.root().map(|root| root.name.as_str()));
        let unpackaged = wanted
            .iter()
            .find(|package| package.is_virtual() && !parts.members.is_empty());
        if let (Some(wish), Some(package)) = (self.spec.install_project.as_ref().filter(|wish| wish.value), unpackaged)
        {
            let message = format!(
                "`install_project`: {}, a member of {path}, is no package (`package = false`)",
                package.name
            );
            self.problem("install-project", message, wish.span, NO_PACKAGE_HELP);
        }
        let installs_root = self.spec.install_project.as_ref().is_some_and(|wish| wish.value);
        let is_empty = lock.root().is_some_and(UvPackage::needs_nothing) && lock.groups().is_empty() && !installs_root;
        if is_empty && !parts.chooses_members() && !self.found.members.is_empty() {
            let (message, help) = empty_workspace(path, &self.found.members);
            self.problem("empty-lock", message, self.spec.span_of("requirements"), help);
        }
    }
}
