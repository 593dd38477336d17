//! Registries, for the commands that ask them.

use crate::cli::settings::Settings;
use crate::oci::{Platform, Reference};
use crate::registry::{Described, Refusal, Registry, RegistrySettings};
use crate::text::{Diagnostic, ProblemKind};

/// Asks registries in the user's name, as settings have it.
pub(super) fn registry(settings: &Settings) -> Result<Registry, Diagnostic> {
    let mirrors = settings.table("registry_mirrors").into_iter();
    let split = |list: String| list.split(',').map(|mirror| mirror.trim().to_owned()).collect();
    let of_settings = RegistrySettings {
        mirrors: mirrors.map(|(registry, list)| (registry, split(list))).collect(),
        authority: settings.text("registry_authority").map(Into::into),
        ..RegistrySettings::default()
    };
    Registry::new(&of_settings, &|name| std::env::var_os(name))
}

/// The name of an image.
pub(super) fn read_name(name: &str) -> Result<Reference, Diagnostic> {
    Reference::parse(name).map_err(|error| {
        let problem = Diagnostic::error("image-name", error.to_string()).caused_by(error);
        let problem = problem.kind(ProblemKind::Usage);
        problem.help("write REGISTRY/NAME:TAG, or name a spec with -f FILE")
    })
}

/// What an image in a registry is, for a platform: by default this machine's, or the first that there is.
pub(super) fn describe(
    registry: &Registry,
    reference: &Reference,
    platform: Option<&Platform>,
) -> Result<Described, Refusal> {
    let own = Platform::normalised("linux", std::env::consts::ARCH, "");
    match (registry.describe(reference, platform.unwrap_or(&own)), platform) {
        (Err(Refusal::Absent(absent)), None) => match absent.platforms.first() {
            Some(first) => registry.describe(reference, first),
            None => Err(Refusal::Absent(absent)),
        },
        (described, _) => described,
    }
}
