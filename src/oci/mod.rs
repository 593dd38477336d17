//! Image references, platforms and configurations, as the Open Container Initiative defines them.

mod config;
mod platform;
mod reference;

pub use config::ImageConfig;
pub(crate) use platform::NOT_LINUX;
pub use platform::{Platform, PlatformError};
pub use reference::{Reference, ReferenceError};
