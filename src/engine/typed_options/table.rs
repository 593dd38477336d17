//! What a keyword is: its type in BentoML, and what becomes of it here.

use crate::engine::typed_options::value::Value;

/// A keyword of an overload.
pub(super) struct Keyword {
    pub(super) name: &'static str,
    pub(super) of: Type,
    pub(super) form: Form,
}

pub(super) const fn keyword(name: &'static str, of: Type, form: Form) -> Keyword {
    Keyword { name, of, form }
}

impl Keyword {
    /// The flag of the engine's program.
    pub(super) fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }
}

/// A type as BentoML annotates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// `str`, or one of some words.
    Text,
    /// `PathType`.
    Path,
    /// `str | PathType`.
    TextOrPath,
    /// `int`.
    Integer,
    /// `Literal[True, False]`.
    Boolean,
    /// `str | ArgType`.
    Texts,
    /// `ArgType`.
    List,
    /// `tuple[str]`.
    Names,
    /// `dict[str, str] | ArgType`.
    Pairs,
    /// `str | dict[str, str] | ArgType`.
    TextOrPairs,
    /// `str | dict[str, tuple[int, int]] | ArgType`.
    Limits,
    /// `str | tuple[str, str, str]`.
    Triple,
    /// `Literal["auto", "tty", "plain"]`.
    Progress,
    /// A boolean, or the name of a policy.
    Policy,
}

impl Type {
    /// What the documentation calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text | Self::Progress => "str",
            Self::Path => "path",
            Self::TextOrPath => "str or path",
            Self::Integer => "int",
            Self::Boolean => "bool",
            Self::Texts => "str or list",
            Self::List => "list",
            Self::Names => "tuple",
            Self::Pairs => "dict or list",
            Self::TextOrPairs => "str, dict or list",
            Self::Limits => "str, dict of pairs or list",
            Self::Triple => "str or triple",
            Self::Policy => "bool or str",
        }
    }
}

/// What becomes of a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A flag of `imagespec build` with the same value.
    Own(&'static str),
    /// A flag of `imagespec build` with all values, separated by commas.
    OwnList(&'static str),
    /// A flag of `imagespec build` without a value.
    OwnSwitch(&'static str),
    /// Something that `imagespec build` says in its own way.
    OwnWords(&'static str),
    /// It is impossible or senseless here, and why.
    Cannot(&'static str),
    /// One value: what else there is, and why it cannot be. Nothing is rendered.
    Only(&'static str, &'static str),
    /// A flag with a value, once.
    Once(Value),
    /// A flag with a value for each entry.
    Each(Value),
    /// A flag without a value that is off by default.
    Switch,
    /// A flag without a value that is on by default, or that this program turns on: `--flag=false` turns it off.
    SwitchOn,
    /// When images are pulled; asking registries is `--pull` of this program.
    Policy,
    /// An option of the frontend: `--opt NAME=VALUE`.
    FrontendOption,
}
