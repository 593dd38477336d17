//! The files of a spec: asked of the client, looked at, digested.

use std::collections::BTreeSet;

use crate::files::{Answer, Context, Job, MAX_REQUIREMENTS, Patterns, Task, compute, docker_patterns, step};
use crate::frontend::client::{Client, Reference};
use crate::frontend::context::{Origin, SpecFile, read_ignore};
use crate::frontend::failure::Failure;
use crate::frontend::options::FrontendOptions;
use crate::frontend::requirements;
use crate::image_spec::{BaseImage, ImageSpec, TextValue};
use crate::llb::{Exec, Local, Metadata, Mount, Network, Output, import};
use crate::name::request;
use crate::text::{Diagnostic, context_path, has_credential};

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
    tasks: &[Task],
) -> Result<Answer, Failure> {
    let needs_no_file = |job: &Job| matches!(job, Job::Modules { files, .. } if files.is_empty());
    let asked = request(tasks);
    if tasks.iter().all(|task| needs_no_file(&task.job)) {
        return Ok(compute(&asked, &Context::new("/", Patterns::default()), &|_| None));
    }
    if let Some(path) = asked.jobs.iter().flat_map(Job::paths).find(|path| !is_inside(path)) {
        return Err(Failure::user(format!(
            "`{path}` is outside of the build context, where its digest cannot be computed\n    help: name a path in the context, or use `imagespec tag` on your machine"
        )));
    }
    let Some(program) = &options.program else {
        return Err(Failure::user(
            "this engine does not tell frontends where their own image is (BuildKit 0.10 and later do), so the digests of the spec's files cannot be computed: update Docker or BuildKit, or use `imagespec tag`",
        ));
    };
    let root = import(
        &program.definition,
        "[tag] load imagespec",
        &["source.image", "source.ocilayout"],
    )
    .map_err(|error| Failure::internal(error.to_string()))?;
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
    let answer = client.read(&solved, step::ANSWER, MAX_ANSWER).await.map_err(named)?;
    let answer = answer.ok_or_else(|| Failure::internal("the digests of the spec's files are too long"))?;
    step::read_answer(&answer).map_err(|error| Failure::internal(format!("the digests cannot be read: {error}")))
}

/// BuildKit's own words for a file name that it cannot send are of no help.
fn named(failure: Failure) -> Failure {
    if !failure.message.contains("invalid UTF-8") {
        return failure;
    }
    let message = format!(
        "a file in the build context has a name that is not UTF-8, which BuildKit cannot send\n    help: rename it, or leave it out with .dockerignore ({})",
        failure.message
    );
    Failure { message, ..failure }
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
pub(super) async fn check(
    client: &Client,
    file: &SpecFile,
    files: &Files,
    spec: &ImageSpec,
) -> Result<Vec<(String, String)>, Failure> {
    let Some(tree) = &files.tree else {
        return Ok(Vec::new());
    };
    let mut wanted = Vec::new();
    paths_of(spec, &mut wanted);
    let solved = client.solve(Some(tree)).await?;
    let mut problems = Vec::new();
    let mut requirements = Vec::new();
    for (field, path) in wanted {
        check_path(client, &solved, field, path, &mut problems, &mut requirements).await?;
    }
    if problems.is_empty() {
        Ok(requirements)
    } else {
        Err(Failure::of_spec(&file.text, &problems))
    }
}

fn paths_of<'a>(spec: &'a ImageSpec, wanted: &mut Vec<(&'static str, &'a TextValue)>) {
    if let Some(BaseImage::Spec(nested)) = &spec.base_image {
        paths_of(&nested.value, wanted);
    }
    wanted.extend(spec.requirements.iter().map(|path| ("requirements", path)));
    wanted.extend(spec.copy.iter().flat_map(|list| &list.value).map(|path| ("copy", path)));
    wanted.extend(spec.copied_source().map(|path| ("source_root", path)));
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

/// Checks one path, and keeps the text of a requirements file.
pub(super) async fn check_path(
    client: &Client,
    tree: &Reference,
    field: &'static str,
    path: &TextValue,
    problems: &mut Vec<Diagnostic>,
    requirements: &mut Vec<(String, String)>,
) -> Result<(), Failure> {
    let name = context_path(&path.value);
    if name.is_empty() && field != "requirements" {
        return Ok(());
    }
    let mut problem = |rule, message: String, help: &str| {
        problems.push(Diagnostic::build_error(rule, message).at(path.span).help(help));
    };
    let stat = match client.stat(tree, &name).await {
        Ok(stat) => stat,
        Err(failure) => {
            let message = format!("`{field}: {}` cannot be read: {}", path.value, named(failure).message);
            problem("unreadable-file", message, "check the file and its permissions");
            return Ok(());
        }
    };
    let Some(stat) = stat else {
        let help = if name.contains(['*', '?']) {
            "patterns are not supported: name each file, or a directory"
        } else {
            "paths are relative to the build context, and what .dockerignore names is not in it"
        };
        problem(
            "missing-file",
            format!("`{field}: {}` is not in the build context", path.value),
            help,
        );
        return Ok(());
    };
    let is_directory = stat.mode & (1 << 31) != 0;
    if field == "source_root" && !is_directory {
        problem(
            "not-a-directory",
            format!("`source_root: {}` is a file", path.value),
            "name the directory",
        );
    }
    if field != "requirements" {
        return Ok(());
    }
    if is_directory {
        problem(
            "not-a-file",
            format!("`requirements: {}` is a directory", path.value),
            "name the file",
        );
        return Ok(());
    }
    let content = match client.read(tree, &name, MAX_REQUIREMENTS).await {
        Ok(Some(content)) => content,
        Ok(None) => {
            let message = format!("`requirements: {}` has more than {MAX_REQUIREMENTS} bytes", path.value);
            problem("file-too-large", message, "split it");
            return Ok(());
        }
        Err(failure) => {
            let message = format!("`requirements: {}` cannot be read: {}", path.value, failure.message);
            problem("unreadable-file", message, "check the file and its permissions");
            return Ok(());
        }
    };
    let Ok(text) = String::from_utf8(content) else {
        problem(
            "not-utf8",
            format!("`requirements: {}` is not UTF-8 text", path.value),
            "save it as UTF-8",
        );
        return Ok(());
    };
    if let Some(line) = text.lines().position(has_credential) {
        let message = format!(
            "line {} of `requirements: {}` has a credential in its URL",
            line + 1,
            path.value
        );
        problem(
            "credential-in-requirements",
            message,
            "take it out and pass a netrc file as a secret: `pip_secret_mounts: [[.netrc, /root/.netrc]]` and `--secret id=secret_0,src=.netrc`",
        );
    }
    requirements.push((path.value.clone(), text.trim_start_matches('\u{feff}').to_owned()));
    Ok(())
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
