//! Files that a build writes: they get their names when they are whole.

use std::path::{Path, PathBuf};

use crate::cli::disk::cannot;
use crate::engine::{BuildOption, BuildRequest};
use crate::text::Diagnostic;

/// Exporters that write one file.
const OF_ONE_FILE: [&str; 3] = ["oci", "docker", "tar"];

/// Files under other names, until they are whole. What is left of them goes with this.
pub(crate) struct WholeFiles(Vec<Written>);

struct Written {
    /// Where the engine writes.
    partial: PathBuf,
    wanted: PathBuf,
}

impl WholeFiles {
    /// Lets a build write next to the files that it is to write.
    pub(crate) fn of(request: &mut BuildRequest) -> Self {
        let mut all = Vec::new();
        for (option, value) in &mut request.options {
            match option {
                BuildOption::IidFile => {
                    let written = Written::of(value);
                    *value = written.partial.display().to_string();
                    all.push(written);
                }
                BuildOption::Output => all.extend(redirected(value)),
                _ => {}
            }
        }
        Self(all)
    }

    /// Gives them their names.
    ///
    /// # Errors
    /// When one cannot be renamed.
    pub(crate) fn finish(mut self) -> Result<(), Diagnostic> {
        for written in std::mem::take(&mut self.0) {
            // An engine need not write what it was asked for.
            if written.partial.is_file() {
                std::fs::rename(&written.partial, &written.wanted)
                    .map_err(|error| cannot("write", &written.wanted, error))?;
            }
        }
        Ok(())
    }
}

impl Drop for WholeFiles {
    fn drop(&mut self) {
        for written in &self.0 {
            // It is gone if nothing was written.
            drop(std::fs::remove_file(&written.partial));
        }
    }
}

impl Written {
    fn of(path: &str) -> Self {
        let wanted = Path::new(path).to_owned();
        let name = wanted.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self {
            partial: wanted.with_file_name(format!(".{name}.{}.partial", std::process::id())),
            wanted,
        }
    }
}

/// Another place for the file of an output, if it writes one.
fn redirected(output: &mut String) -> Option<Written> {
    let fields: Vec<&str> = output.split(',').collect();
    let value = |name: &str| {
        fields
            .iter()
            .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    };
    let is_one = value("type").is_some_and(|kind| OF_ONE_FILE.contains(&kind)) && value("tar") != Some("false");
    let path = value("dest")
        .filter(|path| is_one && *path != "-" && !Path::new(path).is_dir())?
        .to_owned();
    let written = Written::of(&path);
    let dest = format!("dest={path}");
    let partial = format!("dest={}", written.partial.display());
    let fields: Vec<&str> = fields
        .into_iter()
        .map(|field| if field == dest { &partial } else { field })
        .collect();
    *output = fields.join(",");
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gets_its_name_when_it_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let wanted = directory.path().join("image.tar");
        let request = || BuildRequest {
            options: vec![(
                BuildOption::Output,
                format!("type=oci,dest={},name=x", wanted.display()),
            )],
            ..BuildRequest::default()
        };
        let written = |request: &BuildRequest| {
            let output = request.values(BuildOption::Output).next().unwrap();
            assert!(
                output.starts_with("type=oci,dest=") && output.ends_with(".partial,name=x"),
                "{output}"
            );
            let (_, rest) = output.split_once("dest=").unwrap();
            PathBuf::from(rest.split(',').next().unwrap())
        };
        let mut asked = request();
        let files = WholeFiles::of(&mut asked);
        let partial = written(&asked);
        std::fs::write(&partial, "half").unwrap();
        drop(files);
        assert!(!partial.exists() && !wanted.exists());
        let mut asked = request();
        let files = WholeFiles::of(&mut asked);
        std::fs::write(written(&asked), "whole").unwrap();
        files.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&wanted).unwrap(), "whole");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn other_outputs_stay() {
        for output in [
            "-",
            "out",
            "type=local,dest=out",
            "type=tar,dest=-",
            "type=oci,tar=false,dest=out",
            "type=image,push=true",
        ] {
            let mut request = BuildRequest {
                options: vec![(BuildOption::Output, output.to_owned())],
                ..BuildRequest::default()
            };
            let files = WholeFiles::of(&mut request);
            assert_eq!(request.values(BuildOption::Output).next(), Some(output));
            assert!(files.0.is_empty());
        }
    }
}
