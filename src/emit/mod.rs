//! A build plan to what a builder takes. Pure: sources are handed in, definitions come out.

mod config;
mod lower;

pub use config::image_config;
pub use lower::{Emitted, Options, Sources, Strategy, StrategyError, Target, emit};
