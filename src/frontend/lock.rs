//! Which Python packages an image gets: the lock is made or read, and then looked at.

use crate::frontend::context::{self, SpecFile};
use crate::frontend::gateway::{Client, Solved};
use crate::frontend::requirements::FoundRequirements;
use crate::frontend::sibling_lock::SiblingLock;
use crate::image_spec::{CREDENTIAL_HELP, ImageSpec, LOCK_NAME, Profile};
use crate::plan::{BuildPlan, CONTEXT, KEPT, Product, SharedFile, StepId, Target, WORK, required};
use crate::python::{
    Artefact, Entry, Interpreter, LockError, Locked, Pylock, RequirementsFile, Selection, parse_requirements,
    select_poetry,
};
use crate::text::{Diagnostic, Failure, Span, directory_of, file_name, has_credential, join};
use crate::write::{LlbOptions, Sources, write_llb};

/// The longest lock that is read, in bytes.
const MAX_LOCK: usize = 32 * 1024 * 1024;
/// Warnings about single files; more are counted.
const MAX_SHARED_SHOWN: usize = 3;

/// What a lock is made from and for.
pub(super) struct Locking<'a> {
    pub(super) client: &'a Client,
    pub(super) file: &'a SpecFile,
    pub(super) spec: &'a ImageSpec,
    pub(super) found: &'a FoundRequirements,
    pub(super) sibling_lock: Option<&'a SiblingLock>,
    /// Whether nothing may be installed but what the requirements give the hashes of.
    pub(super) is_hashed: bool,
}

impl Locking<'_> {
    /// Reads what the lock step left: the packages that are installed, and the text of the lock.
    pub(super) async fn packages(&self, solved: &Solved) -> Result<(Vec<Locked>, String), Failure> {
        let interpreter = self.read(solved, "interpreter.json").await?;
        let interpreter = Interpreter::parse(&interpreter)
            .map_err(|error| Diagnostic::internal("the report on the image's Python cannot be read").because(error))?;
        let selection = self.selection();
        let kind = self.spec.requirements_file();
        let (name, text) = self.lock(solved).await?;
        if let Some(line) = text.lines().position(has_credential) {
            let message = format!("line {} of {name} has a credential in its URL", line + 1);
            let help = format!(
                "take it out of the URL, in the variables that an index or package is named with as well, and {CREDENTIAL_HELP}"
            );
            return Err(self.problem("credential-in-lock", message, &help).into());
        }
        let mut is_ours = false;
        let locked = if self.sibling_lock.is_none() && kind == Some(RequirementsFile::PoetryLock) {
            select_poetry(&text, &interpreter, &selection)
        } else {
            match Pylock::parse(&text) {
                Ok(lock) => {
                    let problems = self.differences(&name, &lock, &interpreter);
                    if !problems.is_empty() {
                        return Err(problems.into());
                    }
                    is_ours = lock.made_from().is_some();
                    lock.select(&interpreter, &selection)
                }
                Err(error) => Err(vec![error]),
            }
        };
        let mut packages = locked.map_err(|errors| self.unusable(&name, errors))?;
        // A lock of ours says where things are from the requirements file, wherever it lies itself.
        let directory = match &self.spec.requirements {
            Some(path) if self.sibling_lock.is_none() || is_ours => directory_of(&path.value),
            _ => "",
        };
        let mut outside = Vec::new();
        for package in &mut packages {
            if let Artefact::Path { path, .. } = &mut package.artefact {
                match in_context(directory, path) {
                    Some(inner) => *path = inner,
                    None => outside.push(format!("{name}: `{path}` is outside of the build context")),
                }
            }
        }
        if let Some(message) = outside.into_iter().next() {
            return Err(self
                .problem("context-path", message, "build from a directory that holds it")
                .into());
        }
        if let Some(project) = &self.found.project {
            packages.retain(|package| package.name != project.name);
            packages.push(project.clone());
        }
        self.complete(&name, &packages)?;
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Ok((packages, text))
    }

    /// The lock's name and text.
    async fn lock(&self, solved: &Solved) -> Result<(String, String), Failure> {
        if let Some(sibling) = self.sibling_lock {
            return Ok((file_name(&sibling.path).to_owned(), sibling.text.clone()));
        }
        if let (Some(RequirementsFile::PoetryLock | RequirementsFile::Pylock), Some(path)) =
            (self.spec.requirements_file(), &self.spec.requirements)
        {
            return Ok((path.value.clone(), self.found.text.clone().unwrap_or_default()));
        }
        Ok(("the lock".to_owned(), self.read(solved, LOCK_NAME).await?))
    }

    /// A file that the lock step made for the image.
    async fn read(&self, solved: &Solved, name: &str) -> Result<String, Failure> {
        let path = kept(name);
        let content = self.client.read(solved, &path, MAX_LOCK).await?;
        let content = content.ok_or_else(|| {
            let message = format!("{path} has more than {MAX_LOCK} bytes");
            Diagnostic::build_error("file-too-large", message).at(self.span())
        })?;
        let not_text = |error| Diagnostic::internal(format!("{path} is not UTF-8")).caused_by(error);
        Ok(String::from_utf8(content).map_err(not_text)?)
    }

    fn selection(&self) -> Selection {
        let words = |list| ImageSpec::strings(list).map(|word| word.value.clone()).collect();
        Selection {
            extras: words(&self.spec.extras),
            groups: words(&self.spec.groups),
            no_binary: [self.spec.extra_arguments("").no_binary, self.found.no_binary.clone()].concat(),
            hashes: self.found.hashes.clone(),
        }
    }

    /// Where the lock stands in the spec.
    fn span(&self) -> Span {
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

    /// What the spec asks for and a given lock does not have, or the other way round.
    fn differences(&self, name: &str, lock: &Pylock, interpreter: &Interpreter) -> Vec<Diagnostic> {
        let is_given = self.sibling_lock.is_some() || self.spec.requirements_file() == Some(RequirementsFile::Pylock);
        if !is_given {
            return Vec::new();
        }
        let help = format!(
            "lock again: `docker buildx build --target lock -o . -f {} .`, or leave {name} out",
            self.file.text.name()
        );
        let mut problems = Vec::new();
        let mut differs = |line: &str, message: String| {
            let entry = ImageSpec::strings(&self.spec.packages).find(|entry| entry.value == line);
            let span = entry.map_or_else(|| self.span(), |entry| entry.span);
            problems.push(Diagnostic::build_error("lock-differs", message).at(span).help(&*help));
        };
        if let Some((python, machine)) = lock.made_for().filter(|_| self.sibling_lock.is_some())
            && (python != interpreter.markers.python_version().string || machine != interpreter.machine)
        {
            let found = interpreter.shown();
            differs(
                "",
                format!("{name} was made for Python {python} on {machine}, the image has {found}"),
            );
        }
        let required = required(self.spec, &self.found.facts);
        if let (Some(made_from), true) = (lock.made_from(), self.sibling_lock.is_some()) {
            for line in required.iter().filter(|line| !made_from.contains(line)) {
                differs(
                    line,
                    format!("`{line}` is not among the requirements that {name} was made from"),
                );
            }
            for line in made_from.iter().filter(|line| !required.contains(line)) {
                differs(
                    line,
                    format!("{name} was made from `{line}` as well, which the spec does not ask for"),
                );
            }
            return problems;
        }
        for line in &required {
            let bound = line.strip_prefix("-c ");
            let entries = parse_requirements(bound.unwrap_or(line)).unwrap_or_default();
            let Some((_, Entry::Requirement { requirement, .. })) = entries.first() else {
                continue;
            };
            if !requirement.applies(&interpreter.markers) {
                continue;
            }
            let Some(package) = &requirement.name else {
                if bound.is_none() && !lock.places().any(|place| requirement.is_from(place)) {
                    differs(line, format!("`{line}` is not in {name}"));
                }
                continue;
            };
            let versions: Vec<Option<&str>> = lock.versions_of(package).collect();
            let is_allowed = versions
                .iter()
                .any(|version| version.is_none_or(|version| requirement.allows(version)));
            match versions.first() {
                None if bound.is_some() => {}
                None => differs(line, format!("`{line}` is not in {name}")),
                Some(Some(version)) if !is_allowed => {
                    differs(
                        line,
                        format!("`{line}` does not allow {package} {version}, which {name} has"),
                    );
                }
                Some(_) => {}
            }
        }
        problems
    }

    /// What has to be in a lock.
    fn complete(&self, name: &str, packages: &[Locked]) -> Result<(), Diagnostic> {
        let is_lock =
            self.sibling_lock.is_some() || self.spec.requirements_file().is_some_and(RequirementsFile::is_lock);
        let has = |wanted: &str| packages.iter().any(|package| package.name == wanted);
        let has_below = |spec: &ImageSpec| spec.below().is_some_and(|below| below.profile == Profile::Flyte);
        if is_lock && self.spec.profile == Profile::Flyte && !has("flytekit") && !has_below(self.spec) {
            let message = format!("{name} does not have flytekit, which the flyte profile needs");
            let help = "add flytekit to what is locked and lock again, or use `profile: plain`";
            return Err(self.problem("lock-without-flytekit", message, help));
        }
        if self.is_hashed && !is_lock {
            let open = packages
                .iter()
                .find(|package| !self.found.hashes.contains_key(&package.name));
            if let Some(package) = open {
                let message = format!("the requirements have no hash of {}, which they need", package.name);
                let help = "lock them: `uv pip compile --generate-hashes requirements.in -o requirements.txt`";
                return Err(self.problem("not-locked", message, help));
            }
        }
        Ok(())
    }
}

/// A file that a step made for the image, in what it made.
fn kept(name: &str) -> String {
    format!("{}/{name}", KEPT.trim_start_matches('/'))
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

/// Files that several packages have, as the step that looks for them says.
pub(super) async fn shared_files(
    client: &Client,
    file: &SpecFile,
    plan: &BuildPlan,
    sources: &Sources,
    options: &LlbOptions,
) -> Result<Vec<SharedFile>, Failure> {
    let Some(step) = plan.maker(Product::SharedFiles) else {
        return Ok(Vec::new());
    };
    let solved = solve_product(client, plan, sources, options, &step.id).await?;
    let report = client
        .read(&solved, &kept("shared-files.json"), MAX_LOCK)
        .await?
        .unwrap_or_default();
    let shared: Vec<SharedFile> = serde_json::from_slice(&report)
        .map_err(|error| Diagnostic::internal("the report on shared files cannot be read").because(error))?;
    for file_of_many in shared.iter().take(MAX_SHARED_SHOWN) {
        let last = file_of_many.packages.last().map_or("", String::as_str);
        let message = format!(
            "{} is in {}; the image has that of {last}",
            file_of_many.path,
            file_of_many.packages.join(" and ")
        );
        warn_shared(client, file, message).await?;
    }
    if let Some(more) = shared.len().checked_sub(MAX_SHARED_SHOWN).filter(|more| *more > 0) {
        warn_shared(client, file, format!("{more} more files are in several packages")).await?;
    }
    Ok(shared)
}

async fn warn_shared(client: &Client, file: &SpecFile, message: String) -> Result<(), Failure> {
    let warning = Diagnostic::warning("shared-file", message).help(
        "usually a mistake of the packages; /usr/share/imagespec/shared-files.json in the image lists all such files",
    );
    context::warn(client, file, &warning).await
}

/// Solves what a step makes for others.
pub(super) async fn solve_product(
    client: &Client,
    plan: &BuildPlan,
    sources: &Sources,
    options: &LlbOptions,
    step: &StepId,
) -> Result<Solved, Failure> {
    let options = LlbOptions {
        target: Target::Product(step.clone()),
        ..options.clone()
    };
    let graph = write_llb(plan, sources, &options)?;
    client.solve(graph.result.as_ref()).await
}
