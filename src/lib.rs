//! Turns an image spec, a YAML file in the vocabulary of Flyte's `ImageSpec`, into a container image.
//!
//! Data flows one way: text → [`spec`] → [`plan`] → [`emit`]. Those modules are pure; [`frontend`] is
//! the only one that talks to BuildKit.

pub mod digest;
pub mod emit;
pub mod frontend;
pub mod llb;
pub mod plan;
pub mod proto;
pub mod python;
pub mod spec;
