//! A directory that builds by itself: a Dockerfile with all that it takes.

use std::fs;
use std::path::Path;

use crate::cli::disk::cannot;
use crate::cli::project::Project;
use crate::files::{Context, copy_exactly, settle};
use crate::plan::{CopyFiles, CopySource, FIXED_TIME};
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
    let context = &project.context()?;
    refuse_inside(directory, written, context)?;
    clear(directory)?;
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

/// Refuses a directory that lies in what is copied into it.
fn refuse_inside(directory: &Path, written: &Dockerfile, context: &Context) -> Result<(), Diagnostic> {
    // It need not be there yet.
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new(".")).canonicalize();
    let (Ok(parent), Some(name)) = (parent, directory.file_name()) else {
        return Ok(());
    };
    let directory = parent.join(name);
    let holds = |files: &CopyFiles| {
        let links = files.links.iter().map(|link| &link.source);
        let mut sources = std::iter::once(&files.source).chain(links);
        sources.any(|source| directory.starts_with(context.place(source)))
    };
    let Some(files) = written.context.values().find(|files| holds(files)) else {
        return Ok(());
    };
    if context.leaves_out(&directory) {
        return Ok(());
    }
    let message = format!(
        "{} lies in `{}`, which is copied into it",
        directory.display(),
        files.source
    );
    Err(Diagnostic::error("output", message).help("name a directory elsewhere, or put it into .dockerignore"))
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
