//! `imagespec name`.

use clap::Args;

use crate::cli::names::{ImageArguments, print_name};
use crate::text::Failure;

#[derive(Debug, Args)]
pub(crate) struct NameArguments {
    #[command(flatten)]
    image: ImageArguments,
}

impl NameArguments {
    pub(crate) fn json(&self) -> bool {
        self.image.naming.json
    }
}

/// Prints registry, name and tag.
pub(crate) fn run(arguments: &NameArguments) -> Result<u8, Failure> {
    print_name(&arguments.image, |identity| &identity.image_name)
}
