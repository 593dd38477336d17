//! Whether podman and buildah can build here, and since when they can do what.

use std::process::Command;

use crate::engine::health::{Health, version};
use crate::program::run;

/// The first versions that can do something.
pub(super) struct Versions {
    /// Build what is written.
    pub(super) least: (u32, u32),
    /// See in the cache that a mounted file has changed (containers/buildah#5400).
    pub(super) sees_mounts: (u32, u32),
    /// Take `--source-date-epoch`.
    pub(super) has_epoch: (u32, u32),
}

pub(super) const OF_BUILDAH: Versions = Versions {
    least: (1, 33),
    sees_mounts: (1, 39),
    has_epoch: (1, 41),
};
/// Those that have these versions of buildah inside.
pub(super) const OF_PODMAN: Versions = Versions {
    least: (4, 9),
    sees_mounts: (5, 4),
    has_epoch: (5, 6),
};

/// `podman version` answers without a look at its storage; on other systems than Linux it asks the machine that builds.
pub(super) fn health_of_podman() -> Health {
    let mut health = Health::default();
    let said = match run(Command::new("podman").args(["version", "--format", "{{.Client.Version}}"])) {
        Ok(said) => said,
        Err(_) => {
            return health.with_trouble(
                "there is no program `podman`",
                "install it: https://podman.io/docs/installation",
            );
        }
    };
    health.found = true;
    if !said.status.success() {
        return health.with_trouble(complaint(&said.stderr), "`podman version` says the same");
    }
    health.version = Some(String::from_utf8_lossy(&said.stdout).trim().to_owned());
    judged(health, "podman", OF_PODMAN.least)
}

pub(super) fn health_of_buildah() -> Health {
    let mut health = Health::default();
    let said = match run(Command::new("buildah").arg("--version")) {
        Ok(said) => String::from_utf8_lossy(&said.stdout).into_owned(),
        Err(_) => {
            return health.with_trouble(
                "there is no program `buildah`",
                "install it: https://github.com/containers/buildah/blob/main/install.md",
            );
        }
    };
    health.found = true;
    health.version = said.split_whitespace().nth(2).map(str::to_owned);
    judged(health, "buildah", OF_BUILDAH.least)
}

/// Refuses what is too old, and says what it lacks.
fn judged(mut health: Health, name: &str, least: (u32, u32)) -> Health {
    let found = health.version.clone().unwrap_or_default();
    match version(&found) {
        Some(version) if version < least => {
            let reason = format!(
                "{name} {found} has no texts in Dockerfiles and runs steps from old files: {}.{} is the first that can",
                least.0, least.1
            );
            health.with_trouble(reason, "update it, or build with docker")
        }
        _ => {
            health.features = vec!["registry-cache"];
            health
        }
    }
}

/// What a program says at its end, in a line.
fn complaint(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("it does not answer")
        .trim_start_matches("Error: ")
        .to_owned()
}
