//! Where steps find and leave things. `script/prelude.sh` has the same paths; a test compares the two.

/// Where the scripts of a step lie, below its scratch directory.
pub(crate) const SCRIPTS: &str = "imagespec/scripts";
/// A directory that is removed after the step. Every script has one.
pub(crate) const SCRATCH: &str = "/tmp";
/// That of the user's commands, which may use `/tmp` themselves.
pub(crate) const SCRATCH_OF_COMMANDS: &str = "/imagespec/commands";
/// Where steps find the socket of the client's ssh agent.
pub(crate) const SSH_AGENT: &str = "/tmp/imagespec/ssh-agent.sock";
/// The certificates given for this build, where the user's own commands see them.
pub(crate) const CERTIFICATES_OF_COMMANDS: &str = "/imagespec/commands/ca.crt";
/// uv's cache, where they see it: away from `/var/cache`, which people empty.
pub(crate) const UV_CACHE_OF_COMMANDS: &str = "/imagespec/commands/uv-cache";
/// Where a step whose commands fail leaves which one it was: the list, its number in it, and what happened, a line each.
pub(crate) const FAILED: &str = "/imagespec/failed";
/// uv.
pub(crate) const UV: &str = "/tmp/imagespec/uv";
/// micromamba.
pub(crate) const MICROMAMBA: &str = "/tmp/imagespec/micromamba";
/// The certificates that came with micromamba.
pub(crate) const BUNDLE: &str = "/tmp/imagespec/ca-certificates.crt";
/// The certificates given for this build.
pub(crate) const CERTIFICATES: &str = "/tmp/imagespec/ca.crt";
/// Files of the build context.
pub(crate) const CONTEXT: &str = "/tmp/imagespec/context";
/// What stands for either of these where a line is written before it is known which.
pub(crate) const CONTEXT_ROOT: &str = "/imagespec/context-root";
/// A copy of them that builds may write to.
pub(crate) const WORK: &str = "/tmp/imagespec/work";
/// The layers of other steps, a directory each.
pub(crate) const LAYERS: &str = "/tmp/imagespec/layers";
/// Packages that other steps have built, a directory each.
pub(crate) const BUILT: &str = "/tmp/imagespec/built";
/// Where a step left what the image has for an interpreter, and the file there.
pub(crate) const LOOKED: &str = "/tmp/imagespec/looked";
/// What conda downloaded.
pub(crate) const CONDA_CACHE: &str = "/tmp/imagespec/conda";
/// What apt downloaded.
pub(crate) const APT_ARCHIVES: &str = "/tmp/imagespec/apt/archives";
/// apt's package lists.
pub(crate) const APT_STATE: &str = "/tmp/imagespec/apt/state";
/// What uv downloaded.
pub(crate) const UV_CACHE: &str = "/var/cache/imagespec/uv";
/// Where a step leaves what it makes for others. Outside of all mounts, so that it is part of the tree where a
/// builder has no second output.
pub(crate) const PRODUCT: &str = "/imagespec/product";
/// Where the image keeps its lock; the lock step's product has the same path.
pub(crate) const KEPT: &str = "/usr/share/imagespec";
/// The title of the step that puts it there. Images say it in their history: it tells which layer has the lock.
pub(crate) const KEEPS_LOCK: &str = "keep the lock in /usr/share/imagespec";
