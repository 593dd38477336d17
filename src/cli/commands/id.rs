//! `imagespec id`.

use clap::Args;

use crate::cli::names::{ImageArguments, print_id};
use crate::text::Failure;

#[derive(Debug, Args)]
pub(crate) struct IdArguments {
    #[command(flatten)]
    image: ImageArguments,
}

impl IdArguments {
    pub(crate) fn json(&self) -> bool {
        self.image.naming.json
    }
}

/// Prints flytekit's id.
pub(crate) fn run(arguments: &IdArguments) -> Result<u8, Failure> {
    print_id(&arguments.image)
}
