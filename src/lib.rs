//! Turns an image spec, a YAML file in the vocabulary of Flyte's `ImageSpec`, into a container image.
//!
//! Data flows one way: text → [`image_spec`] → [`plan`] → [`mod@write`] → BuildKit.

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod engine;
pub mod files;
pub mod flytekit;
pub mod frontend;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod image_spec;
pub mod llb;
pub mod name;
pub mod oci;
pub mod plan;
#[cfg(feature = "cli")]
mod program;
mod project;
pub mod proto;
pub mod python;
#[cfg(feature = "cli")]
pub mod registry;
pub mod text;
pub mod write;
