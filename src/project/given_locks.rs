//! Locks that `requirements` names: what can be said of them before any step.

use crate::image_spec::TextValue;
use crate::plan::DEFAULT_UV;
use crate::project::files::ContextFiles;
use crate::project::manifests::ALL_PROJECTS;
use crate::project::requirements::RequirementsReader;
use crate::python::{LockError, PoetryLock, Pylock, content_hash, content_of_toml, has_name, normalised};
use crate::text::{Diagnostic, Failure, Spanned, directory_of, join};

/// The version of uv.lock that this release's uv reads.
const UV_LOCK_VERSION: i64 = 1;

impl<F: ContextFiles> RequirementsReader<'_, F> {
    /// Records extras or groups (`kind` says which) that a file does not have.
    pub(super) fn unknown_parts<'n>(
        &mut self,
        path: &str,
        kind: &str,
        named: impl Iterator<Item = &'n String>,
        known: &[String],
    ) {
        for name in named.filter(|name| !has_name(known, name)) {
            let message = format!("{path} has no {kind} `{name}`");
            let mut known: Vec<&str> = known.iter().map(String::as_str).collect();
            known.sort_unstable();
            let help = match known.as_slice() {
                [] => format!("it has no {kind} at all"),
                known => format!("it has {}", known.join(", ")),
            };
            self.problem("unknown-part", message, self.spec.part_span(name), &help);
        }
    }

    /// Reads a `pylock.toml` for the places that it names.
    pub(super) async fn read_pylock(&mut self, path: &str, text: &str, file: &TextValue) -> Result<(), Failure> {
        // What is wrong with it is said when it is held against the interpreter.
        let Ok(lock) = Pylock::parse(text) else { return Ok(()) };
        let parts = self.spec.parts();
        self.unknown_parts(path, "extra", parts.named_extras(), &lock.extras());
        self.unknown_parts(path, "group", parts.named_groups(), &lock.groups());
        for other in lock.paths() {
            if let Some(inner) = join(directory_of(path), other) {
                self.add_project(&inner, file.span).await?;
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
        let Some(project) = self.text(&manifest, &Spanned::new(manifest.clone(), file.span)).await? else {
            return Ok(());
        };
        let Some(project) = self.table(&manifest, &project, file.span, "correct the file") else {
            return Ok(());
        };
        let mut parts = self.spec.parts();
        let mut groups = lock.groups();
        let of_poetry = project.get("tool").and_then(|tool| tool.get("poetry")?.get("group"));
        let tables = [project.get("dependency-groups"), of_poetry];
        let named = tables.into_iter().flatten().filter_map(toml::Value::as_table);
        groups.extend(named.flat_map(toml::Table::keys).cloned());
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
        if let Some((name, place)) = lock.misplaced(&parts) {
            let message = format!(
                "{path} takes {name} from `{place}`, and packages of the context in a poetry.lock are not supported"
            );
            let help = "name the project instead, with the place in uv's words: `requirements: pyproject.toml`, and `[tool.uv.sources]` in it; or lock with uv";
            self.problem("lock", message, file.span, help);
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
        let Some(lock) = self.table(path, text, file.span, "run `uv lock`") else {
            return Ok(());
        };
        let version = lock.get("version").and_then(toml::Value::as_integer).unwrap_or(0);
        if version > UV_LOCK_VERSION && self.spec.uv_image.is_none() {
            let message = format!("{path} has the version {version}, and {DEFAULT_UV} reads {UV_LOCK_VERSION}");
            let help = "set `builder_config: {uv_image: ghcr.io/astral-sh/uv:VERSION}` to the uv that made it (`uv --version` says which)";
            self.problem("uv-lock-version", message, file.span, help);
            return Ok(());
        }
        let manifest = join(directory_of(path), "pyproject.toml").unwrap_or_default();
        let mut project = toml::Table::new();
        if let Some(text) = self.text(&manifest, &Spanned::new(manifest.clone(), file.span)).await? {
            project = self
                .table(&manifest, &text, file.span, "correct the file")
                .unwrap_or_default();
            self.add_content(&manifest, content_of_toml(&text));
            self.found.facts.files.push(manifest);
        }
        self.note_overrides(&project);
        let packages = lock.get("package").and_then(toml::Value::as_array);
        self.parts_of_uv_lock(path, &lock, &project);
        for package in packages.into_iter().flatten() {
            let Some((kind, other)) = own_place(package).filter(|(_, other)| *other != ".") else {
                continue;
            };
            let Some(inner) = self.path_in_context(path, other, path, file.span, ALL_PROJECTS) else {
                continue;
            };
            if kind != "virtual" {
                self.add_project(&inner, file.span).await?;
                continue;
            }
            let inner = format!("{inner}/pyproject.toml");
            let value = Spanned::new(inner.clone(), file.span);
            if let Some(text) = self.text(&inner, &value).await? {
                self.add_content(&inner, content_of_toml(&text));
                self.found.facts.files.push(inner);
            }
        }
        Ok(())
    }

    /// Checks that the lock has the members, extras and groups that the spec asks for.
    fn parts_of_uv_lock(&mut self, path: &str, lock: &toml::Table, project: &toml::Table) {
        let parts = self.spec.parts();
        let all = lock.get("package").and_then(toml::Value::as_array);
        let own: Vec<(&str, &str, &toml::Value)> = all
            .into_iter()
            .flatten()
            .filter_map(|package| Some((package.get("name")?.as_str()?, own_place(package)?.1, package)))
            .collect();
        let members = names_at(lock, "manifest", "members");
        let members = match members.is_empty() {
            // A project alone.
            true => own
                .iter()
                .filter(|(_, place, _)| *place == ".")
                .map(|(name, ..)| (*name).to_owned())
                .collect(),
            false => members,
        };
        self.unknown_parts(path, "member", parts.members.iter(), &members);
        let has_root = own.iter().any(|(_, place, _)| *place == ".");
        let is_wanted = |name: &str, place: &str| match &parts.members {
            members if parts.all_members || (members.is_empty() && !has_root) => true,
            members if members.is_empty() => place == ".",
            members => has_name(members, name),
        };
        let mut extras = Vec::new();
        let mut groups = names_at(project, "dependency-groups", "");
        let manifest = lock.get("manifest").and_then(toml::Value::as_table);
        groups.extend(
            manifest
                .into_iter()
                .flat_map(|manifest| names_at(manifest, "dependency-groups", "")),
        );
        for (_, _, package) in own.iter().filter(|(name, place, _)| is_wanted(name, place)) {
            let Some(package) = package.as_table() else { continue };
            extras.extend(names_at(package, "metadata", "provides-extras"));
            extras.extend(names_at(package, "optional-dependencies", ""));
            groups.extend(names_at(package, "metadata", "requires-dev"));
            groups.extend(names_at(package, "dev-dependencies", ""));
        }
        for names in [&mut extras, &mut groups] {
            names.sort();
            names.dedup();
        }
        if parts.members.is_empty() && !parts.all_members {
            extras.extend(
                names_at(project, "project", "optional-dependencies")
                    .into_iter()
                    .filter(|name| !has_name(&extras, name))
                    .collect::<Vec<_>>(),
            );
        }
        self.unknown_parts(path, "extra", parts.named_extras(), &extras);
        self.unknown_parts(path, "group", parts.named_groups(), &groups);
        let root = own
            .iter()
            .find(|(_, place, _)| *place == ".")
            .map(|(name, ..)| normalised(name));
        self.found.members = members
            .into_iter()
            .filter(|name| root.as_ref() != Some(&normalised(name)))
            .collect();
    }
}

/// How and where a package of a uv.lock lies near it.
fn own_place(package: &toml::Value) -> Option<(&'static str, &str)> {
    let source = package.get("source")?;
    let kinds = ["editable", "directory", "virtual", "path"];
    kinds
        .into_iter()
        .find_map(|kind| Some((kind, source.get(kind)?.as_str()?)))
}

/// The names at a key of a table, or of a table in it: the strings of a list, or the keys of a table.
fn names_at(table: &toml::Table, key: &str, inner: &str) -> Vec<String> {
    let found = match inner {
        "" => table.get(key),
        inner => table.get(key).and_then(|value| value.get(inner)),
    };
    match found {
        Some(toml::Value::Array(items)) => items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        Some(toml::Value::Table(table)) => table.keys().cloned().collect(),
        _ => Vec::new(),
    }
}
