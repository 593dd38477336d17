//! The algorithms that `tag_algorithm` chooses from.

use std::fmt;
use std::str::FromStr;

/// A way to compute a name from a spec.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// As flytekit does since 1.13.6.
    #[default]
    Flytekit,
    /// As flytekit 1.13.3 and 1.13.4 did.
    Flytekit113,
    /// Our own: whatever changes the image changes the name, and nothing else does.
    Content,
}

/// An unknown algorithm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of flytekit, flytekit-1.13, content")]
pub struct UnknownAlgorithm(String);

impl Algorithm {
    /// All algorithms, in the order in which users are told of them.
    pub const ALL: [Self; 3] = [Self::Flytekit, Self::Flytekit113, Self::Content];

    /// The word that `tag_algorithm` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flytekit => "flytekit",
            Self::Flytekit113 => "flytekit-1.13",
            Self::Content => "content",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|algorithm| algorithm.name() == text);
        found.ok_or_else(|| UnknownAlgorithm(text.to_owned()))
    }
}
