//! The requirements of a spec with all files that they name, read once: everything later is a field of what was found.

use std::collections::{BTreeMap, BTreeSet};

use crate::image_spec::{ImageSpec, TextValue};
use crate::project::files::ContextFiles;
use crate::project::lines::{Listed, without_extras};
use crate::project::reader::{FoundRequirements, RequirementsReader};
use crate::python::{Entry, RequirementsFile, Source, content_of_lines, content_of_toml, other_content, read_lines};
use crate::text::{Diagnostic, Failure, Spanned, below, context_path, directories_above, directory_of, join};

/// The longest lock, in bytes, that may be short without its comments.
const MAX_COMMENTED: usize = 256 * 1024;

/// Reads the requirements of a spec and of those below it: one entry each, the outermost first.
/// `has_sibling` says whether a lock beside the spec decides what the topmost installs.
pub(crate) async fn read(
    files: &mut impl ContextFiles,
    spec: &ImageSpec,
    texts: &[(String, String)],
    has_sibling: bool,
) -> Result<Vec<FoundRequirements>, Failure> {
    let mut all = Vec::new();
    for (above, spec) in spec.all().enumerate() {
        let is_locked = (has_sibling && above == 0) || spec.requirements_file().is_some_and(RequirementsFile::is_lock);
        let mut reader = RequirementsReader {
            files,
            spec,
            known: texts.iter().cloned().collect(),
            looks_up: !is_locked,
            found: FoundRequirements::default(),
            problems: Vec::new(),
            manifests: BTreeMap::new(),
            translated: BTreeSet::new(),
            stand_ins: BTreeSet::new(),
            workspaces: BTreeMap::new(),
            followed: BTreeSet::new(),
        };
        reader.read().await?;
        reader.found.requires_hashes |= spec.extra_arguments("").requires_hashes && !is_locked;
        if reader.found.requires_hashes && !is_locked {
            reader.problems.extend(reader.found.without_hash.take());
        }
        if !reader.problems.is_empty() {
            let mut problems: Vec<Diagnostic> = Vec::new();
            for problem in reader.problems {
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
            return Err(problems.into());
        }
        all.push(reader.found);
    }
    Ok(all)
}

/// Locks of other tools, which stand beside the manifest that they are of.
const LOCKS: [&str; 2] = ["uv.lock", "poetry.lock"];

/// The paths that are known before any file is read.
pub(crate) fn first_paths(spec: &ImageSpec) -> Vec<String> {
    let mut paths: Vec<String> = spec.listed().filter_map(|(_, entry)| local_path(entry)).collect();
    let arguments = spec.extra_arguments("");
    paths.extend(arguments.files);
    paths.extend(arguments.places.iter().filter_map(|place| join("", place)));
    let Some(file) = &spec.requirements else { return paths };
    let path = context_path(&file.value);
    for directory in directories_above(directory_of(&path)) {
        paths.extend(["uv.toml", "pyproject.toml", ".python-version"].map(|name| below(&directory, name)));
        if RequirementsFile::of(&path) == RequirementsFile::Project {
            paths.extend(LOCKS.map(|name| below(&directory, name)));
        }
    }
    paths
}

/// The local file or directory that an entry of `packages` names.
fn local_path(entry: &Entry) -> Option<String> {
    match entry {
        Entry::Requirement(listed) => match &listed.requirement.source {
            Source::Path(path) => join("", without_extras(path)),
            _ => None,
        },
        Entry::Include(path) | Entry::Constraints(path) => join("", path),
        _ => None,
    }
}

impl<F: ContextFiles> RequirementsReader<'_, F> {
    async fn read(&mut self) -> Result<(), Failure> {
        let spec = self.spec;
        self.read_packages().await?;
        self.read_argument_files().await?;
        self.read_argument_places().await?;
        let Some(file) = &spec.requirements else { return Ok(()) };
        let path = context_path(&file.value);
        let kind = RequirementsFile::of(&path);
        let Some(text) = self.text(&path, file).await? else {
            return Ok(());
        };
        self.found.text = Some(text.clone());
        self.found.facts.read.insert(path.clone());
        let directory = directory_of(&path).to_owned();
        match kind {
            RequirementsFile::Lines => match other_content(&text) {
                Some((what, help)) => {
                    let message = format!("`requirements: {}` is {what}", file.value);
                    self.problem("other-file", message, file.span, help);
                }
                None => {
                    self.read_settings(&directory, file).await?;
                    self.read_lines(Listed::file(path.clone(), text), file).await?;
                }
            },
            RequirementsFile::Project => {
                self.read_settings(&directory, file).await?;
                self.check_locks_beside(&directory, file).await?;
                self.read_project(&path, file).await?;
            }
            RequirementsFile::UvLock => {
                self.read_settings(&directory, file).await?;
                match text.len() > MAX_COMMENTED {
                    true => drop(self.found.facts.mounts.insert(path.clone())),
                    false => self.add_text(&path, content_of_toml(&text), &text),
                }
                self.read_uv_lock(&path, &text, file).await?;
            }
            RequirementsFile::Pylock => self.read_pylock(&path, &text, file).await?,
            RequirementsFile::PoetryLock => self.read_poetry_lock(&path, &text, file).await?,
        }
        self.read_python_version(&directory, kind, file).await?;
        if spec.install_project.as_ref().is_some_and(|wish| wish.value) && kind.has_project() {
            self.add_own_project(&directory, file.span).await?;
        }
        Ok(())
    }

    /// Reads the files that `pip_extra_args` names.
    async fn read_argument_files(&mut self) -> Result<(), Failure> {
        let arguments = self.spec.extra_arguments("");
        for named in arguments.files {
            let span = self
                .spec
                .pip_extra_args
                .as_ref()
                .map_or(self.spec.span, |args| args.span);
            let path = context_path(&named);
            let Some(text) = self.text_named("pip_extra_args", &path, span).await? else {
                continue;
            };
            self.add_text(&path, content_of_lines(&text), &text);
            self.found.facts.read.insert(path.clone());
            if arguments.overrides.contains(&named) {
                let lines = read_lines(&text).entries;
                let names = lines.iter().filter_map(|(_, entry)| match entry {
                    Entry::Requirement(listed) => listed.requirement.name.clone(),
                    _ => None,
                });
                self.found.overridden.extend(names);
            }
            if arguments.bounds.contains(&named) {
                let value = Spanned::new(path.clone(), span);
                self.read_lines(Listed::bounds(path, text), &value).await?;
            }
        }
        Ok(())
    }

    /// Warns of a lock that would fix what the manifest leaves open, and is not named.
    async fn check_locks_beside(&mut self, directory: &str, named: &TextValue) -> Result<(), Failure> {
        if !self.looks_up {
            return Ok(());
        }
        let workspace = self.workspace_of(directory, named.span).await?;
        let root = workspace.map_or(directory.to_owned(), |workspace| workspace.root);
        for (place, name) in [root.as_str(), directory].into_iter().zip(LOCKS) {
            let lock = below(place, name);
            if self.is_file(&lock).await? {
                let message = format!("{lock} has no say: `requirements: {}` is resolved anew", named.value);
                let warning = Diagnostic::warning("unused-lock", message).at(named.span);
                let help = format!("`requirements: {lock}` installs what it has");
                self.found.warnings.push(warning.help(help));
            }
        }
        Ok(())
    }
}
