//! What fields hold, with the place of each value.

use std::fmt;

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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FileMode {
    /// What git keeps: executable or not. Everybody may read, the owner may write.
    #[default]
    Git,
    /// Those that the files have.
    Keep,
    /// These permissions; directories are open to those who may read. Only entries of `copy` have it.
    Exact(u32),
}

impl fmt::Display for FileMode {
    /// What `mode` takes. It counts in content tags.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Git => f.write_str("git"),
            Self::Keep => f.write_str("keep"),
            Self::Exact(mode) => write!(f, "{mode:04o}"),
        }
    }
}

impl serde::Serialize for FileMode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FileMode {
    /// Those that have a word, in the order in which users are told of them.
    pub const NAMED: [(&'static str, Self); 2] = [("git", Self::Git), ("keep", Self::Keep)];

    /// Whether it is the default.
    #[must_use]
    pub(crate) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
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

/// Something to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyEntry {
    /// The file or directory in the build context.
    pub source: TextValue,
    /// Where it goes, below `copy_to` unless it is absolute: the path of a file, or the directory that a directory's
    /// contents go into. With `/` at the end, a file goes into it, under its own name. Absent: the same path.
    pub target: Option<TextValue>,
    /// The owner of the files: a user, and perhaps a group after `:`.
    pub owner: Option<TextValue>,
    /// The modes of the files, instead of the spec's.
    pub mode: Option<Spanned<FileMode>>,
    /// Docker's patterns, relative to the source, of what is not copied.
    pub exclude: Vec<TextValue>,
    /// The whole entry.
    pub span: Span,
}

/// What signs a repository of Debian packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AptKey {
    /// A file of the build context.
    Context(TextValue),
    /// An absolute path in the image.
    Image(TextValue),
    /// The armored key itself.
    Text(TextValue),
    /// What is to be had at an address.
    Address {
        /// The address.
        url: TextValue,
        /// The digest of the file there, in hexadecimal digits.
        sha256: TextValue,
    },
}

/// A repository of Debian packages, with the names of `sources.list(5)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AptSource {
    /// Where it is.
    pub uri: TextValue,
    /// Its suites; one that ends in `/` is a directory.
    pub suites: Vec<TextValue>,
    /// Its components; `main` where none is named and no suite is a directory.
    pub components: Vec<TextValue>,
    /// The architectures that it has; the image's where none is named.
    pub architectures: Vec<TextValue>,
    /// What signs it; the keys that the image trusts for everything where none is named.
    pub key: Option<AptKey>,
    /// The whole entry.
    pub span: Span,
}

/// The steps that may see a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretSteps {
    /// Those that install Debian packages.
    Apt,
    /// The one that installs the interpreter and conda packages.
    Python,
    /// Those that resolve, fetch, build and install Python packages.
    Packages,
    /// `setup_commands`.
    Setup,
    /// `commands`.
    Commands,
}

impl SecretSteps {
    /// All of them, in the order in which users are told of them.
    pub const ALL: [Self; 5] = [Self::Apt, Self::Python, Self::Packages, Self::Setup, Self::Commands];
    /// Those that see a secret that names none: the user's own commands.
    pub(super) const USUAL: [Self; 2] = [Self::Setup, Self::Commands];

    /// The word in `steps`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Python => "python",
            Self::Packages => "packages",
            Self::Setup => "setup",
            Self::Commands => "commands",
        }
    }
}

/// As what a step sees a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretForm {
    /// A file at an absolute path.
    File(String),
    /// A variable.
    Variable(String),
}

/// A secret that steps see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretUse {
    /// The secret's id.
    pub id: String,
    /// The file on the user's machine that has it.
    pub source: Option<String>,
    /// As what it is seen.
    pub form: SecretForm,
    /// Whether steps fail without it.
    pub is_required: bool,
    /// The steps that see it.
    pub steps: Vec<SecretSteps>,
    /// The entry of `secrets`.
    pub span: Span,
}
