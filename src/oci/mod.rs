//! The words of the Open Container Initiative: what images are called and made for.

mod platform;
mod reference;

pub use platform::{Platform, PlatformError};
pub use reference::{Reference, ReferenceError};
