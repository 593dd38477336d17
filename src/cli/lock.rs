use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::project::spec_file;
use crate::cli::{DONE, Failure, LockArguments, out};
use crate::engine::{self, LockRequest};

const NAME: &str = "pylock.toml";

/// Writes the lock beside the spec, or where the user says.
pub(super) fn write(arguments: &LockArguments) -> Result<u8, Failure> {
    let file = spec_file(arguments.file.as_deref(), &arguments.context)?;
    let is_piped = file == Path::new("-");
    let target = match &arguments.output {
        Some(output) => output.clone(),
        None if is_piped => {
            let message = "a spec from standard input has no directory\n    help: name the lock's file with -o FILE";
            return Err(Failure::Other(message.into()));
        }
        None => beside(&file),
    };
    // Whatever happens on the way, the old lock stays until the new one is whole.
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory
        .unwrap_or_else(|| Path::new("."))
        .join(format!(".{NAME}.{}", std::process::id()));
    let made = make(arguments, &file, &directory, &target);
    drop(std::fs::remove_dir_all(&directory));
    let packages = made?;
    if arguments.json {
        let path = target.display().to_string();
        out(&format!(
            "{}\n",
            json!({"version": 1, "lock": path, "packages": packages})
        ));
    } else {
        out(&format!("{packages} packages locked in {}\n", target.display()));
    }
    Ok(DONE)
}

/// Makes the lock and gives the number of its packages.
fn make(arguments: &LockArguments, file: &Path, directory: &Path, target: &Path) -> Result<usize, Failure> {
    let cannot =
        |what: &Path, error: std::io::Error| Failure::Other(format!("cannot write {}: {error}", what.display()));
    std::fs::create_dir_all(directory).map_err(|error| cannot(directory, error))?;
    let request = LockRequest {
        file,
        context: &arguments.context,
        frontend: arguments.frontend.as_deref(),
        upgrade: arguments.upgrade,
        output: directory,
        arguments: &arguments.docker,
    };
    engine::lock(&request).map_err(|error| Failure::Other(error.to_string()))?;
    let made = directory.join(NAME);
    let text = std::fs::read_to_string(&made).map_err(|_| {
        Failure::Other("docker wrote no pylock.toml: the spec names a lock of its own, or several platforms\n    help: lock a project with its own tool, such as `uv lock`; name one platform with `-- --platform linux/amd64`".into())
    })?;
    std::fs::rename(&made, target).map_err(|error| cannot(target, error))?;
    Ok(text.lines().filter(|line| line.trim() == "[[packages]]").count())
}

fn beside(file: &Path) -> PathBuf {
    file.parent().unwrap_or_else(|| Path::new("")).join(NAME)
}
