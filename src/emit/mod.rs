//! A build plan to what a builder takes. Pure: sources are handed in, definitions come out.

mod config;
mod lower;
mod options;

pub use config::image_config;
pub use lower::{Emitted, emit};
pub use options::{Options, Sources, Strategy, StrategyError, Target};
