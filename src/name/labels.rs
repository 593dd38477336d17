//! The labels by which an image is recognised.

/// The label with an image's name.
pub(crate) const NAME_LABEL: &str = "io.imagespec.name";
/// The label with the tag that was computed.
pub(crate) const TAG_LABEL: &str = "io.imagespec.tag";
/// The label with the digest of all inputs.
pub const INPUTS_DIGEST_LABEL: &str = "io.imagespec.inputs-digest";
