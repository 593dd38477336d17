//! Python's values, as far as a spec or an `ImageSpec` can hold them.

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
    /// A string that Rust's strings can hold.
    Str(String),
    /// The code points of a string with lone surrogates, which Rust's strings cannot hold.
    CodePoints(Vec<u32>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A date or time, as Python's `repr` writes it.
    Timestamp(String),
    /// A list.
    List(Vec<Value>),
    /// A tuple.
    Tuple(Vec<Value>),
    /// A set; the order in which Python writes more than one element is random.
    Set(Vec<Value>),
    /// A dictionary, in the order of first appearance of its keys.
    Map(Vec<(Value, Value)>),
    /// A member of flytekit's `CopyFileDetection`.
    CopyFileDetection(CopyFileDetection),
    /// Another `ImageSpec` of flytekit's, by its arguments.
    ImageSpec(Vec<(String, Value)>),
}

/// flytekit's `CopyFileDetection`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFileDetection {
    /// The files of the modules that the process has loaded.
    LoadedModules,
    /// All files.
    All,
    /// No files.
    NoCopy,
}

impl Value {
    /// A string, from text.
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

    /// Whether it can be a dictionary's key: not lists, dictionaries and sets, nor tuples of them.
    #[must_use]
    pub(super) fn is_hashable(&self) -> bool {
        match self {
            Self::List(_) | Self::Map(_) | Self::Set(_) => false,
            Self::Tuple(items) => items.iter().all(Self::is_hashable),
            _ => true,
        }
    }
}
