//! A YAML text to a typed spec with every problem found on the way, each with its place.
//!
//! There are two levels. What stops [`Operation::Naming`](crate::text::Operation) is what flytekit itself would refuse;
//! without such errors a spec has a name. What stops `Operation::Building` keeps an image from being made.

mod algorithm;
mod check;
mod check_packages;
mod choice;
mod field;
mod file_names;
mod model;
mod parse;
mod read;
mod secret;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub(crate) use field::OWN_FIELDS;
pub use file_names::{DEFAULT_NAMES, LOCK_NAME};
pub use model::{BaseImage, ImageSpec, Layering, Profile, SecretMount, SourceCopyMode, TextList, TextMap, TextValue};
pub use parse::{Parsed, parse};
pub(crate) use secret::CREDENTIAL_HELP;
