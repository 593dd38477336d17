//! Checks that what a spec names is in the build context, from what was seen there.

use crate::files::{MAX_REQUIREMENTS, Patterns};
use crate::image_spec::{BaseImage, CREDENTIAL_HELP, ImageSpec, TextValue};
use crate::project::alike::{alike, difference};
use crate::project::files::{AtPath, ContextFiles, Wanted};
use crate::text::{Diagnostic, Failure, ProblemKind, context_path, directory_of, file_name, has_credential};

/// Checks what was seen at a path that `by` names; returns the text of a requirements file.
pub(crate) fn judge(by: &str, wanted: Wanted, path: &TextValue, seen: AtPath) -> Result<Option<String>, Diagnostic> {
    let shown = match by == wanted.field() || by == "pip_extra_args" {
        true => format!("`{by}: {}`", path.value),
        false => format!("`{}`, which {by} names,", path.value),
    };
    let problem = |rule, message: String, help: &str| Diagnostic::build_error(rule, message).at(path.span).help(help);
    let content = match (seen, wanted) {
        (AtPath::Unreadable(cause), _) => {
            let help = "check the file and its permissions";
            let problem = problem("unreadable-file", format!("{shown} cannot be read"), help);
            return Err(problem.kind(cause.kind).because(cause));
        }
        (AtPath::Nothing, _) => {
            let help = "paths are relative to the build context, and files that .dockerignore names are not in it";
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
        (AtPath::Directory, Wanted::Requirements | Wanted::Key | Wanted::Package) => {
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
    let is_utf16 = content.contains(&0);
    let text = decoded(content).ok_or_else(|| match is_utf16 {
        true => problem(
            "not-utf8",
            format!("{shown} is not UTF-8 text: it looks like UTF-16"),
            "save it as UTF-8; in PowerShell, `| Out-File -Encoding utf8` instead of `>`",
        ),
        false => problem("not-utf8", format!("{shown} is not UTF-8 text"), "save it as UTF-8"),
    })?;
    if let Some(line) = text.lines().position(has_credential) {
        let message = format!("line {} of {shown} has a credential in its URL", line + 1);
        let help = format!("take it out and {CREDENTIAL_HELP}");
        return Err(problem("credential-in-requirements", message, &help));
    }
    Ok(Some(text.trim_start_matches('\u{feff}').to_owned()))
}

/// The text of a file: UTF-8, or what its byte order mark says, as pip and uv read it.
fn decoded(content: Vec<u8>) -> Option<String> {
    let of_pairs = |content: &[u8], read: fn([u8; 2]) -> u16| {
        let units = content.chunks(2).map(|pair| Some(read(pair.try_into().ok()?)));
        String::from_utf16(&units.collect::<Option<Vec<u16>>>()?).ok()
    };
    match content.as_slice() {
        [0xff, 0xfe, rest @ ..] => of_pairs(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => of_pairs(rest, u16::from_be_bytes),
        content if content.contains(&0) => None,
        _ => String::from_utf8(content).ok(),
    }
}

/// Checks that the files of a spec exist, and returns the content of each requirements file by its path.
pub(crate) async fn check(files: &mut impl ContextFiles, spec: &ImageSpec) -> Result<Vec<(String, String)>, Failure> {
    let mut problems: Vec<Diagnostic> = spec.all().flat_map(wrong_patterns).collect();
    let mut requirements = Vec::new();
    for (wanted, path) in wanted_paths(spec) {
        let seen = files.look(wanted, &path.value).await?;
        match judge(wanted.field(), wanted, &path, seen) {
            Ok(text) => requirements.extend(text.map(|text| (path.value.clone(), text))),
            Err(problem) if problem.kind == ProblemKind::Missing => {
                problems.push(match why_missing(files, &path.value).await? {
                    Some(help) => problem.help(help),
                    None => problem,
                });
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(requirements)
    } else {
        Err(problems.into())
    }
}

/// What `copy` leaves out and nobody could match.
fn wrong_patterns(spec: &ImageSpec) -> impl Iterator<Item = Diagnostic> {
    let patterns = spec.copies().flat_map(|entry| &entry.exclude);
    patterns.filter_map(|pattern| {
        let error = Patterns::docker([pattern.value.as_str()]).err()?;
        let problem = Diagnostic::build_error("pattern", format!("copy: exclude: {error}")).at(pattern.span);
        Some(problem.help("patterns are those of .dockerignore: `**/*.pyc`, `docs`, `!docs/keep.md`"))
    })
}

/// Why a path may be missing: what took it, or what was meant.
async fn why_missing(files: &mut impl ContextFiles, path: &str) -> Result<Option<String>, Failure> {
    let name = context_path(path);
    if let Some(pattern) = files.pattern_of(&name) {
        return Ok(Some(format!("`{pattern}` in the ignore file leaves it out")));
    }
    let names = files.names_like(&name, directory_of(&name)).await?;
    if names.iter().any(|there| there == file_name(&name)) {
        let help = "it is a link, to nothing in the build context: copy what it leads to";
        return Ok(Some(help.to_owned()));
    }
    let has_pattern = path.contains(['*', '?']);
    let alike = if has_pattern {
        Vec::new()
    } else {
        alike(files, &name).await?
    };
    if let Some(found) = alike.first() {
        let parts = name.split('/').zip(found.split('/'));
        let difference = parts.filter_map(|(one, other)| difference(one, other)).next();
        let words = difference.map(|difference| format!(", {}", difference.words()));
        return Ok(Some(format!("there is `{found}`{}", words.unwrap_or_default())));
    }
    let help = match path {
        path if path.contains(['*', '?']) => "patterns are not supported: name each file, or for `copy` a directory",
        path if path.contains('\\') => "write paths with `/`",
        _ => return Ok(None),
    };
    Ok(Some(help.to_owned()))
}

/// All paths that a spec and those below it name, the innermost first.
pub(crate) fn wanted_paths(spec: &ImageSpec) -> Vec<(Wanted, TextValue)> {
    let mut wanted = match &spec.base_image {
        Some(BaseImage::Spec(nested)) => wanted_paths(&nested.value),
        _ => Vec::new(),
    };
    wanted.extend(spec.key_files().cloned().map(|path| (Wanted::Key, path)));
    wanted.extend(spec.package_files().map(|path| (Wanted::Package, path)));
    wanted.extend(
        spec.requirements
            .iter()
            .cloned()
            .map(|path| (Wanted::Requirements, path)),
    );
    wanted.extend(spec.copies().map(|entry| (Wanted::Copy, entry.source.clone())));
    wanted.extend(spec.copied_source().cloned().map(|path| (Wanted::Source, path)));
    wanted
}
