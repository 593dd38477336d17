//! Registries, for the commands that ask them.

use crate::oci::Reference;
use crate::registry::{Registry, RegistrySettings};
use crate::text::Diagnostic;

/// Asks registries in the user's name.
pub(super) fn registry() -> Result<Registry, Diagnostic> {
    Registry::new(&RegistrySettings::default(), &|name| std::env::var_os(name))
}

/// The name of an image.
pub(super) fn read_name(name: &str) -> Result<Reference, Diagnostic> {
    Reference::parse(name).map_err(|error| {
        let problem = Diagnostic::error("image-name", error.to_string()).caused_by(error);
        problem.help("write REGISTRY/NAME:TAG, or name a spec with -f FILE")
    })
}
