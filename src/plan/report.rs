//! A plan with its schedule, for people and programs: one value, rendered as text or as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use crate::oci::Platform;
use crate::plan::action::{Action, CopyFiles, ImageRole};
use crate::plan::environment::Edit;
use crate::plan::model::{BuildPlan, Cache, Product, Settings, Step, Storey};
use crate::plan::schedule::{Schedule, Strategy, Target, TargetError, Tree, schedule};
use crate::plan::script::script_file;
use crate::plan::steps::SYSTEM_DIRECTORIES;
use crate::plan::writes::Writes;
use crate::text::Text;

/// The most paths of a step that the text shows.
const MAX_PATHS: usize = 5;
/// Stands for what only a build knows.
const UNKNOWN: &str = "unknown";

/// A plan and how its steps run. Its JSON is described in `docs/plan.md`.
#[derive(Debug, Clone, Serialize)]
pub struct PlanReport<'a> {
    version: u32,
    strategy: Strategy,
    platform: &'a Platform,
    base: BaseReport<'a>,
    caches: &'a BTreeMap<&'static str, Cache>,
    storeys: Vec<StoreyReport<'a>>,
    settings: &'a Settings,
    /// The files that scripts are made of, by name.
    scripts: BTreeMap<&'static str, &'static str>,
}

#[derive(Debug, Clone, Serialize)]
struct BaseReport<'a> {
    image: &'a str,
    environment: &'static str,
    edits: &'a [Edit],
}

#[derive(Debug, Clone, Serialize)]
struct StoreyReport<'a> {
    images: &'a BTreeMap<ImageRole, String>,
    /// What it changes in the environment for the storeys above.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    environment: Vec<Edit>,
    /// The interpreter that a given lock was read for; not asked, but assumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    assumed_interpreter: Option<String>,
    lock: LockReport<'a>,
    /// Which files several packages have; unknown until they are installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_files: Option<&'static str>,
    steps: Vec<StepReport<'a>>,
    schedule: Schedule,
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum LockReport<'a> {
    /// There are no packages.
    None,
    Unknown(&'static str),
    File(&'a CopyFiles),
}

#[derive(Debug, Clone, Serialize)]
struct StepReport<'a> {
    #[serde(flatten)]
    step: &'a Step,
    /// The lines of the spec that ask for it, first and last.
    lines: Vec<(u32, u32)>,
}

impl<'a> PlanReport<'a> {
    /// Takes a plan and the text of its spec. `interpreters` are those that locks were read for without asking, of
    /// each storey, the lowest first.
    ///
    /// # Errors
    /// When the plan cannot be scheduled; only a bug can cause that.
    pub fn new(
        plan: &'a BuildPlan,
        text: &Text,
        strategy: Strategy,
        interpreters: &[Option<String>],
    ) -> Result<Self, TargetError> {
        let mut storeys = Vec::with_capacity(plan.storeys.len());
        for (position, storey) in plan.storeys.iter().enumerate() {
            storeys.push(StoreyReport {
                images: &storey.images,
                environment: match position + 1 == plan.storeys.len() {
                    true => Vec::new(),
                    false => storey.environment(),
                },
                assumed_interpreter: interpreters.get(position).cloned().flatten(),
                lock: match &storey.lock {
                    _ if !storey.is_complete => LockReport::Unknown(UNKNOWN),
                    Some(file) => LockReport::File(file),
                    None => LockReport::None,
                },
                shared_files: storey.finds_shared_files().then_some(UNKNOWN),
                steps: storey.steps.iter().map(|step| StepReport::new(step, text)).collect(),
                schedule: whole(storey, strategy)?,
            });
        }
        Ok(Self {
            version: 1,
            strategy,
            platform: &plan.platform,
            base: BaseReport {
                image: &plan.base.image,
                environment: UNKNOWN,
                edits: &plan.base.environment,
            },
            caches: &plan.caches,
            storeys,
            settings: &plan.settings,
            scripts: scripts(plan),
        })
    }

    /// The plan for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!(
            "{} for {}, by {}\n",
            self.base.image,
            self.platform,
            self.strategy.name()
        );
        for (position, storey) in self.storeys.iter().enumerate() {
            if self.storeys.len() > 1 {
                // Writing to a string cannot fail.
                let _ = writeln!(
                    out,
                    "\nspec {} of {} (1 is the lowest)",
                    position + 1,
                    self.storeys.len()
                );
            }
            for (place, step) in storey.steps.iter().enumerate() {
                step.write(&mut out, &storey.how_it_runs(place));
            }
            if let Some(interpreter) = &storey.assumed_interpreter {
                let _ = writeln!(
                    out,
                    "\nThe lock was read for an assumed interpreter, {interpreter}; a build asks the real one."
                );
            }
            if matches!(storey.lock, LockReport::Unknown(_)) {
                out.push_str("\nThe plan ends here: only a build finds out which packages will be installed.\n");
                if position + 1 == self.storeys.len() && storey.can_be_locked() {
                    out.push_str("A lock beside the spec completes it; make one with `imagespec lock`.\n");
                }
                break;
            }
        }
        out
    }
}

impl StoreyReport<'_> {
    /// Whether versions are looked up: then a lock can be made. The lock of a project is exported as it is.
    fn can_be_locked(&self) -> bool {
        self.steps.iter().any(|step| match &step.step.action {
            Action::Run(run) => run.script.file == "resolve.sh",
            _ => false,
        })
    }

    /// What a step runs on, in words. A step may run on several trees; the last run is in the image.
    fn how_it_runs(&self, step: usize) -> String {
        let mut runs = self.schedule.runs.iter().rev();
        match runs.find(|run| run.step == step) {
            Some(run) => format!("runs on {}", self.tree(&run.on)),
            None => "runs only when asked for".to_owned(),
        }
    }

    fn tree(&self, tree: &Tree) -> String {
        match tree {
            Tree::Base => "the base".to_owned(),
            Tree::After(run) => self.name(*run).to_owned(),
            Tree::Merged { below, changes } => {
                let changes: Vec<&str> = changes.iter().map(|run| self.name(*run)).collect();
                format!("{} with {}", self.tree(below), changes.join(", "))
            }
        }
    }

    fn name(&self, run: usize) -> &str {
        let step = self.schedule.runs.get(run).and_then(|run| self.steps.get(run.step));
        step.map_or("", |step| step.step.id.0.as_str())
    }
}

impl<'a> StepReport<'a> {
    fn new(step: &'a Step, text: &Text) -> Self {
        let mut lines: Vec<(u32, u32)> = step.spans.iter().map(|span| text.lines(*span)).collect();
        lines.sort_unstable();
        lines.dedup();
        Self { step, lines }
    }

    fn write(&self, out: &mut String, how_it_runs: &str) {
        let step = self.step;
        let title = step.title.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = self
            .lines
            .iter()
            .map(|(first, last)| match first == last {
                true => first.to_string(),
                false => format!("{first}-{last}"),
            })
            .collect();
        let after: Vec<&str> = step.after.iter().map(|id| id.0.as_str()).collect();
        let after = if after.is_empty() {
            "the base".to_owned()
        } else {
            after.join(", ")
        };
        let _ = write!(
            out,
            "\n{} [{}] {title}\n    must see {after}: {}\n    {how_it_runs}\n",
            step.id,
            step.stage.name(),
            step.reason
        );
        let effect = match (step.makes, &step.writes) {
            (Some(Product::Lock), _) => "makes the lock; not a layer".to_owned(),
            (Some(Product::Activation), _) => "finds what an activated environment has; not a layer".to_owned(),
            (Some(Product::Installed), _) => "lists what resolving has to know; not a layer".to_owned(),
            (Some(Product::Fetched), _) => "fills a cache; optional; not a layer".to_owned(),
            (Some(Product::Package), _) => "makes a package; not a layer".to_owned(),
            (Some(Product::SharedFiles), _) => "finds files that several packages have; not a layer".to_owned(),
            (None, Writes::Anywhere) => "may write anything".to_owned(),
            (None, Writes::Below { paths, .. }) if *paths == SYSTEM_DIRECTORIES => {
                "writes system directories".to_owned()
            }
            (None, Writes::Below { paths, .. }) => match paths.get(..MAX_PATHS).filter(|_| paths.len() > MAX_PATHS + 1)
            {
                Some(first) => format!("writes {} and {} more", first.join(", "), paths.len() - MAX_PATHS),
                None => format!("writes {}", paths.join(", ")),
            },
            (None, Writes::SharedFiles { paths, .. }) => {
                format!("settles {} files that several packages have", paths.len())
            }
            (None, Writes::Packages { prefix, .. }) => format!("writes packages below {prefix}"),
        };
        let plural = if lines.len() > 1 { "s" } else { "" };
        let _ = writeln!(out, "    {effect}; asked for by line{plural} {}", lines.join(", "));
    }
}

fn whole(storey: &Storey, strategy: Strategy) -> Result<Schedule, TargetError> {
    // An incomplete plan ends at the lock step, which nothing asks for: schedule it explicitly.
    let target = match storey.steps.iter().find(|step| step.makes == Some(Product::Lock)) {
        Some(step) if !storey.is_complete => Target::Product(step.id.clone()),
        _ => Target::Whole,
    };
    schedule(storey, strategy, &target)
}

fn scripts(plan: &BuildPlan) -> BTreeMap<&'static str, &'static str> {
    let steps = plan.storeys.iter().flat_map(|storey| &storey.steps);
    let files: BTreeSet<&'static str> = steps
        .filter_map(|step| match &step.action {
            Action::Run(run) => Some(run.script.files()),
            _ => None,
        })
        .flatten()
        .collect();
    files.into_iter().map(|file| (file, script_file(file))).collect()
}
