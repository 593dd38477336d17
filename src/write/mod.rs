//! Turns a build plan into a builder's input. Pure: sources are handed in, definitions come out.

mod dockerfile;
mod image_config;
mod llb;
mod options;
mod script_text;

pub use dockerfile::{Dialect, Dockerfile, DockerfileOptions, Form, write_dockerfile};
pub use image_config::image_config;
pub use llb::{Graph, write_llb};
pub use options::{LlbOptions, Sources, SpecSource, WriteError};
