//! How `imagespec build` says what is no flag with the same value.

pub(super) const CONTEXT: &str = "the directory as an argument: `imagespec build DIRECTORY`";
// The value may be a secret of somebody's, so it is not repeated.
pub(super) const BUILD_ARGUMENT: &str = "`--build-arg NAME=VALUE`";
pub(super) const ATTESTATION: &str = "`--sbom true` or `--provenance mode=max`";
pub(super) const PLATFORM: &str = "`--platform OS/ARCHITECTURE`";
pub(super) const VARIANT: &str = "`--platform OS/ARCHITECTURE/VARIANT`";
pub(super) const PLATFORMS: &str = "the platforms, as in `--platform linux/amd64,linux/arm64`";
pub(super) const MANIFEST: &str = "several platforms by `--platform`, and the name by `-t`";
