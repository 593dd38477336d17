//! Whether what a spec names is in the build context: a look at it, and a judgement on what was seen.

use crate::files::MAX_REQUIREMENTS;
use crate::frontend::files::Files;
use crate::frontend::gateway::{CallError, Client, Solved};
use crate::image_spec::{BaseImage, CREDENTIAL_HELP, ImageSpec, TextValue};
use crate::text::{Diagnostic, Failure, ProblemKind, context_path, has_credential};

/// What a path of the spec is for, which decides what has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// `copy`: a file or a directory.
    Copy,
    /// `source_root`: a directory.
    Source,
    /// `requirements`, and the files that such files name: a text.
    Requirements,
}

impl Wanted {
    /// The field that paths for it stand in.
    fn field(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Source => "source_root",
            Self::Requirements => "requirements",
        }
    }
}

/// What there is at a path.
#[derive(Debug)]
pub(super) enum AtPath {
    Nothing,
    Directory,
    File,
    /// A file that was read, as [`Wanted::Requirements`] are.
    Content(Vec<u8>),
    TooLarge,
    Unreadable(Diagnostic),
}

/// Looks at a path of a tree.
pub(super) async fn look(client: &Client, tree: &Solved, wanted: Wanted, path: &str) -> AtPath {
    let name = context_path(path);
    if name.is_empty() && wanted != Wanted::Requirements {
        return AtPath::Directory;
    }
    match client.stat(tree, &name).await {
        Ok(None) => return AtPath::Nothing,
        Ok(Some(stat)) if stat.mode & (1 << 31) != 0 => return AtPath::Directory,
        Ok(Some(_)) if wanted != Wanted::Requirements => return AtPath::File,
        Ok(Some(_)) => {}
        Err(error) => return AtPath::Unreadable(unsent(error)),
    }
    match client.read(tree, &name, MAX_REQUIREMENTS).await {
        Ok(Some(content)) => AtPath::Content(content),
        Ok(None) => AtPath::TooLarge,
        Err(error) => AtPath::Unreadable(error.into()),
    }
}

/// Whether what was seen at a path is what is wanted; the text of a requirements file.
pub(super) fn judge(wanted: Wanted, path: &TextValue, seen: AtPath) -> Result<Option<String>, Diagnostic> {
    let shown = format!("`{}: {}`", wanted.field(), path.value);
    let problem = |rule, message: String, help: &str| Diagnostic::build_error(rule, message).at(path.span).help(help);
    let content = match (seen, wanted) {
        (AtPath::Unreadable(cause), _) => {
            let help = "check the file and its permissions";
            let problem = problem("unreadable-file", format!("{shown} cannot be read"), help);
            return Err(problem.kind(cause.kind).because(cause));
        }
        (AtPath::Nothing, _) => {
            let help = if path.value.contains(['*', '?']) {
                "patterns are not supported: name each file, or a directory"
            } else {
                "paths are relative to the build context, and what .dockerignore names is not in it"
            };
            let problem = problem("missing-file", format!("{shown} is not in the build context"), help);
            return Err(problem.kind(ProblemKind::Missing));
        }
        (AtPath::File, Wanted::Source) => {
            return Err(problem(
                "not-a-directory",
                format!("{shown} is a file"),
                "name the directory",
            ));
        }
        (AtPath::Directory, Wanted::Requirements) => {
            return Err(problem(
                "not-a-file",
                format!("{shown} is a directory"),
                "name the file",
            ));
        }
        (AtPath::TooLarge, _) => {
            let message = format!("{shown} has more than {MAX_REQUIREMENTS} bytes");
            return Err(problem("file-too-large", message, "split it"));
        }
        (AtPath::File | AtPath::Directory, _) => return Ok(None),
        (AtPath::Content(content), _) => content,
    };
    let text = String::from_utf8(content).map_err(|error| {
        problem("not-utf8", format!("{shown} is not UTF-8 text"), "save it as UTF-8").caused_by(error)
    })?;
    if let Some(line) = text.lines().position(has_credential) {
        let message = format!("line {} of {shown} has a credential in its URL", line + 1);
        let help = format!("take it out and {CREDENTIAL_HELP}");
        return Err(problem("credential-in-requirements", message, &help));
    }
    Ok(Some(text.trim_start_matches('\u{feff}').to_owned()))
}

/// BuildKit's own words for a file name that it cannot send are of no help.
pub(super) fn unsent(error: CallError) -> Diagnostic {
    if error.kind != ProblemKind::FileName {
        return error.into();
    }
    let message = "a file in the build context has a name that is not UTF-8, which BuildKit cannot send";
    Diagnostic::error("file-name", message)
        .kind(ProblemKind::FileName)
        .because(error)
        .help("rename it, or leave it out with .dockerignore")
}

/// Checks that the files of a spec are there, and gives the content of each requirements file by its path.
pub(super) async fn check(client: &Client, files: &Files, spec: &ImageSpec) -> Result<Vec<(String, String)>, Failure> {
    let Some(tree) = files.tree() else {
        return Ok(Vec::new());
    };
    let solved = client.solve(Some(tree)).await?;
    let mut problems = Vec::new();
    let mut requirements = Vec::new();
    for (wanted, path) in wanted_paths(spec) {
        let seen = look(client, &solved, wanted, &path.value).await;
        match judge(wanted, path, seen) {
            Ok(text) => requirements.extend(text.map(|text| (path.value.clone(), text))),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(requirements)
    } else {
        Err(problems.into())
    }
}

/// All paths that a spec and those below it name themselves, the innermost first.
pub(super) fn wanted_paths(spec: &ImageSpec) -> Vec<(Wanted, &TextValue)> {
    let mut wanted = match &spec.base_image {
        Some(BaseImage::Spec(nested)) => wanted_paths(&nested.value),
        _ => Vec::new(),
    };
    wanted.extend(spec.requirements.iter().map(|path| (Wanted::Requirements, path)));
    wanted.extend(
        spec.copy
            .iter()
            .flat_map(|list| &list.value)
            .map(|path| (Wanted::Copy, path)),
    );
    wanted.extend(spec.copied_source().map(|path| (Wanted::Source, path)));
    wanted
}
