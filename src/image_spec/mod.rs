//! From YAML text to a typed spec, with every problem on the way, each with its place.
//!
//! There are two levels of errors. Those that stop [`Operation::Naming`](crate::text::Operation) are what flytekit
//! itself would refuse; a spec without them has a name. Those that stop `Operation::Building` only keep it from being
//! built.

mod algorithm;
mod apt_source;
mod check;
mod check_packages;
mod check_secrets;
mod choice;
mod conda_python;
mod copy_entry;
mod derive;
mod extends;
mod field;
mod file_names;
mod keys;
mod model;
mod parse;
mod ports;
mod read;
mod secret;
mod secret_use;
mod types;
mod values;
mod yaml_text;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub(crate) use conda_python::CondaPython;
pub use derive::{Additions, derive};
pub use extends::{Extended, extended};
pub(crate) use field::OWN_FIELDS;
pub use file_names::{DEFAULT_NAMES, LOCK_NAME};
pub use model::{BaseImage, ImageSpec};
pub(crate) use model::{NamedSecret, PACKAGE_FILE};
pub use parse::{Parsed, parse};
pub(crate) use secret::{APT_CREDENTIAL_HELP, CREDENTIAL_HELP};
pub use types::{
    AptKey, AptSource, CopyEntry, FileMode, Layering, Profile, SecretForm, SecretMount, SecretSteps, SecretUse,
    SourceCopyMode, TextList, TextMap, TextValue,
};
