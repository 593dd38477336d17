//! The user's files.

use crate::image_spec::{FileMode, ImageSpec, TextValue};
use crate::plan::builder::{Builder, Draft};
use crate::plan::chain::chain;
use crate::plan::home::{Workdir, workdir};
use crate::plan::inputs::StoreyInputs;
use crate::plan::model::{Action, CopyFiles, CopySource, Stage, StepId};
use crate::plan::writes::Writes;
use crate::text::{Span, context_path};

/// Not copied with a source tree: what flytekit leaves out, and git's own directory.
pub(crate) const NOT_SOURCE: [&str; 4] = ["**/.git", "**/*.pyc", "**/__pycache__", ".cache"];

/// A copy step whose order is not decided yet.
struct CopyStep {
    id: String,
    title: String,
    action: Action,
    writes: Vec<String>,
    spans: Vec<Span>,
}

/// The working directory, what `copy` names, and the source tree, in this order.
pub(crate) fn copies(plan: &mut Builder, inputs: &StoreyInputs<'_>) {
    let spec = inputs.spec;
    let mut files = copy_steps(inputs);
    if let Some(workdir) = workdir(spec) {
        // A copy that brings it would take it from its user again; elsewhere, copies need not come first.
        let brings = |target: &String| {
            let rest = workdir.path.strip_prefix(target.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let at = match files.iter().any(|step| step.writes.iter().any(brings)) {
            true => files.len(),
            false => 0,
        };
        files.insert(at, workdir_step(workdir));
    }
    let has_commands = [&spec.setup_commands, &spec.commands]
        .iter()
        .any(|list| ImageSpec::strings(list).next().is_some());
    let may_be_written = files.iter().any(|files| plan.may_write(&writes(&files.writes)));
    let (mut after, mut reason): (Vec<StepId>, _) = match (has_commands, may_be_written) {
        (true, _) => (plan.after_everything(), "commands may read or change these files"),
        (false, true) => (plan.after_everything(), "other steps may also write there"),
        (false, false) => (plan.last_of(Stage::User), "nothing else writes there"),
    };
    for step in files {
        let draft = Draft::new(step.id, Stage::Source, step.title, step.action)
            .writes(writes(&step.writes))
            .spans(step.spans);
        after = vec![plan.add(draft.after(after, reason))];
        reason = "files are copied in the order of the spec";
    }
}

fn workdir_step(workdir: Workdir<'_>) -> CopyStep {
    let owner = match workdir.is_owned_last {
        true => "root:0".to_owned(),
        false => workdir.owner,
    };
    CopyStep {
        id: "workdir".into(),
        title: format!("create {}", workdir.path),
        action: Action::MakeDirectory {
            path: workdir.path.to_owned(),
            owner: Some(owner),
            mode: 0o775,
        },
        writes: vec![workdir.path.to_owned()],
        spans: workdir.spans,
    }
}

fn writes(targets: &[String]) -> Writes {
    let mut all: Vec<String> = Vec::new();
    for target in targets {
        if let Writes::Below { paths, .. } = Writes::at(target) {
            all.extend(paths.into_iter().filter(|path| !all.contains(path)).collect::<Vec<_>>());
        }
    }
    Writes::below(all.iter().map(String::as_str))
}

fn copy_steps(inputs: &StoreyInputs<'_>) -> Vec<CopyStep> {
    let spec = inputs.spec;
    let mut steps = Vec::new();
    let target = spec.copy_target().trim_end_matches('/').to_owned();
    let entries: Vec<&TextValue> = ImageSpec::strings(&spec.copy).collect();
    for (number, group) in chain(&entries).into_iter().enumerate() {
        let files: Vec<CopyFiles> = group
            .iter()
            .map(|entry| copy_of(&context_path(&entry.value), &target, inputs))
            .collect();
        let names: Vec<&str> = files.iter().map(|copy| copy.source.as_str()).collect();
        let to = match files.as_slice() {
            [one] => &one.target,
            _ => &target,
        };
        steps.push(CopyStep {
            id: format!("copy-{}", number + 1),
            title: format!("copy {} to {to}", names.join(" ")),
            writes: files.iter().map(|copy| copy.target.clone()).collect(),
            action: Action::Copy(files),
            spans: group.iter().map(|entry| entry.span).collect(),
        });
    }
    if let Some(root) = spec.copied_source() {
        let copy = CopyFiles {
            target: if target.is_empty() { "/".to_owned() } else { target },
            exclude: NOT_SOURCE.map(str::to_owned).to_vec(),
            ..copy_of(&context_path(&root.value), "", inputs)
        };
        steps.push(CopyStep {
            id: "source".into(),
            title: format!("copy source {} to {}", copy.source, copy.target),
            writes: vec![copy.target.clone()],
            action: Action::Copy(vec![copy]),
            spans: vec![root.span],
        });
    }
    steps
}

/// A path of the context to the same path below `target`.
fn copy_of(path: &str, target: &str, inputs: &StoreyInputs<'_>) -> CopyFiles {
    let (source, target) = if path.is_empty() {
        (".", target.to_owned())
    } else {
        (path, format!("{target}/{path}"))
    };
    CopyFiles {
        from: CopySource::Context,
        source: source.to_owned(),
        target,
        owner: inputs.owner().to_owned(),
        exclude: Vec::new(),
        keeps_modes: inputs.spec.mode == FileMode::Keep,
    }
}
