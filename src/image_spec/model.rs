//! The typed spec: what a file says, with the place of each value.

use std::fmt;

use crate::flytekit::is_flytekits;
use crate::image_spec::algorithm::Algorithm;
use crate::image_spec::field::{self, OWN_FIELDS};
use crate::python::{self, Parts, PipArguments, RequirementsFile, Value};
use crate::text::yaml::{Data, Node};
use crate::text::{Span, Spanned};

/// A string from the file and its place.
pub type TextValue = Spanned<String>;
/// A list of strings.
pub type TextList = Spanned<Vec<TextValue>>;
/// Names and strings in the order written.
pub type TextMap = Spanned<Vec<(TextValue, TextValue)>>;

/// The purpose of an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// A Flyte task: the image has what flytekit's own builder provides.
    #[default]
    Flyte,
    /// Any other: the image has only what the spec asks for.
    Plain,
}

impl Profile {
    /// All profiles, in the order in which users are told of them.
    pub const ALL: [Self; 2] = [Self::Flyte, Self::Plain];

    /// The word that `profile` takes. It counts in content tags.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flyte => "flyte",
            Self::Plain => "plain",
        }
    }
}

/// The layers of Python packages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layering {
    /// A layer for each heavy package, and a few that the others share by their names.
    #[default]
    Auto,
    /// One layer for all.
    Single,
}

impl Layering {
    /// All layerings, in the order in which users are told of them.
    pub const ALL: [Self; 2] = [Self::Auto, Self::Single];

    /// The word that `layering` takes. It counts in content tags.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Single => "single",
        }
    }
}

/// Whether `source_root` is copied into the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceCopyMode {
    /// flytekit's choice by loaded modules; a build has none, so everything is copied.
    Auto,
    /// Everything that no rule leaves out.
    All,
    /// No file.
    None,
}

/// The modes of copied files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileMode {
    /// What git keeps: executable or not. Everybody may read, the owner may write.
    #[default]
    Git,
    /// Those that the files have.
    Keep,
}

impl FileMode {
    /// All of them, in the order in which users are told of them.
    pub const ALL: [Self; 2] = [Self::Git, Self::Keep];

    /// The word that `mode` takes. It counts in content tags.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Keep => "keep",
        }
    }

    /// Whether it is the default.
    #[must_use]
    pub(crate) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// The image that a build starts from.
#[derive(Debug, Clone, PartialEq)]
pub enum BaseImage {
    /// An image reference.
    Reference(TextValue),
    /// A spec that is built first.
    Spec(Spanned<Box<ImageSpec>>),
}

/// A secret that install steps see as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretMount {
    /// The secret's id; `secret_<position>` unless the spec names one.
    pub id: String,
    /// The file on the user's machine that flytekit would pass.
    pub source: Option<String>,
    /// The path at which a step sees it.
    pub target: String,
    /// The entry of `pip_secret_mounts`.
    pub span: Span,
}

/// A typed spec. Fields that are missing or malformed are `None`.
#[derive(Clone, PartialEq)]
pub struct ImageSpec {
    /// The image's name, lower-case; `flytekit` where none is given.
    pub name: String,
    /// The Python version, as written.
    pub python_version: Option<TextValue>,
    /// The builder that flytekit would use.
    pub builder: Option<TextValue>,
    /// The directory of the user's code, relative to the build context.
    pub source_root: Option<TextValue>,
    /// The image's environment.
    pub env: Option<TextMap>,
    /// The registry, with the part of the path before the name.
    pub registry: Option<TextValue>,
    /// Python packages.
    pub packages: Option<TextList>,
    /// Conda packages.
    pub conda_packages: Option<TextList>,
    /// Conda channels besides conda-forge.
    pub conda_channels: Option<TextList>,
    /// A requirements file in the context.
    pub requirements: Option<TextValue>,
    /// Debian packages.
    pub apt_packages: Option<TextList>,
    /// The CUDA version. Neither flytekit's default builder nor this one supports it.
    pub cuda: Option<TextValue>,
    /// The cuDNN version. Neither flytekit's default builder nor this one supports it.
    pub cudnn: Option<TextValue>,
    /// The image to start from.
    pub base_image: Option<BaseImage>,
    /// The platform, or several joined by commas.
    pub platform: Option<TextValue>,
    /// The Python package index instead of PyPI.
    pub pip_index: Option<TextValue>,
    /// Further Python package indexes.
    pub pip_extra_index_url: Option<TextList>,
    /// The secrets that install steps see.
    pub pip_secret_mounts: Vec<SecretMount>,
    /// Further arguments for the installer, quoted as in a shell.
    pub pip_extra_args: Option<TextValue>,
    /// The entry point; an empty list clears the base's.
    pub entrypoint: Option<TextList>,
    /// Commands run last.
    pub commands: Option<TextList>,
    /// The tag as a Python format string with `{spec_hash}`.
    pub tag_format: Option<TextValue>,
    /// Whether `source_root` is copied; absent means that it is not.
    pub source_copy_mode: Option<Spanned<SourceCopyMode>>,
    /// Files and directories of the context to copy.
    pub copy: Option<TextList>,
    /// An interpreter that the base image or an apt package has.
    pub python_exec: Option<TextValue>,
    /// Packages that flytekit's entry point installs when a task starts.
    pub runtime_packages: Option<TextList>,
    /// The image that has the `uv` program.
    pub uv_image: Option<TextValue>,
    /// The image that has the `micromamba` program.
    pub micromamba_image: Option<TextValue>,
    /// Whether the image is one for Flyte tasks.
    pub profile: Profile,
    /// The image's labels.
    pub labels: Option<TextMap>,
    /// The image's user.
    pub user: Option<TextValue>,
    /// The image's working directory.
    pub workdir: Option<TextValue>,
    /// Where `copy` and `source_root` go; `/root` where none is given.
    pub copy_to: Option<TextValue>,
    /// The modes of what is copied.
    pub mode: FileMode,
    /// The ports that the image exposes, each `NUMBER/PROTOCOL`.
    pub expose: Option<TextList>,
    /// Variables that only steps of the build see.
    pub build_env: Option<TextMap>,
    /// Commands run before anything is copied.
    pub setup_commands: Option<TextList>,
    /// The digests of images, by reference.
    pub pins: Option<TextMap>,
    /// Whether Python packages share a layer.
    pub layering: Layering,
    /// Packages to give a layer each, besides those known to be heavy.
    pub heavy: Option<TextList>,
    /// Extras of the project whose lock is installed.
    pub extras: Option<TextList>,
    /// Dependency groups of the project whose lock is installed.
    pub groups: Option<TextList>,
    /// Whether the project itself is installed, not only what it needs.
    pub install_project: Option<Spanned<bool>>,
    /// The way in which the image's name is computed.
    pub tag_algorithm: Algorithm,
    /// The span of the whole mapping.
    pub span: Span,
    /// The fields as written, for hashing: there a number is a number.
    pub(crate) raw: Vec<(String, Node)>,
}

impl fmt::Debug for ImageSpec {
    /// Values may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageSpec")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl ImageSpec {
    /// The arguments of flytekit's `ImageSpec`, our own fields under `builder_options`.
    ///
    /// Secret mounts are left out: they never count, and we accept more forms of them.
    #[must_use]
    pub fn arguments(&self) -> Vec<(String, Value)> {
        let mut arguments: Vec<(String, Value)> = self
            .raw
            .iter()
            .filter(|(name, _)| name != "pip_secret_mounts" && is_flytekits(name))
            .filter_map(|(name, node)| Some((name.clone(), python::value(node).ok()?)))
            .collect();
        let own = self.own_values();
        if own.is_empty() {
            return arguments;
        }
        let own = own.into_iter().map(|(name, value)| (Value::text(name), value));
        match arguments.iter_mut().find(|(name, _)| name == "builder_options") {
            Some((_, Value::Map(options))) => options.extend(own),
            Some((_, options)) if *options == Value::None => *options = Value::Map(own.collect()),
            // Anything else is an error already.
            Some(_) => {}
            None => arguments.push(("builder_options".into(), Value::Map(own.collect()))),
        }
        arguments
    }

    /// Our own fields at the top level that differ from their defaults, in schema order. Those under
    /// `builder_options` count there, where flytekit sees them too.
    fn own_values(&self) -> Vec<(&'static str, Value)> {
        OWN_FIELDS
            .iter()
            .filter(|field| field.name != "tag_algorithm")
            .filter_map(|field| {
                let (_, node) = self.raw.iter().find(|(name, _)| *name == field.name)?;
                let value = python::value(node).ok()?;
                let default = match field.name {
                    "profile" => value == Value::text("flyte"),
                    "copy_to" => value == Value::text("/root"),
                    "layering" => value == Value::text("auto"),
                    "install_project" => value == Value::Bool(false),
                    "mode" => value == Value::text("git"),
                    _ => false,
                };
                (!default && value != Value::None).then_some((field.name, value))
            })
            .collect()
    }

    /// The spec as JSON in the order of the file, for a label of the image. Values of `build_env`, which the image
    /// itself does not have, and of options for other builders are left out.
    #[must_use]
    pub(crate) fn summary(&self) -> serde_json::Value {
        let fields = self.raw.iter().map(|(name, node)| (name.clone(), summary(name, node)));
        serde_json::Value::Object(fields.collect())
    }

    /// The span of a field's value, or of the whole spec if the file does not have the field.
    #[must_use]
    pub(crate) fn span_of(&self, field: &str) -> Span {
        let found = self.raw.iter().find(|(name, _)| name == field);
        found.map_or(self.span, |(_, node)| node.span)
    }

    /// The spec in `base_image`.
    #[must_use]
    pub(crate) fn below(&self) -> Option<&Self> {
        match &self.base_image {
            Some(BaseImage::Spec(nested)) => Some(&nested.value),
            _ => None,
        }
    }

    /// This spec and the nested ones, the outermost first.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |spec| spec.below())
    }

    /// `pip_extra_args` by the command that each is for; files of the context are named below `context`.
    #[must_use]
    pub(crate) fn extra_arguments(&self, context: &str) -> PipArguments {
        let text = self.pip_extra_args.as_ref().map_or("", |args| &args.value);
        let words = shlex::split(text).unwrap_or_default();
        PipArguments::classify(&words, context, self.requirements_file())
    }

    /// The parts of the project that are wanted, by fields and options alike.
    #[must_use]
    pub(crate) fn parts(&self) -> Parts {
        let words = |list| Self::strings(list).map(|word| word.value.clone());
        let options = self.extra_arguments("").parts;
        Parts {
            extras: words(&self.extras).chain(options.extras).collect(),
            groups: words(&self.groups).chain(options.groups).collect(),
            ..options
        }
    }

    /// Where the spec names a part of the project: its entry in `extras` or `groups`, else the options.
    #[must_use]
    pub(crate) fn part_span(&self, name: &str) -> Span {
        let mut entries = Self::strings(&self.extras).chain(Self::strings(&self.groups));
        let entry = entries
            .find(|entry| entry.value == name)
            .or(self.pip_extra_args.as_ref());
        entry.map_or(self.span, |entry| entry.span)
    }

    /// The kind of the requirements file, if there is one.
    #[must_use]
    pub(crate) fn requirements_file(&self) -> Option<RequirementsFile> {
        self.requirements.as_ref().map(|file| RequirementsFile::of(&file.value))
    }

    /// Whether a lock beside the spec decides what is installed: the spec installs something and names no lock itself.
    #[must_use]
    pub(crate) fn takes_sibling_lock(&self) -> bool {
        let has_own = self.requirements_file().is_some_and(RequirementsFile::is_lock);
        let has_packages = self.requirements.is_some() || Self::strings(&self.packages).next().is_some();
        !has_own && (has_packages || self.profile == Profile::Flyte)
    }

    /// The directory that files are copied to.
    #[must_use]
    pub(crate) fn copy_target(&self) -> &str {
        self.copy_to.as_ref().map_or("/root", |to| to.value.as_str())
    }

    /// `source_root`, if the spec asks for a copy of it.
    #[must_use]
    pub(crate) fn copied_source(&self) -> Option<&TextValue> {
        let mode = self.source_copy_mode.as_ref()?;
        (mode.value != SourceCopyMode::None).then_some(self.source_root.as_ref())?
    }

    /// The strings of an optional list, empty where there is none.
    pub(crate) fn strings(list: &Option<TextList>) -> impl Iterator<Item = &TextValue> {
        list.iter().flat_map(|list| &list.value)
    }
}

fn summary(name: &str, node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    // Recursion is bounded by the reader's depth limit.
    match &node.data {
        Data::Scalar { text, .. } => match python::scalar(node) {
            Value::None => Json::Null,
            Value::Bool(value) => Json::Bool(value),
            _ => Json::String(text.clone()),
        },
        Data::Sequence(items) => items.iter().map(|item| summary("", item)).collect(),
        Data::Mapping(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| {
                let key = key.text().unwrap_or_default();
                let is_others = name == "builder_options" && !field::OWN_FIELDS.iter().any(|field| field.name == key);
                let value = if name == "build_env" || name == "builder_config" || is_others {
                    Json::String("…".into())
                } else {
                    summary(key, value)
                };
                (key.to_owned(), value)
            });
            Json::Object(pairs.collect())
        }
    }
}
