//! Says which of the user's commands failed. The step is one for all of them; it leaves the number of the one.

use std::time::Duration;

use serde_json::Value;

use crate::frontend::gateway::CallError;
use crate::frontend::positions;
use crate::frontend::session::Session;
use crate::image_spec::ImageSpec;
use crate::plan::{FAILED, SCRATCH_OF_COMMANDS};
use crate::text::{Diagnostic, Failure, Span};

/// An explanation is worth this much waiting.
const PATIENCE: Duration = Duration::from_secs(10);

/// Points to the command that failed, and leaves other failures as they are.
pub(super) async fn explain(session: &Session, spec: &ImageSpec, failure: Failure) -> Failure {
    let mut problems = Vec::with_capacity(failure.problems.len());
    for problem in failure.problems {
        let explained = explained(session, spec, &problem).await;
        problems.push(explained.unwrap_or(problem));
    }
    Failure { problems, ..failure }
}

async fn explained(session: &Session, spec: &ImageSpec, problem: &Diagnostic) -> Option<Diagnostic> {
    let call: &CallError = problem.find_cause()?;
    if !call.mounts().iter().any(|(target, _)| target == SCRATCH_OF_COMMANDS) {
        return None;
    }
    let reading = session.client.read_failed(call, FAILED);
    let left = tokio::time::timeout(PATIENCE, reading).await.ok()??;
    let (list, at) = left.trim_end().split_once('\n')?;
    let status = call.exit_status().unwrap_or(1);
    let (place, message, help) = match at.split_once('\n')? {
        ("done", _) => (
            None,
            format!("the shell of `{list}` did not complete successfully: exit code: {status}"),
            "a trap of one of the entries ended it",
        ),
        (number, "0") => (
            command(session, spec, call, list, number),
            format!("entry {number} of `{list}` ended the shell, so those after it could not run"),
            "all entries are commands of one shell: write `(exit 0)` or leave `exit` and `exec` out",
        ),
        (number, _) => (
            command(session, spec, call, list, number),
            format!("entry {number} of `{list}` did not complete successfully: exit code: {status}"),
            "its output is in the log of the build",
        ),
    };
    let explained = Diagnostic::build_error("command", message)
        .help(help)
        .kind(problem.kind);
    Some(match place {
        Some(span) => explained.at(span).caused_by(call.clone().without_lines()),
        None => explained.caused_by(call.clone()),
    })
}

/// Where a command is: of stacked specs, in the one whose commands BuildKit shows as the step's lines.
fn command(session: &Session, spec: &ImageSpec, call: &CallError, list: &str, number: &str) -> Option<Span> {
    let position = number.parse::<usize>().ok()?.checked_sub(1)?;
    let text = &session.file.text;
    let shown = call.lines();
    let lists = spec.all().map(|spec| match list {
        "setup_commands" => &spec.setup_commands,
        _ => &spec.commands,
    });
    let spans = |list| ImageSpec::strings(list).map(|command| command.span).collect::<Vec<_>>();
    // It shows those of one file.
    let lines_in = |spans: &[Span], part: usize| {
        let spans = spans.iter().filter(|span| text.part(span.start).0 == part);
        let mut lines: Vec<(u32, u32)> = spans.map(|span| text.lines(*span)).collect();
        lines.sort_unstable();
        lines.dedup();
        lines.into_iter().map(positions::json_range).collect::<Vec<Value>>()
    };
    let is_shown = |spans: &Vec<Span>| (0..text.parts().count()).any(|part| lines_in(spans, part) == shown);
    lists.map(spans).find(is_shown)?.get(position).copied()
}
