//! Finds out which packages an image gets: a loop over the stacked specs, each with a step that resolves and one that
//! looks over what is installed. Whatever solves the steps is a [`Solver`].

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::image_spec::{ImageSpec, LOCK_NAME};
use crate::oci::Platform;
use crate::plan::{self, BuildPlan, Facts, KEPT, LockedPackages, Product, SharedFile, StepId, StoreyFacts};
use crate::project::lock::LockJudge;
use crate::project::reader::FoundRequirements;
use crate::python::{Interpreter, Locked, RequirementsFile};
use crate::text::{Diagnostic, Failure, file_name};

/// The longest lock that is read, in bytes.
pub(crate) const MAX_LOCK: usize = 32 * 1024 * 1024;
/// The most files with a warning each; the others are counted.
const MAX_SHARED_SHOWN: usize = 3;

/// What makes the products of a plan's steps.
#[async_trait]
pub(crate) trait Solver: Sync {
    /// What a step made.
    type Solved: Send + Sync;

    /// Makes what a step is for.
    async fn solve(&self, plan: &BuildPlan, step: &StepId) -> Result<Self::Solved, Failure>;

    /// A file of what a step made, of at most [`MAX_LOCK`] bytes.
    async fn read(&self, solved: &Self::Solved, path: &str) -> Result<ProductFile, Failure>;

    /// Fetches what later steps install, where that saves time.
    async fn fetch(&self, plan: &BuildPlan, step: &StepId) -> Result<(), Failure>;
}

/// A file of what a step made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProductFile {
    Content(Vec<u8>),
    Missing,
    TooLarge,
}

/// How much of the topmost spec is resolved; those below it always are, wholly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Nothing: what is built comes before its lock.
    Below,
    /// Its lock, but not what packages have in common: a part of it is built that does without.
    Lock,
    /// All of it.
    Whole,
}

/// Specs whose packages are to be found.
pub(crate) struct Resolving<'a> {
    pub(crate) spec: &'a ImageSpec,
    /// The name of the spec's file, as a command would name it.
    pub(crate) spec_name: &'a str,
    pub(crate) platform: &'a Platform,
    /// What requirements files say, for each spec, the outermost first.
    pub(crate) found: &'a [FoundRequirements],
    /// The path and text of the lock beside the topmost spec.
    pub(crate) sibling_lock: Option<(&'a str, &'a str)>,
    /// Whether only files whose hashes are in the requirements may be installed.
    pub(crate) is_hashed: bool,
    pub(crate) extent: Extent,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Resolution {
    pub(crate) facts: Facts,
    /// The text of the topmost lock; `None` if the spec installs no packages.
    pub(crate) lock: Option<String>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// One of the stacked specs.
struct Storey<'a, S: Solver> {
    judge: LockJudge<'a>,
    /// The lock beside the spec; only the topmost spec has one.
    sibling_lock: Option<(&'a str, &'a str)>,
    solver: &'a S,
}

/// What a lock step left.
struct ReadLock {
    /// What messages call the lock.
    name: String,
    text: String,
    packages: Vec<Locked>,
    interpreter: Interpreter,
}

impl Resolving<'_> {
    /// Resolves all specs. A spec's packages can be found only when the specs below it are planned, so this goes from
    /// the lowest up. `facts` is what is known before: no storeys yet.
    pub(crate) async fn resolve<S: Solver>(&self, mut facts: Facts, solver: &S) -> Result<Resolution, Failure> {
        let storeys = self.storeys(solver);
        facts.storeys = storeys.iter().map(Storey::facts).collect();
        let (mut text, mut warnings) = (None, Vec::new());
        for (position, storey) in storeys.iter().enumerate() {
            let is_top = position + 1 == storeys.len();
            if is_top && self.extent == Extent::Below {
                break;
            }
            let mut plan = self.plan_up_to(position, &facts);
            if let Some(step) = plan.maker(Product::Activation) {
                let activation = storey.activation(&plan, &step.id).await?;
                set(&mut facts, position, |facts| facts.activation = activation);
                plan = self.plan_up_to(position, &facts);
            }
            let Some(step) = plan.maker(Product::Lock).map(|step| step.id.clone()) else {
                continue;
            };
            let read = match storey.lock(&plan, &step).await? {
                Some(read) => read,
                None => {
                    set(&mut facts, position, |facts| facts.resolving_builds = true);
                    let plan = self.plan_up_to(position, &facts);
                    let read = storey.lock(&plan, &step).await?;
                    read.ok_or_else(|| Diagnostic::internal("the lock step made nothing, though it may build"))?
                }
            };
            let lock = LockedPackages {
                packages: read.packages.clone(),
                shared: Vec::new(),
            };
            set(&mut facts, position, |facts| facts.lock = Some(lock));
            if !is_top || self.extent == Extent::Whole {
                let plan = self.plan_up_to(position, &facts);
                let shared = storey.look_over(&read, &plan, &mut warnings).await?;
                set(&mut facts, position, |facts| {
                    facts.lock.iter_mut().for_each(|lock| lock.shared.clone_from(&shared));
                });
            }
            if is_top {
                text = Some(read.text);
            }
        }
        Ok(Resolution {
            facts,
            lock: text,
            warnings,
        })
    }

    /// The stacked specs, the lowest first.
    fn storeys<'b, S: Solver>(&'b self, solver: &'b S) -> Vec<Storey<'b, S>> {
        let specs = self.spec.all().zip(self.found).enumerate();
        let mut storeys: Vec<Storey<'b, S>> = specs
            .map(|(above, (spec, found))| {
                let sibling_lock = self.sibling_lock.filter(|_| above == 0);
                let judge = LockJudge {
                    spec,
                    spec_name: self.spec_name,
                    found,
                    is_sibling: sibling_lock.is_some(),
                    is_hashed: self.is_hashed,
                };
                Storey {
                    judge,
                    sibling_lock,
                    solver,
                }
            })
            .collect();
        storeys.reverse();
        storeys
    }

    fn plan_up_to(&self, position: usize, facts: &Facts) -> BuildPlan {
        let mut plan = plan::plan(self.spec, self.platform, facts);
        plan.storeys.truncate(position + 1);
        plan
    }
}

fn set(facts: &mut Facts, position: usize, change: impl FnOnce(&mut StoreyFacts)) {
    if let Some(storey) = facts.storeys.get_mut(position) {
        change(storey);
    }
}

impl<S: Solver> Storey<'_, S> {
    /// What a plan is told about it before its packages are found.
    fn facts(&self) -> StoreyFacts {
        StoreyFacts {
            requirements: self.judge.found.facts.clone(),
            sibling_lock: self.sibling_lock.map(|(path, _)| path.to_owned()),
            ..StoreyFacts::default()
        }
    }

    /// What activating its conda environment sets.
    async fn activation(&self, plan: &BuildPlan, step: &StepId) -> Result<BTreeMap<String, String>, Failure> {
        let solved = self.solver.solve(plan, step).await?;
        let report = self.read_path(&solved, "activation.json").await?.unwrap_or_default();
        let unreadable =
            |error| Diagnostic::internal("the report on the conda environment cannot be read").because(error);
        Ok(serde_json::from_str(&report).map_err(unreadable)?)
    }

    /// What its lock step left; `None` if the step would have had to build something.
    async fn lock(&self, plan: &BuildPlan, step: &StepId) -> Result<Option<ReadLock>, Failure> {
        let solved = self.solver.solve(plan, step).await?;
        let Some(interpreter) = self.read(&solved, "interpreter.json").await? else {
            return Ok(None);
        };
        let interpreter = Interpreter::parse(&interpreter)
            .map_err(|error| Diagnostic::internal("the report on the image's Python cannot be read").because(error))?;
        let (name, text) = self.lock_text(&solved).await?;
        let packages = self.judge.packages(&name, &text, &interpreter)?;
        Ok(Some(ReadLock {
            name,
            text,
            packages,
            interpreter,
        }))
    }

    /// The lock's name and text.
    async fn lock_text(&self, solved: &S::Solved) -> Result<(String, String), Failure> {
        if let Some((path, text)) = self.sibling_lock {
            return Ok((file_name(path).to_owned(), text.to_owned()));
        }
        let LockJudge { spec, found, .. } = &self.judge;
        if let (Some(RequirementsFile::PoetryLock | RequirementsFile::Pylock), Some(path)) =
            (spec.requirements_file(), &spec.requirements)
        {
            return Ok((path.value.clone(), found.text.clone().unwrap_or_default()));
        }
        let text = self.read(solved, LOCK_NAME).await?;
        let missing = || Diagnostic::internal(format!("the lock step made no {LOCK_NAME}"));
        Ok(("the lock".to_owned(), text.ok_or_else(missing)?))
    }

    /// Fetches the packages and looks them over: the files that several of them have, which are returned, and needs
    /// that are not met.
    async fn look_over(
        &self,
        lock: &ReadLock,
        plan: &BuildPlan,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<Vec<SharedFile>, Failure> {
        if let Some(step) = plan.maker(Product::Fetched) {
            self.solver.fetch(plan, &step.id).await?;
        }
        let Some(step) = plan.maker(Product::SharedFiles) else {
            return Ok(Vec::new());
        };
        let solved = self.solver.solve(plan, &step.id).await?;
        let report = self.read_path(&solved, "needs.json").await?.unwrap_or_default();
        let needs = self
            .judge
            .needs(&lock.name, &lock.packages, &report, &lock.interpreter)?;
        warnings.extend(needs);
        let report = self.read(&solved, "shared-files.json").await?.unwrap_or_default();
        let shared: Vec<SharedFile> = serde_json::from_str(&report)
            .map_err(|error| Diagnostic::internal("the report on shared files cannot be read").because(error))?;
        warnings.extend(shared_files(&shared));
        Ok(shared)
    }

    /// A file that a step made for the image; `None` if it made none.
    async fn read(&self, solved: &S::Solved, name: &str) -> Result<Option<String>, Failure> {
        let path = format!("{}/{name}", KEPT.trim_start_matches('/'));
        self.read_path(solved, &path).await
    }

    async fn read_path(&self, solved: &S::Solved, path: &str) -> Result<Option<String>, Failure> {
        let content = match self.solver.read(solved, path).await? {
            ProductFile::Content(content) => content,
            ProductFile::Missing => return Ok(None),
            ProductFile::TooLarge => {
                let message = format!("{path} has more than {MAX_LOCK} bytes");
                let problem = Diagnostic::build_error("file-too-large", message).at(self.judge.span());
                return Err(problem.into());
            }
        };
        let not_text = |error| Diagnostic::internal(format!("{path} is not UTF-8")).caused_by(error);
        Ok(Some(String::from_utf8(content).map_err(not_text)?))
    }
}

/// What to say of files that several packages have.
fn shared_files(shared: &[SharedFile]) -> Vec<Diagnostic> {
    let warning = |message: String| {
        Diagnostic::warning("shared-file", message).help(
            "usually a mistake of the packages; /usr/share/imagespec/shared-files.json in the image lists all such files",
        )
    };
    let shown = shared.iter().take(MAX_SHARED_SHOWN).map(|file| {
        let last = file.packages.last().map_or("", String::as_str);
        let packages = file.packages.join(" and ");
        warning(format!(
            "{} is in {packages}; the image has the one from {last}",
            file.path
        ))
    });
    let more = shared.len().saturating_sub(MAX_SHARED_SHOWN);
    let others = (more > 0).then(|| warning(format!("{more} more files are in several packages")));
    shown.chain(others).collect()
}

#[cfg(test)]
mod tests;
