//! Follows the projects of a context: each one that a requirement, a manifest or a lock names, and those that these name.

use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

use crate::plan::ProjectFiles;
use crate::project::files::{AtPath, ContextFiles, Wanted};
use crate::project::reader::RequirementsReader;
use crate::python::{
    Artefact, LocalSource, Locked, Manifest, Parts, Requirement, RequirementsFile, content_of_toml, has_name, line_of,
    plain_text,
};
use crate::text::{Diagnostic, Failure, Span, below, directories_above, directory_of, join, relative_to};

/// The most directories of a project that are looked through for links.
const MAX_DIRECTORIES: usize = 300;
/// A repository of more megabytes is told of.
const MAX_REPOSITORY: u64 = 200;
/// What decides which packages a project with static metadata needs.
const DECIDES: [&str; 4] = ["requires-python", "dependencies", "optional-dependencies", "dynamic"];

pub(super) fn digest(text: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(text))
}

/// The digest of what decides which packages a project with static metadata needs.
fn needs_digest(manifest: &Manifest) -> String {
    let decides = |name: &&str| Some(((*name).to_owned(), manifest.at(&format!("project.{name}"))?.clone()));
    let mut counted: Table = DECIDES.iter().filter_map(decides).collect();
    let uv = manifest.at("tool.uv");
    counted.extend(uv.map(|uv| ("tool.uv".to_owned(), uv.clone())));
    digest(&Value::Table(counted).to_string())
}

/// The files that a project's dynamic metadata is read from.
fn dynamic_files(manifest: &Manifest) -> Vec<String> {
    fn collect(value: &Value, files: &mut Vec<String>) {
        match value {
            Value::String(file) => files.push(file.clone()),
            Value::Array(items) => items.iter().for_each(|item| collect(item, files)),
            Value::Table(table) => table.values().for_each(|item| collect(item, files)),
            _ => {}
        }
    }
    let mut files = Vec::new();
    for path in [
        "tool.setuptools.dynamic.dependencies.file",
        "tool.setuptools.dynamic.optional-dependencies",
        "tool.hatch.metadata.hooks.requirements_txt",
    ] {
        manifest
            .at(path)
            .into_iter()
            .for_each(|value| collect(value, &mut files));
    }
    files
}

/// The manifest's path in a directory.
pub(super) fn manifest_in(directory: &str) -> String {
    below(directory, "pyproject.toml")
}

/// What to do where a project that is to be installed is none that can be.
pub(super) const NO_PACKAGE_HELP: &str = "let it be one, or leave `install_project` out and `copy` its files";

impl<F: ContextFiles> RequirementsReader<'_, F> {
    /// The manifest in a directory, in uv's words; `None` where there is none that can be read.
    pub(super) async fn manifest(&mut self, directory: &str, span: Span) -> Result<Option<Manifest>, Failure> {
        if let Some(known) = self.manifests.get(directory) {
            return Ok(known.clone());
        }
        let path = manifest_in(directory);
        let text = self.text_if_there(&path, span).await?;
        let manifest = text.and_then(|text| match Manifest::parse(&text) {
            Ok(manifest) => Some(manifest),
            Err(error) => {
                self.not_toml(&path, &error, span, "correct the file");
                None
            }
        });
        for problem in manifest.iter().flat_map(Manifest::wrong_includes) {
            self.problem(
                "requirements",
                format!("{path}: {problem}"),
                span,
                "correct `[dependency-groups]`",
            );
        }
        let manifest = manifest.map(|manifest| self.in_uvs_words(&path, manifest, span));
        self.manifests.insert(directory.to_owned(), manifest.clone());
        Ok(manifest)
    }

    pub(super) fn not_toml(&mut self, path: &str, error: &toml::de::Error, span: Span, help: &str) {
        let text = self.known_text(path);
        let text = plain_text(&text);
        let lines: Vec<&str> = text.lines().collect();
        // An error at the end may be behind the last line.
        let line = line_of(&text, error).unwrap_or(1).min(lines.len());
        let said = error.message();
        let problem = match lines.get(line.saturating_sub(1)) {
            Some(excerpt) => Diagnostic::build_error("requirements", format!("this is not TOML: {said}"))
                .in_line(path, line, excerpt),
            None => Diagnostic::build_error("requirements", format!("{path} is not TOML: {said}")).at(span),
        };
        self.problems.push(problem.help(help));
    }

    /// What other tools say, in uv's words, where there are any.
    fn in_uvs_words(&mut self, path: &str, manifest: Manifest, span: Span) -> Manifest {
        if self.spec.requirements_file() == Some(RequirementsFile::UvLock) {
            // uv made the lock of what it reads itself.
            return manifest;
        }
        let parts = self.spec.parts();
        let is_wanted = |group: &str| wants(&parts, group);
        match manifest.translated(&is_wanted) {
            Ok(Some(translated)) => {
                self.translated.insert(path.to_owned());
                translated
            }
            Ok(None) => manifest,
            Err(entry) => {
                let message = format!("{path}: uv has no words for {entry}");
                let help = match entry.contains("\"-e ") {
                    true => "say the name as well: `-e file:///${PROJECT_ROOT}/PATH#egg=NAME`",
                    false => "write bounds that `,` joins (`>=1,<3`), or lock with Poetry and name poetry.lock",
                };
                self.problem("requirement", message, span, help);
                manifest
            }
        }
    }

    /// Records a directory or file that a package is built or installed from, and what it needs in turn. `by` says who
    /// names it.
    pub(super) async fn follow(&mut self, path: &str, by: &str, span: Span) -> Result<(), Failure> {
        if !self.followed.insert(path.to_owned()) {
            return Ok(());
        }
        self.files.also_serve(path);
        match self.files.look(Wanted::Copy, path).await? {
            AtPath::Directory => {}
            AtPath::Unreadable(problem) => return Err(problem.into()),
            AtPath::Nothing => {
                let message = format!("`{path}`, which {by} names, is not in the build context");
                let help = match self.files.pattern_of(path) {
                    Some(pattern) => format!("`{pattern}` in the ignore file leaves it out"),
                    None => {
                        "build from a directory that holds it; what .dockerignore names is not in the context".into()
                    }
                };
                self.problem("missing-file", message, span, &help);
                return Ok(());
            }
            _ => {
                self.found.facts.mounts.insert(path.to_owned());
                self.found.facts.read.insert(path.to_owned());
                return Ok(());
            }
        }
        self.found.facts.read.insert(path.to_owned());
        // Boxed: this future is part of itself.
        Box::pin(self.follow_directory(path, false, span)).await
    }

    /// `is_own` says that the directory is that of the project itself, whose needs are known otherwise.
    async fn follow_directory(&mut self, directory: &str, is_own: bool, span: Span) -> Result<(), Failure> {
        let manifest = self.manifest(directory, span).await?;
        let mut files = ProjectFiles::default();
        let Some(manifest) = manifest else {
            self.mount(directory);
            self.note_digests(directory, None, span).await?;
            self.found.facts.projects.insert(directory.to_owned(), files);
            return Ok(());
        };
        if !is_own {
            self.note_digests(directory, Some(&manifest), span).await?;
        }
        self.check_dynamic_files(directory, &manifest, span).await?;
        let is_export = self.spec.requirements_file() == Some(RequirementsFile::UvLock);
        let leaves_version = !is_export && manifest.leaves_version_to_build();
        let is_built = !is_own && (manifest.leaves_needs_to_build() || leaves_version);
        if is_built {
            self.mount(directory);
        }
        self.add_manifest(directory, &manifest, is_built);
        // A lock has decided on groups as well.
        let groups = if is_export { manifest.groups() } else { Vec::new() };
        let mut lines = manifest.requirements(&manifest.extras(), &groups);
        lines.extend(manifest.build_requires());
        self.check_lookups(&manifest_in(directory), &manifest, &lines, span);
        lines.iter().for_each(|line| self.note_line(line));
        self.note_git_sources(&manifest, Some(&lines));
        files.beside.extend(self.beside(directory, &manifest).await?);
        if manifest.takes_version_from_git() {
            files.checkout = self.checkout(directory, span).await?;
            files
                .beside
                .extend(files.checkout.as_deref().map(|checkout| below(checkout, ".git")));
        }
        let built_with = names_of(&manifest.build_requires());
        // Which of its sources a build will ask for, only the build can say.
        let asked = (!manifest.leaves_needs_to_build()).then_some(lines.as_slice());
        let found = self.follow_sources(directory, &manifest, asked, span).await?;
        for (name, path) in found.places {
            if has_name(&built_with, &name) {
                files.beside.insert(path);
            }
        }
        files.texts.extend(found.neighbours);
        for (path, text) in &files.texts {
            self.add_neighbour(path, text);
        }
        let facts = &mut self.found.facts;
        if is_built {
            // What a build reads, reading its metadata reads, too.
            facts.mounts.extend(files.beside.iter().cloned());
        }
        facts.read.extend(files.beside.iter().cloned());
        self.found.facts.projects.insert(directory.to_owned(), files);
        Ok(())
    }

    /// What a build of a project may read outside of its directory: what its manifest names, and where links lead.
    async fn beside(&mut self, directory: &str, manifest: &Manifest) -> Result<Vec<String>, Failure> {
        let named = manifest
            .paths_out()
            .into_iter()
            .filter_map(|path| join(directory, &path));
        let mut paths: Vec<String> = named.collect();
        paths.extend(self.links_out(directory).await?);
        let mut found = Vec::new();
        for path in paths {
            self.files.also_serve(&path);
            if !matches!(self.files.look(Wanted::Copy, &path).await?, AtPath::Nothing) {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// The checkout that a project lies in: the nearest directory above it with a `.git`.
    async fn checkout(&mut self, directory: &str, span: Span) -> Result<Option<String>, Failure> {
        for place in directories_above(directory) {
            let git = below(&place, ".git");
            self.files.also_serve(&git);
            match self.files.look(Wanted::Copy, &git).await? {
                AtPath::Directory => {
                    self.warn_of_size(&git, span).await?;
                    return Ok(Some(place));
                }
                AtPath::File => {
                    let message = format!(
                        "{} takes its version from git, and `{git}` is a file that leads to a repository elsewhere",
                        manifest_in(directory)
                    );
                    let help = "build from a clone instead of a worktree or submodule, or set SETUPTOOLS_SCM_PRETEND_VERSION (or what the back end reads) in `build_env`";
                    self.found
                        .warnings
                        .push(Diagnostic::warning("git-version", message).at(span).help(help));
                    return Ok(None);
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// Says that a repository is large: all of it is sent to the builder.
    async fn warn_of_size(&mut self, git: &str, span: Span) -> Result<(), Failure> {
        let packs = self.files.entries(&below(git, "objects/pack")).await?;
        let megabytes = packs.iter().map(|entry| entry.size).sum::<u64>() / 1_000_000;
        if megabytes > MAX_REPOSITORY {
            let message = format!("`{git}` has {megabytes} MB, and all of it is sent to the builder, for a version");
            let help = "clone with `--filter=blob:none` or `--depth`, or give the version in `build_env`, and leave .git out with .dockerignore";
            self.found
                .warnings
                .push(Diagnostic::warning("large-git", message).at(span).help(help));
        }
        Ok(())
    }

    /// Where links in a directory lead that lead out of it.
    async fn links_out(&mut self, directory: &str) -> Result<Vec<String>, Failure> {
        let mut found = Vec::new();
        // Nothing in the context leads out of it.
        let mut pending: Vec<String> = (!directory.is_empty())
            .then(|| directory.to_owned())
            .into_iter()
            .collect();
        let mut seen = 0;
        while let Some(place) = pending.pop().filter(|_| seen < MAX_DIRECTORIES) {
            seen += 1;
            for entry in self.files.entries(&place).await? {
                match entry.link {
                    Some(link) => {
                        let target = join(&place, &link);
                        found.extend(target.filter(|target| relative_to(target, directory).is_none()));
                    }
                    None if entry.is_directory && !is_left_out(&entry.name) => pending.push(below(&place, &entry.name)),
                    None => {}
                }
            }
        }
        Ok(found)
    }

    /// Checks that the files are there which a project's needs are read from: a build may go on without them.
    pub(super) async fn check_dynamic_files(
        &mut self,
        directory: &str,
        manifest: &Manifest,
        span: Span,
    ) -> Result<(), Failure> {
        if !manifest.leaves_needs_to_build() {
            return Ok(());
        }
        for file in dynamic_files(manifest) {
            let Some(path) = join(directory, &file) else { continue };
            self.files.also_serve(&path);
            if matches!(self.files.look(Wanted::Copy, &path).await?, AtPath::Nothing) {
                let manifest = manifest_in(directory);
                let message =
                    format!("`{path}`, which {manifest} reads dependencies from, is not in the build context");
                let help = match self.files.pattern_of(&path) {
                    Some(pattern) => format!("`{pattern}` in the ignore file leaves it out"),
                    None => "what .dockerignore names is not in the context".to_owned(),
                };
                self.problem("missing-file", message, span, &help);
            }
        }
        Ok(())
    }

    /// Mounts a directory whose project only its build can describe.
    pub(super) fn mount(&mut self, directory: &str) {
        self.files.also_serve(directory);
        self.found.facts.mounts.insert(directory.to_owned());
        self.found.facts.builds = true;
        let manifest = manifest_in(directory);
        if self.stand_ins.remove(&manifest) {
            self.found.facts.texts.remove(&manifest);
        }
    }

    /// Gives the lock step what it reads of a project that is near, where it does not have the project itself.
    pub(super) fn add_neighbour(&mut self, manifest: &str, text: &str) {
        let facts = &mut self.found.facts;
        let is_there = facts.texts.contains_key(manifest) || facts.mounts.contains(directory_of(manifest));
        if !is_there {
            facts.texts.insert(manifest.to_owned(), text.to_owned());
            self.stand_ins.insert(manifest.to_owned());
        }
    }

    /// Gives steps the text of a manifest: what uv reads in place of the file.
    pub(super) fn add_manifest(&mut self, directory: &str, manifest: &Manifest, is_mounted: bool) {
        let path = manifest_in(directory);
        let text = self.known_text(&path);
        match (self.translated.contains(&path), is_mounted) {
            (true, _) => self.add_text(&path, manifest.table().to_string(), &text),
            // The directory has it.
            (false, true) => {}
            (false, false) => self.add_text(&path, content_of_toml(&text), &text),
        }
        self.found.facts.read.insert(path);
    }

    /// Follows what a manifest takes from the context, as far as some of its requirements ask for it; all of it where these
    /// are not known.
    pub(super) async fn follow_sources(
        &mut self,
        directory: &str,
        manifest: &Manifest,
        lines: Option<&[String]>,
        span: Span,
    ) -> Result<FollowedSources, Failure> {
        let path = manifest_in(directory);
        let mut found = FollowedSources::default();
        let workspace = self.workspace_of(directory, span).await?;
        let mut sources = manifest.local_sources(lines);
        if let Some(root) = workspace.as_ref().filter(|workspace| workspace.root != directory) {
            // What the root says holds for its members, too, unless these say otherwise.
            self.note_git_sources(&root.manifest, lines);
            let own: Vec<String> = sources.iter().map(|(name, _)| name.clone()).collect();
            let of_root = root.manifest.local_sources(lines).into_iter();
            let inherited = of_root.filter(|(name, _)| !has_name(&own, name));
            for (name, source) in inherited.collect::<Vec<_>>() {
                match source {
                    LocalSource::Member(_) => sources.push((name, source)),
                    LocalSource::Path(place) => {
                        if let Some(inner) = join(&root.root, &place) {
                            self.follow(&inner, &manifest_in(&root.root), span).await?;
                            found.places.push((name, inner));
                        }
                    }
                }
            }
        }
        for (name, source) in sources {
            match source {
                LocalSource::Path(place) => {
                    let at = format!("{path}: {name}");
                    if let Some(inner) = self.path_in_context(directory, &place, &at, span) {
                        self.follow(&inner, &path, span).await?;
                        found.places.push((name, inner));
                    }
                }
                LocalSource::Member(member) => {
                    let Some(workspace) = &workspace else {
                        let message = format!(
                            "{path}: `{name}` comes from a workspace, and no pyproject.toml above it is its root"
                        );
                        self.problem(
                            "workspace",
                            message,
                            span,
                            "build from the directory of the workspace's root",
                        );
                        continue;
                    };
                    let Some(inner) = workspace.members.get(&member).cloned() else {
                        let known: Vec<&str> = workspace.members.keys().map(String::as_str).collect();
                        let message = format!("{path}: `{name}` is no member of the workspace");
                        let help = format!("its members are {}", known.join(", "));
                        self.problem("workspace", message, span, &help);
                        continue;
                    };
                    self.follow(&inner, &path, span).await?;
                    found
                        .neighbours
                        .push((manifest_in(&inner), self.for_neighbours(&inner)));
                    found.places.push((name, inner));
                }
            }
        }
        let Some(workspace) = workspace else { return Ok(found) };
        // uv reads all groups: a member that only one of them asks for has to be known, and no more.
        let every = manifest.requirements(&manifest.extras(), &manifest.groups());
        for (_, source) in manifest.local_sources(Some(&every)) {
            let LocalSource::Member(member) = source else { continue };
            if let Some(inner) = workspace.members.get(&member).filter(|inner| *inner != directory) {
                let text = self.for_neighbours(inner);
                found.neighbours.push((manifest_in(inner), text));
            }
        }
        let settings = workspace.manifest.uv_settings();
        let has_say =
            settings.is_some_and(|settings| settings.at("sources").is_some() || settings.at("index").is_some());
        if workspace.root != directory && (has_say || !found.neighbours.is_empty()) {
            let text = workspace.manifest.for_neighbours();
            found.neighbours.push((manifest_in(&workspace.root), text));
        }
        Ok(found)
    }

    /// What a build reads of a project that is near.
    fn for_neighbours(&self, directory: &str) -> String {
        let manifest = self.manifests.get(directory).and_then(Option::as_ref);
        manifest.map(Manifest::for_neighbours).unwrap_or_default()
    }

    /// Notes which repositories `[tool.uv.sources]` names for some lines, or at all.
    pub(super) fn note_git_sources(&mut self, manifest: &Manifest, lines: Option<&[String]>) {
        let needed = lines.map(names_of);
        let sources = manifest
            .at("tool.uv.sources")
            .and_then(Value::as_table)
            .into_iter()
            .flatten();
        let is_needed = |name: &String| needed.as_ref().is_none_or(|needed| has_name(needed, name));
        for (_, source) in sources.filter(|(name, _)| is_needed(name)) {
            let all = source.as_array().map_or(std::slice::from_ref(source), Vec::as_slice);
            for url in all.iter().filter_map(|source| source.get("git")?.as_str()) {
                self.note_repository(&format!("git+{url}"));
            }
        }
    }

    /// Notes what decides which packages a package of the context needs: a lock is older than that, or not.
    async fn note_digests(&mut self, directory: &str, manifest: Option<&Manifest>, span: Span) -> Result<(), Failure> {
        // A lock of another tool says nothing of it, and is held against what was installed.
        if self.spec.requirements_file().is_some_and(RequirementsFile::is_lock) {
            return Ok(());
        }
        let path = manifest_in(directory);
        let mut whole = vec!["setup.py".to_owned(), "setup.cfg".to_owned()];
        if let Some(manifest) = manifest {
            let digest = match manifest.leaves_needs_to_build() {
                true => {
                    whole.extend(dynamic_files(manifest));
                    digest(&self.known_text(&path))
                }
                false => {
                    whole.clear();
                    needs_digest(manifest)
                }
            };
            self.found.facts.digests.insert(path, digest);
        }
        for file in whole {
            let Some(path) = join(directory, &file) else { continue };
            if let Some(text) = self.text_if_there(&path, span).await? {
                self.found.facts.digests.insert(path, digest(&text));
            }
        }
        Ok(())
    }

    /// Finds the project that a manifest or a lock belongs to, and follows it: it is to be installed.
    pub(super) async fn add_own_project(&mut self, directory: &str, span: Span) -> Result<(), Failure> {
        if !self.spec.parts().members.is_empty() {
            // The export of a lock has the members themselves; of a manifest they are requirements.
            return Ok(());
        }
        let path = manifest_in(directory);
        let manifest = self.manifest(directory, span).await?;
        let is_virtual = manifest.as_ref().is_some_and(|manifest| !manifest.has_project());
        if is_virtual && !self.found.members.is_empty() {
            // The export of a lock has all its members.
            return Ok(());
        }
        let name = manifest.as_ref().and_then(Manifest::name);
        let is_packaged = manifest.as_ref().is_none_or(|manifest| !manifest.is_not_packaged());
        let Some(name) = name.filter(|_| is_packaged) else {
            let why = if is_packaged {
                "names no project"
            } else {
                "says that it is no package (`package-mode = false`, or `package = false` of [tool.uv])"
            };
            let message = format!("`install_project`: {path} {why}");
            let help = match is_packaged {
                true => "give it a `[project]` table with a name, or leave `install_project` out",
                false => NO_PACKAGE_HELP,
            };
            let span = self.spec.install_project.as_ref().map_or(span, |wish| wish.span);
            self.problem("install-project", message, span, help);
            return Ok(());
        };
        // Only the step that builds it sees all of it.
        self.files.also_serve(directory);
        if self.followed.insert(directory.to_owned()) {
            Box::pin(self.follow_directory(directory, true, span)).await?;
        }
        self.found.project = Some(Locked {
            index: None,
            name,
            version: None,
            artefact: Artefact::Path {
                path: directory.to_owned(),
                hash: None,
                subdirectory: None,
            },
        });
        Ok(())
    }
}

/// Whether nobody packages what is in a directory of that name.
fn is_left_out(name: &str) -> bool {
    name.starts_with('.') || matches!(name, "node_modules" | "__pycache__")
}

/// The names that lines of requirements ask for.
fn names_of(lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .filter_map(|line| Requirement::parse(line).ok()?.name)
        .collect()
}

/// What a manifest takes from the context.
#[derive(Default)]
pub(super) struct FollowedSources {
    /// Names, and where they are.
    pub(super) places: Vec<(String, String)>,
    /// Manifests that a build of the project reads, by path.
    pub(super) neighbours: Vec<(String, String)>,
}

/// Whether a group may be wanted.
fn wants(parts: &Parts, group: &str) -> bool {
    parts.all_groups || has_name(&parts.groups, group) || has_name(&parts.only_groups, group)
}
