//! From YAML text to a typed spec, with every problem on the way, each with its place.
//!
//! There are two levels of errors. Those that stop [`Operation::Naming`](crate::text::Operation) are what flytekit
//! itself would refuse; a spec without them has a name. Those that stop `Operation::Building` only keep it from being
//! built.

mod algorithm;
mod check;
mod check_packages;
mod choice;
mod field;
mod file_names;
mod model;
mod parse;
mod ports;
mod read;
mod secret;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub(crate) use field::OWN_FIELDS;
pub use file_names::{DEFAULT_NAMES, LOCK_NAME};
pub use model::{
    BaseImage, FileMode, ImageSpec, Layering, Profile, SecretMount, SourceCopyMode, TextList, TextMap, TextValue,
};
pub use parse::{Parsed, parse};
pub(crate) use secret::CREDENTIAL_HELP;
