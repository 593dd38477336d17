//! What flytekit does, to the byte: the fields of its `ImageSpec`, what its constructor checks, its tag.

mod field;
mod fields;
mod release;
mod tag;

pub(crate) use field::{CHECKED_LISTS, FLYTEKIT_FIELDS, Field, Kind, is_flytekits};
pub(crate) use fields::registry_is_valid;
pub use fields::{ConstructError, Fields, Host};
pub use release::Release;
pub(crate) use tag::tag_format;
pub use tag::{Tag, TagError, tag, tasks};
