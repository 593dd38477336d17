//! What a lock installs, and whether that is what the spec asks for. Pure: texts are passed in.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::image_spec::{CREDENTIAL_HELP, ImageSpec, Profile};
use crate::plan::{CONTEXT, WORK, asked, digested_file, required};
use crate::project::reader::{FoundRequirements, HASHES_HELP};
use crate::python::{
    Artefact, Interpreter, LockError, Locked, Pylock, Requirement, RequirementsFile, Selection, has_name,
    select_poetry, version_fits,
};
use crate::text::{Diagnostic, Failure, Span, directory_of, has_credential, join};

/// What a lock is checked against.
pub(crate) struct LockJudge<'a> {
    pub(crate) spec: &'a ImageSpec,
    /// The name of the spec's file, as a command would name it.
    pub(crate) spec_name: &'a str,
    pub(crate) found: &'a FoundRequirements,
    /// Whether it is the sibling lock.
    pub(crate) is_sibling: bool,
    /// Whether only files whose hashes are in the requirements may be installed.
    pub(crate) is_hashed: bool,
}

impl LockJudge<'_> {
    /// The packages that a lock installs for an interpreter, if they are what the spec asks for. `name` is what
    /// messages call the lock.
    pub(crate) fn packages(&self, name: &str, text: &str, interpreter: &Interpreter) -> Result<Vec<Locked>, Failure> {
        if let Some(line) = text.lines().position(has_credential) {
            let message = format!("line {} of {name} has a credential in its URL", line + 1);
            let help = format!(
                "take it out of the URL, also in variables that name an index or a package, and {CREDENTIAL_HELP}"
            );
            return Err(self.problem("credential-in-lock", message, &help).into());
        }
        let (mut packages, is_ours) = self.select(name, text, interpreter)?;
        // Paths in a lock of ours are relative to the requirements file, wherever the lock is.
        let directory = match &self.spec.requirements {
            Some(path) if !self.is_sibling || is_ours => directory_of(&path.value),
            _ => "",
        };
        for package in &mut packages {
            if let Artefact::Path { path, .. } | Artefact::Listed { path, .. } = &mut package.artefact {
                *path = in_context(directory, path).ok_or_else(|| {
                    let message = format!("{name}: `{path}` is outside the build context");
                    self.problem("context-path", message, "build from a directory that holds it")
                })?;
            }
        }
        if let Some(project) = &self.found.project {
            packages.retain(|package| package.name != project.name);
            packages.push(project.clone());
        }
        self.fits_python(interpreter)?;
        self.complete(name, &packages)?;
        self.built(name, &packages)?;
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(packages)
    }

    /// Checks that the interpreter is one that the project is for.
    fn fits_python(&self, interpreter: &Interpreter) -> Result<(), Diagnostic> {
        let found = interpreter.markers.python_full_version().string.clone();
        match &self.found.requires_python {
            Some((wanted, path)) if !version_fits(wanted, &found) => {
                let message = format!("{path} is for Python {wanted}, and the image has {found}");
                let span = self.spec.python_exec.as_ref().map_or(self.span(), |exec| exec.span);
                let help = "choose another interpreter, or set `python_version` instead of `python_exec`";
                Err(Diagnostic::build_error("python-version", message).at(span).help(help))
            }
            _ => Ok(()),
        }
    }

    /// The packages of a lock for an interpreter, and whether this program made the lock.
    fn select(&self, name: &str, text: &str, interpreter: &Interpreter) -> Result<(Vec<Locked>, bool), Failure> {
        let selection = self.selection();
        if !self.is_sibling && self.spec.requirements_file() == Some(RequirementsFile::PoetryLock) {
            let packages = select_poetry(text, interpreter, &selection);
            return Ok((packages.map_err(|errors| self.unusable(name, errors))?, false));
        }
        let known = self.found.lock.as_ref().filter(|_| !self.is_sibling);
        let lock = known.map_or_else(|| Arc::new(Pylock::parse(text)), Arc::clone);
        let lock = lock
            .as_ref()
            .as_ref()
            .map_err(|error| self.unusable(name, vec![error.clone()]))?;
        let problems = self.differences(name, lock, interpreter);
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let packages = lock.select(interpreter, &selection);
        let packages = packages.map_err(|errors| self.unusable(name, errors))?;
        Ok((packages, lock.made_from().is_some()))
    }

    fn selection(&self) -> Selection {
        let mut parts = self.spec.parts();
        parts.groups.extend(self.found.default_groups.clone());
        Selection {
            parts,
            no_binary: [self.spec.extra_arguments("").no_binary, self.found.no_binary.clone()].concat(),
            hashes: self.found.hashes.clone(),
        }
    }

    /// Whether what is installed is what a given lock has.
    pub(super) fn is_lock(&self) -> bool {
        self.is_sibling || self.spec.requirements_file().is_some_and(RequirementsFile::is_lock)
    }

    /// The place in the spec that problems with the lock point to.
    pub(crate) fn span(&self) -> Span {
        let spec = self.spec;
        let named = spec.requirements.as_ref().map(|file| file.span);
        named
            .or_else(|| spec.packages.as_ref().map(|list| list.span))
            .unwrap_or(Span {
                start: spec.span.start,
                end: spec.span.start + 1,
            })
    }

    fn problem(&self, rule: &'static str, message: String, help: &str) -> Diagnostic {
        Diagnostic::build_error(rule, message).at(self.span()).help(help)
    }

    fn unusable(&self, name: &str, errors: Vec<LockError>) -> Failure {
        let problems: Vec<Diagnostic> = errors
            .into_iter()
            .map(|error| {
                let help = match error {
                    LockError::Python { .. } => "lock again for this version, or set `python_version`",
                    LockError::Environment(_) | LockError::NoFile { .. } => {
                        "lock again for this platform and Python, or build for the one that the lock is for"
                    }
                    LockError::Mismatch(_) => "lock the requirements again for this platform, with hashes of all files",
                    LockError::NoHash(_) => "lock again with hashes",
                    LockError::Form(_) | LockError::Version(_) => "lock again with a current tool",
                    LockError::Value { .. } => "lock again; nobody should have to write this file",
                    LockError::Twice(_) => "lock again for one environment",
                    LockError::Unsupported(_) => "lock again, or use `requirements: uv.lock`",
                };
                self.problem("lock", format!("{name} cannot be installed"), help)
                    .because(error)
            })
            .collect();
        problems.into()
    }

    /// What the lock is called: the one that the spec names, where this is made of it.
    pub(super) fn shown_name<'n>(&'n self, name: &'n str) -> &'n str {
        let is_lock = self.spec.requirements_file().is_some_and(RequirementsFile::is_lock);
        let named = self.spec.requirements.as_ref().filter(|_| is_lock);
        named.map_or(name, |file| file.value.as_str())
    }

    /// How the sibling lock is made anew.
    pub(super) fn lock_again(&self, name: &str) -> String {
        let file = self.spec_name;
        format!("lock again: `docker buildx build --target lock -o . -f {file} .`, or leave {name} out")
    }

    /// What the spec asks for but a given lock lacks, or the other way round.
    fn differences(&self, name: &str, lock: &Pylock, interpreter: &Interpreter) -> Vec<Diagnostic> {
        let is_given = self.is_sibling || self.spec.requirements_file() == Some(RequirementsFile::Pylock);
        if !is_given || self.spec.extra_arguments("").is_frozen {
            return Vec::new();
        }
        let mut problems = Vec::new();
        if let Some((python, machine)) = lock.made_for().filter(|_| self.is_sibling)
            && (python != interpreter.markers.python_version().string || machine != interpreter.machine)
        {
            let found = interpreter.shown();
            let message = format!("{name} was made for Python {python} on {machine}, the image has {found}");
            problems.push(self.difference(name, "", message));
        }
        match lock.made_from().filter(|_| self.is_sibling) {
            Some(made_from) => problems.extend(self.differences_to(name, made_from)),
            None => problems.extend(self.lacks(name, lock, interpreter)),
        }
        problems
    }

    /// A difference between a lock and a line of the spec or of its files.
    fn difference(&self, name: &str, line: &str, message: String) -> Diagnostic {
        let entry = ImageSpec::strings(&self.spec.packages).find(|entry| entry.value == line);
        let span = entry.map_or_else(|| self.span(), |entry| entry.span);
        let problem = Diagnostic::build_error("lock-differs", message).at(span);
        problem.help(self.lock_again(name))
    }

    /// What a lock of ours was not made from, and what it was made from besides.
    fn differences_to(&self, name: &str, made_from: &[String]) -> Vec<Diagnostic> {
        let facts = &self.found.facts;
        let required = required(self.spec, facts);
        let counts = |file: &&str| facts.digests.contains_key(*file);
        let new = required.iter().filter(|line| !made_from.contains(line)).map(|line| {
            let message = match digested_file(line).filter(counts) {
                Some(file) => format!("{file} is not what {name} was made from: it has changed, or was not noted then"),
                None => format!("`{line}` is not among the requirements that {name} was made from"),
            };
            self.difference(name, line, message)
        });
        // The old digest of a file that still counts is told of with the new one.
        let is_left = |line: &&String| !required.contains(line) && digested_file(line).filter(counts).is_none();
        let left = made_from.iter().filter(is_left).map(|line| {
            let message = format!("{name} was also made from `{line}`, which the spec does not ask for");
            self.difference(name, line, message)
        });
        new.chain(left).collect()
    }

    /// What the spec asks for that is not in a lock, or not in a version that it allows.
    fn lacks(&self, name: &str, lock: &Pylock, interpreter: &Interpreter) -> Vec<Diagnostic> {
        let facts = &self.found.facts;
        let asked: BTreeSet<String> = asked(self.spec, facts).into_iter().collect();
        let bounds = facts.constraints.iter().map(|line| (line, true));
        let lines = asked.iter().map(|line| (line, false)).chain(bounds);
        let problem = |(line, is_bound): (&String, bool)| {
            let requirement = Requirement::parse(line).ok()?;
            if !requirement.applies(&interpreter.markers) {
                return None;
            }
            let is_missing = || (!is_bound).then(|| self.difference(name, line, format!("`{line}` is not in {name}")));
            let Some(package) = &requirement.name else {
                let is_there = lock.places().any(|place| requirement.is_from(place));
                return is_missing().filter(|_| !is_there);
            };
            let versions: Vec<Option<&str>> = lock.versions_of(package).collect();
            let allows = |version: &Option<&str>| version.is_none_or(|version| requirement.allows(version));
            match versions.first() {
                None => is_missing(),
                Some(Some(version)) if !versions.iter().any(allows) => {
                    let message = format!("`{line}` does not allow {package} {version}, which {name} has");
                    Some(self.difference(name, line, message))
                }
                Some(_) => None,
            }
        };
        lines.filter_map(problem).collect()
    }

    /// Checks that nothing is built that may not be, and that a lock of a workspace installs something.
    fn built(&self, name: &str, packages: &[Locked]) -> Result<(), Diagnostic> {
        let arguments = self.spec.extra_arguments("");
        let no_build = &[arguments.no_build.clone(), self.found.no_build.clone()].concat();
        let is_refused = |package: &&Locked| {
            let is_local = matches!(package.artefact, Artefact::Path { .. });
            package.artefact.is_built()
                && !is_local
                && (no_build.contains(&":all:".to_owned()) || has_name(no_build, &package.name))
        };
        if let Some(package) = packages.iter().find(is_refused) {
            let message = format!(
                "{name} has no wheel of {} that suits this image, and `pip_extra_args` does not let it be built",
                package.name
            );
            let span = self.spec.pip_extra_args.as_ref().map_or(self.span(), |args| args.span);
            let help = "let it be built, or choose a version that has a wheel";
            return Err(Diagnostic::build_error("no-wheel", message).at(span).help(help));
        }
        let parts = self.spec.parts();
        if packages.is_empty() && !self.found.members.is_empty() && !parts.chooses_members() {
            let (message, help) = empty_workspace(self.shown_name(name), &self.found.members);
            return Err(self.problem("empty-lock", message, help));
        }
        Ok(())
    }

    /// Checks that a lock has flytekit, or all hashes, if the spec needs them.
    fn complete(&self, name: &str, packages: &[Locked]) -> Result<(), Diagnostic> {
        let is_lock = self.is_lock();
        let has = |wanted: &str| packages.iter().any(|package| package.name == wanted);
        let has_below = |spec: &ImageSpec| spec.below().is_some_and(|below| below.profile == Profile::Flyte);
        if is_lock && self.spec.profile == Profile::Flyte && !has("flytekit") && !has_below(self.spec) {
            let message = format!("{name} does not have flytekit, which the flyte profile needs");
            let help = "add flytekit to what is locked and lock again, or use `profile: plain`";
            return Err(self.problem("lock-without-flytekit", message, help));
        }
        if (self.is_hashed || self.found.requires_hashes) && !is_lock {
            let open = packages
                .iter()
                .find(|package| !self.found.hashes.contains_key(&package.name));
            if let Some(package) = open {
                let message = format!("the requirements install {} without a hash", package.name);
                return Err(self.problem("not-locked", message, HASHES_HELP));
            }
        }
        Ok(())
    }
}

/// What is said of a lock that has nothing for the root of a workspace, and the way out.
pub(super) fn empty_workspace(name: &str, members: &[String]) -> (String, &'static str) {
    let members = members.join(", ");
    (
        format!("{name} installs nothing for the root of the workspace; its members are {members}"),
        "choose them with `members: [NAME]`, or all with `pip_extra_args: --all-packages`",
    )
}

/// A path of a lock, relative to the context.
fn in_context(directory: &str, path: &str) -> Option<String> {
    for step in [WORK, CONTEXT] {
        if let Some(rest) = path
            .strip_prefix(step)
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
        {
            return join("", rest.trim_start_matches('/'));
        }
    }
    join(directory, path)
}
