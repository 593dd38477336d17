//! A failure in the form that BuildKit passes to the client: a message, and typed details with snippets of the spec.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::frontend::gateway::{CallError, INTERNAL, SOURCE, UNKNOWN, detail, is_detail};
use crate::frontend::positions;
use crate::proto::google::rpc::Status;
use crate::text::{Diagnostic, Failure, Place, ProblemKind, shown_text};

/// At most this many snippets travel with an error, and at most this many bytes of files: each carries
/// its whole file, and beyond about 10 MB clients show nothing but a protocol error.
const MAX_SOURCES: usize = 10;
const MAX_SOURCE_BYTES: usize = 2 * 1024 * 1024;
/// The last line of another file that is shown.
const MAX_LINE: u32 = 20_000;
/// The most problems reported at once: errors travel in trailers, which have limits.
const MAX_PROBLEMS: usize = 1000;

/// All problems as one error: all in the message, the first few with snippets. BuildKit's own details
/// about failed calls are passed on unchanged.
pub(super) fn status(failure: &Failure) -> Status {
    let mut details = snippets(failure);
    let calls: Vec<&CallError> = failure.problems.iter().filter_map(Diagnostic::find_cause).collect();
    for problem in &failure.problems {
        let call: Option<&CallError> = problem.find_cause();
        let own = call.into_iter().flat_map(|call| &call.details);
        // One snippet is enough.
        details.extend(
            own.filter(|own| problem.span().is_none() || !is_detail(own, SOURCE))
                .cloned(),
        );
    }
    if !details.iter().any(|known| is_detail(known, SOURCE)) {
        details.push(no_snippet(failure));
    }
    let code = match (failure.problems.as_slice(), calls.as_slice()) {
        ([_], [call]) => call.code,
        ([problem], []) if problem.kind == ProblemKind::Internal => INTERNAL,
        _ => UNKNOWN,
    };
    Status {
        code,
        message: message(failure),
        details,
    }
}

/// What stands for a snippet where no line is to blame: without any, BuildKit shows the line with `# syntax`.
fn no_snippet(failure: &Failure) -> prost_types::Any {
    let name = failure.file.as_ref().map_or("", |file| file.name());
    detail(SOURCE, &json!({"info": {"filename": name}, "ranges": []}))
}

/// All problems in words.
pub(super) fn message(failure: &Failure) -> String {
    failure.lines(MAX_PROBLEMS)
}

/// The places of the problems, with the file that they are in.
fn snippets(failure: &Failure) -> Vec<prost_types::Any> {
    let Some(text) = &failure.file else {
        return Vec::new();
    };
    let largest = text.parts().map(|(_, part)| part.content().len()).max();
    let most = MAX_SOURCES.min(MAX_SOURCE_BYTES / largest.unwrap_or_default().max(1));
    // Clients print these, so they must hide what the message hides.
    let shown: Vec<(&str, String)> = text
        .parts()
        .enumerate()
        .map(|(number, (_, part))| {
            (
                part.name(),
                STANDARD.encode(shown_text(text, number, &failure.problems)),
            )
        })
        .collect();
    let snippet = |problem: &Diagnostic| {
        let (info, ranges) = match &problem.place {
            Place::Span(span) => {
                let (name, data) = shown.get(text.part(span.start).0).cloned().unwrap_or_default();
                let info = json!({"filename": name, "data": data, "language": "YAML"});
                (info, positions::json_ranges(text, *span))
            }
            Place::Elsewhere(place) if place.line <= MAX_LINE => {
                // Clients show a line of a file by its number.
                let above = "\n".repeat(usize::try_from(place.line.saturating_sub(1)).unwrap_or(0));
                let data = STANDARD.encode(format!("{above}{}\n", place.excerpt.as_ref()?));
                let range = positions::json_range((place.line, place.line));
                (json!({"filename": place.file, "data": data}), json!([range]))
            }
            _ => return None,
        };
        Some(detail(SOURCE, &json!({"info": info, "ranges": ranges})))
    };
    failure.problems.iter().filter_map(snippet).take(most).collect()
}
