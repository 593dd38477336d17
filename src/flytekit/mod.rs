//! What flytekit does, to the byte: the fields of its `ImageSpec`, what its constructor checks, its tag.

mod field;
mod fields;
mod release;
mod tag;

pub use field::{CHECKED_LISTS, FLYTEKIT_FIELDS, Field, Kind, is_flytekits};
pub(crate) use fields::registry_is_valid;
pub use fields::{ConstructError, Fields, Host};
pub use release::Release;
pub use tag::{Tag, TagError, tag, tag_format, tasks};
