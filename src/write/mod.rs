//! A build plan to what a builder takes. Pure: sources are handed in, definitions come out.

mod image_config;
mod llb;
mod options;

pub use image_config::image_config;
pub use llb::{Emitted, emit};
pub use options::{Options, Sources, Strategy, StrategyError, Target};
