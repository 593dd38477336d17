//! Turns an image spec, a YAML file in the vocabulary of Flyte's `ImageSpec`, into a container image.
//!
//! Data flows one way: text → [`spec`] → [`plan`] → [`emit`]. Those modules are pure; [`frontend`] is
//! the only one that talks to BuildKit, [`digest`] the only one that reads files.

#[cfg(feature = "cli")]
pub mod cli;
pub mod digest;
pub mod emit;
#[cfg(feature = "cli")]
pub mod engine;
pub mod frontend;
pub mod llb;
pub mod plan;
pub mod proto;
pub mod python;
pub mod spec;
