//! A directory that builds by itself: a Dockerfile with all that it takes.

use std::fs;
use std::path::Path;

use crate::cli::disk::cannot;
use crate::cli::project::Project;
use crate::files::{copy_exactly, settle};
use crate::plan::{CopySource, FIXED_TIME};
use crate::text::{Diagnostic, Failure};
use crate::write::Dockerfile;

/// What no build of the directory copies.
const IGNORED: &str = "Dockerfile\n.dockerignore\n";
/// What such a directory has.
const OURS: [&str; 5] = ["Dockerfile", ".dockerignore", "scripts", "steps", "files"];

/// Writes a Dockerfile with all that it takes. A directory that has something else is left alone. With `is_exact`, files
/// have the modes and times of the image.
pub(super) fn write_directory(
    directory: &Path,
    written: &Dockerfile,
    project: &Project,
    is_exact: bool,
) -> Result<(), Failure> {
    clear(directory)?;
    let context = &project.context()?;
    let write = |path: &str, text: &str| -> Result<(), Diagnostic> {
        let path = directory.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| cannot("write", parent, error))?;
        }
        fs::write(&path, text).map_err(|error| cannot("write", &path, error))
    };
    for (path, text) in &written.files {
        write(path, text)?;
    }
    for (place, files) in &written.context {
        let copy = |source: &str, exclude: &[String], target: &Path| {
            copy_exactly(context, source, exclude, target)
                .map_err(|error| Diagnostic::error("file-access", error.to_string()).caused_by(error))
        };
        let target = directory.join(place);
        if files.from == CopySource::SpecDirectory {
            write(place, project.sibling_lock().unwrap_or_default())?;
        } else {
            copy(&files.source, &files.exclude, &target)?;
        }
        for link in &files.links {
            copy(&link.source, &link.exclude, &target.join(&link.path))?;
        }
        if is_exact {
            let settled = settle(&target, |mode, kind| files.modes.of(mode, kind), FIXED_TIME);
            settled.map_err(|error| Diagnostic::error("file-access", error.to_string()).caused_by(error))?;
        }
    }
    write(".dockerignore", IGNORED)?;
    write("Dockerfile", &written.text)?;
    Ok(())
}

/// Takes away what was written before.
fn clear(directory: &Path) -> Result<(), Diagnostic> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot("read", directory, error)),
    };
    let names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    if let Some(other) = names.iter().find(|name| !OURS.contains(&name.as_str())) {
        let message = format!("{} has something that is not ours: {other}", directory.display());
        return Err(Diagnostic::error("not-empty", message).help("name a directory that is empty or not there"));
    }
    if !names.is_empty() && !is_ours(directory) {
        let message = format!(
            "the Dockerfile in {} is not one that imagespec wrote",
            directory.display()
        );
        return Err(Diagnostic::error("not-empty", message).help("name a directory that is empty or not there"));
    }
    for name in names {
        let path = directory.join(name);
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        removed.map_err(|error| cannot("replace", &path, error))?;
    }
    Ok(())
}

fn is_ours(directory: &Path) -> bool {
    let text = fs::read_to_string(directory.join("Dockerfile")).unwrap_or_default();
    text.lines().take(3).any(|line| line.contains(", by imagespec "))
}
