//! The words of the Open Container Initiative: what images are called and made for.

mod config;
mod platform;
mod reference;

pub use config::ImageConfig;
pub(crate) use platform::NOT_LINUX;
pub use platform::{Platform, PlatformError};
pub use reference::{Reference, ReferenceError};
