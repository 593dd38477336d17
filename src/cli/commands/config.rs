//! `imagespec config`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::build::arguments::flags_of_environment;
use crate::cli::output::{DONE, err, out};
use crate::cli::settings::{Settings, user_file};
use crate::text::{Failure, redact};

#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    /// The directory whose project is asked for.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl ConfigArguments {
    pub(crate) fn json(&self) -> bool {
        self.json
    }
}

/// Prints each setting and where it comes from.
pub(crate) fn run(arguments: &ConfigArguments) -> Result<u8, Failure> {
    let settings = Settings::load(&arguments.directory)?;
    let own = user_file(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let own = own.map(|path| path.display().to_string());
    if arguments.json {
        let warnings: Vec<_> = settings
            .warnings
            .iter()
            .map(|(text, warning)| warning.json(text))
            .collect();
        let found = json!({"version": 1, "settings": settings.json(), "user_file": own, "warnings": warnings});
        out(&format!("{found}\n"));
        return Ok(DONE);
    }
    for (text, warning) in &settings.warnings {
        err(&format!("{}\n\n", warning.snippet(text)));
    }
    let own = own.as_deref().unwrap_or("none");
    let mut text = format!("# the user's own file: {own}\n");
    if let Some(flags) = flags_of_environment() {
        text.push_str(&format!(
            "# IMAGESPEC_BUILD_FLAGS adds: {}\n",
            redact(&flags.to_string_lossy())
        ));
    }
    text.push_str(&settings.lines());
    out(&text);
    Ok(DONE)
}
