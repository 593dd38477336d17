//! `imagespec tag`.

use clap::Args;

use crate::cli::names::{ImageArguments, print_name};
use crate::text::Failure;

#[derive(Debug, Args)]
pub(crate) struct TagArguments {
    #[command(flatten)]
    image: ImageArguments,
}

impl TagArguments {
    pub(crate) fn json(&self) -> bool {
        self.image.naming.json
    }
}

/// Prints the tag.
pub(crate) fn run(arguments: &TagArguments) -> Result<u8, Failure> {
    print_name(&arguments.image, |identity| &identity.tag)
}
