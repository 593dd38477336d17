//! The user's files.

use crate::image_spec::{CopyEntry, ImageSpec};
use crate::plan::action::{Action, CopyFiles, CopySource, StepId};
use crate::plan::builder::{Builder, Draft};
use crate::plan::chain::chain;
use crate::plan::facts::CopyFacts;
use crate::plan::home::{Workdir, workdir};
use crate::plan::inputs::StoreyInputs;
use crate::plan::model::Stage;
use crate::plan::paths;
use crate::plan::python_place::PythonPlace;
use crate::plan::writes::Writes;
use crate::text::{Span, context_path, relative_to};

/// Not copied with a source tree, wherever it lies: what flytekit leaves out.
pub(crate) const NOT_SOURCE: [&str; 2] = ["**/*.pyc", "**/__pycache__"];
/// What else is left out where nobody could look at the files.
pub(crate) const NOT_SEEN: [&str; 2] = ["**/.git", ".cache"];

/// A copy step whose order is not decided yet.
struct CopyStep {
    id: String,
    title: String,
    action: Action,
    writes: Vec<String>,
    spans: Vec<Span>,
}

/// The working directory, what `copy` names, and the source tree.
pub(crate) fn copies(plan: &mut Builder, inputs: &StoreyInputs<'_>) {
    let spec = inputs.spec;
    let mut files = copy_steps(inputs);
    if let Some(workdir) = workdir(spec) {
        // A copy that brings it would take it from its user again; elsewhere, copies need not come first.
        let brings = |target: &String| {
            relative_to(workdir.path, target.trim_end_matches('/')).is_some_and(|rest| !rest.is_empty())
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
        reason = "files are copied one after another";
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
    let owned = owned_paths(inputs.python.as_ref());
    let facts = inputs.facts.copies.as_ref();
    let copies = spec.copies().enumerate().filter_map(|(position, entry)| {
        let facts = facts.and_then(|facts| facts.copy.get(position));
        let copy = copy_of_entry(entry, &owned, inputs)?;
        Some((entry.span, seen(copy, facts)))
    });
    let copies: Vec<(Span, CopyFiles)> = copies.collect();
    for (number, group) in chain(&copies).into_iter().enumerate() {
        let names: Vec<&str> = group.iter().map(|(_, copy)| copy.source.as_str()).collect();
        let to = match group {
            [(_, one)] => one.target.as_str(),
            _ => spec.copy_target(),
        };
        steps.push(CopyStep {
            id: format!("copy-{}", number + 1),
            title: format!("copy {} to {to}", names.join(" ")),
            writes: group.iter().map(|(_, copy)| copy.target.clone()).collect(),
            spans: group.iter().map(|(span, _)| *span).collect(),
            action: Action::Copy(group.iter().map(|(_, copy)| copy.clone()).collect()),
        });
    }
    if let Some((root, copy)) = copy_of_source(&owned, inputs) {
        let step = CopyStep {
            id: "source".into(),
            title: format!("copy source {} to {}", copy.source, copy.target),
            writes: vec![copy.target.clone()],
            action: Action::Copy(vec![seen(copy, facts.map(|facts| &facts.source))]),
            spans: vec![root],
        };
        // `copy` wins. A source that gives way comes last all the same: it is edited most often.
        let place = if facts.is_some() { steps.len() } else { 0 };
        steps.insert(place, step);
    }
    steps
}

/// The copy of an entry; none if all of it would replace what it may not.
fn copy_of_entry(entry: &CopyEntry, owned: &[String], inputs: &StoreyInputs<'_>) -> Option<CopyFiles> {
    let spec = inputs.spec;
    let target = spec.place_of(entry);
    let own = entry.exclude.iter().map(|pattern| pattern.value.clone());
    Some(CopyFiles {
        from: CopySource::Context,
        source: source_of(&entry.source.value),
        owner: entry
            .owner
            .as_ref()
            .map_or(inputs.owner(), |owner| &owner.value)
            .to_owned(),
        exclude: own.chain(inside(&target, owned)?).collect(),
        modes: entry.mode.as_ref().map_or(spec.mode, |mode| mode.value).into(),
        links: Vec::new(),
        target,
    })
}

/// The copy of `source_root`, and where the spec names it; none if it would all replace what it may not.
fn copy_of_source(owned: &[String], inputs: &StoreyInputs<'_>) -> Option<(Span, CopyFiles)> {
    let spec = inputs.spec;
    let root = spec.copied_source()?;
    let target = match spec.copy_target().trim_end_matches('/') {
        "" => "/",
        target => target,
    };
    let unseen = inputs.facts.copies.as_ref().map_or(&NOT_SEEN[..], |_| &[]);
    let never = NOT_SOURCE.iter().chain(unseen).map(|pattern| (*pattern).to_owned());
    let copy = CopyFiles {
        from: CopySource::Context,
        source: source_of(&root.value),
        target: target.to_owned(),
        owner: inputs.owner().to_owned(),
        exclude: never.chain(inside(target, owned)?).collect(),
        modes: spec.mode.into(),
        links: Vec::new(),
    };
    Some((root.span, copy))
}

/// Whether a spec copies anything that does not lie where nothing may be replaced.
pub(crate) fn copies_anything(spec: &ImageSpec, python: Option<&PythonPlace>) -> bool {
    let owned = owned_paths(python);
    let is_free = |target: &str| inside(target, &owned).is_some();
    let has_source = spec.copied_source().is_some() && is_free(spec.copy_target());
    has_source || spec.copies().any(|entry| is_free(&spec.place_of(entry)))
}

/// What nothing that a spec copies may replace or go below, relative to the root: the interpreter and the lock.
pub(crate) fn owned_paths(python: Option<&PythonPlace>) -> Vec<String> {
    let owned = python.map(|python| [python.prefix, paths::KEPT]);
    owned.iter().flatten().map(|path| context_path(path)).collect()
}

/// The owned paths that are inside of a target, relative to it; `None` if it is one of them, or inside of one.
fn inside(target: &str, owned: &[String]) -> Option<Vec<String>> {
    let target = context_path(target);
    let is_free = owned.iter().all(|owned| relative_to(&target, owned).is_none());
    let inside = owned.iter().filter_map(|owned| relative_to(owned, &target));
    is_free.then(|| inside.map(str::to_owned).collect())
}

/// A copy that heeds what is known of the files.
fn seen(mut copy: CopyFiles, facts: Option<&CopyFacts>) -> CopyFiles {
    if let Some(facts) = facts {
        copy.exclude.extend(facts.without.iter().cloned());
        copy.links.clone_from(&facts.links);
    }
    copy
}

/// A path of the context, as copies name it.
fn source_of(path: &str) -> String {
    match context_path(path).as_str() {
        "" => ".".to_owned(),
        path => path.to_owned(),
    }
}
