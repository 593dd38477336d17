use serde::Serialize;

use crate::image_spec::LOCK_NAME;
use crate::oci::Platform;
use crate::plan::lock::KEPT;

/// Everything that is done to make an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BuildPlan {
    /// The version of this format.
    pub version: u32,
    /// The image's name in the spec.
    pub name: String,
    /// The platform that is built for.
    #[serde(serialize_with = "as_text")]
    pub platform: Platform,
    /// What the build starts from.
    pub base: Base,
    /// The images that programs are taken from.
    pub tools: Tools,
    /// What is done, in layer order.
    pub steps: Vec<Step>,
    /// The settings of the image.
    pub settings: Settings,
}

fn as_text<S: serde::Serializer>(platform: &Platform, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(platform)
}

impl BuildPlan {
    /// The step that makes something that is made once, by its position.
    #[must_use]
    pub fn maker(&self, product: Product) -> Option<usize> {
        self.steps.iter().position(|step| step.makes == Some(product))
    }

    /// How many layers it adds to its base image, those of the plan below it included.
    #[must_use]
    pub fn layers(&self) -> usize {
        let below = match &self.base {
            Base::Plan(below) => below.layers(),
            Base::Image(_) => 0,
        };
        below + self.steps.iter().filter(|step| step.is_layer()).count()
    }

    /// The lock as it is in the build: by itself, what the image keeps of it has more to it.
    #[must_use]
    pub fn lock_file(&self) -> Option<CopyFiles> {
        let copies = self
            .steps
            .iter()
            .filter(|step| step.stage == Stage::Lock)
            .find_map(|step| match &step.action {
                Action::Copy(copies) => Some(copies),
                _ => None,
            })?;
        let given = copies
            .iter()
            .find(|copy| !matches!(copy.from, Origin::Product(_)))
            .cloned();
        let made = || {
            copies.first().map(|copy| CopyFiles {
                source: format!("{}/{LOCK_NAME}", KEPT.trim_start_matches('/')),
                target: format!("/{LOCK_NAME}"),
                ..copy.clone()
            })
        };
        let mut file = given.or_else(made)?;
        let name = file.target.rsplit('/').next().unwrap_or_default();
        file.target = format!("/{name}");
        Some(file)
    }

    /// The stages that this image has, in order: those that can be built alone.
    pub fn stages(&self) -> impl Iterator<Item = Stage> {
        Stage::ALL.into_iter().filter(|stage| {
            matches!(stage, Stage::Base | Stage::Image) || self.steps.iter().any(|step| step.stage == *stage)
        })
    }
}

/// What a build starts from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// An image reference as the spec has it.
    Image(String),
    /// Another plan's result.
    Plan(Box<BuildPlan>),
}

/// The images that programs are taken from; absent when no step needs them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Tools {
    /// The image with `uv`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uv: Option<String>,
    /// The image with `micromamba`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micromamba: Option<String>,
}

/// What an image is used for in a build; users may replace it under this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The image that the build starts from.
    Base,
    /// The image with `uv`.
    Uv,
    /// The image with `micromamba`.
    Micromamba,
}

impl Role {
    /// The name under which a named context replaces the image.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Uv => "uv",
            Self::Micromamba => "micromamba",
        }
    }
}

/// The part of a build that a step belongs to; a target that can be built alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The base image.
    Base,
    /// The user and what it must own.
    User,
    /// Debian packages.
    Apt,
    /// The interpreter.
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

    /// The stage's name, for `--target` and `--no-cache-filter`.
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

/// What can be built alone, or built again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// All steps of a stage.
    Stage(Stage),
    /// The step that installs a Python package, by the package's normalised name.
    Package(String),
}

/// One step: one layer, unless it only makes something that other steps use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What the step belongs to.
    pub stage: Stage,
    /// What it does, in a few words.
    pub title: String,
    /// What it makes for other steps. Only steps that make nothing are layers of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub makes: Option<Product>,
    /// The steps, by position, whose files it must see, besides the base.
    pub after: Vec<usize>,
    /// Why it comes after those.
    pub reason: &'static str,
    /// The Python packages that it installs, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// The lines of the spec that ask for it, first and last.
    pub lines: Vec<(u32, u32)>,
    /// What it does.
    #[serde(flatten)]
    pub action: Action,
}

/// What a step makes for other steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// `interpreter.json`, and `pylock.toml` unless that is given.
    Lock,
    /// Nothing: the wheels of a lock are in the cache that installs read.
    Fetched,
    /// The files of a package, laid out as below the interpreter's prefix.
    Package,
    /// `shared-files.json`: which files several packages have.
    SharedFiles,
}

impl Step {
    /// Whether what it writes is in the image.
    #[must_use]
    pub fn is_layer(&self) -> bool {
        self.makes.is_none()
    }

    /// The steps, by position, whose products it uses.
    pub fn uses(&self) -> impl Iterator<Item = usize> {
        let (mounts, copies): (&[Mount], &[CopyFiles]) = match &self.action {
            Action::Run(run) => (&run.mounts, &[]),
            Action::Copy(copies) => (&[], copies),
            Action::MakeDirectory { .. } => (&[], &[]),
        };
        let mounted = mounts.iter().filter_map(|mount| match mount {
            Mount::Product { step, .. } | Mount::Files { step, .. } => Some(*step),
            _ => None,
        });
        mounted.chain(copies.iter().filter_map(|copy| match copy.from {
            Origin::Product(step) => Some(step),
            Origin::Context | Origin::Beside => None,
        }))
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Runs a shell script as root.
    Run(Run),
    /// Copies from the build context, one after another.
    Copy(Vec<CopyFiles>),
    /// Creates a directory unless it is there.
    MakeDirectory {
        /// Its path.
        path: String,
        /// Its owner, a name.
        owner: String,
    },
}

/// A shell script to run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// The script, for `/bin/sh -c`.
    #[serde(serialize_with = "as_lines")]
    pub script: String,
    /// Whether the script is the user's own words, which error messages should show.
    pub is_users: bool,
    /// Its whole environment.
    #[serde(serialize_with = "as_map")]
    pub environment: Vec<(String, String)>,
    /// What it sees besides its root.
    pub mounts: Vec<Mount>,
    /// An empty directory whose content is what the step makes for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
}

impl Run {
    /// A script of ours, with an environment whose order has no meaning but counts in cache keys.
    pub(super) fn ours(script: String, mut environment: Vec<(String, String)>, mounts: Vec<Mount>) -> Self {
        environment.sort();
        Self {
            script,
            is_users: false,
            environment,
            mounts,
            product: None,
        }
    }

    /// With a product, a directory that it fills.
    pub(super) fn making(self, directory: &str) -> Self {
        Self {
            product: Some(directory.to_owned()),
            ..self
        }
    }
}

fn as_lines<S: serde::Serializer>(script: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(script.lines())
}

fn as_map<S: serde::Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

/// Who else may use a cache at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sharing {
    /// Anybody.
    Shared,
    /// One step after the other.
    Locked,
}

/// Something that a script sees besides its root.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mount {
    /// An empty directory that does not outlive the step.
    Scratch {
        /// Where it appears.
        target: String,
    },
    /// A directory that outlives the build and is in no image.
    Cache {
        /// Where it appears.
        target: String,
        /// Its name on the engine.
        id: String,
        /// Who else may use it.
        sharing: Sharing,
    },
    /// A file of a tool image.
    Program {
        /// Where it appears.
        target: String,
        /// The image.
        image: Role,
        /// The path there.
        path: String,
    },
    /// A file or directory of the build context.
    ContextFile {
        /// Where it appears.
        target: String,
        /// The path there; empty for all of it.
        path: String,
    },
    /// What another step made for others.
    Product {
        /// Where it appears.
        target: String,
        /// The other step's position.
        step: usize,
    },
    /// All files after another step.
    Files {
        /// Where they appear.
        target: String,
        /// The other step's position.
        step: usize,
    },
    /// A secret; the step itself checks for those it cannot do without.
    Secret {
        /// Where it appears.
        target: String,
        /// Its id.
        id: String,
    },
}

impl Mount {
    /// Where it appears.
    #[must_use]
    pub fn target(&self) -> &str {
        match self {
            Self::Scratch { target }
            | Self::Cache { target, .. }
            | Self::Program { target, .. }
            | Self::ContextFile { target, .. }
            | Self::Product { target, .. }
            | Self::Files { target, .. }
            | Self::Secret { target, .. } => target,
        }
    }
}

/// Where copied files are taken from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The build context.
    #[default]
    Context,
    /// The directory of the spec.
    Beside,
    /// What a step, by its position, made for others.
    Product(usize),
}

impl Origin {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_context(&self) -> bool {
        *self == Self::Context
    }
}

/// A copy of files.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CopyFiles {
    /// Where it is taken from.
    #[serde(skip_serializing_if = "Origin::is_context")]
    pub from: Origin,
    /// The file or directory there; `.` for all of it.
    pub source: String,
    /// The path it gets; a directory's contents go into it.
    pub target: String,
    /// The owner, a name.
    pub owner: String,
    /// Patterns of what is left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

/// The settings of an image that a spec decides. What is absent stays as the base has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Settings {
    /// The whole environment.
    #[serde(serialize_with = "as_map")]
    pub environment: Vec<(String, String)>,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// The entry point; empty to have none. The base's command goes with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Labels besides the base's.
    #[serde(serialize_with = "as_map")]
    pub labels: Vec<(String, String)>,
}
