//! The fields of flytekit's `ImageSpec`: their names, in the order in which it hashes them, and what they take.

/// The kind of value that a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Flag,
    TextList,
    TextMap,
    /// A mapping with keys of any kind.
    AnyMap,
    /// An image reference or a nested spec.
    BaseImage,
    /// Secrets and where they appear.
    SecretMounts,
    /// Numbers of ports, with protocols perhaps.
    Ports,
    /// Paths, and what else becomes of them.
    Copies,
    /// Secrets, how they are seen, and by which steps.
    Secrets,
    /// Repositories of Debian packages.
    AptSources,
}

impl Kind {
    /// The kind in words, for messages: "`packages` takes a list of strings".
    #[must_use]
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Flag => "true or false",
            Self::TextList => "a list of strings",
            Self::TextMap => "a mapping of names to strings",
            Self::AnyMap => "a mapping",
            Self::BaseImage => "an image reference or a nested spec",
            Self::SecretMounts => "a list of secret mounts, each `[file, target]` or `{id: …, target: …}`",
            Self::Ports => "a list of ports, each `3000`, `53/udp` or `8000-8010`",
            Self::Copies => "a list of paths, each `PATH` or `{src: PATH, dst: PATH, …}`",
            Self::AptSources => "a list of repositories, each `{uri: …, suites: […], components: […], key: …}`",
            Self::Secrets => "a list of secrets, each `{id: …, env: …, steps: […]}`",
        }
    }
}

/// A field of a spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub name: &'static str,
    pub kind: Kind,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

/// The fields of flytekit's `ImageSpec`, in the order in which it hashes them.
pub(crate) const FLYTEKIT_FIELDS: [Field; 29] = [
    field("name", Kind::Text),
    field("python_version", Kind::Text),
    field("builder", Kind::Text),
    field("source_root", Kind::Text),
    field("env", Kind::TextMap),
    field("registry", Kind::Text),
    field("packages", Kind::TextList),
    field("conda_packages", Kind::TextList),
    field("conda_channels", Kind::TextList),
    field("requirements", Kind::Text),
    field("apt_packages", Kind::TextList),
    field("cuda", Kind::Text),
    field("cudnn", Kind::Text),
    field("base_image", Kind::BaseImage),
    field("platform", Kind::Text),
    field("pip_index", Kind::Text),
    field("pip_extra_index_url", Kind::TextList),
    field("pip_secret_mounts", Kind::SecretMounts),
    field("pip_extra_args", Kind::Text),
    field("registry_config", Kind::Text),
    field("entrypoint", Kind::TextList),
    field("commands", Kind::TextList),
    field("tag_format", Kind::Text),
    field("source_copy_mode", Kind::Text),
    field("copy", Kind::Copies),
    field("python_exec", Kind::Text),
    field("runtime_packages", Kind::TextList),
    field("builder_options", Kind::AnyMap),
    field("builder_config", Kind::AnyMap),
];

/// The lists whose entries flytekit itself checks, in its order.
pub(crate) const CHECKED_LISTS: [&str; 8] = [
    "packages",
    "conda_channels",
    "conda_packages",
    "apt_packages",
    "pip_extra_index_url",
    "entrypoint",
    "commands",
    "runtime_packages",
];

/// Whether flytekit's `ImageSpec` has a field of this name.
#[must_use]
pub(crate) fn is_flytekits(name: &str) -> bool {
    FLYTEKIT_FIELDS.iter().any(|field| field.name == name)
}
