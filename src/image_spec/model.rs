//! The typed spec: what a file says, with the place of each value.

use std::fmt;

use crate::flytekit::is_flytekits;
use crate::image_spec::algorithm::Algorithm;
use crate::image_spec::field::{self, OWN_FIELDS};
use crate::image_spec::types::{
    AptKey, AptSource, CopyEntry, FileMode, Layering, Profile, SecretMount, SecretUse, SourceCopyMode, TextList,
    TextMap, TextValue,
};
use crate::python::{self, Entry, Parts, PipArguments, RequirementsFile, RequirementsLines, Value};
use crate::text::yaml::{Data, Node};
use crate::text::{Span, Spanned, context_path};

/// What stands before the path of a Debian package in the context.
pub(crate) const PACKAGE_FILE: &str = "deb:";

/// The image that a build starts from.
#[derive(Debug, Clone, PartialEq)]
pub enum BaseImage {
    /// An image reference.
    Reference(TextValue),
    /// A spec that is built first.
    Spec(Spanned<Box<ImageSpec>>),
}

/// What a secret is, whatever sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NamedSecret<'a> {
    pub(crate) id: &'a str,
    /// The file on the user's machine that has it.
    pub(crate) source: Option<&'a str>,
    /// Whether steps fail without it.
    pub(crate) is_required: bool,
    /// Where the spec names it.
    pub(crate) span: Span,
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
    pub copy: Option<Spanned<Vec<CopyEntry>>>,
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
    /// The secrets that steps see, besides those of `pip_secret_mounts`.
    pub secrets: Vec<SecretUse>,
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
    /// The members of the project's workspace that are wanted; its root where none is named.
    pub members: Option<TextList>,
    /// Whether the project itself is installed, not only what it needs.
    pub install_project: Option<Spanned<bool>>,
    /// Repositories of Debian packages, besides those of the base image.
    pub apt_sources: Option<Spanned<Vec<AptSource>>>,
    /// Answers to questions of Debian packages, as `debconf-set-selections` takes them.
    pub debconf: Option<TextList>,
    /// Whether the image says what it is, in labels and below `/usr/share/imagespec`.
    pub describe: bool,
    /// The way in which the image's name is computed.
    pub tag_algorithm: Algorithm,
    /// The span of the whole mapping.
    pub span: Span,
    /// The fields as written, for hashing: there a number is a number.
    pub(crate) raw: Vec<(String, Node)>,
    /// What the entries of `packages` say, each read as a requirements file.
    pub(super) listed: Vec<Spanned<RequirementsLines>>,
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
            .filter_map(|(name, node)| {
                let value = python::value(node).ok()?;
                Some((name.clone(), if name == "copy" { paths(value) } else { value }))
            })
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
        let written = |name: &str| {
            let (_, node) = self.raw.iter().find(|(known, _)| known == name)?;
            python::value(node).ok()
        };
        OWN_FIELDS
            .iter()
            .filter(|field| field.name != "tag_algorithm")
            .flat_map(|field| match field.name {
                "secrets" => vec!["copy", "secrets"],
                name => vec![name],
            })
            .filter_map(|name| {
                let value = written(name)?;
                let default = match name {
                    "profile" => value == Value::text("flyte"),
                    "copy_to" => value == Value::text("/root"),
                    "layering" => value == Value::text("auto"),
                    "install_project" => value == Value::Bool(false),
                    "describe" => value == Value::Bool(true),
                    "mode" => value == Value::text("git"),
                    // Paths alone count as flytekit's `copy`.
                    "copy" => {
                        let more = more_than_paths(value);
                        return (!more.is_empty()).then_some((name, Value::List(more)));
                    }
                    _ => false,
                };
                (!default && value != Value::None).then_some((name, value))
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

    /// What `packages` lists, with the place of each entry.
    pub(crate) fn listed(&self) -> impl Iterator<Item = (Span, &Entry)> {
        self.listed
            .iter()
            .flat_map(|lines| lines.value.entries.iter().map(|(_, entry)| (lines.span, entry)))
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
            members: words(&self.members).chain(options.members).collect(),
            ..options
        }
    }

    /// Where the spec names a part of the project: its entry in `extras` or `groups`, else the options.
    #[must_use]
    pub(crate) fn part_span(&self, name: &str) -> Span {
        let mut entries = [&self.extras, &self.groups, &self.members]
            .into_iter()
            .flat_map(Self::strings);
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

    /// All secrets that steps may see, those of `pip_secret_mounts` first.
    pub(crate) fn named_secrets(&self) -> impl Iterator<Item = NamedSecret<'_>> {
        let mounts = self.pip_secret_mounts.iter().map(|mount| NamedSecret {
            id: &mount.id,
            source: mount.source.as_deref(),
            is_required: true,
            span: mount.span,
        });
        let uses = self.secrets.iter().map(|secret| NamedSecret {
            id: &secret.id,
            source: secret.source.as_deref(),
            is_required: secret.is_required,
            span: secret.span,
        });
        mounts.chain(uses)
    }

    /// What `apt_sources` lists.
    pub(crate) fn sources_of_apt(&self) -> impl Iterator<Item = &AptSource> {
        self.apt_sources.iter().flat_map(|list| &list.value)
    }

    /// The files of the context that sign sources of Debian packages.
    pub(crate) fn key_files(&self) -> impl Iterator<Item = &TextValue> {
        self.sources_of_apt().filter_map(|source| match &source.key {
            Some(AptKey::Context(path)) => Some(path),
            _ => None,
        })
    }

    /// The Debian packages among `apt_packages` that are files of the context: `deb:PATH`.
    pub(crate) fn package_files(&self) -> impl Iterator<Item = TextValue> {
        Self::strings(&self.apt_packages).filter_map(|entry| {
            let path = entry.value.strip_prefix(PACKAGE_FILE)?;
            Some(Spanned::new(path.trim().to_owned(), entry.span))
        })
    }

    /// What `copy` names.
    pub(crate) fn copies(&self) -> impl Iterator<Item = &CopyEntry> {
        self.copy.iter().flat_map(|list| &list.value)
    }

    /// Where an entry of `copy` goes, absolute. With `/` at the end, a file goes into it.
    #[must_use]
    pub(crate) fn place_of(&self, entry: &CopyEntry) -> String {
        let own = || context_path(&entry.source.value);
        let target = entry.target.as_ref().map_or_else(own, |target| target.value.clone());
        let end = if target.ends_with('/') { "/" } else { "" };
        let above = if target.starts_with('/') {
            ""
        } else {
            self.copy_target()
        };
        let path = context_path(&format!("{above}/{target}"));
        if path.is_empty() {
            "/".to_owned()
        } else {
            format!("/{path}{end}")
        }
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

/// The paths that `copy` names, which are what flytekit's has.
fn paths(copy: Value) -> Value {
    let path = |entry| match entry {
        Value::Map(keys) => {
            let source = keys.into_iter().rev().find(|(key, _)| key.as_text() == Some("src"));
            source.map_or(Value::None, |(_, path)| path)
        }
        path => path,
    };
    match copy {
        Value::List(entries) => Value::List(entries.into_iter().map(path).collect()),
        other => other,
    }
}

/// The entries of `copy` that say more than a path.
fn more_than_paths(copy: Value) -> Vec<Value> {
    let Value::List(mut entries) = copy else {
        return Vec::new();
    };
    entries
        .retain(|entry| matches!(entry, Value::Map(keys) if keys.iter().any(|(key, _)| key.as_text() != Some("src"))));
    entries
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
