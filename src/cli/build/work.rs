//! The files that are made for one build, and go with it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::cli::build::arguments::BuildArguments;
use crate::cli::directory::make_writable;
use crate::cli::disk::{cannot, private_directory};
use crate::cli::project::Project;
use crate::engine::{CONTEXT_PLACE, FRONTEND_PLACE};
use crate::image_spec::DEFAULT_NAMES;
use crate::text::Diagnostic;

/// The directory of Dockerfiles.
const DOCKERFILES: &str = "dockerfiles";

/// What is made for one build.
pub(crate) struct Work {
    /// Gone with this.
    directory: TempDir,
    /// Where the frontend is written.
    pub(crate) frontend: PathBuf,
    /// Where Dockerfiles are written, and what that is called in commands.
    dockerfiles: PathBuf,
    shown_dockerfiles: PathBuf,
    is_kept: bool,
    is_dry: bool,
    /// The spec, if it came from standard input.
    pub(crate) file: Option<PathBuf>,
    /// What the engine says of the result.
    pub(crate) metadata: PathBuf,
}

impl Work {
    pub(crate) fn new(arguments: &BuildArguments, is_piped: bool, project: &Project) -> Result<Self, Diagnostic> {
        let directory = private_directory()?;
        let kept = arguments.dry_run.clone().flatten();
        let place = kept.clone().unwrap_or_else(|| directory.path().to_owned());
        let spec = place.join(DEFAULT_NAMES[0]);
        let is_dry = arguments.dry_run.is_some();
        if is_piped {
            std::fs::create_dir_all(&place).map_err(|error| cannot("write", &place, error))?;
            std::fs::write(&spec, project.text.content()).map_err(|error| cannot("write", &spec, error))?;
        }
        let shown = match (is_dry, &kept) {
            (true, None) => Path::new(CONTEXT_PLACE).join(DEFAULT_NAMES[0]),
            _ => spec,
        };
        let dockerfiles = place.join(DOCKERFILES);
        Ok(Self {
            frontend: place.join("frontend"),
            shown_dockerfiles: match (is_dry, &kept) {
                (true, None) => Path::new(CONTEXT_PLACE).join(DOCKERFILES),
                _ => dockerfiles.clone(),
            },
            dockerfiles,
            metadata: directory.path().join("metadata.json"),
            directory,
            is_kept: kept.is_some(),
            is_dry,
            file: is_piped.then_some(shown),
        })
    }

    /// Where Dockerfiles are written; nowhere if they are only named.
    pub(crate) fn dockerfiles(&self) -> Option<&Path> {
        (!self.is_dry || self.is_kept).then_some(self.dockerfiles.as_path())
    }

    /// What that place is called in commands.
    pub(crate) fn shown_dockerfiles(&self) -> &Path {
        &self.shown_dockerfiles
    }

    pub(crate) fn frontend_place(&self) -> Option<&'static Path> {
        (self.is_dry && !self.is_kept).then_some(Path::new(FRONTEND_PLACE))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // Copies may have directories that nobody may write to, who has to remove them.
        make_writable(self.directory.path());
    }
}
