//! Whether an engine is there, and what it can do.

use serde::Serialize;

/// What is known of an engine before it builds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Whether its program was found.
    pub found: bool,
    /// The version of its program.
    pub version: Option<String>,
    /// Which builder it uses, and the builder's driver.
    pub builder: Option<String>,
    /// The version of BuildKit behind it, where it says that.
    pub buildkit: Option<String>,
    /// Where its images are: `containerd`, `classic`, or in no store of Docker's.
    pub store: Option<&'static str>,
    /// What it can do that not all can: `merge` branches, take `oci-layout` contexts, export caches to registries.
    pub features: Vec<&'static str>,
    /// Why it cannot build; `None` if it can.
    pub trouble: Option<Trouble>,
}

/// Why an engine cannot build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What is wrong, in a sentence.
    pub reason: String,
    /// What to do.
    pub help: String,
}

impl Trouble {
    pub(crate) fn new(reason: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            help: help.into(),
        }
    }
}

impl Health {
    /// Whether it can build.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.trouble.is_none()
    }

    pub(crate) fn with_trouble(mut self, reason: impl Into<String>, help: impl Into<String>) -> Self {
        self.trouble = Some(Trouble::new(reason, help));
        self
    }
}

/// The numbers of a version in what a program prints of itself: `v0.29.1`, `28.5.2+dfsg4`.
pub(crate) fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().trim_start_matches('v').split(['.', '+', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
