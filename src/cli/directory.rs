//! A directory that builds by itself: a Dockerfile with all that it takes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::cli::disk::cannot;
use crate::cli::project::Project;
use crate::files::{Context, copy_exactly, settle};
use crate::plan::{CopyFiles, CopySource, FIXED_TIME, Modes};
use crate::text::{Diagnostic, Failure};
use crate::write::Dockerfile;

/// What no build of the directory copies.
const IGNORED: &str = "Dockerfile\n.dockerignore\n";
/// What such a directory has.
const OURS: [&str; 5] = ["Dockerfile", ".dockerignore", "scripts", "steps", "files"];

/// Writes a Dockerfile with all that it takes, with files that have the modes and times of the image.
pub(super) fn write_directory(directory: &Path, written: &Dockerfile, project: &Project) -> Result<(), Failure> {
    refuse_inside(directory, written, &project.context()?)?;
    refuse_theirs(directory)?;
    clear(directory)?;
    fill(directory, written, project, true)?;
    match special_modes(directory, written).as_slice() {
        [] => Ok(()),
        [first, ..] => {
            let problem = Diagnostic::build_error("special-mode", lost_mode(first));
            Err(problem
                .help("say its mode in the spec: copy: [{src: PATH, mode: \"4755\"}]")
                .into())
        }
    }
}

/// The files that are to keep their modes, and have one that buildah does not take from a context (containers/buildah#574).
fn special_modes(directory: &Path, written: &Dockerfile) -> Vec<String> {
    let mut found = Vec::new();
    for (place, files) in written.context.iter().filter(|(_, files)| files.modes == Modes::Keep) {
        let top = directory.join(place);
        let mut rest = vec![top.clone()];
        while let Some(path) = rest.pop() {
            let Ok(status) = fs::symlink_metadata(&path) else {
                continue;
            };
            if status.is_dir() {
                rest.extend(
                    fs::read_dir(&path)
                        .into_iter()
                        .flatten()
                        .flatten()
                        .map(|entry| entry.path()),
                );
            }
            if !status.is_symlink() && status.permissions().mode() & 0o6000 != 0 {
                let mut name = Path::new(&files.source).to_owned();
                // The path of a file is empty in itself.
                name.extend(path.strip_prefix(&top).unwrap_or(&path).components());
                found.push(name.display().to_string());
            }
        }
    }
    found.sort();
    found
}

fn lost_mode(path: &str) -> String {
    format!("{path} is setuid or setgid and is to keep its mode, which podman and buildah do not take from a context")
}

/// Writes all that a Dockerfile takes, and it last.
fn fill(directory: &Path, written: &Dockerfile, project: &Project, is_exact: bool) -> Result<(), Failure> {
    let context = &project.context()?;
    fs::create_dir_all(directory).map_err(|error| cannot("write", directory, error))?;
    let own_place = real_place(directory).unwrap_or_default();
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
            copy_exactly(context, source, exclude, target, &own_place)
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

/// Writes a directory for somebody to keep: what was there stays until the new one is whole.
/// Returns what some engines would not do as it is written.
pub(super) fn replace_directory(
    directory: &Path,
    written: &Dockerfile,
    project: &Project,
) -> Result<Vec<Diagnostic>, Failure> {
    refuse_inside(directory, written, &project.context()?)?;
    refuse_theirs(directory)?;
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|error| cannot("write", parent, error))?;
    let new = tempfile::Builder::new()
        .prefix(".imagespec-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(parent)
        .map_err(|error| cannot("write", directory, error))?;
    fill(new.path(), written, project, false)?;
    let warning = |path: &String| Diagnostic::warning("special-mode", lost_mode(path));
    let warnings = special_modes(new.path(), written).iter().map(warning).collect();
    clear(directory)?;
    // Where there was one it is empty, and is replaced.
    fs::rename(new.path(), directory).map_err(|error| cannot("write", directory, error))?;
    Ok(warnings)
}

/// Where a path leads, though it need not be there yet.
fn real_place(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let there = path.ancestors().find(|ancestor| ancestor.exists())?;
    Some(there.canonicalize().ok()?.join(path.strip_prefix(there).ok()?))
}

/// Lets whoever owns directories remove what is in them.
pub(super) fn make_writable(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            // One that cannot be changed cannot be removed either.
            drop(fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o755)));
            make_writable(&entry.path());
        }
    }
}

/// Refuses a directory that lies in what is copied into it.
fn refuse_inside(directory: &Path, written: &Dockerfile, context: &Context) -> Result<(), Diagnostic> {
    let Some(directory) = real_place(directory) else {
        return Ok(());
    };
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

/// The names in a directory; none if it is not there.
fn names(directory: &Path) -> Result<Vec<String>, Diagnostic> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot("read", directory, error)),
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
}

/// Refuses a directory that has something that is not ours.
fn refuse_theirs(directory: &Path) -> Result<(), Diagnostic> {
    let names = names(directory)?;
    let message = match names.iter().find(|name| !OURS.contains(&name.as_str())) {
        Some(other) => format!("{} has something that is not ours: {other}", directory.display()),
        None if !names.is_empty() && !is_ours(directory) => {
            let directory = directory.display();
            format!("the Dockerfile in {directory} is not one that imagespec wrote")
        }
        None => return Ok(()),
    };
    Err(Diagnostic::error("not-empty", message).help("name a directory that is empty or not there"))
}

/// Takes away what was written before.
fn clear(directory: &Path) -> Result<(), Diagnostic> {
    make_writable(directory);
    for name in names(directory)? {
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
