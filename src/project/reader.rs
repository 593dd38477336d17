//! What is found in the requirements of a spec, and the reader that collects it: texts, problems, manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::image_spec::{ImageSpec, TextValue};
use crate::plan::Requirements;
use crate::project::files::{AtPath, ContextFiles, Wanted};
use crate::project::look::judge;
use crate::python::{LockError, Locked, Manifest, Pylock, Requirement, has_name, normalised};
use crate::text::{Diagnostic, Failure, Span, Spanned, join};

/// The most bytes of a file that reaches a step as part of its command.
const MAX_TEXT: usize = 64 * 1024;
/// The most bytes of all such files.
const MAX_TEXTS: usize = 512 * 1024;

/// What to do where a requirement has no hash.
pub(super) const HASHES_HELP: &str =
    "lock them: `uv pip compile --generate-hashes requirements.in -o requirements.txt`";

/// What to do where a project needs one that is outside of the context.
pub(super) const ALL_PROJECTS: &str = "build from a directory that holds all projects";

/// What the requirements of one spec say.
#[derive(Debug, Clone, Default)]
pub(crate) struct FoundRequirements {
    /// What a plan is told about them.
    pub(crate) facts: Requirements,
    /// For each package, by normalised name, the hashes that its file may have.
    pub(crate) hashes: BTreeMap<String, Vec<String>>,
    /// Whether the files want a hash of each package.
    pub(crate) requires_hashes: bool,
    /// The first requirement that has no hash: an error if all have to have one.
    pub(crate) without_hash: Option<Diagnostic>,
    /// Packages that the files want built even if there is a wheel.
    pub(crate) no_binary: Vec<String>,
    /// Whether uv's settings say which files are too new.
    pub(crate) excludes_newer: bool,
    /// Packages that the files do not let be built.
    pub(crate) no_build: Vec<String>,
    /// The text of the requirements file.
    pub(crate) text: Option<String>,
    /// The `pylock.toml` that the spec names, or why it is none.
    pub(crate) lock: Option<Arc<Result<Pylock, LockError>>>,
    /// The versions of Python that the lock is for, as it says itself.
    pub(crate) lock_requires_python: Option<String>,
    /// The project itself, if it is to be installed.
    pub(crate) project: Option<Locked>,
    /// Packages whose requirements of others are replaced or dropped, by normalised name.
    pub(crate) overridden: Vec<String>,
    /// Groups that are wanted though the spec does not name them.
    pub(crate) default_groups: Vec<String>,
    /// What is not as it seems, and stops nothing.
    pub(crate) warnings: Vec<Diagnostic>,
    /// The directories of the members that the spec chooses, where no lock has them.
    pub(crate) chosen_members: Vec<String>,
    /// The members of the workspace, its root aside.
    pub(crate) members: Vec<String>,
    /// The versions of Python that the project is for, and the file that says so.
    pub(crate) requires_python: Option<(String, String)>,
}

impl FoundRequirements {
    /// The files and directories of the context that decide what is installed.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.facts.read.iter().cloned().collect()
    }
}

/// Reads the requirements of one spec.
pub(super) struct RequirementsReader<'a, F> {
    pub(super) files: &'a mut F,
    pub(super) spec: &'a ImageSpec,
    /// Texts by path.
    pub(super) known: BTreeMap<String, String>,
    /// Whether names are looked up on indexes: no lock has decided what they are.
    pub(super) looks_up: bool,
    pub(super) found: FoundRequirements,
    pub(super) problems: Vec<Diagnostic>,
    /// Manifests by the directory that they are in, in uv's words; `None` where there is none.
    pub(super) manifests: BTreeMap<String, Option<Manifest>>,
    /// The paths of those that are in other words than their files.
    pub(super) translated: BTreeSet<String>,
    /// The manifests in their place of which the lock step has no more than names.
    pub(super) stand_ins: BTreeSet<String>,
    /// The members of workspaces, by the directory of the root.
    pub(super) workspaces: BTreeMap<String, BTreeMap<String, String>>,
    /// The projects that were followed, by directory.
    pub(super) followed: BTreeSet<String>,
}

impl<F: ContextFiles> RequirementsReader<'_, F> {
    pub(super) fn problem(&mut self, rule: &'static str, message: String, span: Span, help: &str) {
        self.problems
            .push(Diagnostic::build_error(rule, message).at(span).help(help));
    }

    /// The text of a file; records a problem and returns `None` if it cannot be used.
    pub(super) async fn text(&mut self, path: &str, named: &TextValue) -> Result<Option<String>, Failure> {
        if let Some(text) = self.known.get(&named.value).or_else(|| self.known.get(path)) {
            return Ok(Some(text.clone()));
        }
        self.files.also_serve(path);
        let seen = self.files.look(Wanted::Requirements, &named.value).await?;
        self.judged("requirements", path, named, seen)
    }

    /// The text of a file that something else than `requirements` names, as `text`.
    pub(super) async fn text_named(&mut self, by: &str, path: &str, span: Span) -> Result<Option<String>, Failure> {
        if let Some(text) = self.known.get(path) {
            return Ok(Some(text.clone()));
        }
        self.files.also_serve(path);
        let seen = self.files.look(Wanted::Requirements, path).await?;
        self.judged(by, path, &Spanned::new(path.to_owned(), span), seen)
    }

    fn judged(&mut self, by: &str, path: &str, named: &TextValue, seen: AtPath) -> Result<Option<String>, Failure> {
        let text = match judge(by, Wanted::Requirements, named, seen) {
            Ok(text) => text,
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        };
        if let Some(text) = &text {
            self.known.insert(path.to_owned(), text.clone());
        }
        Ok(text)
    }

    /// The text of a file that need not be there.
    pub(super) async fn text_if_there(&mut self, path: &str, span: Span) -> Result<Option<String>, Failure> {
        if let Some(text) = self.known.get(path) {
            return Ok(Some(text.clone()));
        }
        match self.files.look(Wanted::Copy, path).await? {
            AtPath::File => self.text_named("uv", path, span).await,
            _ => Ok(None),
        }
    }

    /// The text of a file that was read; empty if it was not.
    pub(super) fn known_text(&self, path: &str) -> String {
        self.known.get(path).cloned().unwrap_or_default()
    }

    /// Whether there is a file.
    pub(super) async fn is_file(&mut self, path: &str) -> Result<bool, Failure> {
        Ok(self.known.contains_key(path) || matches!(self.files.look(Wanted::Copy, path).await?, AtPath::File))
    }

    /// Records what a step reads of a file; a large one is mounted. No credential is in it: `judge` refuses them.
    pub(super) fn add_text(&mut self, path: &str, content: String, whole: &str) {
        self.stand_ins.remove(path);
        let facts = &mut self.found.facts;
        let taken: usize = facts.texts.values().map(String::len).sum();
        if content.len() <= MAX_TEXT && taken + content.len() <= MAX_TEXTS {
            facts.texts.insert(path.to_owned(), content);
        } else if !whole.is_empty() {
            facts.mounts.insert(path.to_owned());
        }
    }

    /// A path that a file names, relative to the context; records a problem if it is outside.
    pub(super) fn path_in_context(&mut self, directory: &str, place: &str, at: &str, span: Span) -> Option<String> {
        let inner = join(directory, place);
        if inner.is_none() {
            let message = format!("{at}: `{place}` is outside the build context");
            self.problem("context-path", message, span, ALL_PROJECTS);
        }
        inner
    }

    /// Records the hashes of a requirement; `problem` is what is said if it has to have some.
    pub(super) fn add_hashes(
        &mut self,
        requirement: &Requirement,
        hashes: &[String],
        problem: impl FnOnce(String) -> Diagnostic,
    ) {
        if hashes.is_empty() && self.found.without_hash.is_none() {
            let message = format!(
                "`{}` has no hash, and `--require-hashes` wants one of each",
                requirement.text
            );
            self.found.without_hash = Some(problem(message).help(HASHES_HELP));
        }
        if let Some(name) = requirement.name.as_ref().filter(|_| !hashes.is_empty()) {
            let known = self.found.hashes.entry(name.clone()).or_default();
            known.extend(hashes.iter().cloned());
        }
    }

    /// Notes that something is taken from a repository, which needs git.
    pub(super) fn note_repository(&mut self, url: &str) {
        self.found.facts.repositories.add(url);
    }

    /// Checks extras or groups (`kind` says which) that a file may not have.
    pub(super) fn unknown_parts<'n>(
        &mut self,
        path: &str,
        kind: &str,
        named: impl Iterator<Item = &'n String>,
        known: &[String],
    ) {
        for name in named.filter(|name| !has_name(known, name)) {
            let message = format!("{path} has no {kind} `{name}`");
            let help = it_has(kind, known);
            self.problem("unknown-part", message, self.spec.part_span(name), &help);
        }
    }
}

/// Which extras, groups or members (`kind` says which) there are, as a help.
pub(super) fn it_has(kind: &str, known: &[String]) -> String {
    let mut known: Vec<&str> = known.iter().map(String::as_str).collect();
    known.sort_unstable();
    known.dedup_by_key(|name| normalised(name));
    match known.as_slice() {
        [] => format!("it has no {kind} at all"),
        known => format!("it has {}", known.join(", ")),
    }
}
