//! Digests of a spec's files: this program runs as a step on them, so that only digests are sent back.

use crate::files::{Answer, Context, Copying, Doubt, Job, Patterns, Request, Task, compute, step};
use crate::frontend::context::is_commit;
use crate::frontend::files::{Files, is_inside};
use crate::frontend::served::unsent;
use crate::frontend::session::Session;
use crate::llb::{Exec, Metadata, Mount, Network, Output, import};
use crate::name::{Naming, request};
use crate::text::{Diagnostic, Failure, ProblemKind};

/// The longest answer, digests and paths, in bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// How often the client is asked for files behind links.
const MAX_ROUNDS: usize = 3;

/// What a step found out about files.
pub(super) struct Looked {
    pub(super) answer: Answer,
    /// The files that it saw, those behind links included.
    pub(super) files: Files,
    /// The tasks that it answered after those of the name: those of all inputs.
    pub(super) more: Option<Vec<Task>>,
}

/// Computes digests, and looks at what is copied. The files are those that it saw, those behind links included.
pub(super) async fn digests(
    session: &Session,
    files: &Files,
    naming: &Naming<'_>,
    tasks: &[Task],
    copies: Vec<Copying>,
) -> Result<(Answer, Files), Failure> {
    let needs_no_file = |job: &Job| matches!(job, Job::Modules { files, .. } if files.is_empty());
    let mut files = files.clone();
    let asked = Request {
        copies,
        ..request(tasks)
    };
    if asked.copies.is_empty() && tasks.iter().all(|task| needs_no_file(&task.job)) {
        let answer = compute(&asked, &Context::new("/", Patterns::default()), &|_| None);
        return Ok((answer, files));
    }
    let outside = tasks.iter().flat_map(|task| {
        let paths = task.job.paths().filter(|path| !is_inside(path));
        paths.map(|path| {
            let message = format!("`{path}` is outside the build context, so its digest cannot be computed");
            Diagnostic::error("context-path", message)
                .at(naming.span(task))
                .help("name a path in the context, or use `imagespec tag` on your machine")
        })
    });
    let outside: Vec<Diagnostic> = outside.collect();
    if !outside.is_empty() {
        return Err(outside.into());
    }
    let Some(program) = &session.options.program else {
        let message = "this engine does not tell frontends where their own image is (BuildKit 0.10 and later do), so the digests of the spec's files cannot be computed";
        return Err(Diagnostic::error("engine-capability", message)
            .help("update Docker or BuildKit, or use `imagespec tag`")
            .kind(ProblemKind::Unsupported)
            .into());
    };
    let root = import(
        &program.definition,
        "[tag] load imagespec",
        &["source.image", "source.ocilayout"],
    )
    .map_err(|error| Diagnostic::internal("the frontend's own image cannot be used").because(error))?;
    let mut fields: Vec<&str> = Vec::new();
    for task in tasks {
        if !fields.contains(&task.field) {
            fields.push(task.field);
        }
    }
    let title = match fields.is_empty() {
        true => "[tag] look at what is copied".to_owned(),
        false => format!("[tag] compute digests of {}", fields.join(", ")),
    };
    let step = DigestStep {
        session,
        program: &program.path,
        root: &root,
        request: &asked,
        title: &title,
    };
    let mut answer = step.run(&files).await?;
    for _ in 1..MAX_ROUNDS {
        let Some(more) = files.with_paths(&answer.missing) else {
            break;
        };
        files = more;
        answer = step.run(&files).await?;
    }
    if is_commit(&session.options) {
        for outcome in &mut answer.outcomes {
            outcome.doubts.retain(|doubt| !matches!(doubt, Doubt::GitIgnore { .. }));
        }
    }
    Ok((answer, files))
}

/// The step that computes digests.
struct DigestStep<'a> {
    session: &'a Session,
    /// The path of this program in its tree.
    program: &'a str,
    root: &'a Output,
    request: &'a Request,
    title: &'a str,
}

impl DigestStep<'_> {
    async fn run(&self, files: &Files) -> Result<Answer, Failure> {
        let git = files.git_tree();
        let mounts = files.tree().map(|tree| Mount::read_only(step::CONTEXT, tree, ""));
        let mounts = mounts
            .into_iter()
            .chain(git.map(|tree| Mount::read_only(step::GIT, &tree, "")));
        let exec = Exec {
            args: std::iter::once(self.program.to_owned())
                .chain(step::arguments(self.request))
                .collect(),
            cwd: "/".into(),
            mounts: mounts.collect(),
            network: Network::None,
            ..Exec::default()
        };
        let worker = &self.session.options.worker;
        let output = exec.run(Some(self.root), worker, Metadata::named(self.title));
        let client = &self.session.client;
        let solved = client.solve(Some(&output)).await?;
        let answer = client.read(&solved, step::ANSWER, MAX_ANSWER).await.map_err(unsent)?;
        let answer = answer.ok_or_else(|| Diagnostic::internal("the digests of the spec's files are too long"))?;
        let unreadable = |error| Diagnostic::internal("the digests cannot be read").because(error);
        Ok(step::read_answer(&answer).map_err(unreadable)?)
    }
}
