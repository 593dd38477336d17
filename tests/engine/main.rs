//! Builds on a real Docker Engine, and looks at what came of it.
//!
//! The test bed (`tests/bed`) is used when it is up and brought up when it is not.

mod bed;
mod builds;
mod caching;
mod errors;
mod secrets;
mod tree;
