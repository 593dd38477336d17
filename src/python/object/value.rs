//! The values that a spec's YAML holds, with Python's distinctions: a text is no number, `None` is no text.

/// A value as Python has it after PyYAML's safe loader, or as flytekit's own objects hold it.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer of any size, in decimal.
    Int(String),
    /// A float.
    Float(f64),
    /// A string.
    Str(String),
    /// A string with halves of surrogate pairs in it, which Rust's strings cannot hold.
    CodePoints(Vec<u32>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A date or time, as Python's `repr` writes it.
    Timestamp(String),
    /// A list.
    List(Vec<Value>),
    /// A tuple.
    Tuple(Vec<Value>),
    /// A set; Python writes more than one element in an order of chance.
    Set(Vec<Value>),
    /// A dictionary, in the order of first appearance of its keys.
    Map(Vec<(Value, Value)>),
    /// A member of flytekit's `CopyFileDetection`.
    CopyFileDetection(CopyFileDetection),
    /// Another of flytekit's `ImageSpec`s, by its arguments.
    ImageSpec(Vec<(String, Value)>),
}

/// flytekit's `CopyFileDetection`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFileDetection {
    /// Files of loaded modules.
    LoadedModules,
    /// All files.
    All,
    /// No files.
    NoCopy,
}

impl Value {
    /// A string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Str(text.into())
    }

    /// The text of a string that Rust's strings can hold.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is a string of any kind.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Str(_) | Self::CodePoints(_))
    }

    /// What Python's `bool()` says.
    #[must_use]
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(digits) => digits != "0",
            Self::Float(number) => *number != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::CodePoints(points) => !points.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => !items.is_empty(),
            Self::Map(pairs) => !pairs.is_empty(),
            Self::Timestamp(_) | Self::CopyFileDetection(_) | Self::ImageSpec(_) => true,
        }
    }

    /// Whether Python takes it as a key: lists, dictionaries and sets are none, nor tuples of them.
    #[must_use]
    pub(super) fn is_hashable(&self) -> bool {
        match self {
            Self::List(_) | Self::Map(_) | Self::Set(_) => false,
            Self::Tuple(items) => items.iter().all(Self::is_hashable),
            _ => true,
        }
    }
}
