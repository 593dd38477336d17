//! Solves the steps that decide which packages an image gets, and reads back what they made.

use crate::frontend::context::{self, SpecFile};
use crate::frontend::gateway::{Client, Solved};
use crate::frontend::sibling_lock::SiblingLock;
use crate::image_spec::{ImageSpec, LOCK_NAME};
use crate::plan::{BuildPlan, KEPT, Product, SharedFile, StepId, Target};
use crate::project::{FoundRequirements, LockJudge};
use crate::python::{Interpreter, Locked, RequirementsFile};
use crate::text::{Diagnostic, Failure, ProblemKind, file_name};
use crate::write::{LlbOptions, Sources, write_llb};

/// The longest lock that is read, in bytes.
const MAX_LOCK: usize = 32 * 1024 * 1024;
/// The most files with a warning each; the others are counted.
const MAX_SHARED_SHOWN: usize = 3;

/// What is needed to read a lock.
pub(super) struct Locking<'a> {
    pub(super) client: &'a Client,
    pub(super) file: &'a SpecFile,
    pub(super) spec: &'a ImageSpec,
    pub(super) found: &'a FoundRequirements,
    pub(super) sibling_lock: Option<&'a SiblingLock>,
    /// Whether only files whose hashes are in the requirements may be installed.
    pub(super) is_hashed: bool,
}

/// What the lock step left.
pub(super) struct ReadLock {
    /// What messages call the lock.
    name: String,
    pub(super) text: String,
    pub(super) packages: Vec<Locked>,
    interpreter: Interpreter,
}

impl Locking<'_> {
    /// Reads what the lock step left; `None` if the step would have had to build something.
    pub(super) async fn read_lock(&self, solved: &Solved) -> Result<Option<ReadLock>, Failure> {
        let interpreter = match self.read(solved, "interpreter.json").await {
            Err(failure) if is_missing(&failure) => return Ok(None),
            interpreter => interpreter?,
        };
        let interpreter = Interpreter::parse(&interpreter)
            .map_err(|error| Diagnostic::internal("the report on the image's Python cannot be read").because(error))?;
        let (name, text) = self.lock(solved).await?;
        let packages = self.judge().packages(&name, &text, &interpreter)?;
        Ok(Some(ReadLock {
            name,
            text,
            packages,
            interpreter,
        }))
    }

    /// What the step that looks over all installed packages found: files that several of them have, which are
    /// returned, and needs that are not met.
    pub(super) async fn look_over(
        &self,
        lock: &ReadLock,
        plan: &BuildPlan,
        sources: &Sources,
        options: &LlbOptions,
    ) -> Result<Vec<SharedFile>, Failure> {
        let Some(step) = plan.maker(Product::SharedFiles) else {
            return Ok(Vec::new());
        };
        let solved = solve_product(self.client, plan, sources, options, &step.id).await?;
        let report = self
            .client
            .read(&solved, "needs.json", MAX_LOCK)
            .await?
            .unwrap_or_default();
        let report = String::from_utf8_lossy(&report);
        let ReadLock {
            name,
            packages,
            interpreter,
            ..
        } = lock;
        if let Some(warning) = self.judge().needs(name, packages, &report, interpreter)? {
            context::warn(self.client, self.file, &warning).await?;
        }
        shared_files(self.client, self.file, &solved).await
    }

    fn judge(&self) -> LockJudge<'_> {
        LockJudge {
            spec: self.spec,
            spec_name: self.file.text.name(),
            found: self.found,
            is_sibling: self.sibling_lock.is_some(),
            is_hashed: self.is_hashed,
        }
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

    /// Reads a file that the lock step made for the image.
    async fn read(&self, solved: &Solved, name: &str) -> Result<String, Failure> {
        let path = path_in_product(name);
        let content = self.client.read(solved, &path, MAX_LOCK).await?;
        let content = content.ok_or_else(|| {
            let message = format!("{path} has more than {MAX_LOCK} bytes");
            Diagnostic::build_error("file-too-large", message).at(self.judge().span())
        })?;
        let not_text = |error| Diagnostic::internal(format!("{path} is not UTF-8")).caused_by(error);
        Ok(String::from_utf8(content).map_err(not_text)?)
    }
}

fn is_missing(failure: &Failure) -> bool {
    failure
        .problems
        .iter()
        .any(|problem| problem.kind == ProblemKind::Missing)
}

/// The path of a file for the image in a step's product.
fn path_in_product(name: &str) -> String {
    format!("{}/{name}", KEPT.trim_start_matches('/'))
}

/// The files that several packages have, with warnings.
async fn shared_files(client: &Client, file: &SpecFile, solved: &Solved) -> Result<Vec<SharedFile>, Failure> {
    let report = client
        .read(solved, &path_in_product("shared-files.json"), MAX_LOCK)
        .await?
        .unwrap_or_default();
    let shared: Vec<SharedFile> = serde_json::from_slice(&report)
        .map_err(|error| Diagnostic::internal("the report on shared files cannot be read").because(error))?;
    for file_of_many in shared.iter().take(MAX_SHARED_SHOWN) {
        let last = file_of_many.packages.last().map_or("", String::as_str);
        let message = format!(
            "{} is in {}; the image has the one from {last}",
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

/// Solves the product of a step.
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
