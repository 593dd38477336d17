//! How a command's failure is shown.

use serde_json::{Value, json};

use crate::cli::output::{err, out};
use crate::text::{Diagnostic, Failure};

/// Shows all problems: to programs on standard output, to people on standard error.
pub(super) fn report(failure: &Failure, as_json: bool) {
    let about = failure.file.as_ref();
    if as_json {
        let problems: Vec<Value> = failure.problems.iter().map(|problem| problem.json(about)).collect();
        out(&format!("{}\n", json!({"version": 1, "problems": problems})));
        return;
    }
    let (placed, others): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        failure.problems.iter().partition(|problem| problem.span().is_some());
    for problem in &placed {
        err(&format!("{}\n\n", problem.snippet(about)));
    }
    for problem in others {
        err(&format!("imagespec: {}\n", problem.line(about)));
    }
    if let (Some(file), count @ 1..) = (about, placed.len()) {
        let plural = if count == 1 { "" } else { "s" };
        err(&format!("imagespec: {count} problem{plural} in {}\n", file.name()));
    }
}
