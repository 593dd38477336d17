//! Facts about Python that are not about images: the values that PyYAML reads, and their `repr`.

mod repr;
mod template;
mod value;

pub use repr::repr;
pub use template::{TemplateError, check_tag_format};
pub use value::{Value, ValueError, scalar, value};
