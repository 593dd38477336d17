//! The plan as data: what a writer turns into a definition, independent of any builder.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::oci::Platform;
use crate::plan::action::{Action, CopyFiles, CopySource, ImageRole, StepId, StepMount};
use crate::plan::environment::Edit;
use crate::plan::variables::for_storeys_above;
use crate::plan::writes::Writes;
use crate::text::Span;

/// Everything that is done to make an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BuildPlan {
    /// The platform that is built for.
    pub platform: Platform,
    /// The image that everything starts from.
    pub base: Base,
    /// The caches of the build, by the names that mounts use.
    pub caches: BTreeMap<&'static str, Cache>,
    /// The specs, stacked, the lowest first; the last one is the image.
    pub storeys: Vec<Storey>,
    /// The settings of the image, those of all storeys together.
    pub settings: Settings,
}

impl BuildPlan {
    /// How many layers it adds to its base image.
    #[must_use]
    pub fn layers(&self) -> usize {
        let layers = self.storeys.iter().flat_map(|storey| &storey.steps);
        layers.filter(|step| step.is_layer()).count()
    }

    /// What is wrong with the order of the steps, if anything: ids must be unique, a step comes after layers before it in
    /// the list, and what it uses must exist and not need the step itself.
    #[must_use]
    pub fn disorder(&self) -> Option<String> {
        self.storeys.iter().find_map(Storey::disorder)
    }

    /// The settings of everything below the topmost storey, as an image of its own.
    #[must_use]
    pub fn settings_below(&self) -> Settings {
        match self.storeys.split_last() {
            Some((_, below)) if !below.is_empty() => Settings::of(&self.base, below),
            _ => Settings::default(),
        }
    }

    /// The topmost storey, which is the image.
    #[must_use]
    pub fn top(&self) -> Option<&Storey> {
        self.storeys.last()
    }

    /// The plan up to the last layer that may write a file, and that layer; without one, the file is the base's.
    /// Layers that may write the same come after one another, so the file in the image is the one after it.
    #[must_use]
    pub fn up_to_writer(&self, path: &str) -> Option<(Self, StepId)> {
        let file = Writes::below([path]);
        let writes = |step: &&Step| step.is_layer() && step.writes.overlaps(&file);
        let of_storey = |storey: &Storey| storey.steps.iter().rev().find(writes).map(|step| step.id.clone());
        let mut storeys = self.storeys.iter().enumerate().rev();
        let (position, step) = storeys.find_map(|(position, storey)| Some((position, of_storey(storey)?)))?;
        let mut plan = self.clone();
        plan.storeys.truncate(position + 1);
        Some((plan, step))
    }

    /// The step of the topmost storey that makes a given product.
    #[must_use]
    pub fn maker(&self, product: Product) -> Option<&Step> {
        let mut steps = self.top()?.steps.iter();
        steps.find(|step| step.makes == Some(product))
    }
}

/// The image that a build starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Base {
    /// Its reference, with the digest that the spec pins it to.
    pub image: String,
    /// What steps and the image see of its environment.
    pub environment: Vec<Edit>,
}

/// What one spec adds to what lies below it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Storey {
    /// The images that steps take programs from, by their roles.
    pub images: BTreeMap<ImageRole, String>,
    /// What is done, in layer order: no step comes before one that it needs.
    pub steps: Vec<Step>,
    /// The lock as a single file; the image keeps more next to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<CopyFiles>,
    /// Whether the packages are known. If not, the plan ends at the step that looks them up.
    pub is_complete: bool,
    /// What this storey sets, without those below it.
    #[serde(skip)]
    pub(crate) own: Settings,
}

impl Storey {
    pub(crate) fn disorder(&self) -> Option<String> {
        let unordered = self.steps.iter().enumerate().find_map(|(position, step)| {
            let place = |id: &StepId| self.find(id);
            let is_layer_below = |id: &&StepId| place(id).is_some_and(|(at, other)| at < position && other.is_layer());
            if self.find(&step.id).is_none_or(|(first, _)| first != position) {
                return Some(format!("there are two steps {}", step.id));
            }
            if let Some(other) = step.after.iter().find(|id| !is_layer_below(id)) {
                return Some(format!(
                    "{} comes after {other}, which is not a layer before it",
                    step.id
                ));
            }
            let missing = step.uses().find(|id| place(id).is_none())?;
            Some(format!("{} uses {missing}, which is not there", step.id))
        });
        unordered.or_else(|| self.circle())
    }

    /// A step that needs itself.
    fn circle(&self) -> Option<String> {
        let mut made: BTreeSet<&StepId> = BTreeSet::new();
        let mut left: Vec<&Step> = self.steps.iter().collect();
        while let Some(first) = left.first() {
            let (ready, waiting): (Vec<&Step>, Vec<&Step>) = left
                .iter()
                .partition(|step| step.after.iter().chain(step.uses()).all(|id| made.contains(id)));
            if ready.is_empty() {
                return Some(format!("{} is in or above a circle of steps", first.id));
            }
            made.extend(ready.iter().map(|step| &step.id));
            left = waiting;
        }
        None
    }

    /// The step with an id, and its position in layer order.
    #[must_use]
    pub fn find(&self, id: &StepId) -> Option<(usize, &Step)> {
        self.steps.iter().enumerate().find(|(_, step)| step.id == *id)
    }

    /// Whether a step looks for files that several packages have.
    pub(crate) fn finds_shared_files(&self) -> bool {
        self.steps.iter().any(|step| step.makes == Some(Product::SharedFiles))
    }

    /// What it changes in the environment for the storeys above.
    #[must_use]
    pub fn environment(&self) -> Vec<Edit> {
        for_storeys_above(&self.own.environment)
    }
}

/// A directory that outlives the build and is in no image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cache {
    /// Its name across builds. It must not change: a new name means an empty cache.
    pub id: String,
    /// Who else may use it at the same time.
    pub sharing: CacheSharing,
}

/// Who else may use a cache at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheSharing {
    /// Any step.
    Shared,
    /// One step at a time.
    Locked,
}

/// The part of a build that a step belongs to; users can build one by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The base image.
    Base,
    /// The user and what it must own.
    User,
    /// Debian packages.
    Apt,
    /// The environment that packages are installed into, and its interpreter.
    Python,
    /// Which Python packages are installed.
    Lock,
    /// Python packages.
    Packages,
    /// Commands before the copies.
    Setup,
    /// The user's files.
    Source,
    /// The last commands; the whole image.
    Image,
}

impl Stage {
    /// All stages in order.
    pub const ALL: [Self; 9] = [
        Self::Base,
        Self::User,
        Self::Apt,
        Self::Python,
        Self::Lock,
        Self::Packages,
        Self::Setup,
        Self::Source,
        Self::Image,
    ];

    /// The name that users give it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::User => "user",
            Self::Apt => "apt",
            Self::Python => "python",
            Self::Lock => "lock",
            Self::Packages => "packages",
            Self::Setup => "setup",
            Self::Source => "source",
            Self::Image => "image",
        }
    }
}

/// What can be built by itself, or run again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// All steps of a stage.
    Stage(Stage),
    /// The step that installs a Python package, by the package's normalised name.
    Package(String),
}

impl Part {
    /// Whether a step belongs to it.
    #[must_use]
    pub fn has(&self, step: &Step) -> bool {
        match self {
            Self::Stage(stage) => *stage == step.stage,
            Self::Package(package) => step.packages.contains(package),
        }
    }
}

/// One step: one layer, unless it only makes something that other steps use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What other steps, files of the engine and messages call it; unique in a plan.
    pub id: StepId,
    /// The part of the build that it belongs to.
    pub stage: Stage,
    /// What it does, in a few words.
    pub title: String,
    /// What it makes for other steps. Only steps that make nothing are layers of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub makes: Option<Product>,
    /// The layers that it must see, besides the base and what those come after.
    pub after: Vec<StepId>,
    /// Why it comes after those.
    pub reason: &'static str,
    /// What it writes in the image.
    pub writes: Writes,
    /// The Python packages that it installs, by normalised name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// What in the spec asks for it.
    #[serde(skip)]
    pub spans: Vec<Span>,
    /// The action itself.
    #[serde(flatten)]
    pub action: Action,
}

impl Step {
    /// Whether what it writes is in the image.
    #[must_use]
    pub fn is_layer(&self) -> bool {
        self.makes.is_none()
    }

    /// The steps whose products or files it uses.
    pub fn uses(&self) -> impl Iterator<Item = &StepId> {
        let (mounts, copies): (&[StepMount], &[CopyFiles]) = match &self.action {
            Action::Run(run) => (&run.mounts, &[]),
            Action::Copy(copies) => (&[], copies),
            Action::MakeDirectory { .. } => (&[], &[]),
        };
        let mounted = mounts.iter().filter_map(|mount| match mount {
            StepMount::Product { step, .. } | StepMount::Files { step, .. } => Some(step),
            _ => None,
        });
        mounted.chain(copies.iter().filter_map(|copy| match &copy.from {
            CopySource::Product(step) => Some(step),
            CopySource::Context | CopySource::SpecDirectory => None,
        }))
    }
}

/// What a step makes for other steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// `interpreter.json`, and `pylock.toml` unless the user gives a lock.
    Lock,
    /// `activation.json`: the variables that activating the conda environment sets, by name.
    Activation,
    /// `installed.txt`: what the image has for the interpreter besides what the spec's `packages` bring.
    Installed,
    /// No files: the wheels of a lock are in the cache that installs read. Leaving the step out gives the
    /// same image, more slowly.
    Fetched,
    /// The files of a package, laid out as below the interpreter's prefix.
    Package,
    /// `shared-files.json`: which files several packages have. The step that settles them
    /// exists only when this has been read.
    SharedFiles,
}

/// The settings of an image that a spec changes. The rest stays as in the base.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// Changes to the environment.
    pub environment: Vec<Edit>,
    /// Whom processes run as: a name or number, and perhaps a group after `:`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// The entry point; empty for none; drops the base's command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// The ports that it exposes, in addition to the base's: `NUMBER/PROTOCOL`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
    /// Labels in addition to the base's.
    #[serde(serialize_with = "as_map")]
    pub labels: Vec<(String, String)>,
}

impl Settings {
    /// The settings of stacked storeys: the upper ones win.
    pub(crate) fn of(base: &Base, storeys: &[Storey]) -> Self {
        let mut all = Self {
            environment: base.environment.clone(),
            ..Self::default()
        };
        for (position, storey) in storeys.iter().enumerate() {
            let own = storey.own.clone();
            let is_top = position + 1 == storeys.len();
            all.environment.extend(match is_top {
                true => own.environment,
                false => storey.environment(),
            });
            all.user = own.user.or(all.user);
            all.workdir = own.workdir.or(all.workdir);
            all.entrypoint = own.entrypoint.or(all.entrypoint);
            all.ports.extend(own.ports);
            for (name, value) in own.labels {
                all.set_label(&name, value);
            }
        }
        all
    }

    /// Sets a label; a later one goes after the earlier ones.
    pub(crate) fn set_label(&mut self, name: &str, value: String) {
        self.labels.retain(|(known, _)| known != name);
        self.labels.push((name.to_owned(), value));
    }
}

fn as_map<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}
