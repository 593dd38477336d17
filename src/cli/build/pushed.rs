//! How much of an image went to its registry.

use crate::cli::build::summary::Layers;
use crate::oci::{Platform, Reference};
use crate::registry::Registry;

/// What has to be known to say how much went to a registry.
pub(crate) struct Pushed<'a> {
    pub(crate) registry: &'a Registry,
    /// Whether the repository is new: then all layers went there.
    pub(crate) is_new: bool,
    pub(crate) platforms: Vec<Platform>,
}

impl Pushed<'_> {
    /// The size of the image in its registry, and of what this build put there; of an image for one platform.
    pub(crate) fn sizes(&self, name: &str, layers: Option<&Layers>) -> Option<(u64, Option<u64>)> {
        let [platform] = self.platforms.as_slice() else {
            return None;
        };
        let described = self.registry.describe(&Reference::parse(name).ok()?, platform).ok()?;
        let sizes: Vec<u64> = described.layers.iter().map(|layer| layer.size).collect();
        let total = sizes.iter().sum();
        let made = layers.filter(|layers| layers.total == sizes.len()).map(|layers| {
            let own = sizes.iter().skip(sizes.len() - layers.made.len()).zip(&layers.made);
            own.filter(|(_, made)| **made).map(|(size, _)| size).sum()
        });
        Some((total, if self.is_new { Some(total) } else { made }))
    }
}
