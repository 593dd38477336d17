//! `imagespec context`.

use std::fs;
use std::io::BufWriter;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::cli::archive::{Added, Entries, Format, Kept, Ours, PARTIAL, Packed, pack};
use crate::cli::build::summary::bytes;
use crate::cli::disk::cannot;
use crate::cli::ignore_file::{IgnoreFile, beside};
use crate::cli::output::{DONE, err, out, raw_out};
use crate::cli::project::{context_directory, spec_file};
use crate::files::literal_pattern;
use crate::text::{Diagnostic, Failure};

/// The size from which on somebody should know, in bytes.
const LARGE: u64 = 50 * 1024 * 1024;
/// How many paths of a large archive are named.
const LARGEST: usize = 10;

#[derive(Debug, Args)]
pub(crate) struct ContextArguments {
    /// The spec that the context is for, of which only the name counts: `FILE.dockerignore` is its ignore file.
    /// `imageSpec.yaml` or `imagespec.yaml` in CONTEXT by default, if one is there.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The directory to archive.
    #[arg(default_value = ".")]
    context: PathBuf,
    /// Where to write the archive, `-` for standard output; by default `SHA-1.FORMAT` in this directory.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The form of the archive; by default what the name after -o ends with, else tar.gz.
    #[arg(long)]
    format: Option<Format>,
    /// Another ignore file, in Docker's syntax, instead of the one that a build takes.
    #[arg(long, value_name = "FILE")]
    ignore_file: Option<PathBuf>,
    /// Put another file or directory into the archive, at a path in it. Files of the context that have this path are
    /// replaced, and nothing of it is ignored.
    #[arg(long, value_name = "SOURCE=DESTINATION", value_parser = added)]
    add: Vec<Added>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn added(text: &str) -> Result<Added, String> {
    Added::parse(text, |path| Path::new(path).exists())
}

impl ContextArguments {
    /// Whether errors are told as JSON: not where the archive is on standard output.
    pub(crate) fn json(&self) -> bool {
        self.json && !self.goes_to_stdout()
    }

    fn goes_to_stdout(&self) -> bool {
        self.output.as_deref() == Some(Path::new("-"))
    }

    fn format(&self) -> Format {
        let of_name = || Format::of_name(&self.output.as_deref()?.file_name()?.to_string_lossy());
        self.format.or_else(of_name).unwrap_or_default()
    }
}

/// Writes the build context as an archive.
pub(crate) fn run(arguments: &ContextArguments) -> Result<u8, Failure> {
    let context = context_directory(&arguments.context)?;
    let spec = spec_file(arguments.file.as_deref(), &arguments.context).ok();
    let ignore_file = match &arguments.ignore_file {
        Some(path) => IgnoreFile::named(path)?,
        None => IgnoreFile::of_build(spec.as_deref().map(beside).as_deref(), &context)?,
    };
    let exceptions = always_kept(spec.as_deref(), &context);
    let patterns = ignore_file.patterns(&exceptions)?;
    let kept = Kept::new(patterns, ignore_file.lines.iter().chain(&exceptions));
    let place = match arguments.goes_to_stdout() {
        true => None,
        false => Some(Place::new(arguments.output.as_deref(), arguments.format())?),
    };
    let ours = Ours {
        output: place.as_ref().and_then(Place::path),
        directories: [context.clone()].into_iter().chain(std::env::current_dir()).collect(),
    };
    let mut entries = Entries::of_directory(&context, &kept, Some(&ours))?;
    for added in &arguments.add {
        entries.add(added)?;
    }
    let (path, packed) = match &place {
        Some(place) => {
            let (path, packed) = place.write(&entries)?;
            (Some(path), packed)
        }
        None => {
            let name = Path::new("standard output");
            let mut to = BufWriter::new(raw_out());
            (None, pack(&entries, arguments.format(), &mut to, name)?)
        }
    };
    let is_ignoring = !ignore_file.lines.is_empty();
    let warnings: Vec<Diagnostic> = large_context(&packed, is_ignoring).into_iter().collect();
    tell(arguments, path.as_deref(), &packed, &warnings);
    Ok(DONE)
}

/// Exceptions for what Docker's clients send though it is ignored: the ignore file, the Dockerfile, and the file that `-f`
/// of a build names.
fn always_kept(spec: Option<&Path>, context: &Path) -> Vec<String> {
    let in_context = |spec: &Path| {
        let directory = spec.parent().filter(|directory| !directory.as_os_str().is_empty());
        let directory = directory.unwrap_or_else(|| Path::new(".")).canonicalize().ok()?;
        let path = directory.join(spec.file_name()?);
        Some(path.strip_prefix(context).ok()?.to_str()?.to_owned())
    };
    let names = [".dockerignore".to_owned(), "Dockerfile".to_owned()];
    let names = names.into_iter().chain(spec.and_then(in_context));
    names.map(|name| format!("!{}", literal_pattern(&name))).collect()
}

/// Where an archive is written.
struct Place {
    /// Links resolved.
    directory: PathBuf,
    /// As the user wrote it.
    shown: PathBuf,
    /// The name, unless it is that of the content.
    name: Option<PathBuf>,
    format: Format,
}

impl Place {
    fn new(output: Option<&Path>, format: Format) -> Result<Self, Diagnostic> {
        let name = output.map(|output| output.file_name().map(PathBuf::from).unwrap_or_default());
        let shown = output.and_then(Path::parent).unwrap_or_else(|| Path::new(""));
        let directory = match shown.as_os_str().is_empty() {
            true => Path::new("."),
            false => shown,
        };
        let directory = directory
            .canonicalize()
            .map_err(|error| cannot("write to", directory, error))?;
        // Renaming would replace it, even if it is a device.
        if let Some(output) = output
            && fs::metadata(output).is_ok_and(|metadata| !metadata.is_file())
        {
            let problem = Diagnostic::error("output", format!("{} is not a file", output.display()));
            return Err(problem.help("name a file, or `-` for standard output"));
        }
        Ok(Self {
            directory,
            shown: shown.to_owned(),
            name,
            format,
        })
    }

    /// The file that is written, if its name is known before.
    fn path(&self) -> Option<PathBuf> {
        Some(self.directory.join(self.name.as_ref()?))
    }

    /// Writes an archive, which gets its name when it is whole.
    fn write(&self, entries: &Entries) -> Result<(PathBuf, Packed), Diagnostic> {
        let unwritable = |path: &Path, error| cannot("write", path, error);
        let told = self
            .shown
            .join(self.name.as_deref().unwrap_or(Path::new("the archive")));
        let mut partial = self.partial().map_err(|error| unwritable(&told, error))?;
        let mut to = BufWriter::new(partial.as_file_mut());
        let packed = pack(entries, self.format, &mut to, &told)?;
        drop(to);
        let of_content = || PathBuf::from(format!("{}.{}", packed.sha1, self.format.ending()));
        let name = self.name.clone().unwrap_or_else(of_content);
        let shown = self.shown.join(&name);
        partial
            .persist(self.directory.join(&name))
            .map_err(|error| unwritable(&shown, error.error))?;
        Ok((shown, packed))
    }

    /// A file beside the one that is wanted. As with any other new file, the umask decides who may read it.
    fn partial(&self) -> std::io::Result<NamedTempFile> {
        tempfile::Builder::new()
            .prefix(PARTIAL)
            .permissions(fs::Permissions::from_mode(0o666))
            .tempfile_in(&self.directory)
    }
}

/// A warning where much is archived and nobody said what to leave out.
fn large_context(packed: &Packed, is_ignoring: bool) -> Option<Diagnostic> {
    if packed.size <= LARGE || is_ignoring {
        return None;
    }
    let message = format!(
        "the archive has {}, and no ignore file leaves anything out",
        bytes(packed.size)
    );
    let largest: Vec<String> = packed
        .sizes
        .iter()
        .take(LARGEST)
        .map(|(size, path)| format!("{path} ({})", bytes(*size)))
        .collect();
    let help = format!(
        "name what no build needs in a .dockerignore in the context. The largest are {}",
        largest.join(", ")
    );
    Some(Diagnostic::warning("large-context", message).help(help))
}

fn tell(arguments: &ContextArguments, path: Option<&Path>, packed: &Packed, warnings: &[Diagnostic]) {
    let say = if path.is_some() { out } else { err };
    if arguments.json {
        let warnings: Vec<Value> = warnings.iter().map(|warning| warning.json(None)).collect();
        let told = json!({
            "version": 1,
            "path": path.map(Path::to_string_lossy),
            "format": arguments.format().ending(),
            "sha1": packed.sha1,
            "sha256": packed.sha256,
            "size": packed.size,
            "files": packed.files,
            "warnings": warnings,
        });
        return say(&format!("{told}\n"));
    }
    for warning in warnings {
        err(&format!("{}\n\n", warning.snippet(None)));
    }
    let name = path.map_or_else(|| "standard output".to_owned(), |path| path.display().to_string());
    let noun = if packed.files == 1 { "file" } else { "files" };
    say(&format!(
        "wrote {name}: {} {noun}, {}, sha1 {}, sha256 {}\n",
        packed.files,
        bytes(packed.size),
        packed.sha1,
        packed.sha256
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_archives_name_their_largest_files() {
        let packed = |size: u64| Packed {
            sha1: String::new(),
            sha256: String::new(),
            size,
            files: 12,
            sizes: (0..12).map(|n| ((12 - n) * 1_000_000, format!("f{n}"))).collect(),
        };
        assert_eq!(large_context(&packed(LARGE), false), None);
        assert_eq!(large_context(&packed(LARGE + 1), true), None);
        let warning = large_context(&packed(LARGE + 1), false).unwrap();
        assert_eq!(warning.rule, "large-context");
        assert_eq!(
            warning.message,
            "the archive has 52.4 MB, and no ignore file leaves anything out"
        );
        let help = warning.help.unwrap();
        assert!(
            help.contains(".dockerignore") && help.contains("f0 (12.0 MB), f1 (11.0 MB)"),
            "{help}"
        );
        assert!(help.ends_with("f9 (3.0 MB)"), "{help}");
    }

    #[test]
    fn what_docker_always_sends_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let context = directory.path().canonicalize().unwrap();
        fs::create_dir(context.join("specs")).unwrap();
        let kept = |spec: Option<&Path>| always_kept(spec, &context);
        assert_eq!(kept(None), ["!.dockerignore", "!Dockerfile"]);
        let spec = context.join("specs/[a].yaml");
        assert_eq!(
            kept(Some(&spec)),
            ["!.dockerignore", "!Dockerfile", "!specs/\\[a\\].yaml"]
        );
        // One elsewhere is not sent.
        assert_eq!(kept(Some(Path::new("/nowhere/a.yaml"))).len(), 2);
        assert_eq!(kept(Some(Path::new("a.yaml"))).len(), 2);
    }
}
