//! A plan as far as it is known without a build: the base and what a lock step would find are unknown.

use serde_json::Value;

use crate::files::{Chosen, Problem};
use crate::image_spec::ImageSpec;
use crate::oci::Platform;
use crate::plan::{self, Attendance, BuildPlan, Facts, LockedPackages, PlanReport, StoreyFacts, Strategy};
use crate::project::copies;
use crate::project::files::ContextFiles;
use crate::project::lock::LockJudge;
use crate::project::lock_options::check_lock_options;
use crate::project::look::check;
use crate::project::reader::FoundRequirements;
use crate::project::requirements;
use crate::python::{Interpreter, Pylock, RequirementsFile};
use crate::text::{Diagnostic, Failure, Text, file_name};

/// What a plan is made for.
pub(crate) struct Planned<'a> {
    pub(crate) spec: &'a ImageSpec,
    /// The name of the spec's file, as a command would name it.
    pub(crate) spec_name: &'a str,
    pub(crate) platform: &'a Platform,
    /// The spec's id.
    pub(crate) id: String,
    /// Whether only files whose hashes are in the requirements may be installed.
    pub(crate) is_hashed: bool,
    /// The path and text of the sibling lock.
    pub(crate) sibling_lock: Option<(&'a str, &'a str)>,
    /// Who looks on while the image is built.
    pub(crate) attendance: Attendance,
    /// Whether packages are built to know what they need.
    pub(crate) resolving_builds: bool,
}

/// The problem that something made for one platform is asked for several.
pub(crate) fn several_platforms(what: &str) -> Diagnostic {
    let message = format!("a {what} is for one platform, and this spec is built for several");
    Diagnostic::error("several-platforms", message).help("name one: --platform linux/amd64")
}

/// A plan without a build.
pub(crate) struct Outlook {
    pub(crate) plan: BuildPlan,
    /// What the plan was made of.
    facts: Facts,
    /// The interpreters that given locks were read for, of each storey, the lowest first.
    pub(crate) interpreters: Vec<Option<String>>,
    /// The files and directories that the requirements of each spec name, the outermost first.
    pub(crate) read: Vec<Vec<String>>,
    /// What files say that stops nothing.
    pub(crate) warnings: Vec<Diagnostic>,
}

impl Outlook {
    /// The same with what of each spec's copies does not go into the image as it is, the outermost first.
    pub(crate) fn with_copies(mut self, spec: &ImageSpec, chosen: &[Result<Chosen, Problem>]) -> Self {
        for (storey, chosen) in self.facts.storeys.iter_mut().rev().zip(chosen) {
            storey.copies = chosen.as_ref().ok().map(copies::facts);
        }
        self.plan = plan::plan(spec, &self.plan.platform, &self.facts);
        self
    }

    /// The same with a home for the image's user, as far as it can be told without the image.
    pub(crate) fn with_home(mut self, spec: &ImageSpec) -> Self {
        let settings = &mut self.plan.settings;
        let user = settings.user.as_deref().unwrap_or_default();
        let home = plan::likely_home(spec, user, settings.workdir.as_deref());
        settings
            .environment
            .extend(home.map(|home| plan::Edit::default("HOME", home)));
        self
    }

    /// The plan as it is printed: JSON and text.
    pub(crate) fn printed(&self, text: &Text, strategy: Strategy) -> Result<(Value, String), Diagnostic> {
        let report = PlanReport::new(&self.plan, text, strategy, &self.interpreters)
            .map_err(|error| Diagnostic::internal("the plan cannot be scheduled").because(error))?;
        let value = serde_json::to_value(&report)
            .map_err(|error| Diagnostic::internal("the plan cannot be written").because(error))?;
        Ok((value, report.text()))
    }
}

impl Planned<'_> {
    /// Makes the plan, reading the files of the context.
    pub(crate) async fn outlook(&self, files: &mut impl ContextFiles) -> Result<Outlook, Failure> {
        let problems = check_lock_options(self.spec, self.sibling_lock.map(|(_, text)| text));
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let texts = check(files, self.spec).await?;
        let found = requirements::read(files, self.spec, &texts, self.sibling_lock.is_some()).await?;
        let mut storeys = Vec::with_capacity(found.len());
        let mut interpreters = Vec::with_capacity(found.len());
        for (above, (spec, found)) in self.spec.all().zip(&found).enumerate() {
            let sibling = self.sibling_lock.filter(|_| above == 0);
            let locked = self.locked(spec, found, sibling)?;
            interpreters.push(locked.as_ref().map(|(_, interpreter)| interpreter.clone()));
            storeys.push(StoreyFacts {
                requirements: found.facts.clone(),
                sibling_lock: sibling.map(|(path, _)| path.to_owned()),
                lock: locked.map(|(lock, _)| lock),
                resolving_builds: self.resolving_builds,
                ..StoreyFacts::default()
            });
        }
        storeys.reverse();
        interpreters.reverse();
        let facts = Facts {
            id: self.id.clone(),
            storeys,
            attendance: self.attendance,
            ..Facts::default()
        };
        Ok(Outlook {
            plan: plan::plan(self.spec, self.platform, &facts),
            facts,
            interpreters,
            read: found.iter().map(FoundRequirements::paths).collect(),
            warnings: found
                .into_iter()
                .flat_map(|found| found.warnings)
                .chain(self.unread_activation())
                .collect(),
        })
    }

    /// What is lost where nobody reads what activating a conda environment sets.
    fn unread_activation(&self) -> Option<Diagnostic> {
        let mut lists = self.spec.all().filter_map(|spec| spec.conda_packages.as_ref());
        let list = lists.find(|list| self.attendance != Attendance::Reader && !list.value.is_empty())?;
        let message = "what activating the conda environment sets is not in this image: only `CONDA_PREFIX` is";
        let warning = Diagnostic::warning("activation", message).at(list.span);
        Some(warning.help("set in `env` what its packages need; the frontend finds it out"))
    }

    /// The packages of a lock that the user gave, and the interpreter that they were chosen for.
    fn locked(
        &self,
        spec: &ImageSpec,
        found: &FoundRequirements,
        sibling: Option<(&str, &str)>,
    ) -> Result<Option<(LockedPackages, String)>, Failure> {
        let kind = spec.requirements_file();
        let is_lock = matches!(kind, Some(RequirementsFile::Pylock | RequirementsFile::PoetryLock));
        let named = spec.requirements.as_ref().filter(|_| is_lock);
        let (name, text) = match (sibling, named, &found.text) {
            (Some((path, text)), ..) => (file_name(path), text),
            (None, Some(path), Some(text)) => (path.value.as_str(), text.as_str()),
            _ => return Ok(None),
        };
        let Some(interpreter) = self.interpreter(spec, found, text) else {
            return Ok(None);
        };
        let judge = LockJudge {
            spec,
            spec_name: self.spec_name,
            found,
            is_sibling: sibling.is_some(),
            is_hashed: self.is_hashed,
        };
        let packages = judge.packages(name, text, &interpreter)?;
        let shared = Vec::new();
        Ok(Some((LockedPackages { packages, shared }, interpreter.shown())))
    }

    /// The interpreter that a build would most likely find.
    fn interpreter(&self, spec: &ImageSpec, found: &FoundRequirements, lock: &str) -> Option<Interpreter> {
        let architecture = &self.platform.architecture;
        if spec.all().all(|spec| spec.python_exec.is_none()) {
            let version = found.facts.python.as_deref();
            return Interpreter::assumed(version.unwrap_or_else(|| plan::conda_version(spec)), architecture);
        }
        // Only the image knows its own interpreter; a lock of ours says which one it was made for.
        let lock = Pylock::parse(lock).ok()?;
        let (version, _) = lock.made_for()?;
        Interpreter::assumed(version, architecture)
    }
}
