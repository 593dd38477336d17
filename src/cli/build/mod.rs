//! What `imagespec build` is made of.

pub(super) mod arguments;
pub(super) mod dockerfiles;
pub(super) mod engine;
pub(super) mod existence;
pub(super) mod flytekit;
pub(super) mod kept;
pub(super) mod pushed;
pub(super) mod request;
pub(super) mod secrets;
pub(super) mod summary;
pub(super) mod whole_files;
pub(super) mod work;
