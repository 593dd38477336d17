//! The names of an image, its id and its tag, and the values that they were computed from.

mod content;
mod identity;
mod in_image;
mod inputs;
mod inputs_digest;
mod labels;
#[cfg(test)]
mod tests;

pub use identity::{Given, Identity, Naming, NamingOptions, request};
pub use in_image::name_in_image;
pub use inputs::{Difference, differences, from_label, inputs_label, kept, shown};
pub use inputs_digest::InputsDigest;
pub use labels::INPUTS_DIGEST_LABEL;
pub(crate) use labels::NAME_LABEL;
