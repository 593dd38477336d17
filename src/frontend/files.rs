//! The files of a spec: asked of the client, looked at, digested.

use std::collections::BTreeSet;

use crate::files::{Answer, Context, Job, MAX_REQUIREMENTS, Patterns, Task, compute, docker_patterns, step};
use crate::frontend::call_error::CallError;
use crate::frontend::client::{Client, Reference};
use crate::frontend::context::{Origin, SpecFile, read_ignore};
use crate::frontend::options::FrontendOptions;
use crate::frontend::requirements;
use crate::image_spec::{BaseImage, CREDENTIAL_HELP, ImageSpec, TextValue};
use crate::llb::{Exec, Local, Metadata, Mount, Network, Output, import};
use crate::name::{Naming, request};
use crate::text::{Diagnostic, Failure, Kind, context_path, has_credential};

/// Answers are lists of digests, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;
/// How often the client is asked for the files that links lead to.
const MAX_ROUNDS: usize = 3;

/// The part of the build context that a spec needs.
pub(super) struct Files {
    /// The tree; `None` when no file is needed.
    pub(super) tree: Option<Output>,
    /// How the client was asked; `None` when the tree is not the client's.
    local: Option<Local>,
}

impl Files {
    /// Asks for paths of the context; the empty path is all of it.
    pub(super) async fn ask(
        client: &Client,
        options: &FrontendOptions,
        file: &SpecFile,
        origin: &Origin,
        paths: BTreeSet<String>,
    ) -> Result<Self, Failure> {
        if paths.is_empty() {
            return Ok(Self {
                tree: None,
                local: None,
            });
        }
        let local = match origin {
            Origin::Tree(tree) => {
                return Ok(Self {
                    tree: Some(tree.clone()),
                    local: None,
                });
            }
            Origin::Local => Local {
                name: "context".into(),
                session: session(options),
                shared_key_hint: "context".into(),
                follow_paths: if paths.contains("") {
                    Vec::new()
                } else {
                    paths.iter().map(|path| literal_pattern(path)).collect()
                },
                exclude_patterns: ignore_patterns(client, options, file).await?,
                ..Local::default()
            },
        };
        Ok(Self {
            tree: Some(local.output(Metadata::named("[internal] load build context"))),
            local: Some(local),
        })
    }

    /// The tree with more paths; `None` when there is nothing more to ask for.
    pub(super) fn with(&self, paths: &[String]) -> Option<Self> {
        let mut local = self.local.clone().filter(|local| !local.follow_paths.is_empty())?;
        let before = local.follow_paths.len();
        for path in paths.iter().map(|path| literal_pattern(path)) {
            if !local.follow_paths.contains(&path) {
                local.follow_paths.push(path);
            }
        }
        (local.follow_paths.len() > before).then(|| Self {
            tree: Some(local.output(Metadata::named("[internal] load files behind links"))),
            local: Some(local),
        })
    }

    /// What the ignore file leaves out.
    pub(super) fn ignored(&self) -> &[String] {
        self.local.as_ref().map_or(&[], |local| &local.exclude_patterns)
    }
}

/// All paths that a spec and the digests of its name need.
pub(super) fn paths(spec: &ImageSpec, tasks: &[Task]) -> BTreeSet<String> {
    let mut wanted = Vec::new();
    paths_of(spec, &mut wanted);
    let mut paths = paths_of_tasks(tasks);
    paths.extend(wanted.iter().map(|(_, path)| context_path(&path.value)));
    paths.extend(spec.all().flat_map(requirements::first_paths));
    paths
}

/// All paths that digests need, inside the context.
pub(super) fn paths_of_tasks(tasks: &[Task]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for task in tasks {
        for path in task.job.paths().filter(|path| is_inside(path)) {
            let path = context_path(path);
            if task.job.obeys_ignore_files() {
                let parents = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
                paths.extend(parents.map(|parent| format!("{parent}/.gitignore")));
                paths.insert(".gitignore".into());
            }
            paths.insert(path);
        }
    }
    paths
}

/// Whether a path of a spec stays in the context.
fn is_inside(path: &str) -> bool {
    !path.starts_with('/') && !path.split('/').any(|part| part == "..")
}

/// Computes digests: this program runs as a step over the files, so that nothing but digests comes back.
pub(super) async fn digests(
    client: &Client,
    options: &FrontendOptions,
    files: &Files,
    naming: &Naming<'_>,
    tasks: &[Task],
) -> Result<Answer, Failure> {
    let needs_no_file = |job: &Job| matches!(job, Job::Modules { files, .. } if files.is_empty());
    let asked = request(tasks);
    if tasks.iter().all(|task| needs_no_file(&task.job)) {
        return Ok(compute(&asked, &Context::new("/", Patterns::default()), &|_| None));
    }
    let outside = tasks.iter().flat_map(|task| {
        let paths = task.job.paths().filter(|path| !is_inside(path));
        paths.map(|path| {
            let message = format!("`{path}` is outside of the build context, where its digest cannot be computed");
            Diagnostic::error("context-path", message)
                .at(naming.span(task))
                .help("name a path in the context, or use `imagespec tag` on your machine")
        })
    });
    let outside: Vec<Diagnostic> = outside.collect();
    if !outside.is_empty() {
        return Err(outside.into());
    }
    let Some(program) = &options.program else {
        let message = "this engine does not tell frontends where their own image is (BuildKit 0.10 and later do), so the digests of the spec's files cannot be computed: update Docker or BuildKit, or use `imagespec tag`";
        return Err(Diagnostic::error("engine-capability", message)
            .kind(Kind::Unsupported)
            .into());
    };
    let root = import(
        &program.definition,
        "[tag] load imagespec",
        &["source.image", "source.ocilayout"],
    )
    .map_err(|error| Diagnostic::internal("the frontend's own image cannot be used").because(error))?;
    let mut fields: Vec<&str> = tasks.iter().map(|task| task.field).collect();
    fields.dedup();
    let title = format!("[tag] compute digests of {}", fields.join(", "));
    let mut extended: Option<Files> = None;
    let mut round = 1;
    loop {
        let tree = extended.as_ref().unwrap_or(files);
        let answer = digest_step(client, options, &program.path, &root, tree, &asked, &title).await?;
        match tree.with(&answer.missing).filter(|_| round < MAX_ROUNDS) {
            Some(more) => extended = Some(more),
            None => return Ok(answer),
        }
        round += 1;
    }
}

async fn digest_step(
    client: &Client,
    options: &FrontendOptions,
    program: &str,
    root: &Output,
    files: &Files,
    request: &crate::files::Request,
    title: &str,
) -> Result<Answer, Failure> {
    let mounts = files.tree.iter().map(|tree| Mount::read_only(step::CONTEXT, tree, ""));
    let exec = Exec {
        args: std::iter::once(program.to_owned())
            .chain(step::arguments(request))
            .collect(),
        cwd: "/".into(),
        mounts: mounts.collect(),
        network: Network::None,
        ..Exec::default()
    };
    let output = exec.run(Some(root), &options.worker, Metadata::named(title));
    let solved = client.solve(Some(&output)).await?;
    let answer = client.read(&solved, step::ANSWER, MAX_ANSWER).await.map_err(unsent)?;
    let answer = answer.ok_or_else(|| Diagnostic::internal("the digests of the spec's files are too long"))?;
    Ok(
        step::read_answer(&answer)
            .map_err(|error| Diagnostic::internal("the digests cannot be read").because(error))?,
    )
}

/// BuildKit's own words for a file name that it cannot send are of no help.
fn unsent(error: CallError) -> Diagnostic {
    if error.kind != Kind::FileName {
        return error.into();
    }
    let message = "a file in the build context has a name that is not UTF-8, which BuildKit cannot send";
    Diagnostic::error("file-name", message)
        .kind(Kind::FileName)
        .because(error)
        .help("rename it, or leave it out with .dockerignore")
}

/// Which of the ignore file's patterns may leave out files that flytekit's tag counts.
pub(super) fn left_out<'a>(files: &'a Files, task: &Task) -> Option<&'a str> {
    // What flytekit leaves out as well.
    let standard = [
        "**/__pycache__",
        "__pycache__",
        "**/*.pyc",
        "*.pyc",
        "**/.git",
        ".git",
        ".cache",
    ];
    let may_match = |pattern: &str, path: &str| {
        let path = context_path(path);
        let pairs = pattern.split('/').zip(path.split('/').filter(|part| !part.is_empty()));
        pairs
            .take_while(|(a, _)| !a.contains("**"))
            .all(|(a, b)| a == b || a.contains(['*', '?', '[', '\\']))
    };
    files
        .ignored()
        .iter()
        .map(String::as_str)
        .filter(|pattern| !pattern.starts_with('!'))
        .filter(|pattern| !(task.job.obeys_ignore_files() && standard.contains(pattern)))
        .find(|pattern| task.job.paths().any(|path| may_match(pattern, path)))
}

/// Checks that the files of a spec are there, and gives the content of each requirements file by its path.
pub(super) async fn check(client: &Client, files: &Files, spec: &ImageSpec) -> Result<Vec<(String, String)>, Failure> {
    let Some(tree) = &files.tree else {
        return Ok(Vec::new());
    };
    let mut wanted = Vec::new();
    paths_of(spec, &mut wanted);
    let solved = client.solve(Some(tree)).await?;
    let mut problems = Vec::new();
    let mut requirements = Vec::new();
    for (wanted, path) in wanted {
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

fn paths_of<'a>(spec: &'a ImageSpec, wanted: &mut Vec<(Wanted, &'a TextValue)>) {
    if let Some(BaseImage::Spec(nested)) = &spec.base_image {
        paths_of(&nested.value, wanted);
    }
    wanted.extend(spec.requirements.iter().map(|path| (Wanted::Requirements, path)));
    wanted.extend(
        spec.copy
            .iter()
            .flat_map(|list| &list.value)
            .map(|path| (Wanted::Copy, path)),
    );
    wanted.extend(spec.copied_source().map(|path| (Wanted::Source, path)));
}

/// A path as a pattern that matches it alone: clients match the paths they are asked for as patterns.
fn literal_pattern(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for (at, c) in path.char_indices() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^') || (at == 0 && c == '!') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

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
pub(super) enum Seen {
    Nothing,
    Directory,
    File,
    /// A file that was read, as [`Wanted::Requirements`] are.
    Content(Vec<u8>),
    TooLarge,
    Unreadable(Diagnostic),
}

/// Looks at a path of a tree.
pub(super) async fn look(client: &Client, tree: &Reference, wanted: Wanted, path: &str) -> Seen {
    let name = context_path(path);
    if name.is_empty() && wanted != Wanted::Requirements {
        return Seen::Directory;
    }
    match client.stat(tree, &name).await {
        Ok(None) => return Seen::Nothing,
        Ok(Some(stat)) if stat.mode & (1 << 31) != 0 => return Seen::Directory,
        Ok(Some(_)) if wanted != Wanted::Requirements => return Seen::File,
        Ok(Some(_)) => {}
        Err(error) => return Seen::Unreadable(unsent(error)),
    }
    match client.read(tree, &name, MAX_REQUIREMENTS).await {
        Ok(Some(content)) => Seen::Content(content),
        Ok(None) => Seen::TooLarge,
        Err(error) => Seen::Unreadable(error.into()),
    }
}

/// Whether what was seen at a path is what is wanted; the text of a requirements file.
pub(super) fn judge(wanted: Wanted, path: &TextValue, seen: Seen) -> Result<Option<String>, Diagnostic> {
    let shown = format!("`{}: {}`", wanted.field(), path.value);
    let problem = |rule, message: String, help: &str| Diagnostic::build_error(rule, message).at(path.span).help(help);
    let content = match (seen, wanted) {
        (Seen::Unreadable(cause), _) => {
            let help = "check the file and its permissions";
            let problem = problem("unreadable-file", format!("{shown} cannot be read"), help);
            return Err(problem.kind(cause.kind).because(cause));
        }
        (Seen::Nothing, _) => {
            let help = if path.value.contains(['*', '?']) {
                "patterns are not supported: name each file, or a directory"
            } else {
                "paths are relative to the build context, and what .dockerignore names is not in it"
            };
            let problem = problem("missing-file", format!("{shown} is not in the build context"), help);
            return Err(problem.kind(Kind::Missing));
        }
        (Seen::File, Wanted::Source) => {
            return Err(problem(
                "not-a-directory",
                format!("{shown} is a file"),
                "name the directory",
            ));
        }
        (Seen::Directory, Wanted::Requirements) => {
            return Err(problem(
                "not-a-file",
                format!("{shown} is a directory"),
                "name the file",
            ));
        }
        (Seen::TooLarge, _) => {
            let message = format!("{shown} has more than {MAX_REQUIREMENTS} bytes");
            return Err(problem("file-too-large", message, "split it"));
        }
        (Seen::File | Seen::Directory, _) => return Ok(None),
        (Seen::Content(content), _) => content,
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

/// What the context leaves out: the file beside the spec decides alone, else the context's own.
async fn ignore_patterns(client: &Client, options: &FrontendOptions, file: &SpecFile) -> Result<Vec<String>, Failure> {
    if let Some(own) = &file.ignore {
        return Ok(docker_patterns(own));
    }
    let tree = Local {
        name: "context".into(),
        session: session(options),
        shared_key_hint: "context-.dockerignore".into(),
        follow_paths: vec![".dockerignore".into()],
        always_send: true,
        ..Local::default()
    }
    .output(Metadata::named("[internal] load .dockerignore"));
    let solved = client.solve(Some(&tree)).await?;
    let content = read_ignore(client, &solved, ".dockerignore").await?;
    Ok(content.map(|content| docker_patterns(&content)).unwrap_or_default())
}

fn session(options: &FrontendOptions) -> String {
    options
        .get("local-sessionid:context")
        .unwrap_or(&options.session)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_may_leave_out_counted_files_are_found() {
        let check = |pattern: &str, job: Job, expect: bool| {
            let files = Files {
                tree: None,
                local: Some(Local {
                    exclude_patterns: vec![pattern.to_owned()],
                    ..Local::default()
                }),
            };
            let (depth, field) = (0, "copy");
            let found = left_out(&files, &Task { depth, field, job }).is_some();
            assert_eq!(found, expect, "{pattern}");
        };
        let copy = |path: &str| Job::Copy {
            paths: vec![path.to_owned()],
        };
        let source = |root: &str| Job::Source { root: root.to_owned() };
        check("data", copy("src"), false);
        check("src/x", copy("src"), true);
        check("src", copy("src/a/b"), true);
        check("sr*", copy("src"), true);
        check("**/*.log", copy("src"), true);
        check("!src/x", copy("src"), false);
        check("x", copy("."), true);
        check("**/*.pyc", source("src"), false);
        check("**/*.pyc", copy("src"), true);
        check("src/data", source("./src"), true);
    }
}
